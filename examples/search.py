"""A search on the letters: widths, the learning rate, and regularisers.

kohort search examples/search.py --data letters --trials 32
"""

import keras

import kohort


def build(units, learning_rate, dropout, l2):
    """A dense net with dropout and a penalty of weights."""
    hidden = [
        layer
        for width in units
        for layer in (
            keras.layers.Dense(width, "relu", kernel_regularizer=keras.regularizers.L2(l2)),
            keras.layers.Dropout(dropout),
        )
    ]
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            *hidden,
            keras.layers.Dense(10, "softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(data):
    """What `kohort search` runs."""
    return kohort.Search(
        "letters, searched",
        build,
        {
            "units": [(50,), (100,), (200,), (100, 50)],
            "learning_rate": kohort.Range(1e-4, 3e-2, log=True),
            "dropout": kohort.Range(0.05, 0.6),
            "l2": kohort.Range(1e-6, 1e-3, log=True),
        },
        data,
        trials=128,
        epochs=27,
        batch_size=128,
    )
