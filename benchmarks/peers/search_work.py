"""What searches search: a table of 600 rows, and the built-in letters, each with a space.

Of the peers' environment it needs Keras and NumPy; the letters come from files that kohort's
package has.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

BUILTIN = Path(__file__).parents[2] / "src" / "kohort" / "data" / "builtin"
SOME = 2000
"""Letters of the smaller works."""
VALIDATION = 0.2


@dataclass(frozen=True)
class SearchWork:
    """Data, and a space of models for them.

    Args:
        train: x and y to train and validate on.
        test: x and y.
        widths: The choices of hidden layers: units, or filters where they convolve.
        batch_size: Samples a step.
        convolves: Whether models are convolutional.
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    widths: list[tuple[int, ...]]
    batch_size: int
    convolves: bool = False

    def split(self, seed: int) -> tuple[Any, Any]:
        """The training and the validation part of a search."""
        x, y = self.train
        order = np.random.default_rng(seed).permutation(len(x))
        held = round(VALIDATION * len(x))
        valid, train = order[:held], order[held:]
        return (x[train], y[train]), (x[valid], y[valid])

    def build(self, arguments: Mapping[str, Any]) -> keras.Model:
        """A model of the space."""
        x, y = self.train
        layers = [
            layer
            for width in arguments["units"]
            for layer in self._layers(width, arguments["l2"], arguments["dropout"])
        ]
        flat = [keras.layers.Flatten()]
        model = keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                *(layers + flat if self.convolves else flat + layers),
                keras.layers.Dense(int(y.max()) + 1, "softmax"),
            ]
        )
        optimizer = keras.optimizers.Adam(arguments["learning_rate"])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def _layers(self, width: int, penalty: float, dropout: float) -> list[keras.layers.Layer]:
        regularizer = keras.regularizers.L2(penalty)
        if self.convolves:
            return [
                keras.layers.Conv2D(width, 3, activation="relu", kernel_regularizer=regularizer),
                keras.layers.MaxPooling2D(),
                keras.layers.Dropout(dropout),
            ]
        return [
            keras.layers.Dense(width, "relu", kernel_regularizer=regularizer),
            keras.layers.Dropout(dropout),
        ]

    def accuracy(self, model: keras.Model) -> float:
        """The accuracy of a model on the test samples."""
        x, y = self.test
        return float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())


def named(name: str) -> SearchWork:
    """The work of a name."""
    if name == "letters":
        return SearchWork(*letters(), [(50,), (100,), (200,), (100, 50)], 128)
    if name in ("small", "conv"):
        (x, y), test = letters()
        some = np.random.default_rng(0).permutation(len(x))[:SOME]
        if name == "small":
            return SearchWork((x[some], y[some]), test, [(50,)], 64)
        train, test = (x[some][..., None], y[some]), (test[0][..., None], test[1])
        return SearchWork(train, test, [(8,), (16,), (8, 16)], 64, convolves=True)
    random = np.random.default_rng(0)
    x = random.normal(size=(2600, 12)).astype("float32")
    hidden = np.tanh(x @ random.normal(size=(12, 6)))
    scores = hidden @ random.normal(size=(6, 3)) + random.normal(size=(2600, 3))
    y = scores.argmax(axis=1)
    return SearchWork((x[:600], y[:600]), (x[600:], y[600:]), [(8,), (16,), (32,), (16, 16)], 32)


def letters() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The training and the test letters, of other fonts: x and y of each."""
    arrays = np.load(BUILTIN / "letters.npz")
    rows = csv.DictReader((BUILTIN / "faces.csv").read_text("utf-8").splitlines())
    in_test = np.array([row["split"] == "test" for row in rows])[arrays["face"]]
    x, y = (arrays["images"].astype("float32") - 127.5) / 255, arrays["labels"].astype("int64")
    return (x[~in_test], y[~in_test]), (x[in_test], y[in_test])


RATES, DROPOUTS, PENALTIES = (1e-4, 3e-2), (0.05, 0.6), (1e-6, 1e-3)
"""The bounds of the learning rate, dropout and L2; the first and the last by their logarithm."""
