"""What searches search: a table of 600 rows, and the built-in letters, each with a space.

Of the peers' environment it needs Keras and NumPy; the letters come from a file that kohort's
package has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

LETTERS = Path(__file__).parents[2] / "src" / "kohort" / "data" / "builtin" / "letters.npz"
VALIDATION = 0.2


@dataclass(frozen=True)
class SearchWork:
    """Data, and a space of models for them.

    Args:
        train: x and y to train and validate on.
        test: x and y.
        widths: The choices of hidden layers.
        batch_size: Samples a step.
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    widths: list[tuple[int, ...]]
    batch_size: int

    def split(self, seed: int) -> tuple[Any, Any]:
        """The training and the validation part of a search."""
        x, y = self.train
        order = np.random.default_rng(seed).permutation(len(x))
        held = round(VALIDATION * len(x))
        valid, train = order[:held], order[held:]
        return (x[train], y[train]), (x[valid], y[valid])

    def build(self, arguments: Mapping[str, Any]) -> keras.Model:
        """A model of the space."""
        hidden = [
            layer
            for width in arguments["units"]
            for layer in (
                keras.layers.Dense(
                    width, "relu", kernel_regularizer=keras.regularizers.L2(arguments["l2"])
                ),
                keras.layers.Dropout(arguments["dropout"]),
            )
        ]
        x, y = self.train
        model = keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                keras.layers.Flatten(),
                *hidden,
                keras.layers.Dense(int(y.max()) + 1, "softmax"),
            ]
        )
        optimizer = keras.optimizers.Adam(arguments["learning_rate"])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def accuracy(self, model: keras.Model) -> float:
        """The accuracy of a model on the test samples."""
        x, y = self.test
        return float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())


def named(name: str) -> SearchWork:
    """The work of a name."""
    if name == "letters":
        arrays = np.load(LETTERS)
        x = [(arrays[part].astype("float32") - 127.5) / 255 for part in ("x_train", "x_test")]
        y = [arrays[part].astype("int64") for part in ("y_train", "y_test")]
        widths: list[tuple[int, ...]] = [(50,), (100,), (200,), (100, 50)]
        return SearchWork((x[0], y[0]), (x[1], y[1]), widths, 128)
    random = np.random.default_rng(0)
    x = random.normal(size=(2600, 12)).astype("float32")
    hidden = np.tanh(x @ random.normal(size=(12, 6)))
    scores = hidden @ random.normal(size=(6, 3)) + random.normal(size=(2600, 3))
    y = scores.argmax(axis=1)
    return SearchWork((x[:600], y[:600]), (x[600:], y[600:]), [(8,), (16,), (32,), (16, 16)], 32)


RATES, DROPOUTS, PENALTIES = (1e-4, 3e-2), (0.05, 0.6), (1e-6, 1e-3)
"""The bounds of the learning rate, dropout and L2; the first and the last by their logarithm."""
