"""The built-in study: letters A to J, from a softmax regression to regularised deep nets."""

import keras

from kohort.data.dataset import Dataset
from kohort.design.replicates import Holdout
from kohort.design.variants import Variant
from kohort.study import Study


def build_mlp(
    input_shape: tuple[int, ...],
    classes: int,
    units: tuple[int, ...] = (),
    l1: float = 0.0,
    l2: float = 0.0,
    dropout: float = 0.0,
) -> keras.Model:
    """A compiled classifier with ReLU layers of `units`, a softmax, and Adam.

    Args:
        input_shape: The shape of a sample.
        classes: Number of classes.
        units: Units of each hidden layer; none for a softmax regression.
        l1: Strength of an L1 penalty on the kernels of hidden layers.
        l2: Strength of an L2 penalty.
        dropout: Rate of dropout after each hidden layer.
    """
    hidden: list[keras.layers.Layer] = []
    for width in units:
        penalty = keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
        hidden.append(keras.layers.Dense(width, "relu", kernel_regularizer=penalty))
        if dropout:
            hidden.append(keras.layers.Dropout(dropout))
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            *hidden,
            keras.layers.Dense(classes, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def letters_study(data: Dataset, *, epochs: int = 10, repeats: int = 8) -> Study:
    """Four architectures, and four ways to regularise the largest, on any labelled images.

    The second, which trains fast, is also trained on parts of the data, for a learning curve.
    It is a fixed design, not a race: its best variants are near ties, so that over 20 replicates a
    race trained 68 % of the members for 31 of 51 verdicts (docs/simulations.md); and a race trains
    no parts of the data.

    Args:
        data: The images.
        epochs: Epochs to train.
        repeats: Replicates.
    """
    fixed = {"input_shape": data.input_shape, "classes": data.classes}
    deep = {**fixed, "units": (600, 400, 200)}
    return Study(
        f"{data.name}: depth and regularisation",
        [
            Variant("softmax", build_mlp, **fixed, units=()),
            Variant("200", build_mlp, **fixed, units=(200,)),
            Variant("400-200", build_mlp, **fixed, units=(400, 200)),
            Variant("600-400-200", build_mlp, **deep),
            Variant("600-400-200 L1", build_mlp, **deep, l1=1e-4),
            Variant("600-400-200 L2", build_mlp, **deep, l2=1e-4),
            Variant("600-400-200 dropout 0.2", build_mlp, **deep, dropout=0.2),
            Variant("600-400-200 dropout 0.5", build_mlp, **deep, dropout=0.5),
        ],
        data,
        replicates=Holdout(fraction=0.1, repeats=repeats),
        epochs=epochs,
        batch_size=256,
        sizes={"200": (1 / 16, 1 / 8, 1 / 4, 1 / 2)},
    )
