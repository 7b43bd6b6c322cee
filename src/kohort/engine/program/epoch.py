"""Writes one epoch of one member as a function that is compiled for the members of a cohort.

The function uses Keras's stateless steps, and is vmapped over the members that train side by side.
The whole epoch (training, then evaluation on the training and the validation data) is a single XLA
program. Data that do not fit on the device come in segments, each a run of batches; the program of
a segment is `segment_of_one`.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from kohort.data.checking import PixelScale
from kohort.engine.lowering.carries import packed, unpacked
from kohort.engine.program.guard import STEPS_RUN, NanGuard, TracedLogs, choose, flat, joined
from kohort.engine.program.steps import Constants, Steps
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State
from kohort.tracing.signature import abstract, step_name


class EpochSpec(NamedTuple):
    """The settings of an epoch that are fixed when it is compiled.

    Args:
        batch_size: Samples a step, in training.
        validate: Whether to evaluate on validation data.
        evaluate_train: Whether to evaluate on the training data.
        pixels: How stored pixels become model inputs; None where inputs are stored.
        valid_batch_size: Samples a step in validation; `batch_size` where it is None.
        pads: Whether a last partial batch is filled up, where the steps' traces show that it comes
            to the same: XLA then compiles one step instead of two.
    """

    batch_size: int
    validate: bool
    evaluate_train: bool
    pixels: PixelScale | None = None
    valid_batch_size: int | None = None
    pads: bool = False


class EpochInputs(NamedTuple):
    """The inputs of an epoch.

    Rows index samples: int32 `[sample]` where members share them, else `[member, sample]`.

    Args:
        train: Training data, each leaf `[sample, ...]`.
        order: The training rows, in the order of this epoch.
        measured: The training rows that are evaluated.
        valid: Validation data, each leaf `[sample, ...]`.
        valid_rows: The validation rows.
        constants: `Steps.constants_of`, each `[member]`.
        stops: Whether a member stops at NaN, bool `[member]`; None where none does.
        classes: The class of each training sample, int32 `[sample]`; None without weights of them.
        class_weights: The weights with which members train, float32 `[member, class]`; likewise.
    """

    train: ArrayTree
    order: jax.Array
    measured: jax.Array
    valid: ArrayTree
    valid_rows: jax.Array
    constants: Constants
    stops: jax.Array | None = None
    classes: jax.Array | None = None
    class_weights: jax.Array | None = None


def epoch_of_one(
    steps: Steps, spec: EpochSpec
) -> Callable[[State, EpochInputs], tuple[State, TracedLogs]]:
    """One epoch of one member: `(state, feed) -> (state, logs)`, as `keras.Model.fit` runs it.

    The logs have Keras's names: the running train metrics, then the `val_` metrics. With
    `spec.evaluate_train` they also have the train metrics in inference mode at the end of the
    epoch, as `eval_`, and each loss without the weights' penalties, as `eval_data_loss` and
    `val_data_loss`.
    """

    def batch(data: ArrayTree, rows: jax.Array) -> ArrayTree:
        return scaled(spec.pixels, jax.tree.map(lambda a: a[rows], data))

    def train(state: State, feed: EpochInputs) -> tuple[State, TracedLogs]:
        state, logs = _sweep(
            _Stepper(
                steps,
                "train",
                feed.constants,
                lambda rows: _weighted(batch(feed.train, rows), feed, rows),
                spec.pads,
            ),
            (*state[:3], steps.reset(feed.constants, state[3])),
            feed.order,
            spec.batch_size,
            NanGuard.of(feed.stops),
        )
        return state, _reported(steps, feed.constants, state[-1], logs)

    def evaluate(
        state: State, feed: EpochInputs, data: ArrayTree, rows: jax.Array, size: int
    ) -> tuple[State, TracedLogs]:
        trainable, rest, optimizer, metrics = state
        (trainable, rest, metrics), logs = _sweep(
            _Stepper(steps, "test", feed.constants, lambda rows: batch(data, rows), spec.pads),
            (trainable, rest, steps.reset(feed.constants, metrics)),
            rows,
            size,
        )
        logs = _reported(steps, feed.constants, metrics, logs)
        return (trainable, rest, optimizer, metrics), logs

    def epoch(state: State, feed: EpochInputs) -> tuple[State, TracedLogs]:
        state, logs = train(state, feed)
        penalty = steps.penalty(feed.constants, state[0]) if spec.evaluate_train else None
        if spec.evaluate_train:
            # The state is dropped: an evaluation must not change how training goes on.
            _, evaluated = evaluate(state, feed, feed.train, feed.measured, spec.batch_size)
            logs |= measured("eval_", evaluated, penalty)
        if spec.validate:
            # The state is kept, as in Keras.
            size = spec.valid_batch_size or spec.batch_size
            state, evaluated = evaluate(state, feed, feed.valid, feed.valid_rows, size)
            logs |= measured("val_", evaluated, penalty)
        return state, logs

    return epoch


def _weighted(batch: ArrayTree, feed: EpochInputs, rows: jax.Array) -> ArrayTree:
    """A training batch of these rows, with the weights of their classes where there are some."""
    if feed.classes is None or feed.class_weights is None:
        return batch
    return (*batch, feed.class_weights[feed.classes[rows]])


def segment_of_one(
    steps: Steps, kind: Literal["train", "test"], pixels: PixelScale | None
) -> Callable[..., tuple[Any, TracedLogs]]:
    """A run of batches of one member: `(state, constants, guard, batches) -> (state, logs)`.

    Each leaf of `batches` is `[step, batch, ...]`.

    Args:
        steps: The steps of the cohort.
        kind: Which step. The state of "test" is without that of the optimizer.
        pixels: As in `EpochSpec`.
    """
    step = steps.train if kind == "train" else steps.test

    def segment(
        state: Any, constants: Constants, guard: NanGuard | None, batches: ArrayTree
    ) -> tuple[Any, TracedLogs]:
        def one(state: Any, batch: ArrayTree) -> Any:
            return step(constants, state, scaled(pixels, batch))

        state, logs = _scan(one, state, batches, guard)
        return state, _reported(steps, constants, state[-1], logs)

    return segment


def _reported(
    steps: Steps, constants: Constants, metrics: list[Any], logs: TracedLogs
) -> TracedLogs:
    """The logs as Keras reports them, with the number of steps taken where that was counted."""
    counted = {name: value for name, value in logs.items() if name == STEPS_RUN}
    step_logs = {name: value for name, value in logs.items() if name != STEPS_RUN}
    reported: TracedLogs = steps.reported(constants, metrics, step_logs)
    return reported | counted


def measured(prefix: str, evaluated: TracedLogs, penalty: Any) -> TracedLogs:
    """The logs of an evaluation, prefixed; where a penalty is given, the loss without it too."""
    logs = {prefix + name: value for name, value in flat(evaluated).items()}
    if penalty is not None and "loss" in evaluated:
        logs[f"{prefix}data_loss"] = evaluated["loss"] - penalty
    return logs


def scaled(pixels: PixelScale | None, batch: ArrayTree) -> ArrayTree:
    """A batch `[batch, ...]` as the model takes it: stored pixels (uint8) become float32 inputs."""
    if pixels is None:
        return batch
    x, *rest = batch
    return (x.astype(jnp.float32) * pixels.factor + pixels.offset, *rest)


def batch_sizes(samples: int, batch_size: int) -> list[int]:
    """The different sizes of the batches of an epoch: a full one, and a last partial one."""
    full, rest = divmod(samples, batch_size)
    return [batch_size] * (full > 0) + [rest] * (rest > 0)


type _Step = Callable[[Any, Any], tuple[TracedLogs, Any]]


class _Stepper(NamedTuple):
    """A step of one member over batches of rows.

    Args:
        steps: The steps of the cohort.
        kind: Which step.
        constants: As of `Steps.train`.
        batch: The batch of some rows.
        pads: As in `EpochSpec`.
    """

    steps: Steps
    kind: Literal["train", "test"]
    constants: Constants
    batch: Callable[[jax.Array], ArrayTree]
    pads: bool

    def one(self, state: Any, rows: jax.Array) -> tuple[TracedLogs, Any]:
        """A step over some rows."""
        step = self.steps.train if self.kind == "train" else self.steps.test
        logs, state = step(self.constants, state, self.batch(rows))
        return logs, state

    def pads_to(self, size: int, rest: int) -> bool:
        """Whether a batch of `rest` rows is to be filled up to `size`."""
        batches = (jax.eval_shape(self.batch, abstract((n,), jnp.int32)) for n in (size, rest))
        names = (step_name(self.kind, batch) for batch in batches)
        return self.pads and self.steps.pads(*names)

    def padded(self, rest: int) -> _Step:
        """The step over `(rows, whether they are full)`; else the first `rest` rows count."""

        def run(state: Any, rows: tuple[jax.Array, jax.Array]) -> tuple[TracedLogs, Any]:
            batch = self.batch(rows[0])
            logs, state = self.steps.padded(
                self.kind, rest, self.constants, state, batch, is_full=rows[1]
            )
            return logs, state

        return run


def _sweep(
    step: _Stepper, state: Any, rows: jax.Array, size: int, guard: NanGuard | None = None
) -> tuple[Any, TracedLogs]:
    """Step through rows int32 `[sample]` in batches of `size` and a last partial one.

    Returns:
        The state after the last step, and its logs.
    """
    full, rest = divmod(rows.shape[0], size)
    logs: TracedLogs = {}
    if full and rest and step.pads_to(size, rest):
        # Rows that do not count are rows of the same epoch: what is finite stays so.
        filled = jnp.concatenate([rows, rows[: size - rest]]).reshape(full + 1, size)
        is_full = jnp.arange(full + 1) < full
        return _scan(step.padded(rest), state, (filled, is_full), guard)
    if full:
        state, logs = _scan(step.one, state, rows[: full * size].reshape(full, size), guard)
    if rest and guard is not None:
        guard = guard.after(logs) if full else guard
        state, last = _scan(step.one, state, rows[None, full * size :], guard)
        logs = joined(logs, last) if full else last
    elif rest:
        logs, state = step.one(state, rows[full * size :])
    return state, dict(logs)


def _scan(step: _Step, state: Any, batches: Any, guard: NanGuard | None) -> tuple[Any, TracedLogs]:
    """Step through batches, `[step, ...]` each leaf, while `guard` (if there is one) lets it go on.

    Returns:
        The state after the last step that was taken, and its logs.
    """
    carried = packed(state)
    if guard is None:

        def scanned(carry: Any, batch: Any) -> tuple[Any, TracedLogs]:
            logs, new = step(unpacked(carry, state), batch)
            return packed(new), logs

        carried, of_steps = jax.lax.scan(scanned, carried, batches)
        return unpacked(carried, state), jax.tree.map(lambda a: a[-1], of_steps)

    def guarded(
        carry: tuple[Any, NanGuard], batch: Any
    ) -> tuple[tuple[Any, NanGuard], tuple[TracedLogs, Any]]:
        old, guard = carry
        logs, new = step(unpacked(old, state), batch)
        after = choose(guard.goes_on, packed(new), old), guard.after(logs)
        return after, (dict(logs), guard.goes_on)

    (carried, _), (of_steps, ran) = jax.lax.scan(guarded, (carried, guard), batches)
    taken = ran.sum()
    last = jax.tree.map(lambda a: a[taken - 1], of_steps) | {STEPS_RUN: taken}
    return unpacked(carried, state), last
