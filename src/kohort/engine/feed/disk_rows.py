"""Arrays that lie on disk, in HDF5 files: consecutive rows of them, which are read when needed."""

import math
from typing import Any

import h5py
import jax
import numpy as np

from kohort.errors import DesignError
from kohort.keras_api.arrays import split_last


def on_disk(arrays: Any) -> bool:
    """Whether some of these are HDF5 datasets, or rows of them."""
    return any(isinstance(leaf, h5py.Dataset | _Rows) for leaf in jax.tree.leaves(arrays))


def split_rows(x: Any, y: Any, weight: Any, fraction: float) -> tuple[Any, Any]:
    """Split arrays `[sample, ...]` as `validation_split` does, without reading those on disk."""
    if not on_disk((x, y, weight)):
        return split_last(x, y, weight, fraction)
    samples = int(jax.tree.leaves((x, y, weight))[0].shape[0])
    at = math.floor(samples * (1.0 - fraction))
    if not 0 < at < samples:
        raise DesignError(
            "a validation_split that leaves samples on both sides",
            f"{fraction} of {samples} samples",
            "use another fraction",
        )
    first, last = (
        jax.tree.map(lambda leaf, part=part: _Rows(leaf, part), (x, y, weight))
        for part in (slice(0, at), slice(at, samples))
    )
    return first, last


class _Rows:
    """Consecutive rows of an array on disk, `[row, ...]`, which are read when they are indexed."""

    def __init__(self, array: Any, rows: slice) -> None:
        self._array, self._first = array, rows.start
        self.shape = (rows.stop - rows.start, *array.shape[1:])
        self.dtype = np.dtype(array.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return int(np.prod(self.shape, dtype=np.int64) * self.dtype.itemsize)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Read rows `[row]`, which must be ascending and distinct; returns `[row, ...]`."""
        return np.asarray(self._array[rows + self._first])

    def __array__(self, dtype: Any = None, **_copy: Any) -> np.ndarray:
        last = self._first + self.shape[0]
        return np.asarray(self._array[self._first : last], dtype)
