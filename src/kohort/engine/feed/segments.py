"""Cuts data that do not fit on the device into segments (runs of batches), read one ahead."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from kohort.keras_api.arrays import ArrayTree, check_leaves


class Segments:
    """Functions that return the segments of an epoch; a segment's leaves are `[step, batch, ...]`.

    Rows are read ahead, in a thread. Batches that a user's code makes are made where Keras has them
    made, in the thread that trains: the code may hold what only one thread may use.

    Args:
        train: Called with the rows `[sample]` of an epoch; with None where the data define their
            order.
        valid: Called without rows; None without validation data.
        measured: Rows `[sample]` of the training samples that are evaluated; None for all of an
            epoch.
        evaluated: Called with the rows of these; None for what `train` yields.
    """

    def __init__(
        self,
        train: Callable[[np.ndarray | None], Iterator[ArrayTree]],
        valid: Callable[[], Iterator[ArrayTree]] | None,
        measured: np.ndarray | None = None,
        evaluated: Callable[[np.ndarray | None], Iterator[ArrayTree]] | None = None,
    ) -> None:
        self.train = train
        self.evaluated = evaluated or train
        self.valid = valid
        self.measured = measured


def rows_ahead(data: ArrayTree, rows: np.ndarray, batch_size: int, largest: int) -> Iterator[Any]:
    """The segments of `by_rows`, each read while the one before is used."""
    return _ahead(by_rows(data, rows, batch_size, largest))


def by_rows(
    data: ArrayTree, rows: np.ndarray, batch_size: int, largest: int
) -> Iterator[ArrayTree]:
    """Read rows in order, as segments of full batches, and a last partial batch.

    Args:
        data: Arrays `[sample, ...]` that can be indexed by sorted rows: NumPy or HDF5.
        rows: `[sample]`, the samples in the order of training.
        batch_size: Samples a step.
        largest: The most bytes of a segment; it has one batch at least.

    Yields:
        Segments, each leaf `[step, batch, ...]`.
    """
    per_batch = batch_size * max(1, sum(_row_bytes(leaf) for leaf in jax.tree.leaves(data)))
    steps = max(1, largest // per_batch)
    full, rest = divmod(len(rows), batch_size)
    for first in range(0, full, steps):
        count = min(steps, full - first)
        part = rows[first * batch_size : (first + count) * batch_size]
        yield jax.tree.map(
            lambda a, part=part, count=count: _read(a, part).reshape(
                count, batch_size, *a.shape[1:]
            ),
            data,
        )
    if rest:
        yield jax.tree.map(lambda a: _read(a, rows[full * batch_size :])[None], data)


def by_batches(batches: Iterable[ArrayTree], largest: int) -> Iterator[ArrayTree]:
    """Stack consecutive batches of equal shapes to segments.

    Args:
        batches: From Keras's data adapters; each leaf `[batch, ...]`.
        largest: The most bytes of a segment; it has one batch at least.

    Yields:
        Segments, each leaf `[step, batch, ...]`.
    """
    gathered: list[Any] = []
    for batch in batches:
        check_leaves(batch)
        # A user's code may fill the same buffers for each batch.
        arrays = jax.tree.map(np.array, batch)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))
        if gathered and (
            _shapes(gathered[0]) != _shapes(arrays) or (len(gathered) + 1) * size > largest
        ):
            yield _stacked(gathered)
            gathered = []
        gathered.append(arrays)
    if gathered:
        yield _stacked(gathered)


def first_steps(segments: Iterator[ArrayTree], steps: int | None) -> Iterator[ArrayTree]:
    """The first batches of segments, each leaf `[step, batch, ...]`; all where `steps` is None."""
    for segment in segments:
        count = jax.tree.leaves(segment)[0].shape[0]
        if steps is None or count < steps:
            yield segment
            steps = None if steps is None else steps - count
        else:
            yield jax.tree.map(lambda leaf, steps=steps: leaf[:steps], segment)
            return


def _ahead[T](items: Iterator[T]) -> Iterator[T]:
    """The same items; the next one is made in a thread while the current one is used."""
    with ThreadPoolExecutor(1) as reader:
        future = reader.submit(next, items, None)
        while (item := future.result()) is not None:
            future = reader.submit(next, items, None)
            yield item


def _read(array: Any, rows: np.ndarray) -> np.ndarray:
    """The rows `[row, ...]` of an array, in any order."""
    if isinstance(array, np.ndarray | jax.Array):
        return np.asarray(array[rows])
    # HDF5 reads distinct rows in ascending order only.
    unique, place = np.unique(rows, return_inverse=True)
    read: np.ndarray = array[unique][place]
    return read


def _row_bytes(array: Any) -> int:
    return int(np.prod(array.shape[1:], dtype=np.int64) * np.dtype(array.dtype).itemsize)


def _shapes(arrays: ArrayTree) -> Any:
    leaves, structure = jax.tree.flatten(arrays)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def _stacked(batches: list[ArrayTree]) -> ArrayTree:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
