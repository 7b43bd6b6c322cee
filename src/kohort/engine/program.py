"""One epoch of a cohort as one compiled program.

Written for one member with Keras's own stateless steps, then vmapped over members: the whole
epoch (training, then evaluation on the training and the validation data) is a single XLA
program, compiled once per cohort.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kohort.data.dataset import PixelScale
from kohort.design.keras_seam import Arrays, State
from kohort.engine.steps import Constants, Steps

type Logs = dict[str, Any]


class EpochSpec(NamedTuple):
    """What of an epoch is fixed when it is compiled.

    Args:
        batch_size: Samples a step, in training and in evaluation.
        validate: Whether to evaluate on validation data.
        evaluate_train: Whether to evaluate on the training data.
        pixels: How stored pixels become model inputs; None where inputs are stored.
    """

    batch_size: int
    validate: bool
    evaluate_train: bool
    pixels: PixelScale | None = None


class Feed(NamedTuple):
    """What an epoch reads.

    Rows index samples: `[sample]` where members share them, else `[member, sample]`. Constants
    are `Steps.constants`, each `[member]`.
    """

    train: Arrays
    order: jax.Array  # int32, the training samples in the order of this epoch
    valid: Arrays
    valid_rows: jax.Array  # int32
    constants: Constants


def epoch_of_one(steps: Steps, spec: EpochSpec) -> Callable[[State, Feed], tuple[State, Logs]]:
    """One epoch of one member: `(state, feed) -> (state, logs)`, as `keras.Model.fit` runs it.

    The logs carry Keras's keys: the running train metrics, then `val_` metrics. With
    `spec.evaluate_train` they carry the train metrics in inference mode at the epoch's end too, as
    `eval_`, and each loss without the weights' penalties, as `eval_data_loss` and
    `val_data_loss`.
    """
    fresh = steps.fresh_metrics

    def batch(data: Arrays, rows: jax.Array) -> Arrays:
        return _scaled(spec.pixels, jax.tree.map(lambda a: a[rows], data))

    def train(state: State, feed: Feed) -> tuple[State, Logs]:
        return _sweep(
            lambda s, rows: steps.train(feed.constants, s, batch(feed.train, rows)),
            (*state[:3], fresh),
            feed.order,
            spec.batch_size,
        )

    def evaluate(state: State, feed: Feed, data: Arrays, rows: jax.Array) -> tuple[State, Logs]:
        trainable, rest, optimizer, _ = state
        (trainable, rest, metrics), logs = _sweep(
            lambda s, r: steps.test(feed.constants, s, batch(data, r)),
            (trainable, rest, fresh),
            rows,
            spec.batch_size,
        )
        return (trainable, rest, optimizer, metrics), logs

    def penalty(state: State, feed: Feed) -> Any:
        return steps.penalty(feed.constants, state[0]) if spec.evaluate_train else None

    def epoch(state: State, feed: Feed) -> tuple[State, Logs]:
        state, logs = train(state, feed)
        if spec.evaluate_train:
            # Its state is dropped: looking at a member must not change how it goes on.
            _, seen = evaluate(state, feed, feed.train, feed.order)
            logs |= _measured("eval_", seen, penalty(state, feed))
        if spec.validate:
            # Its state is kept, as Keras keeps it.
            state, seen = evaluate(state, feed, feed.valid, feed.valid_rows)
            logs |= _measured("val_", seen, penalty(state, feed))
        return state, logs

    return epoch


def compile_epoch(steps: Steps, spec: EpochSpec, state: State, feed: Feed) -> jax.stages.Compiled:
    """Compile an epoch for all members: `(state, *feed) -> (state, logs)`, stacked by member.

    Args:
        steps: What the members run.
        spec: What else is fixed at compile time.
        state: Each leaf `[member, ...]`; donated at every call.
        feed: What an epoch reads.
    """
    axes = (None, _member_axis(feed.order), None, _member_axis(feed.valid_rows), 0)
    epoch = epoch_of_one(steps, spec)

    def of_one(state: State, *fields: Any) -> tuple[State, Logs]:
        return epoch(state, Feed(*fields))

    of_all = jax.vmap(of_one, in_axes=(0, *axes))
    return jax.jit(of_all, donate_argnums=0).lower(state, *feed).compile()


class Programs:
    """The programs that this process has compiled; the ones used longest ago are forgotten.

    The key is that of the steps, which stands for all that they compute, with what else an
    epoch's program depends on: its spec, and the shapes of state and feed.

    Args:
        size: How many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, jax.stages.Compiled] = OrderedDict()

    def get(self, steps: Steps, spec: EpochSpec, state: State, feed: Feed) -> jax.stages.Compiled:
        """The program of an epoch, compiled unless it is kept; arguments as `compile_epoch`."""
        leaves, structure = jax.tree.flatten((state, feed))
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        key = (steps.key, spec, structure, shapes)
        if key not in self._kept:
            self._kept[key] = compile_epoch(steps, spec, state, feed)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return self._kept[key]

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


PROGRAMS = Programs(size=64)


def _measured(prefix: str, seen: Logs, penalty: Any) -> Logs:
    """The logs of an evaluation, and where a penalty is given the loss without it."""
    logs = {prefix + name: value for name, value in seen.items()}
    if penalty is not None and "loss" in seen:
        logs[f"{prefix}data_loss"] = seen["loss"] - penalty
    return logs


def _member_axis(rows: jax.Array) -> int | None:
    return 0 if rows.ndim == 2 else None


def _sweep(
    step: Callable[[Any, jax.Array], tuple[Logs, Any]], state: Any, rows: jax.Array, size: int
) -> tuple[Any, Logs]:
    """Step through `rows` in batches of `size` and a last partial one; the last step's logs."""
    full, rest = divmod(rows.shape[0], size)
    logs: Logs = {}
    if full:

        def scanned(carry: Any, batch_rows: jax.Array) -> tuple[Any, Logs]:
            logs, carry = step(carry, batch_rows)
            return carry, logs

        state, every = jax.lax.scan(scanned, state, rows[: full * size].reshape(full, size))
        logs = jax.tree.map(lambda a: a[-1], every)
    if rest:
        logs, state = step(state, rows[full * size :])
    return state, dict(logs)


def _scaled(pixels: PixelScale | None, batch: Arrays) -> Arrays:
    """A batch as the model takes it: pixels stay uint8 until here."""
    if pixels is None:
        return batch
    x, *rest = batch
    return (x.astype(jnp.float32) * pixels.factor + pixels.offset, *rest)


def batch_sizes(samples: int, batch_size: int) -> list[int]:
    """The sizes of the batches that samples are cut into: full ones, and a last partial one."""
    full, rest = divmod(samples, batch_size)
    return [batch_size] * (full > 0) + [rest] * (rest > 0)


def stack(states: list[State]) -> State:
    """States of several members as one, each leaf `[member, ...]`."""
    stacked: State = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    return stacked
