"""A work item's nets as Keras models, on whichever backend is active."""

from typing import Any

import keras

from benchmarks.peers.common import Clock
from benchmarks.work import CLASSES, FEATURES, SIDE, Net

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def build(
    net: Net, precision: str = "float32", shape: tuple[int, ...] = (FEATURES,), **compiled: Any
) -> keras.Model:
    """A compiled model; its weights follow Keras's seed.

    Args:
        net: What it is made of.
        precision: Sets the dtype policy. As Keras advises, the softmax stays in float32.
        shape: Of a sample: flat, or an image.
        compiled: Further arguments of `compile`.
    """
    policy = POLICIES[precision]
    layers: list[keras.Layer] = []
    if len(shape) > 1:
        layers.append(keras.layers.Flatten(dtype=policy))
    if net.filters:
        layers.append(keras.layers.Reshape((SIDE, SIDE, 1), dtype=policy))
    for filters in net.filters:
        layers.append(keras.layers.Conv2D(filters, 3, activation="relu", dtype=policy))
        layers.append(keras.layers.MaxPooling2D(dtype=policy))
    if net.filters:
        layers.append(keras.layers.Flatten(dtype=policy))
    for units in net.units:
        penalty = keras.regularizers.L1L2(net.l1, net.l2) if net.l1 or net.l2 else None
        layers.append(keras.layers.Dense(units, "relu", kernel_regularizer=penalty, dtype=policy))
        if net.dropout:
            layers.append(keras.layers.Dropout(net.dropout, dtype=policy))
    layers.append(keras.layers.Dense(CLASSES, dtype=policy))
    layers.append(keras.layers.Activation("softmax", dtype="float32"))
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **compiled)
    return model


class Marks(keras.callbacks.Callback):
    """Marks on the clock where a model's epochs end."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Mark it."""
        self.clock.mark(epoch)
