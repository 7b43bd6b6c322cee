"""Runs epochs segment by segment, over data that are read while members train."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kohort.engine.devices import Place
from kohort.engine.feed.runner import ReadyEpoch, as_taken, stops_of
from kohort.engine.feed.segments import Segments, first_steps
from kohort.engine.memory import check_fits
from kohort.engine.program.compilation import PROGRAMS, lower_for_seats
from kohort.engine.program.epoch import EpochSpec, measured, segment_of_one
from kohort.engine.program.guard import STEPS_RUN, NanGuard, TracedLogs, joined
from kohort.engine.program.steps import Steps
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State


class StreamedData(NamedTuple):
    """Data of a cohort that are read while it trains.

    Args:
        of: Returns, for the number of an order, its segments and epoch by epoch its rows
            `[sample]`; None for the rows where the data define their order.
        order_of: For each member the number of the order that it reads.
        steps: Training steps in an epoch; None where that is unknown.
        can_be_read_again: Whether the data can be read from the beginning again.
        can_be_read_at_once: Whether several blocks can read them, each at its own place.
    """

    of: Callable[[int], tuple[Segments, Iterator[np.ndarray] | None]]
    order_of: Sequence[int]
    steps: int | None
    can_be_read_again: bool = True
    can_be_read_at_once: bool = True


class StreamedRunner:
    """Runs epochs segment by segment, over data that are read meanwhile.

    Args:
        steps: The steps of the cohort.
        streams: The segments, the same for all seats.
        orders: Epoch by epoch the rows `[sample]`; None where the data define their order.
        memory: Bytes that a program may take.
        stops: By member number, whether it stops at NaN; empty where none does.
        place: The device on which they run.
    """

    def __init__(
        self,
        steps: Steps,
        streams: Segments,
        orders: Iterator[np.ndarray] | None,
        memory: int,
        stops: Sequence[bool],
        place: Place = None,
    ) -> None:
        self._steps, self._streams, self._orders = steps, streams, orders
        self._memory, self._stops, self._place = memory, stops, place

    def begin(
        self, spec: EpochSpec, state: State, seats: list[int], steps: int | None = None
    ) -> ReadyEpoch[tuple[State, TracedLogs]]:
        """Make the next epoch ready: train on each segment, then evaluate on each."""
        outcome: Future[tuple[State, TracedLogs]] = Future()

        def parts() -> Iterator[None]:
            try:
                outcome.set_result((yield from self._epoch(spec, state, seats, steps)))
            except Exception as error:  # noqa: BLE001 (it is raised again by `run`)
                outcome.set_exception(error)

        work = parts()

        def run() -> tuple[State, TracedLogs]:
            deque(work, maxlen=0)
            return outcome.result()

        return ReadyEpoch(run, needed=0, parts=work)

    def _epoch(
        self, spec: EpochSpec, state: State, seats: list[int], steps: int | None
    ) -> Generator[None, None, tuple[State, TracedLogs]]:
        rows = None if self._orders is None else next(self._orders)
        train = self._streams.train
        state = (*state[:3], self._without_batch("reset", state[3], seats))
        training = first_steps(train(rows), steps)
        state, logs = yield from self._sweep(spec, "train", state, seats, training)
        trainable, rest, optimizer, metrics = state
        before = (trainable, rest, self._without_batch("reset", metrics, seats))
        penalty = None
        if spec.evaluate_train:
            penalty = self._without_batch("penalty", trainable, seats)
            measured_rows = rows if self._streams.measured is None else self._streams.measured
            measuring = self._streams.evaluated(measured_rows)
            _, evaluated = yield from self._sweep(spec, "test", before, seats, measuring)
            logs |= measured("eval_", evaluated, penalty)
        if spec.validate and self._streams.valid is not None:
            valid = self._streams.valid()
            after, evaluated = yield from self._sweep(spec, "test", before, seats, valid)
            trainable, rest, metrics = after
            logs |= measured("val_", evaluated, penalty)
        return (trainable, rest, optimizer, metrics), logs

    def skip(self, epochs: int) -> None:
        """Skip the orders of this many epochs."""
        if self._orders is not None:
            for _ in range(epochs):
                next(self._orders)

    def _sweep(
        self,
        spec: EpochSpec,
        kind: Literal["train", "test"],
        state: Any,
        seats: list[int],
        segments: Iterator[ArrayTree],
    ) -> Generator[None, None, tuple[Any, TracedLogs]]:
        """Run the steps of segments, from a copy of `state` (each leaf `[seat, ...]`).

        It yields when the steps of a segment have been started.

        Returns:
            The state after the last step, and its logs `[seat]`.
        """
        logs: TracedLogs = {}
        segment = segment_of_one(self._steps, kind, spec.pixels)
        state = jax.tree.map(jnp.copy, state)
        guard = NanGuard.of(stops_of(self._stops, seats, self._place) if kind == "train" else None)
        steps = 0
        for batches in segments:
            shapes = as_taken(spec.pixels, batches)
            names = [self._steps.prepare(kind, shapes), self._steps.prepare("result")]
            arguments = (state, self._steps.constants_of(names, seats, self._place), guard, batches)
            program = PROGRAMS.get(
                (self._steps.key(names), kind, spec.pixels, self._place),
                arguments,
                partial(self._lowered, segment, arguments),
            )
            check_fits(program.needed, self._memory)
            state, last = program.run(*arguments)
            steps += jax.tree.leaves(batches)[0].shape[0]
            if guard is None:
                logs = last
            else:
                logs = _joined_by_seat(logs, last) if logs else last
                guard = guard.after(logs)
            yield
        if kind == "train":
            logs = {STEPS_RUN: np.full(len(seats), steps), **logs}
        return state, dict(logs)

    def _lowered(self, segment: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        # How to compile is asked where a program is compiled, and not for each segment.
        lightly = self._steps.compiles_lightly
        return lower_for_seats(segment, (0, 0, 0, None), *arguments, lightly=lightly)

    def _without_batch(
        self, step: Literal["penalty", "reset"], values: Any, seats: list[int]
    ) -> Any:
        """Run a step that reads no batch on values `[seat, ...]`, which stay as they are.

        Returns:
            For "penalty" the penalties `[seat]` of weights; for "reset" the metrics, reset.
        """
        if not jax.tree.leaves(values):  # a model without metrics
            return values
        name = self._steps.prepare(step)
        constants = self._steps.constants_of([name], seats, self._place)
        of_seat = self._steps.penalty if step == "penalty" else self._steps.reset
        program = PROGRAMS.get(
            (self._steps.key([name]), self._place),
            (values, constants),
            lambda: lower_for_seats(
                lambda given, of_member: of_seat(of_member, given),
                (0, 0),
                values,
                constants,
                donate=False,
            ),
        )
        return program.run(values, constants)


_joined_by_seat = jax.vmap(joined)
