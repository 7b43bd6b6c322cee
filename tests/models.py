"""Models that tests train."""

import keras


def build_mlp(units=(8,), l2=0.0, dropout=0.0, learning_rate=1e-2, features=5, classes=3):
    """A small compiled classifier."""
    penalty = keras.regularizers.L2(l2) if l2 else None
    layers = [keras.Input((features,))]
    for width in units:
        layers.append(keras.layers.Dense(width, "relu", kernel_regularizer=penalty))
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile(
        keras.optimizers.Adam(learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def seeded(seed, build=build_mlp, **arguments):
    """A model with the initial weights of `seed`."""
    keras.utils.set_random_seed(seed)
    return build(**arguments)


def numbers(model):
    """Every number that training changes: weights, seeds, optimizer and metric state."""
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
