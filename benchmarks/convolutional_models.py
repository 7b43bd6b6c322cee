"""More of `benchmarks.models`: convolutions in groups, transposed, over time and over space."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from benchmarks.heads import classifier, regressor, yes_or_no


def separable(side: int = 32, filters: Sequence[int] = (32, 64, 128)) -> keras.Model:
    """Separable convolutions, as in Xception and MobileNet, with what was there before added."""
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(filters[0], 3, 2, "same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for f in filters[1:]:
        before = x
        for strides in (1, 2):
            x = layers.SeparableConv2D(f, 3, strides, "same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Add()([x, layers.Conv2D(f, 1, 2)(before)])
    x = layers.GlobalAveragePooling2D()(x)
    return classifier(keras.Model(inputs, layers.Dense(10, "softmax")(x)))


def image_autoencoder(side: int = 28, filters: int = 32) -> keras.Model:
    """Keras's own example for images: down by pooling, and up by transposed convolutions."""
    stack: list[Any] = [keras.Input((side, side, 1))]
    for _ in range(2):
        stack += [layers.Conv2D(filters, 3, padding="same", activation="relu")]
        stack += [layers.MaxPooling2D()]
    for _ in range(2):
        stack += [layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu")]
    return regressor(
        keras.Sequential([*stack, layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    )


def volumes(side: int = 16, filters: Sequence[int] = (16, 32)) -> keras.Model:
    """Convolutions over three axes, as for scans."""
    stack: list[Any] = [keras.Input((side, side, side, 1))]
    for f in filters:
        stack += [layers.Conv3D(f, 3, padding="same", activation="relu")]
        stack += [layers.MaxPooling3D(), layers.BatchNormalization()]
    stack += [layers.GlobalAveragePooling3D(), layers.Dense(64, "relu")]
    return yes_or_no(keras.Sequential([*stack, layers.Dense(1, "sigmoid")]))


def frames(steps: int = 6, side: int = 12, filters: int = 8) -> keras.Model:
    """The next frame after each of a film, by LSTMs that convolve."""
    stack: list[Any] = [keras.Input((steps, side, side, 1))]
    for size in (5, 3):
        stack += [layers.ConvLSTM2D(filters, size, padding="same", return_sequences=True)]
    return regressor(keras.Sequential([*stack, layers.Conv3D(1, 3, padding="same")]))
