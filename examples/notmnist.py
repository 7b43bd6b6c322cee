"""The notMNIST study, whole: architectures, optimizers, losses, and remedies against overfitting.

    kohort run examples/notmnist.py --data notMNIST_small.tar.gz
    kohort run examples/notmnist.py --data data.h5

It compares a softmax baseline with 200, 400-200 and 600-400-200 ReLU units (30, 30, 20 and 20
epochs); Adam with SGD (learning rate, decay, Nesterov momentum); cross-entropy with mean squared
error; and on the largest net L1 of two strengths, L2, and dropout of 0.2 and 0.5.

Early stopping, k-fold cross-validation and the question of more data are studies of their own:

    kohort run examples/notmnist.py::early_stopping --data data.h5
    kohort run examples/notmnist.py::cross_validation --data data.h5
    kohort run examples/notmnist.py::more_data --data data.h5
"""

import kohort  # before keras: it chooses Keras's JAX backend

import keras  # isort: skip

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-3),
    # The learning rate falls as 1 / (1 + decay * step).
    "sgd": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1e-4),
        momentum=0.9,
        nesterov=True,
    ),
}


@keras.saving.register_keras_serializable("notmnist")
def squared_error(labels, scores):
    """Mean squared error of the scores against one-hot labels."""
    classes = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")
    wanted = keras.ops.one_hot(classes, scores.shape[-1])
    return keras.ops.mean(keras.ops.square(wanted - scores), axis=-1)


LOSSES = {"crossentropy": "sparse_categorical_crossentropy", "mse": squared_error}


def build(input_shape, classes, units, optimizer="adam", loss="crossentropy", **remedies):
    """A compiled classifier; `remedies` are l1, l2 (penalties) or dropout (a rate)."""
    dropout = remedies.pop("dropout", 0.0)
    layers = [keras.Input(input_shape), keras.layers.Flatten()]
    for width in units:
        penalty = keras.regularizers.L1L2(**remedies) if remedies else None
        layers.append(keras.layers.Dense(width, "relu", kernel_regularizer=penalty))
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile(OPTIMIZERS[optimizer](), LOSSES[loss], metrics=["accuracy"])
    return model


def variants(data):
    """Every variant of the study, by name."""
    shape = {"input_shape": data.input_shape, "classes": data.classes}
    middle = {**shape, "units": (200,)}
    deep = {**shape, "units": (600, 400, 200)}
    return [
        kohort.Variant("softmax", build, **shape, units=()),
        kohort.Variant("200", build, **middle),
        kohort.Variant("200 SGD", build, **middle, optimizer="sgd"),
        kohort.Variant("200 squared error", build, **middle, loss="mse"),
        kohort.Variant("400-200", build, **shape, units=(400, 200)),
        kohort.Variant("600-400-200", build, **deep),
        kohort.Variant("600-400-200 L1", build, **deep, l1=1e-4),
        kohort.Variant("600-400-200 L1 of 0.01", build, **deep, l1=1e-2),
        kohort.Variant("600-400-200 L2", build, **deep, l2=1e-4),
        kohort.Variant("600-400-200 dropout 0.2", build, **deep, dropout=0.2),
        kohort.Variant("600-400-200 dropout 0.5", build, **deep, dropout=0.5),
    ]


def study(data):
    """All variants, in three replicates with a validation part of 0.1."""
    compared = variants(data)
    shallow = ("softmax", "200", "200 SGD", "200 squared error")
    return kohort.Study(
        "notMNIST",
        compared,
        data,
        replicates=kohort.Holdout(0.1, repeats=3),
        epochs={v.name: 30 if v.name in shallow else 20 for v in compared},
        batch_size=256,
    )


def early_stopping(data):
    """The deep net, stopped when validation loss has not fallen for two epochs."""
    return kohort.Study(
        "notMNIST, early stopping",
        [v for v in variants(data) if v.name in ("softmax", "600-400-200")],
        data,
        replicates=kohort.Holdout(0.1, repeats=3),
        epochs=20,
        batch_size=256,
        callbacks=[keras.callbacks.EarlyStopping(patience=2)],
    )


def cross_validation(data):
    """The middle nets, each of five parts of the training data validating in turn."""
    return kohort.Study(
        "notMNIST, cross-validation",
        [v for v in variants(data) if v.name in ("softmax", "200", "400-200")],
        data,
        replicates=kohort.KFold(5),
        epochs=20,
        batch_size=256,
    )


def more_data(data):
    """Whether more images would help, by a learning curve of six sizes."""
    return kohort.Study(
        "notMNIST, more data",
        [v for v in variants(data) if v.name in ("softmax", "200", "400-200")],
        data,
        replicates=kohort.Holdout(0.1, repeats=5),
        epochs=20,
        batch_size=256,
        sizes=[1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2],
    )
