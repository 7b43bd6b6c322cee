"""The breadth of models that `benchmarks.breadth` trains, as data: shapes, sizes and losses.

Keras and kohort are not needed here: every peer's environment imports this, from Python 3.11 on.
"""

from typing import NamedTuple

import numpy as np

VALIDATION = 0.2


class Input(NamedTuple):
    """What a model takes of a sample: numbers, or words where their count is told."""

    shape: tuple[int, ...]
    words: int = 0


class Task(NamedTuple):
    """Samples of the right shape, drawn at random, and what is learned of them.

    Args:
        inputs: Of a sample.
        samples: How many, validation samples included.
        batch: How many a step sees.
        classes: How many labels there are; one for a yes or no, zero for numbers.
        target: Shape of a sample's labels or numbers; None where its first input is the target.
    """

    inputs: tuple[Input, ...]
    samples: int
    batch: int
    classes: int = 0
    target: tuple[int, ...] | None = ()

    @property
    def loss(self) -> str:
        """Keras's name of the loss."""
        if self.classes == 1:
            return "binary_crossentropy"
        return "sparse_categorical_crossentropy" if self.classes else "mse"

    def data(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Inputs and targets, from a fixed seed."""
        random = np.random.default_rng(0)
        x = [self._drawn(random, *given) for given in self.inputs]
        if self.target is None:
            return x, x[0]
        y = self._drawn(random, self.target, max(2, self.classes) if self.classes else 0)
        # Keras asks a yes or no for the shape of what the model says.
        return x, y.reshape(-1, 1).astype("float32") if self.classes == 1 else y

    def _drawn(self, random: np.random.Generator, shape: tuple[int, ...], words: int) -> np.ndarray:
        shape = (self.samples, *shape)
        if words:
            return random.integers(0, words, shape).astype("int32")
        return random.random(shape, "float32")


CATEGORIES, CATEGORY, NUMBERS = 8, 50, 30
WORDS = 1000
_TABLE = (Input((CATEGORIES,), CATEGORY), Input((NUMBERS,)))

TASKS = {
    "table": Task(_TABLE, 10_000, 256, classes=1),
    "tiny table": Task((Input((16,)),), 600, 32, classes=1),
    "dense autoencoder": Task((Input((784,)),), 3_000, 128, target=None),
    "small convolutions": Task((Input((28, 28, 1)),), 400, 128, classes=10),
    "convolutions": Task((Input((32, 32, 3)),), 160, 64, classes=10),
    "residual": Task((Input((32, 32, 3)),), 160, 32, classes=10),
    "bidirectional LSTM": Task((Input((80,), WORDS),), 320, 32, classes=2),
    "transformer": Task((Input((80,), WORDS),), 320, 32, classes=2),
    "long series": Task((Input((500, 4)),), 160, 32, classes=5),
    "GRU": Task((Input((60, 8)),), 600, 64, target=(1,)),
    "forecaster": Task((Input((96, 4)),), 1_000, 64, target=(24,)),
    "U-Net": Task((Input((32, 32, 1)),), 120, 16, classes=3, target=(32, 32)),
    "mixer": Task((Input((32, 32, 3)),), 320, 64, classes=10),
    "siamese": Task((Input((784,)), Input((784,))), 3_000, 128, classes=1),
    "variational autoencoder": Task((Input((784,)),), 2_500, 128, target=None),
    "tabular transformer": Task(_TABLE, 600, 64, classes=1),
    "separable convolutions": Task((Input((32, 32, 3)),), 320, 32, classes=10),
    "image autoencoder": Task((Input((28, 28, 1)),), 320, 64, target=None),
    "volumes": Task((Input((16, 16, 16, 1)),), 120, 16, classes=1),
    "frames": Task((Input((6, 12, 12, 1)),), 80, 16, target=(6, 12, 12, 1)),
}
"""All of them, by name."""
