"""Train the members of one cohort together, epoch by epoch, with Keras's callbacks for each."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras

from kohort.design import keras_seam
from kohort.design.fusable import not_fused, why_not_fused
from kohort.engine import layout
from kohort.engine.at_once import Clock, Running, Training, outcomes
from kohort.engine.bench import Bench
from kohort.engine.callbacks import has_diverged
from kohort.engine.checkpoint import (
    Arrays,
    Checkpoint,
    can_go_on,
    kept_callbacks,
    restore_callbacks,
)
from kohort.engine.cohort import Cohort
from kohort.engine.events import Block, Ended, EpochRecord, Events, Laid, Logs
from kohort.engine.memory import TooLargeError, telling_full
from kohort.engine.program import STEPS_RUN, EpochSpec
from kohort.engine.runners import Call
from kohort.errors import DesignError, ModelError


def train(cohort: Cohort, trains: int, begun: Sequence[Block] = ()) -> Events:
    """Train the members of a cohort; their models end trained in place.

    Members train in blocks, side by side in each. Blocks follow one another, or several train at
    once, an epoch of each by a call of its own: what a member becomes does not depend on them.

    Args:
        cohort: The members.
        trains: How many of them, the first ones, train; the others only tell which constants are
            inputs of the program.
        begun: The blocks in which they train, some of which may go on from a checkpoint. None
            where they are to be laid out anew.

    Yields:
        How blocks are laid out; for each block one record of each epoch, after the callbacks have
        seen it, and its end.

    Raises:
        DesignError: One member alone does not fit in memory.
    """
    blocks = _Blocks(cohort, deque(begun))
    if not begun:
        yield blocks.lay_out(range(trains), cohort.chunk())
    try:
        while blocks.pending or blocks.running:
            yield from blocks.epoch()
    finally:
        blocks.close()


class _Blocks:
    """The blocks of a cohort: those that train, and those to come."""

    def __init__(self, cohort: Cohort, pending: deque[Block]) -> None:
        self._cohort, self._lists = cohort, _Lists(cohort)
        self.pending = pending
        self.running: list[Running] = []
        self._clock = Clock(self.running)
        self._alone = False

    def lay_out(self, members: Sequence[int], chunk: int) -> Laid:
        """Let members begin in blocks of a size, in the place of those that were to begin."""
        seats = layout.blocks(members, self._cohort.order_of, chunk)
        going_on = [block for block in self.pending if block.checkpoint is not None]
        self.pending = deque([*map(Block, seats), *going_on])
        return Laid([block.seats for block in self.pending])

    def epoch(self) -> Events:
        """Train an epoch of each block that trains, after as many have begun as can."""
        while self.pending and len(self.running) < self._at_once():
            self._clock.tick()
            block = self.pending.popleft()
            self.running.append(Running(block, _train_block(self._cohort, block, self._lists)))
            yield from self._go_on(self.running[-1], None)
        told = list(self.running)
        results = outcomes([own.call for own in told if own.call], self._cohort.training.memory)
        for place, own in enumerate(told):
            more = not all(isinstance(later, Exception) for later in results[place + 1 :])
            yield from self._go_on(own, results[place], more=more, crowded=len(told) > 1)

    def close(self) -> None:
        """End the blocks that train."""
        for own in self.running:
            own.events.close()

    def _at_once(self) -> int:
        """How many blocks train at once: one more where it would be left to train alone."""
        if self._alone:
            return 1
        left, most = len(self.pending) + len(self.running), self._cohort.at_once
        return left if most > 1 and left <= most + 1 else most

    def _go_on(
        self, own: Running, outcome: Any, *, more: bool = False, crowded: bool = False
    ) -> Events:
        """Let a block take what its call gave, and go on up to its next one."""
        try:
            for record in own.go_on(outcome):
                self._clock.tick()
                yield record._replace(seconds=own.seconds, more=more)
        except TooLargeError as error:
            self.running.remove(own)
            yield from self._begin_again(own.block, error, crowded=crowded or bool(self.running))
            return
        if own.call is None:
            self._clock.tick()
            self.running.remove(own)
            yield Ended(sorted(set(own.block.seats)), own.seconds)

    def _begin_again(self, block: Block, error: TooLargeError, *, crowded: bool) -> Events:
        """Let a block that has not fitted in memory begin again: alone, or else in two."""
        self.pending.appendleft(block)
        if crowded:
            self._alone = True
            return
        if block.checkpoint is not None or not self._cohort.can_begin_again:
            raise _grown(error) from error
        size = len(set(block.seats))
        if size == 1:
            raise DesignError(
                "a model that fits in memory with its data", str(error), _MEND
            ) from error
        begin = [own.seats for own in self.pending if own.checkpoint is None]
        yield self.lay_out(sorted({m for seats in begin for m in seats}), -(-size // 2))


_MEND = "allow more memory, or use smaller batches or a smaller model"


def _train_block(cohort: Cohort, block: Block, lists: "_Lists") -> Training:
    """Train one block of members, all epochs that are left.

    Yields:
        Each epoch, ready to run, for what it gives; and what that measured.
    """
    models, training = cohort.models, cohort.training
    runner = cohort.runner(block.seats)
    bench = Bench(models, cohort.steps, runner, block.seats, training.restore_best)
    members = list(bench.active)
    watched = any(cohort.callbacks[member] for member in members)
    first = training.initial_epoch
    logs: dict[int, Logs] = {}
    lists.begin(members)
    if block.checkpoint is not None:
        bench.restore(block.checkpoint.arrays, block.checkpoint.state["bench"])
        logs |= lists.restore(members, block.checkpoint)
        runner.skip(block.checkpoint.epoch - first)
        first = block.checkpoint.epoch
    with _left_in_models(bench, [models[m] for m in members], finalize=training.epochs > 0):
        for epoch in range(first, training.epochs):
            if not bench.active:
                break
            lists.on_epoch_begin(bench.active, epoch)
            if watched or bench.is_empty:
                # Callbacks may have changed weights or learning rates: Keras reads them again too.
                bench.seat()
            spec = cohort.spec._replace(validate=cohort.spec.validate and training.validates(epoch))
            # Models that nobody watches are as they were before the first epoch.
            can_retry = not watched or epoch == first
            seen = yield from _epoch(bench, spec, can_retry=can_retry)
            if watched:
                bench.write_back()
            logs |= seen
            is_news = lists.on_epoch_end(bench.active, epoch, seen)
            bench.retire([m for m in bench.active if models[m].stop_training])
            if training.stop_diverged:
                bench.retire([m for m in bench.active if has_diverged(seen[m])], diverged=True)
            if is_news:
                keep = partial(_checkpoint, bench, lists, members, epoch + 1, logs, watched=watched)
                is_kept = training.restore_best and lists.can_go_on(members)
                is_last = epoch + 1 == training.epochs or not bench.active
                yield EpochRecord(epoch, seen, len(bench.seats), keep if is_kept else None, is_last)
    lists.end(members, logs)
    # Last, as callbacks may have put back the weights of an epoch that they liked best.
    bench.restore_best()


def _checkpoint(
    bench: Bench,
    lists: "_Lists",
    members: list[int],
    epoch: int,
    logs: dict[int, Logs],
    *,
    watched: bool,
) -> Checkpoint:
    """A block after an epoch, with what its callbacks remember."""
    if watched:
        bench.seat()
    arrays, seats = bench.kept()
    told, callbacks = lists.kept(members)
    last = [logs[member] for member in members]
    return Checkpoint(epoch, arrays | told, {"bench": seats, "callbacks": callbacks, "logs": last})


def _epoch(
    bench: Bench, spec: EpochSpec, *, can_retry: bool
) -> Generator[Call[dict[str, Any]], dict[str, Any], dict[int, Logs]]:
    try:
        with telling_full():
            return bench.end((yield bench.begin(spec)))
    except TooLargeError as error:
        if can_retry:
            raise
        raise _grown(error) from error


def _grown(error: TooLargeError) -> DesignError:
    return DesignError(
        "memory for the members that train side by side",
        f"{error}, after they have begun",
        "allow or free more memory, or begin anew with fewer side by side (chunk_size)",
    )


class _Lists:
    """Keras's callback containers, one for each member, and what they have been told."""

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._lists: dict[int, keras.callbacks.CallbackList] = {}
        self._entered: dict[int, int] = {}
        self._left: dict[int, int] = {}

    def begin(self, members: Sequence[int]) -> None:
        """Tell members that training begins, unless they have been told."""
        training = self._cohort.training
        for member in members:
            if member not in self._lists:
                model = self._cohort.models[member]
                model.stop_training = False
                self._lists[member] = keras_seam.callback_list(
                    model,
                    self._cohort.callbacks[member],
                    epochs=training.epochs,
                    steps=self._cohort.steps_an_epoch,
                )
                self._lists[member].on_train_begin()

    def on_epoch_begin(self, members: Sequence[int], epoch: int) -> None:
        """Tell members that an epoch begins; those that train it once more know it already."""
        for member in members:
            if self._entered.get(member, -1) < epoch:
                self._entered[member] = epoch
                self._lists[member].on_epoch_begin(epoch)

    def on_epoch_end(self, members: Sequence[int], epoch: int, seen: dict[int, Logs]) -> bool:
        """Tell members what an epoch measured; whether that was news."""
        news = [member for member in members if self._left.get(member, -1) < epoch]
        for member in news:
            self._left[member] = epoch
            steps = seen[member].pop(STEPS_RUN, None)
            if steps is not None:
                running = {k: v for k, v in seen[member].items() if not k.startswith("val_")}
                keras_seam.tell_nan(self._cohort.callbacks[member], int(steps) - 1, running)
            tested = {
                k.removeprefix("val_"): v for k, v in seen[member].items() if k.startswith("val_")
            }
            if tested:
                # The evaluation is over when a callback hears of it: its beginning and its end.
                self._lists[member].on_test_begin()
                self._lists[member].on_test_end(tested)
            self._lists[member].on_epoch_end(epoch, seen[member])
        return bool(news)

    def can_go_on(self, members: Sequence[int]) -> bool:
        """Whether all that the callbacks of members remember can be kept."""
        return all(can_go_on(self._cohort.callbacks[member]) for member in members)

    def kept(self, members: Sequence[int]) -> tuple[Arrays, list[list[dict[str, Any]]]]:
        """What the callbacks of members remember."""
        arrays: Arrays = {}
        counted = []
        for place, member in enumerate(members):
            own, counts = kept_callbacks(f"callbacks {place}", self._cohort.callbacks[member])
            arrays |= own
            counted.append(counts)
        return arrays, counted

    def restore(self, members: Sequence[int], checkpoint: Checkpoint) -> dict[int, Logs]:
        """Let the callbacks of members remember it again; the last logs of each."""
        for place, member in enumerate(members):
            own = checkpoint.state["callbacks"][place]
            callbacks = self._cohort.callbacks[member]
            restore_callbacks(f"callbacks {place}", callbacks, checkpoint.arrays, own)
        return dict(zip(members, checkpoint.state["logs"], strict=True))

    def end(self, members: Sequence[int], logs: dict[int, Logs]) -> None:
        """Tell members that training has ended."""
        for member in members:
            self._lists[member].on_train_end(logs.get(member, {}))


def check_fusable(models: Sequence[keras.Model]) -> None:
    """Refuse what the fused engine cannot train.

    Raises:
        ModelError: Keras runs on another backend than JAX, or a model trains in its own way.
    """
    if keras.backend.backend() != "jax":
        raise ModelError(
            "Keras on its JAX backend for engine='fused'",
            f"the {keras.backend.backend()} backend",
            "set KERAS_BACKEND=jax before Keras is imported, or pass engine='keras'",
        )
    for model in models:
        reason = why_not_fused(model)
        if reason is not None:
            raise not_fused(model, reason)


@contextmanager
def _left_in_models(
    bench: Bench, models: Sequence[keras.Model], *, finalize: bool
) -> Iterator[None]:
    """However training ends, the models have the state that it reached.

    Where it is to begin again, with less in memory, they stay as they are.
    """
    begins_again = False
    try:
        yield
    except TooLargeError:
        begins_again = True
        raise
    finally:
        if not begins_again:
            bench.write_back()
            for model in models if finalize else ():
                model.optimizer.finalize_variable_values(model.trainable_variables)
