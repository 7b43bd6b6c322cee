"""The interface of what runs an epoch, over data on the device or streamed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from kohort.data.checking import PixelScale
from kohort.engine.devices import Place
from kohort.engine.program.epoch import EpochSpec
from kohort.engine.program.guard import TracedLogs
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State
from kohort.tracing.signature import abstract


class ReadyEpoch[Result](NamedTuple):
    """An epoch that is ready to run.

    Args:
        run: Runs it; may be called once, from any thread.
        needed: Bytes of memory while it runs.
        parts: Each item of it starts a part of the work on the device, in this thread, where what
            runs is not known before; `run` does what is left. Other epochs may start in between.
    """

    run: Callable[[], Result]
    needed: int
    parts: Iterator[None] = iter(())


class Runner(Protocol):
    """Runs an epoch of the members in their seats."""

    def begin(
        self, spec: EpochSpec, state: State, seats: list[int], steps: int | None = None
    ) -> ReadyEpoch[tuple[State, TracedLogs]]:
        """Make the next epoch ready; it returns the state after it and its logs, `[seat, ...]`.

        Args:
            spec: What the epoch does.
            state: Each leaf `[seat, ...]`; donated when the epoch runs.
            seats: The member of each seat.
            steps: Training steps after which the epoch ends; None for all batches.
        """
        ...

    def skip(self, epochs: int) -> None:
        """Skip the batches of epochs that have already run."""
        ...


def stops_of(stops: Sequence[bool], seats: Sequence[int], place: Place = None) -> jax.Array | None:
    """Whether the member of each seat stops at NaN, bool `[seat]`; None where no member does."""
    if not any(stops):
        return None
    on_device: jax.Array = jax.device_put(np.array([stops[member] for member in seats]), place)
    return on_device


def as_taken(pixels: PixelScale | None, data: ArrayTree, size: tuple[int, ...] = ()) -> ArrayTree:
    """Shapes and dtypes of a batch as the models take it.

    Args:
        pixels: How stored pixels become inputs; None where inputs are stored.
        data: Arrays `[sample, ...]` or `[step, batch, ...]`.
        size: The sizes that replace their first axis: one batch size, or none for `[step, ...]`.
    """

    def of_one(array: Any) -> Any:
        # JAX stores 64-bit NumPy data as 32-bit.
        dtype = jax.dtypes.canonicalize_dtype(array.dtype)
        return abstract((*size, *array.shape[1:]), dtype)

    taken = jax.tree.map(of_one, data)
    if pixels is None:
        return taken
    x, *rest = taken
    return (abstract(x.shape, np.float32), *rest)
