"""One epoch of a cohort as one compiled program.

Written for one member with Keras's own stateless steps, then vmapped over the members that train
side by side: the whole epoch (training, then evaluation on the training and the validation data) is
a single XLA program. Data that do not fit on the device come in segments, each a run of batches; a
segment is a program of its own (`segment_of_one`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from kohort.data.dataset import PixelScale
from kohort.engine.lowering.carries import packed, unpacked
from kohort.engine.program.guard import STEPS_RUN, NanGuard, TracedLogs, choose, joined
from kohort.engine.program.steps import Constants, Steps
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State


class EpochSpec(NamedTuple):
    """What of an epoch is fixed when it is compiled.

    Args:
        batch_size: Samples a step, in training.
        validate: Whether to evaluate on validation data.
        evaluate_train: Whether to evaluate on the training data.
        pixels: How stored pixels become model inputs; None where inputs are stored.
        valid_batch_size: Samples a step in validation; `batch_size` where it is None.
    """

    batch_size: int
    validate: bool
    evaluate_train: bool
    pixels: PixelScale | None = None
    valid_batch_size: int | None = None


class EpochInputs(NamedTuple):
    """What an epoch reads.

    Rows index samples: `[sample]` where members share them, else `[member, sample]`. Constants
    are `Steps.constants`, each `[member]`. Of members some of which stop at NaN, `stops` tells
    which, bool `[member]`.
    """

    train: ArrayTree
    order: jax.Array  # int32, the training samples in the order of this epoch
    measured: jax.Array  # int32, those that are evaluated
    valid: ArrayTree
    valid_rows: jax.Array  # int32
    constants: Constants
    stops: jax.Array | None = None


def epoch_of_one(
    steps: Steps, spec: EpochSpec
) -> Callable[[State, EpochInputs], tuple[State, TracedLogs]]:
    """One epoch of one member: `(state, feed) -> (state, logs)`, as `keras.Model.fit` runs it.

    The logs carry Keras's keys: the running train metrics, then `val_` metrics. With
    `spec.evaluate_train` they carry the train metrics in inference mode at the epoch's end too, as
    `eval_`, and each loss without the weights' penalties, as `eval_data_loss` and
    `val_data_loss`.
    """
    fresh = steps.fresh_metrics

    def batch(data: ArrayTree, rows: jax.Array) -> ArrayTree:
        return scaled(spec.pixels, jax.tree.map(lambda a: a[rows], data))

    def train(state: State, feed: EpochInputs) -> tuple[State, TracedLogs]:
        state, logs = _sweep(
            lambda s, rows: steps.train(feed.constants, s, batch(feed.train, rows)),
            (*state[:3], fresh),
            feed.order,
            spec.batch_size,
            NanGuard.of(feed.stops),
        )
        return state, _told(steps, feed.constants, state[-1], logs)

    def evaluate(
        state: State, feed: EpochInputs, data: ArrayTree, rows: jax.Array, size: int
    ) -> tuple[State, TracedLogs]:
        trainable, rest, optimizer, _ = state
        (trainable, rest, metrics), logs = _sweep(
            lambda s, r: steps.test(feed.constants, s, batch(data, r)),
            (trainable, rest, fresh),
            rows,
            size,
        )
        return (trainable, rest, optimizer, metrics), _told(steps, feed.constants, metrics, logs)

    def epoch(state: State, feed: EpochInputs) -> tuple[State, TracedLogs]:
        state, logs = train(state, feed)
        penalty = steps.penalty(feed.constants, state[0]) if spec.evaluate_train else None
        if spec.evaluate_train:
            # Its state is dropped: looking at a member must not change how it goes on.
            _, seen = evaluate(state, feed, feed.train, feed.measured, spec.batch_size)
            logs |= measured("eval_", seen, penalty)
        if spec.validate:
            # Its state is kept, as Keras keeps it.
            size = spec.valid_batch_size or spec.batch_size
            state, seen = evaluate(state, feed, feed.valid, feed.valid_rows, size)
            logs |= measured("val_", seen, penalty)
        return state, logs

    return epoch


def segment_of_one(
    steps: Steps, kind: Literal["train", "test"], pixels: PixelScale | None
) -> Callable[..., tuple[Any, TracedLogs]]:
    """A run of batches of one member: `(state, constants, guard, batches) -> (state, logs)`.

    Args:
        steps: What the member runs.
        kind: Which step. The state of "test" is without the optimizer's.
        pixels: As in `EpochSpec`.
    """
    step = steps.train if kind == "train" else steps.test

    def segment(
        state: Any, constants: Constants, guard: NanGuard | None, batches: ArrayTree
    ) -> tuple[Any, TracedLogs]:
        def one(held: Any, batch: ArrayTree) -> Any:
            return step(constants, held, scaled(pixels, batch))

        state, logs = _scan(one, state, batches, guard)
        return state, _told(steps, constants, state[-1], logs)

    return segment


def _told(steps: Steps, constants: Constants, metrics: list[Any], logs: TracedLogs) -> TracedLogs:
    """The logs as Keras tells them, and how many steps were taken where that was counted."""
    counted = {name: value for name, value in logs.items() if name == STEPS_RUN}
    own = {name: value for name, value in logs.items() if name != STEPS_RUN}
    told: TracedLogs = steps.reported(constants, metrics, own)
    return told | counted


def measured(prefix: str, seen: TracedLogs, penalty: Any) -> TracedLogs:
    """The logs of an evaluation, and where a penalty is given the loss without it."""
    logs = {prefix + name: value for name, value in _flat(seen).items()}
    if penalty is not None and "loss" in seen:
        logs[f"{prefix}data_loss"] = seen["loss"] - penalty
    return logs


def _flat(logs: Mapping[str, Any]) -> TracedLogs:
    """TracedLogs without the level of a metric that says several things, as Keras flattens them."""
    flat: TracedLogs = {}
    for name, value in logs.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return flat


def scaled(pixels: PixelScale | None, batch: ArrayTree) -> ArrayTree:
    """A batch as the model takes it: pixels stay uint8 until here."""
    if pixels is None:
        return batch
    x, *rest = batch
    return (x.astype(jnp.float32) * pixels.factor + pixels.offset, *rest)


def batch_sizes(samples: int, batch_size: int) -> list[int]:
    """The sizes of the batches that samples are cut into: full ones, and a last partial one."""
    full, rest = divmod(samples, batch_size)
    return [batch_size] * (full > 0) + [rest] * (rest > 0)


type _Step = Callable[[Any, Any], tuple[TracedLogs, Any]]


def _sweep(
    step: _Step, state: Any, rows: jax.Array, size: int, guard: NanGuard | None = None
) -> tuple[Any, TracedLogs]:
    """Step through `rows` in batches of `size` and a last partial one; the last step's logs."""
    full, rest = divmod(rows.shape[0], size)
    logs: TracedLogs = {}
    if full:
        state, logs = _scan(step, state, rows[: full * size].reshape(full, size), guard)
    if rest and guard is not None:
        guard = guard.after(logs) if full else guard
        state, last = _scan(step, state, rows[None, full * size :], guard)
        logs = joined(logs, last) if full else last
    elif rest:
        logs, state = step(state, rows[full * size :])
    return state, dict(logs)


def _scan(step: _Step, state: Any, batches: Any, guard: NanGuard | None) -> tuple[Any, TracedLogs]:
    """Step through batches while `guard` lasts, where it is given; the logs of the last step."""
    carried = packed(state)
    if guard is None:

        def scanned(held: Any, batch: Any) -> tuple[Any, TracedLogs]:
            logs, new = step(unpacked(held, state), batch)
            return packed(new), logs

        carried, every = jax.lax.scan(scanned, carried, batches)
        return unpacked(carried, state), jax.tree.map(lambda a: a[-1], every)

    def guarded(
        carry: tuple[Any, NanGuard], batch: Any
    ) -> tuple[tuple[Any, NanGuard], tuple[TracedLogs, Any]]:
        held, guard = carry
        logs, new = step(unpacked(held, state), batch)
        after = choose(guard.goes_on, packed(new), held), guard.after(logs)
        return after, (dict(logs), guard.goes_on)

    (carried, _), (every, ran) = jax.lax.scan(guarded, (carried, guard), batches)
    taken = ran.sum()
    last = jax.tree.map(lambda a: a[taken - 1], every) | {STEPS_RUN: taken}
    return unpacked(carried, state), last
