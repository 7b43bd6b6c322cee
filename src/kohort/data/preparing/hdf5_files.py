"""Writes the parts that the HDF5 files of kohort have in common."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from kohort.errors import reason

ROWS = 4096
"""So many rows are compressed together, and written at a time."""


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """A new file, in which the same content makes the same bytes.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        with h5py.File(path, "w", track_order=True) as file:
            yield file
    except RuntimeError as error:  # h5py raises either where the disk is full
        raise OSError(reason(error)) from error


def put_json(file: h5py.File, name: str, value: object) -> None:
    """Write what JSON can hold, as a dataset of bytes: see `data.readers.hdf5.PROVENANCE`."""
    file[name] = np.frombuffer(json.dumps(value).encode(), np.uint8)


def compressed(
    file: h5py.File,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    content: np.ndarray | None = None,
) -> h5py.Dataset:
    """A new compressed dataset of rows; without content, to be filled."""
    chunks = (min(ROWS, shape[0]), *shape[1:])
    return file.create_dataset(name, shape, dtype, data=content, chunks=chunks, compression="gzip")
