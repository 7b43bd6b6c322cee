"""What a trained model costs: its parameters, the time of a prediction, and its file."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from kohort.data.dataset import Dataset

ROWS = 1000
_TIMES = 7


class Cost(NamedTuple):
    """What a model costs.

    Args:
        parameters: Numbers in its weights.
        milliseconds: Of a prediction for a batch of 1,000 rows, on this machine: the median of
            seven calls of Keras's `predict_on_batch`, when one has compiled it.
        file_megabytes: Of its `.keras` file; 1 MB is a million bytes.
    """

    parameters: int
    milliseconds: float
    file_megabytes: float


class Costly(Protocol):
    """A trained model, which is built anew at each call."""

    @property
    def data(self) -> Dataset:
        """What it was trained on."""

    def model(self) -> keras.Model:
        """The model."""

    def save(self, path: Path) -> Path:
        """Save what is deployed of it."""


def cost_of(trained: Costly) -> Cost:
    """What a model costs: it is run, and saved to a folder that is removed."""
    built, data = trained.model(), trained.data
    milliseconds = milliseconds_of(built, data.inputs(data.x_train[:ROWS]))
    with tempfile.TemporaryDirectory() as folder:
        size = trained.save(Path(folder, "model.keras")).stat().st_size
    return Cost(built.count_params(), milliseconds, size / 1e6)


def milliseconds_of(model: keras.Model, inputs: Any) -> float:
    """The median time of several predictions for a batch of 1,000 rows, once it is compiled.

    Args:
        model: The model.
        inputs: `[sample, ...]`, or such by name, one or more; repeated to 1,000.
    """
    samples = len(keras.tree.flatten(inputs)[0])
    rows = np.resize(np.arange(samples), ROWS)
    batch = keras.tree.map_structure(lambda part: part[rows], inputs)
    model.predict_on_batch(batch)
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        model.predict_on_batch(batch)  # NumPy comes back: nothing is left to wait for.
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
