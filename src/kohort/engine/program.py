"""One epoch of a cohort as one compiled program.

Written for one member with Keras's own stateless steps, then vmapped over the members that train
side by side: the whole epoch (training, then evaluation on the training and the validation data) is
a single XLA program. Data that do not fit on the device come in segments, each a run of batches; a
segment is a program of its own (`segment_of_one`).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from kohort.data.dataset import PixelScale
from kohort.design.keras_seam import Arrays, State
from kohort.engine import cache
from kohort.engine.memory import needed_by
from kohort.engine.narrow import packed, unpacked
from kohort.engine.steps import Constants, Steps

type Logs = dict[str, Any]

STEPS_RUN = "steps run"
"""In the logs of a program that stops at NaN: the training steps that were taken."""


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


class Feed(NamedTuple):
    """What an epoch reads.

    Rows index samples: `[sample]` where members share them, else `[member, sample]`. Constants
    are `Steps.constants`, each `[member]`. Of members some of which stop at NaN, `stops` tells
    which, bool `[member]`.
    """

    train: Arrays
    order: jax.Array  # int32, the training samples in the order of this epoch
    measured: jax.Array  # int32, those that are evaluated
    valid: Arrays
    valid_rows: jax.Array  # int32
    constants: Constants
    stops: jax.Array | None = None


class Going(NamedTuple):
    """Whether a member that may stop at NaN takes another training step.

    Args:
        now: Whether it does, bool.
        stops: Whether it takes none after one whose loss is NaN or infinite, bool.
    """

    now: Any
    stops: Any

    @classmethod
    def of(cls, stops: jax.Array | None) -> "Going | None":
        """At the beginning of an epoch; None where no member stops."""
        return None if stops is None else cls(jnp.ones_like(stops), stops)

    def after(self, logs: Logs) -> "Going":
        """After the last step that was taken."""
        # A train_step of one's own may report no loss; Keras's TerminateOnNaN passes it by too.
        is_finite = jnp.isfinite(logs.get("loss", jnp.float32(0)))
        return self._replace(now=self.now & (is_finite | ~self.stops))


def epoch_of_one(steps: Steps, spec: EpochSpec) -> Callable[[State, Feed], tuple[State, Logs]]:
    """One epoch of one member: `(state, feed) -> (state, logs)`, as `keras.Model.fit` runs it.

    The logs carry Keras's keys: the running train metrics, then `val_` metrics. With
    `spec.evaluate_train` they carry the train metrics in inference mode at the epoch's end too, as
    `eval_`, and each loss without the weights' penalties, as `eval_data_loss` and
    `val_data_loss`.
    """
    fresh = steps.fresh_metrics

    def batch(data: Arrays, rows: jax.Array) -> Arrays:
        return scaled(spec.pixels, jax.tree.map(lambda a: a[rows], data))

    def train(state: State, feed: Feed) -> tuple[State, Logs]:
        state, logs = _sweep(
            lambda s, rows: steps.train(feed.constants, s, batch(feed.train, rows)),
            (*state[:3], fresh),
            feed.order,
            spec.batch_size,
            Going.of(feed.stops),
        )
        return state, _told(steps, feed.constants, state[-1], logs)

    def evaluate(
        state: State, feed: Feed, data: Arrays, rows: jax.Array, size: int
    ) -> tuple[State, Logs]:
        trainable, rest, optimizer, _ = state
        (trainable, rest, metrics), logs = _sweep(
            lambda s, r: steps.test(feed.constants, s, batch(data, r)),
            (trainable, rest, fresh),
            rows,
            size,
        )
        return (trainable, rest, optimizer, metrics), _told(steps, feed.constants, metrics, logs)

    def epoch(state: State, feed: Feed) -> tuple[State, Logs]:
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
) -> Callable[..., tuple[Any, Logs]]:
    """A run of batches of one member: `(state, constants, going, batches) -> (state, logs)`.

    Args:
        steps: What the member runs.
        kind: Which step. The state of "test" is without the optimizer's.
        pixels: As in `EpochSpec`.
    """
    step = steps.train if kind == "train" else steps.test

    def segment(
        state: Any, constants: Constants, going: Going | None, batches: Arrays
    ) -> tuple[Any, Logs]:
        def one(held: Any, batch: Arrays) -> Any:
            return step(constants, held, scaled(pixels, batch))

        state, logs = _scan(one, state, batches, going)
        return state, _told(steps, constants, state[-1], logs)

    return segment


def _told(steps: Steps, constants: Constants, metrics: list[Any], logs: Logs) -> Logs:
    """The logs as Keras tells them, and how many steps were taken where that was counted."""
    counted = {name: value for name, value in logs.items() if name == STEPS_RUN}
    own = {name: value for name, value in logs.items() if name != STEPS_RUN}
    told: Logs = steps.told(constants, metrics, own)
    return told | counted


class Program(NamedTuple):
    """A compiled program.

    Args:
        run: Calls it.
        needed: Bytes that it takes while it runs; to tell takes XLA longer than a short epoch.
    """

    run: jax.stages.Compiled
    needed: int


def compile_epoch(steps: Steps, spec: EpochSpec, state: State, feed: Feed) -> Program:
    """Compile an epoch for all seats: `(state, *feed) -> (state, logs)`, stacked by seat.

    Args:
        steps: What the members run.
        spec: What else is fixed at compile time.
        state: Each leaf `[seat, ...]`; donated at every call.
        feed: What an epoch reads.
    """
    epoch = epoch_of_one(steps, spec)
    rows = [_member_axis(own) for own in (feed.order, feed.measured, feed.valid_rows)]
    axes = (0, None, rows[0], rows[1], None, rows[2], 0, 0)
    return compile_for_seats(lambda state, *fields: epoch(state, Feed(*fields)), axes, state, *feed)


def compile_for_seats(
    of_one: Callable[..., Any], axes: tuple[int | None, ...], *arguments: Any, donate: bool = True
) -> Program:
    """Compile a function of one member for all seats.

    Args:
        of_one: The function.
        axes: For each argument 0 where its leaves are `[seat, ...]`, None where seats share it.
        *arguments: Examples; the first is `[seat, ...]`.
        donate: Whether the first is donated at every call.
    """
    of_all = over_seats(of_one, axes, seats=seats_of(arguments[0]))
    lowered = jax.jit(of_all, donate_argnums=(0,) if donate else ()).lower(*arguments)
    with cache.persistent():
        compiled = lowered.compile()
    return Program(compiled, needed_by(compiled))


def seats_of(state: Any) -> int:
    """The number of seats of a stacked state."""
    return int(jax.tree.leaves(state)[0].shape[0])


def over_seats(
    of_one: Callable[..., Any], axes: tuple[int | None, ...], *, seats: int
) -> Callable[..., Any]:
    """A function of one member for all seats; one seat runs as it is, without `jax.vmap`."""
    if seats > 1:
        return jax.vmap(of_one, in_axes=axes)

    def of_only(*arguments: Any) -> Any:
        own = [
            given if axis is None else jax.tree.map(lambda leaf: leaf[0], given)
            for axis, given in zip(axes, arguments, strict=True)
        ]
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], of_one(*own))

    return of_only


class Programs:
    """The programs that this process has compiled; the ones used longest ago are forgotten.

    The key is that of the steps, which stands for all that they compute, with what else a
    program depends on: its spec, and the shapes of all that it reads.

    Args:
        size: How many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Program] = OrderedDict()

    def get(self, key: Hashable, arguments: Any, make: Callable[[], Program]) -> Program:
        """The program of `key` for arguments of these shapes, made unless it is kept."""
        leaves, structure = jax.tree.flatten(arguments)
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        whole = (key, structure, shapes)
        if whole not in self._kept:
            self._kept[whole] = make()
        self._kept.move_to_end(whole)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return self._kept[whole]

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


PROGRAMS = Programs(size=64)


def measured(prefix: str, seen: Logs, penalty: Any) -> Logs:
    """The logs of an evaluation, and where a penalty is given the loss without it."""
    logs = {prefix + name: value for name, value in _flat(seen).items()}
    if penalty is not None and "loss" in seen:
        logs[f"{prefix}data_loss"] = seen["loss"] - penalty
    return logs


def _flat(logs: Mapping[str, Any]) -> Logs:
    """Logs without the level of a metric that says several things, as Keras flattens them."""
    flat: Logs = {}
    for name, value in logs.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return flat


def scaled(pixels: PixelScale | None, batch: Arrays) -> Arrays:
    """A batch as the model takes it: pixels stay uint8 until here."""
    if pixels is None:
        return batch
    x, *rest = batch
    return (x.astype(jnp.float32) * pixels.factor + pixels.offset, *rest)


def batch_sizes(samples: int, batch_size: int) -> list[int]:
    """The sizes of the batches that samples are cut into: full ones, and a last partial one."""
    full, rest = divmod(samples, batch_size)
    return [batch_size] * (full > 0) + [rest] * (rest > 0)


def stack(states: Sequence[State]) -> State:
    """States of several members as one, each leaf `[member, ...]`."""
    stacked: State = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    return stacked


def _member_axis(rows: jax.Array) -> int | None:
    return 0 if rows.ndim == 2 else None


type _Step = Callable[[Any, Any], tuple[Logs, Any]]


def _sweep(
    step: _Step, state: Any, rows: jax.Array, size: int, going: Going | None = None
) -> tuple[Any, Logs]:
    """Step through `rows` in batches of `size` and a last partial one; the last step's logs."""
    full, rest = divmod(rows.shape[0], size)
    logs: Logs = {}
    if full:
        state, logs = _scan(step, state, rows[: full * size].reshape(full, size), going)
    if rest and going is not None:
        going = going.after(logs) if full else going
        state, last = _scan(step, state, rows[None, full * size :], going)
        logs = joined(logs, last) if full else last
    elif rest:
        logs, state = step(state, rows[full * size :])
    return state, dict(logs)


def _scan(step: _Step, state: Any, batches: Any, going: Going | None) -> tuple[Any, Logs]:
    """Step through batches while `going` lasts, where it is given; the logs of the last step."""
    carried = packed(state)
    if going is None:

        def scanned(held: Any, batch: Any) -> tuple[Any, Logs]:
            logs, new = step(unpacked(held, state), batch)
            return packed(new), logs

        carried, every = jax.lax.scan(scanned, carried, batches)
        return unpacked(carried, state), jax.tree.map(lambda a: a[-1], every)

    def guarded(carry: tuple[Any, Going], batch: Any) -> tuple[tuple[Any, Going], tuple[Logs, Any]]:
        held, going = carry
        logs, new = step(unpacked(held, state), batch)
        after = _choose(going.now, packed(new), held), going.after(logs)
        return after, (dict(logs), going.now)

    (carried, _), (every, ran) = jax.lax.scan(guarded, (carried, going), batches)
    taken = ran.sum()
    last = jax.tree.map(lambda a: a[taken - 1], every) | {STEPS_RUN: taken}
    return unpacked(carried, state), last


def joined(before: Logs, after: Logs) -> Logs:
    """The logs of two runs of batches, one after the other, of a member that stops at NaN."""
    steps = before[STEPS_RUN] + after[STEPS_RUN]
    chosen: Logs = _choose(after[STEPS_RUN] > 0, after, before)
    return chosen | {STEPS_RUN: steps}


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
