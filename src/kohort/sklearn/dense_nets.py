"""The variants of an estimator that is given none: small nets of dense layers."""

import keras

from kohort.design.training_part import TrainingPart
from kohort.design.variants import Variant, grid

HIDDEN: list[tuple[int, ...]] = [(), (64,), (64, 64)]
"""The units of their hidden layers; the first is a linear model, and the baseline."""


def dense_net(data: TrainingPart, hidden: tuple[int, ...] = ()) -> keras.Model:
    """A net of dense layers that scales its inputs, and of a regression its outputs.

    Args:
        data: What it trains on: means and variances are learned from it.
        hidden: The units of each hidden layer.
    """
    scaled = keras.layers.Normalization()
    scaled.adapt(data.x)
    inputs = keras.Input(data.input_shape)
    outputs = keras.layers.Flatten()(scaled(inputs))
    for units in hidden:
        outputs = keras.layers.Dense(units, "relu")(outputs)
    if data.classes is None:
        spread = data.y.std(axis=0)
        spread[spread == 0] = 1
        outputs = keras.layers.Dense(data.y.shape[1])(outputs)
        outputs = keras.layers.Rescaling(spread, data.y.mean(axis=0))(outputs)
    else:
        outputs = keras.layers.Dense(data.classes, "softmax")(outputs)
    model = keras.Model(inputs, outputs)
    optimizer = keras.optimizers.Adam(3e-3)
    if data.classes is None:
        model.compile(optimizer, "mean_squared_error")
    else:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def dense_variants() -> list[Variant]:
    """A linear model, and nets of one and of two hidden layers."""
    return grid(dense_net, hidden=HIDDEN)
