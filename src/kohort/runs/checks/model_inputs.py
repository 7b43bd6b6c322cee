"""Makes inputs for the models of a check: scaled numbers, and not more of them than need be."""

from collections.abc import Iterator

import numpy as np

from kohort.data.dataset import Dataset

SIDE = 32
"""Images with longer sides are shrunk to sides of this length at most, by means of blocks."""
FEATURES = 1024
"""Rows of more than four times as many numbers are projected at random to so many."""
AT_ONCE = 1024
LARGEST = 10.0
"""The largest input, in standard deviations."""


def model_inputs(data: Dataset, samples: np.ndarray) -> np.ndarray:
    """Inputs float32 `[sample, ...]` for a net, of samples by number, training samples first.

    Pixels are scaled as the dataset says; columns of a table, and other numbers all together, by
    mean and standard deviation. No label is used.
    """
    train = len(data.x_train)
    of_train, of_test = samples[samples < train], samples[samples >= train] - train
    x = np.concatenate([*_taken(data.x_train, of_train), *_taken(data.x_test, of_test)])
    x = data.scaled(x)
    if data.pixels is None:
        axis = 0 if x.ndim == 2 else None
        deviation = x.std(axis=axis, dtype=np.float64)
        scaled = (x - x.mean(axis=axis, dtype=np.float64)) / np.where(deviation > 0, deviation, 1)
        x = scaled.clip(-LARGEST, LARGEST)
    x = x.reshape(len(x), -1)
    if x.shape[1] > 4 * FEATURES:
        random = np.random.default_rng(0)
        x = x @ (random.standard_normal((x.shape[1], FEATURES)) / np.sqrt(x.shape[1]))
    return x.astype(np.float32)


def _taken(x: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of `x`, some at a time, images shrunk: large ones are not all held twice."""
    for start in range(0, len(rows), AT_ONCE):
        part = x[rows[start : start + AT_ONCE]]
        yield _shrunk(part) if x.ndim in (3, 4) else part


def _shrunk(x: np.ndarray) -> np.ndarray:
    """Images `[sample, height, width, ...]` with sides of at most `SIDE`, of the same dtype."""
    rows, columns = (-(-length // SIDE) for length in x.shape[1:3])
    if rows == columns == 1:
        return x
    height, width = x.shape[1] // rows, x.shape[2] // columns
    blocks = x[:, : height * rows, : width * columns].reshape(
        len(x), height, rows, width, columns, *x.shape[3:]
    )
    return blocks.mean(axis=(2, 4), dtype=np.float32).astype(x.dtype)
