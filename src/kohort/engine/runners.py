"""Run an epoch of the members in their seats: over data on the device, or over streamed data."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from kohort.data.dataset import PixelScale
from kohort.design.grouping import abstract
from kohort.design.keras_seam import Arrays, State
from kohort.engine.memory import check_fits
from kohort.engine.program import (
    PROGRAMS,
    EpochSpec,
    Feed,
    Going,
    Logs,
    batch_sizes,
    compile_epoch,
    compile_for_seats,
    joined,
    measured,
    segment_of_one,
)
from kohort.engine.steps import Steps
from kohort.engine.stream import Streams, ahead


class Source(NamedTuple):
    """Arrays of a cohort, and the rows of them that each member sees.

    Args:
        train: Each leaf `[sample, ...]`, on the device where it fits.
        orders: Epoch by epoch int32 rows `[order, sample]`; called anew for each block.
        order_of: For each member the order that it reads.
        valid: Likewise; None without validation.
        valid_rows: int32 `[order, sample]`.
        measured_rows: Likewise, the training samples that are evaluated; None for all.
    """

    train: Arrays
    orders: Callable[[], Iterator[np.ndarray]]
    order_of: Sequence[int]
    valid: Arrays = None
    valid_rows: np.ndarray | None = None
    measured_rows: np.ndarray | None = None


class Stream(NamedTuple):
    """Data of a cohort that come while it trains.

    Args:
        of: For an order, its segments and epoch by epoch its rows; no rows where the data have an
            order of their own.
        order_of: For each member the order that it reads.
        steps: Training steps in an epoch; None where nobody knows.
        can_be_read_again: Whether what has begun to read them can begin again.
    """

    of: Callable[[int], tuple[Streams, Iterator[np.ndarray] | None]]
    order_of: Sequence[int]
    steps: int | None
    can_be_read_again: bool = True


class Call[Result](NamedTuple):
    """An epoch that is ready to run.

    Args:
        run: Runs it, once, in any thread.
        needed: Bytes that it takes while it runs.
    """

    run: Callable[[], Result]
    needed: int


class Runner(Protocol):
    """Runs an epoch of the members in their seats."""

    def begin(self, spec: EpochSpec, state: State, seats: list[int]) -> Call[tuple[State, Logs]]:
        """Make the next epoch ready: the state after it, and what it measured, by seat.

        The given state is used up when it runs.
        """
        ...

    def skip(self, epochs: int) -> None:
        """Pass epochs by that have run: the next one has the batches that come after theirs."""
        ...


class OnDevice:
    """Runs whole epochs as one program, over data that stay on the device.

    Args:
        steps: What the members run.
        source: Their data.
        memory: Bytes that a program may take.
        stops: By member number, whether it stops at NaN; empty where none does.
    """

    def __init__(
        self, steps: Steps, source: Source, memory: int, stops: Sequence[bool] = ()
    ) -> None:
        self._steps, self._source, self._memory, self._stops = steps, source, memory, stops
        self._orders: Iterator[np.ndarray] = source.orders()

    def begin(self, spec: EpochSpec, state: State, seats: list[int]) -> Call[tuple[State, Logs]]:
        """One program for training and evaluation."""
        return self.call(spec, state, seats, next(self._orders))

    def skip(self, epochs: int) -> None:
        """Draw the orders of these epochs, and drop them."""
        for _ in range(epochs):
            next(self._orders)

    def call(
        self, spec: EpochSpec, state: State, seats: list[int], orders: np.ndarray
    ) -> Call[tuple[State, Logs]]:
        """An epoch over given rows, `[order, sample]`."""
        valid, measured = self._source.valid_rows, self._source.measured_rows
        valid = np.zeros((1, 0), np.int32) if valid is None else valid
        measured = orders if measured is None else measured
        names = self._prepare(spec, orders.shape[-1], measured.shape[-1], valid.shape[-1])
        feed = Feed(
            self._source.train,
            self._of_seats(orders, seats),
            self._of_seats(measured, seats),
            self._source.valid,
            self._of_seats(valid, seats),
            self._steps.constants_of(names, seats),
            _stops_of(self._stops, seats),
        )
        program = PROGRAMS.get(
            (self._steps.key(names), spec),
            (state, feed),
            lambda: compile_epoch(self._steps, spec, state, feed),
        )
        check_fits(program.needed, self._memory)
        return Call(partial(program.run, state, *feed), program.needed)

    def _prepare(
        self, spec: EpochSpec, samples: int, measured_samples: int, valid_samples: int
    ) -> list[str]:
        """Trace what an epoch runs; the names of the steps."""
        train, valid = self._source.train, self._source.valid
        sizes = batch_sizes(samples, spec.batch_size)
        wanted = [("train", train, size) for size in sizes]
        if spec.evaluate_train:
            sizes = batch_sizes(measured_samples, spec.batch_size)
            wanted += [("test", train, size) for size in sizes]
        if spec.validate:
            sizes = batch_sizes(valid_samples, spec.valid_batch_size or spec.batch_size)
            wanted += [("test", valid, size) for size in sizes]
        names = [
            self._steps.prepare(step, as_taken(spec.pixels, data, (size,)))
            for step, data, size in wanted
        ]
        names.append(self._steps.prepare("result"))
        return names + [self._steps.prepare("penalty")] * spec.evaluate_train

    def _of_seats(self, rows: np.ndarray, seats: list[int]) -> jax.Array:
        own = [0 if len(rows) == 1 else self._source.order_of[member] for member in seats]
        # Where all seats read the same rows, one gather serves them.
        chosen = rows[own[0]] if len(set(own)) == 1 else rows[own]
        return jnp.asarray(chosen, jnp.int32)


class Streamed:
    """Runs epochs segment by segment, over data that come while it runs.

    Args:
        steps: What the members run.
        streams: The segments, the same for all seats.
        orders: Epoch by epoch the rows to read; None where the data have an order of their own.
        memory: Bytes that a program may take.
        stops: By member number, whether it stops at NaN; empty where none does.
    """

    def __init__(
        self,
        steps: Steps,
        streams: Streams,
        orders: Iterator[np.ndarray] | None,
        memory: int,
        stops: Sequence[bool],
    ) -> None:
        self._steps, self._streams, self._orders = steps, streams, orders
        self._memory, self._stops = memory, stops

    def begin(self, spec: EpochSpec, state: State, seats: list[int]) -> Call[tuple[State, Logs]]:
        """Train on each segment, then evaluate on each."""
        return Call(partial(self._epoch, spec, state, seats), needed=0)

    def _epoch(self, spec: EpochSpec, state: State, seats: list[int]) -> tuple[State, Logs]:
        rows = None if self._orders is None else next(self._orders)
        train = self._streams.train
        fresh = [
            jnp.broadcast_to(metric, (len(seats), *jnp.shape(metric)))
            for metric in self._steps.fresh_metrics
        ]
        state = (*state[:3], fresh)
        state, logs = self._sweep(spec, "train", state, seats, train(rows))
        trainable, rest, optimizer, metrics = state
        before = (trainable, rest, fresh)
        penalty = None
        if spec.evaluate_train:
            penalty = self._penalty(trainable, seats)
            measured_rows = rows if self._streams.measured is None else self._streams.measured
            seen = self._sweep(spec, "test", before, seats, train(measured_rows))[1]
            logs |= measured("eval_", seen, penalty)
        if spec.validate and self._streams.valid is not None:
            after, seen = self._sweep(spec, "test", before, seats, self._streams.valid())
            trainable, rest, metrics = after
            logs |= measured("val_", seen, penalty)
        return (trainable, rest, optimizer, metrics), logs

    def skip(self, epochs: int) -> None:
        """Draw the orders of these epochs, and drop them."""
        if self._orders is not None:
            for _ in range(epochs):
                next(self._orders)

    def _sweep(
        self,
        spec: EpochSpec,
        kind: Literal["train", "test"],
        state: Any,
        seats: list[int],
        segments: Iterator[Arrays],
    ) -> tuple[Any, Logs]:
        """Go through segments from a state, which stays as it is; the last step's logs."""
        logs: Logs = {}
        segment = segment_of_one(self._steps, kind, spec.pixels)
        state = jax.tree.map(jnp.copy, state)
        going = Going.of(_stops_of(self._stops, seats) if kind == "train" else None)
        for batches in ahead(segments):
            shapes = as_taken(spec.pixels, batches)
            names = [self._steps.prepare(kind, shapes), self._steps.prepare("result")]
            arguments = (state, self._steps.constants_of(names, seats), going, batches)
            program = PROGRAMS.get(
                (self._steps.key(names), kind, spec.pixels),
                arguments,
                partial(compile_for_seats, segment, (0, 0, 0, None), *arguments),
            )
            check_fits(program.needed, self._memory)
            state, last = program.run(*arguments)
            if going is None:
                logs = last
            else:
                logs = _joined_by_seat(logs, last) if logs else last
                going = going.after(logs)
        return state, dict(logs)

    def _penalty(self, trainable: Any, seats: list[int]) -> Any:
        name = self._steps.prepare("penalty")
        constants = self._steps.constants_of([name], seats)
        program = PROGRAMS.get(
            self._steps.key([name]),
            (trainable, constants),
            lambda: compile_for_seats(
                lambda weights, own: self._steps.penalty(own, weights),
                (0, 0),
                trainable,
                constants,
                donate=False,
            ),
        )
        return program.run(trainable, constants)


_joined_by_seat = jax.vmap(joined)


def _stops_of(stops: Sequence[bool], seats: Sequence[int]) -> jax.Array | None:
    """By seat; None where no member stops, in whichever seats."""
    return jnp.asarray([stops[member] for member in seats]) if any(stops) else None


def as_taken(pixels: PixelScale | None, data: Arrays, size: tuple[int, ...] = ()) -> Arrays:
    """Shapes and dtypes of a batch as the models take it.

    Args:
        pixels: How stored pixels become inputs; None where inputs are stored.
        data: Arrays that hold one batch more deeply: `[sample, ...]` or `[step, batch, ...]`.
        size: What takes the place of their first axis.
    """

    def of_one(array: Any) -> Any:
        # JAX holds 64-bit NumPy data as 32-bit.
        dtype = jax.dtypes.canonicalize_dtype(array.dtype)
        return abstract((*size, *array.shape[1:]), dtype)

    taken = jax.tree.map(of_one, data)
    if pixels is None:
        return taken
    x, *rest = taken
    return (abstract(x.shape, np.float32), *rest)
