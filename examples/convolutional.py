"""Convolutions against a dense layer: how many blocks, and what dropout or normalisation adds.

    kohort run examples/convolutional.py
    kohort run examples/convolutional.py::images --data notMNIST_small.tar.gz

The first runs on the built-in letters, the second on images of your own. A block is a convolution
of 3 x 3 pixels, its ReLU, and max pooling that halves both sides; the baseline has 200 dense units
in the place of all blocks.
"""

import kohort  # before keras: it chooses Keras's JAX backend

import keras  # isort: skip


def build(input_shape, classes, filters, units, dropout=None, normalise=None):
    """A compiled classifier with a block for each number of `filters`, then a dense layer.

    Args:
        input_shape: Of an image: height and width, or height, width and channels.
        classes: Number of classes.
        filters: Of each block.
        units: Of the dense layer before the softmax.
        dropout: Rate of dropout after each block and after the dense layer.
        normalise: Whether blocks normalise over the batch, between convolution and ReLU.
    """
    layers = [keras.Input(input_shape), keras.layers.Reshape((*input_shape[:2], -1))]
    for count in filters:
        # The shift of the normalisation does what a bias would do.
        layers.append(keras.layers.Conv2D(count, 3, padding="same", use_bias=not normalise))
        if normalise:
            layers.append(keras.layers.BatchNormalization(momentum=0.9))
        layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    layers += [keras.layers.Flatten(), keras.layers.Dense(units, "relu")]
    if dropout:
        layers.append(keras.layers.Dropout(dropout))
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    optimizer = keras.optimizers.Adam(2e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def images(data):
    """A dense net and four convolutional ones, in three replicates, on any labelled images."""
    shape = {"input_shape": data.input_shape, "classes": data.classes}
    deep = {**shape, "filters": (8, 16), "units": 64}
    return kohort.Study(
        f"{data.name}: convolutions",
        [
            kohort.Variant("dense 200", build, **shape, filters=(), units=200),
            kohort.Variant("one block", build, **shape, filters=(8,), units=64),
            kohort.Variant("two blocks", build, **deep),
            kohort.Variant("two blocks dropout 0.25", build, **deep, dropout=0.25),
            kohort.Variant("two blocks normalised", build, **deep, normalise=True),
        ],
        data,
        replicates=kohort.Holdout(0.2, repeats=3),
        epochs=8,
        batch_size=128,
    )


study = images(kohort.load("letters"))
