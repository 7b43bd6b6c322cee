"""Train the members of one cohort together, epoch by epoch, with Keras's callbacks for each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.design import keras_seam
from kohort.design.grouping import Signature
from kohort.design.keras_seam import Arrays, State
from kohort.engine.program import PROGRAMS, EpochSpec, Feed, batch_sizes, stack
from kohort.engine.steps import make_steps
from kohort.errors import ModelError


class Source(NamedTuple):
    """The data of a cohort and the rows of it that each member sees.

    Rows are int32 sample numbers, `[sample]` where members share them, else `[member, sample]`.
    """

    train: Arrays
    orders: Iterator[np.ndarray]
    valid: Arrays = None
    valid_rows: np.ndarray | None = None


class EpochRecord(NamedTuple):
    """What an epoch measured: Keras's logs of each member that trained in it, by its number."""

    epoch: int
    logs: dict[int, dict[str, float]]


def train(
    models: Sequence[keras.Model],
    signatures: Sequence[Signature],
    batch: Arrays,
    source: Source,
    spec: EpochSpec,
    *,
    epochs: int,
    initial_epoch: int = 0,
    callbacks: Sequence[Sequence[keras.callbacks.Callback]] = (),
    restore_best: str | None = None,
) -> Iterator[EpochRecord]:
    """Train models whose steps are the same program; they end trained in place.

    Args:
        models: Compiled and prepared models.
        signatures: Their `design.grouping.signature`s, of one skeleton.
        batch: Shapes and dtypes of one batch as the models take it.
        source: Data and rows.
        spec: Batch sizes, and what is measured at the end of an epoch.
        epochs: The epoch to stop before, as in Keras.
        initial_epoch: The epoch to start with.
        callbacks: For each model its own callbacks; empty for none.
        restore_best: A metric; each member ends with the weights of the epoch that had its
            lowest value, not with the last ones.

    Yields:
        One record an epoch, after the callbacks have seen it.
    """
    bench = _Bench(models, signatures, batch, source, spec, restore_best)
    lists = _callback_lists(models, callbacks, epochs=epochs, steps=bench.steps)
    logs: dict[int, dict[str, float]] = {}
    with _left_in_models(bench):
        for epoch in range(initial_epoch, epochs):
            for member in bench.active:
                lists[member].on_epoch_begin(epoch)
            if any(callbacks) or bench.is_empty:
                # Callbacks may have changed weights or learning rates: Keras reads them again too.
                bench.seat()
            seen = bench.epoch()
            if any(callbacks):
                bench.write_back()
            for member in bench.active:
                lists[member].on_epoch_end(epoch, seen[member])
            logs |= seen
            yield EpochRecord(epoch, seen)
            bench.active = [m for m in bench.active if not models[m].stop_training]
            if not bench.active:
                break
    for member, callback_list in enumerate(lists):
        callback_list.on_train_end(logs.get(member, {}))


def _callback_lists(
    models: Sequence[keras.Model],
    callbacks: Sequence[Sequence[keras.callbacks.Callback]],
    *,
    epochs: int,
    steps: int,
) -> list[keras.callbacks.CallbackList]:
    """Keras's callback container for each model, told that training begins."""
    lists = []
    for model, own in zip(models, callbacks or [()] * len(models), strict=True):
        model.stop_training = False
        lists.append(keras_seam.callback_list(model, own, epochs=epochs, steps=steps))
    for callback_list in lists:
        callback_list.on_train_begin()
    return lists


def check_fusable(models: Sequence[keras.Model]) -> None:
    """Refuse what the fused engine cannot train.

    Raises:
        ModelError: Keras runs on another backend than JAX, or a model asks to run eagerly.
    """
    if keras.backend.backend() != "jax":
        raise ModelError(
            "Keras on its JAX backend for a study or for engine='fused'",
            f"the {keras.backend.backend()} backend",
            "set KERAS_BACKEND=jax before Keras is imported, or use kohort.fit(engine='keras')",
        )
    for model in models:
        if model.compiled and model.run_eagerly:
            raise ModelError(
                "models that can be compiled",
                f"{model.name!r} with run_eagerly=True",
                "compile it without run_eagerly, or pass engine='keras'",
            )


@contextmanager
def _left_in_models(bench: "_Bench") -> Iterator[None]:
    """However training ends, the models have the state that it reached."""
    try:
        yield
    finally:
        bench.write_back()
        for model in bench.models:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        bench.restore_best()


class _Bench:
    """The seats of members on the device: their stacked state and the program that moves it.

    `active` are the members that still train, by number.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        signatures: Sequence[Signature],
        batch: Arrays,
        source: Source,
        spec: EpochSpec,
        monitor: str | None,
    ) -> None:
        self.models = models
        self.active = list(range(len(models)))
        self._source = source
        self._spec = spec
        self._train, self._valid = jax.tree.map(jnp.asarray, (source.train, source.valid))
        self._next_order = next(source.orders)
        self._steps = make_steps(models, signatures, batch, *self._batch_sizes())
        self._seats: list[int] = []
        self._state: State | None = None
        self._best = _Best(monitor) if monitor else None
        self._is_ahead = False  # of the models: an epoch has run since they were written

    @property
    def steps(self) -> int:
        """Training steps in an epoch."""
        return -(-int(self._next_order.shape[-1]) // self._spec.batch_size)

    @property
    def is_empty(self) -> bool:
        """Whether no member has been seated yet."""
        return self._state is None

    def seat(self) -> None:
        """Read the state of the active members from their models.

        A member that has finished keeps its seat, and its result is ignored, until half of the
        seats are free: fewer seats are another program to compile.
        """
        if not self._seats or len(self.active) <= len(self._seats) // 2:
            self._seats = list(self.active)
        self._state = stack([keras_seam.state_of(self.models[member]) for member in self._seats])

    def epoch(self) -> dict[int, dict[str, float]]:
        """Run one epoch; the logs of each active member."""
        assert self._state is not None
        feed = self._feed()
        program = PROGRAMS.get(self._steps, self._spec, self._state, feed)
        self._state, logs = program(self._state, *feed)
        self._is_ahead = True
        if self._best:
            self._best.update(self._seats, self.active, self._state, logs)
        logs = jax.device_get(logs)
        return {
            member: keras_seam.to_floats({name: value[seat] for name, value in logs.items()})
            for seat, member in enumerate(self._seats)
            if member in self.active
        }

    def write_back(self) -> None:
        """Give the models of the active members the state that their seats hold."""
        if self._state is None or not self._is_ahead:
            return
        self._is_ahead = False
        for seat, member in enumerate(self._seats):
            if member in self.active:
                own = jax.tree.map(lambda leaf, seat=seat: leaf[seat], self._state)
                keras_seam.assign(self.models[member], own)

    def restore_best(self) -> None:
        """Give each model the weights of its best epoch, where they were asked for."""
        if self._best:
            for member, weights in self._best.by_member().items():
                keras_seam.assign(self.models[member], weights)

    def _batch_sizes(self) -> tuple[list[int], list[int]]:
        """The batch sizes that training and evaluation meet."""
        size = self._spec.batch_size
        train = batch_sizes(int(self._next_order.shape[-1]), size)
        rows = self._source.valid_rows
        valid = [] if rows is None else batch_sizes(int(rows.shape[-1]), size)
        seen = train * self._spec.evaluate_train + valid * self._spec.validate
        return train, list(dict.fromkeys(seen))

    def _feed(self) -> Feed:
        order, self._next_order = self._next_order, next(self._source.orders)
        valid_rows = self._source.valid_rows
        return Feed(
            self._train,
            self._of_seats(order),
            self._valid,
            self._of_seats(np.zeros(0, np.int32) if valid_rows is None else valid_rows),
            jax.tree.map(lambda values: jnp.asarray(values[self._seats]), self._steps.constants),
        )

    def _of_seats(self, rows: np.ndarray) -> jax.Array:
        return jnp.asarray(rows[self._seats] if rows.ndim == 2 else rows, jnp.int32)


class _Best:
    """The weights that each member had at the epoch where `monitor` was lowest."""

    def __init__(self, monitor: str) -> None:
        self._monitor = monitor
        self._seats: list[int] = []
        self._lowest: Any = None
        self._weights: Any = None
        self._left: dict[int, Any] = {}

    def update(
        self, seats: list[int], active: list[int], state: State, logs: dict[str, Any]
    ) -> None:
        """Compare the epoch just run with the best so far, for each active member."""
        weights = state[:2]
        if seats != self._seats:
            self._left = self.by_member()
            self._start(seats, weights)
        counts = jnp.asarray([member in active for member in seats])
        value = jnp.where(counts, logs[self._monitor], jnp.nan)
        self._lowest, self._weights = _keep_better(self._lowest, self._weights, value, weights)

    def by_member(self) -> dict[int, Any]:
        """The best weights, trainable and non-trainable, by member number."""
        seated = {
            member: jax.tree.map(lambda leaf, seat=seat: leaf[seat], self._weights)
            for seat, member in enumerate(self._seats)
        }
        return self._left | seated

    def _start(self, seats: list[int], weights: Any) -> None:
        kept = dict(zip(self._seats, range(len(self._seats)), strict=True))
        lowest = [self._lowest[kept[m]] if m in kept else jnp.inf for m in seats]
        if kept:
            rows = jnp.asarray([kept[m] for m in seats])
            self._weights = jax.tree.map(lambda leaf: leaf[rows], self._weights)
        else:
            self._weights = weights
        self._seats, self._lowest = list(seats), jnp.asarray(lowest, jnp.float32)


@jax.jit
def _keep_better(lowest: Any, weights: Any, value: Any, candidate: Any) -> tuple[Any, Any]:
    # NaN is never lower, so a member that diverges keeps the weights from before.
    better = value < lowest

    def choose(old: Any, new: Any) -> Any:
        return jnp.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jnp.where(better, value, lowest), jax.tree.map(choose, weights, candidate)
