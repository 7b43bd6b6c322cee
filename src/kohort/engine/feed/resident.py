"""Runs each epoch as one program, over data that stay on the device."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from kohort.data.checking import PixelScale
from kohort.engine.devices import Place
from kohort.engine.feed.runner import ReadyEpoch, as_taken, stops_of
from kohort.engine.memory import check_fits
from kohort.engine.program.compilation import PROGRAMS, lower_epoch
from kohort.engine.program.epoch import EpochInputs, EpochSpec, batch_sizes
from kohort.engine.program.guard import TracedLogs
from kohort.engine.program.steps import Constants, Steps
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State
from kohort.tracing.signature import abstract


class ResidentData(NamedTuple):
    """The arrays of a cohort, and the rows of them that each member reads.

    Args:
        train: Training data, each leaf `[sample, ...]`, on the device where it fits.
        orders: Returns, epoch by epoch, the rows int32 `[order, sample]`; called for each block.
        order_of: For each member the number of the order that it reads.
        valid: Validation data, each leaf `[sample, ...]`; None without validation.
        valid_rows: int32 `[order, sample]`.
        measured_rows: int32 `[order, sample]`, the training samples that are evaluated; None for
            all.
        classes: int32 `[sample]`, the class of each training sample; None without weights of them.
        class_weights: float32 `[member, class]`, the weights with which members train; likewise.
    """

    train: ArrayTree
    orders: Callable[[], Iterator[np.ndarray]]
    order_of: Sequence[int]
    valid: ArrayTree = None
    valid_rows: np.ndarray | None = None
    measured_rows: np.ndarray | None = None
    classes: np.ndarray | None = None
    class_weights: np.ndarray | None = None

    def batch(self, pixels: PixelScale | None, size: int) -> ArrayTree:
        """Shapes and dtypes of a batch of `size` samples in training, as models take it."""
        taken = as_taken(pixels, self.train, (size,))
        return taken if self.classes is None else (*taken, abstract((size,), np.float32))

    def on(self, place: Place) -> "ResidentData":
        """The same with its arrays on a device; they stay as they are for JAX's default device."""
        if place is None:
            return self
        train = jax.device_put(self.train, place)
        # Both may be one array, which is then held once.
        valid = train if self.valid is self.train else jax.device_put(self.valid, place)
        return self._replace(train=train, valid=valid)


class _Kept(NamedTuple):
    """What the members of some seats read in every epoch, on the device.

    Args:
        seats: The member of each.
        valid: The rows to validate on, as `ResidentRunner._of_seats` gives them.
        measured: The rows of training data that are evaluated; None where they follow the order.
        stops: As of `stops_of`.
        class_weights: `[seat, class]`; None without.
    """

    seats: list[int]
    valid: jax.Array
    measured: jax.Array | None
    stops: jax.Array | None
    class_weights: jax.Array | None


class ResidentRunner:
    """Runs each epoch as one program, over data that stay on the device.

    Args:
        steps: The steps of the cohort.
        source: Their data.
        memory: Bytes that a program may take.
        stops: By member number, whether it stops at NaN; empty where none does.
        apart: Whether each seat reads its rows apart, also where all read the same ones.
        place: The device on which they run, and on which the data are.
    """

    def __init__(
        self,
        steps: Steps,
        source: ResidentData,
        memory: int,
        stops: Sequence[bool] = (),
        *,
        apart: bool = False,
        place: Place = None,
    ) -> None:
        self._steps, self._source, self._memory, self._stops = steps, source, memory, stops
        self._apart, self._place = apart, place
        self._constants: tuple[object, Constants] = None, {}
        self._prepared: dict[Hashable, tuple[list[str], str]] = {}
        self._kept: _Kept | None = None
        classes = source.classes
        self._classes = None if classes is None else self._put(classes.astype(np.int32))
        self._orders: Iterator[np.ndarray] = source.orders()

    def begin(
        self, spec: EpochSpec, state: State, seats: list[int], steps: int | None = None
    ) -> ReadyEpoch[tuple[State, TracedLogs]]:
        """Make the next epoch ready: one program for training and evaluation."""
        return self.call(spec, state, seats, next(self._orders), steps)

    def skip(self, epochs: int) -> None:
        """Skip the orders of this many epochs."""
        for _ in range(epochs):
            next(self._orders)

    def call(
        self,
        spec: EpochSpec,
        state: State,
        seats: list[int],
        orders: np.ndarray,
        steps: int | None = None,
    ) -> ReadyEpoch[tuple[State, TracedLogs]]:
        """Make an epoch over these rows ready, int32 `[order, sample]`."""
        key, feed, lower = self._asked(spec, state, seats, orders, steps)
        program = PROGRAMS.get(key, (state, feed), lower)
        check_fits(program.needed, self._memory)
        return ReadyEpoch(partial(program.run, state, *feed), program.needed)

    def begin_compiling(self, spec: EpochSpec, state: State, seats: list[int]) -> None:
        """Compile an epoch in another thread, which is ready the sooner when it is asked for."""
        key, feed, lower = self._asked(spec, state, seats, next(self._orders))
        PROGRAMS.begin(key, (state, feed), lower)

    def _asked(
        self,
        spec: EpochSpec,
        state: State,
        seats: list[int],
        orders: np.ndarray,
        steps: int | None = None,
    ) -> tuple[Hashable, EpochInputs, Callable[[], jax.stages.Lowered]]:
        """The key of the program of an epoch, its inputs, and what lowers it."""
        # What is the same in all epochs, or twice in one, is sent to the device once: where a net
        # is tiny, to send rows takes as long as to train.
        kept = self._kept_for(seats)
        rows = orders if steps is None else orders[:, : steps * spec.batch_size]
        train = self._of_seats(rows, seats)
        measured = kept.measured
        if measured is None:
            measured = train if steps is None else self._of_seats(orders, seats)
        sizes = (each.shape[-1] for each in (train, measured, kept.valid))
        names, program = self._prepare(spec, *sizes)
        feed = EpochInputs(
            self._source.train,
            train,
            measured,
            self._source.valid,
            kept.valid,
            self._constants_of(names, seats),
            kept.stops,
            self._classes,
            kept.class_weights,
        )
        key = program, spec, self._place
        return key, feed, lambda: lower_epoch(self._steps, spec, state, feed)

    def _prepare(
        self, spec: EpochSpec, samples: int, measured_samples: int, valid_samples: int
    ) -> tuple[list[str], str]:
        """Trace the steps of an epoch, once; returns their names, and the key of all of them."""
        asked = spec, samples, measured_samples, valid_samples
        if asked not in self._prepared:
            names = self._traced(*asked)
            self._prepared[asked] = names, self._steps.key(names)
        return self._prepared[asked]

    def _traced(
        self, spec: EpochSpec, samples: int, measured_samples: int, valid_samples: int
    ) -> list[str]:
        source, pixels = self._source, spec.pixels
        sizes = batch_sizes(samples, spec.batch_size)
        needed = [("train", source.batch(pixels, size)) for size in sizes]
        if spec.evaluate_train:
            sizes = batch_sizes(measured_samples, spec.batch_size)
            needed += [("test", as_taken(pixels, source.train, (size,))) for size in sizes]
        if spec.validate:
            sizes = batch_sizes(valid_samples, spec.valid_batch_size or spec.batch_size)
            needed += [("test", as_taken(pixels, source.valid, (size,))) for size in sizes]
        names = [self._steps.prepare(step, batch) for step, batch in needed]
        names += [self._steps.prepare(step) for step in ("result", "reset")]
        return names + [self._steps.prepare("penalty")] * spec.evaluate_train

    def _kept_for(self, seats: list[int]) -> _Kept:
        """What the members of seats read in every epoch."""
        if self._kept is None or self._kept.seats != seats:
            source = self._source
            valid, measured, weights = source.valid_rows, source.measured_rows, source.class_weights
            self._kept = _Kept(
                list(seats),
                self._of_seats(np.zeros((1, 0), np.int32) if valid is None else valid, seats),
                None if measured is None else self._of_seats(measured, seats),
                stops_of(self._stops, seats, self._place),
                None if weights is None else self._put(weights[seats]),
            )
        return self._kept

    def _constants_of(self, names: list[str], seats: list[int]) -> Constants:
        """The lifted constants of the seats, which are the same in each epoch."""
        key = tuple(names), tuple(seats)
        if self._constants[0] != key:
            self._constants = key, self._steps.constants_of(names, seats, self._place)
        return self._constants[1]

    def _of_seats(self, rows: np.ndarray, seats: list[int]) -> jax.Array:
        """Of rows `[order, sample]` those of each seat: `[seat, sample]`, or `[sample]` for all."""
        orders = [0 if len(rows) == 1 else self._source.order_of[member] for member in seats]
        # Where all seats read the same rows, one gather serves them.
        shared = len(set(orders)) == 1 and not self._apart
        chosen = rows[orders[0]] if shared else rows[orders]
        return self._put(chosen.astype(np.int32, copy=False))

    def _put(self, array: np.ndarray) -> jax.Array:
        on_device: jax.Array = jax.device_put(array, self._place)
        return on_device
