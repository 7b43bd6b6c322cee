"""Writes the parts that the HDF5 files of kohort have in common."""

import io
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kohort.errors import reason

ROWS = 4096
"""So many rows are compressed together, and written at a time."""


_PACKED = 1 << 20
"""Bytes of text that are compressed together."""


class Disk(io.FileIO):
    """A file that takes what HDF5 writes, and keeps an error for `check`.

    HDF5 crashes when the process ends, where it was not let write something or was interrupted
    while it wrote. So writing never fails: after an error nothing more is written.
    """

    failed: BaseException | None = None

    def write(self, content: Any) -> int:
        """Write all of it, and return its size."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        try:
            while rest and self.failed is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failed = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size."""
        try:
            if self.failed is None:
                super().truncate(size)
        except OSError as error:
            self.failed = error
        return size or 0

    def check(self) -> None:
        """Raise what was met; to be called between blocks of rows.

        Raises:
            OSError: Something could not be written.
            KeyboardInterrupt: The process was asked to end.
        """
        if self.failed is not None:
            raise self.failed


@contextmanager
def new_hdf5(path: Path) -> Iterator[tuple[h5py.File, Disk]]:
    """A new file, in which the same content makes the same bytes, and the disk that it is on.

    Raises:
        OSError: The file cannot be written.
        KeyboardInterrupt: The process was asked to end.
    """
    with Disk(path, "w+") as disk, _asked_to_end(disk):
        try:
            with h5py.File(disk, "w", track_order=True) as file:
                yield file, disk
        except RuntimeError as error:  # h5py raises either where it reads what was not written
            disk.check()
            raise OSError(reason(error)) from error
        disk.check()


@contextmanager
def _asked_to_end(disk: Disk) -> Iterator[None]:
    """Keep for the disk's `check` that the process is asked to end, while HDF5 writes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def keep(*_: object) -> None:
        disk.failed = disk.failed or KeyboardInterrupt()

    ends = (signal.SIGINT, signal.SIGTERM)
    before = {end: signal.signal(end, keep) for end in ends if callable(signal.getsignal(end))}
    try:
        yield
    finally:
        for end, handler in before.items():
            signal.signal(end, handler)


def put_json(file: h5py.File, name: str, value: object, *, packed: bool = False) -> None:
    """Write what JSON can hold, as a dataset of bytes: see `data.readers.hdf5.PROVENANCE`.

    Args:
        file: The file.
        name: Of the dataset.
        value: What to write.
        packed: Whether to compress it, which pays where it is long.
    """
    encoded = np.frombuffer(json.dumps(value).encode(), np.uint8)
    if not packed:
        file[name] = encoded
        return
    chunk = (min(len(encoded), _PACKED),)
    file.create_dataset(name, data=encoded, chunks=chunk, compression="gzip")


def compressed(
    file: h5py.File,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> h5py.Dataset:
    """A new compressed dataset of rows, to be filled in blocks of `ROWS`."""
    chunks = (min(ROWS, shape[0]), *shape[1:])
    return file.create_dataset(name, shape, dtype, chunks=chunks, compression="gzip")
