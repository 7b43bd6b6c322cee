"""Train the members of one cohort together, epoch by epoch, with Keras's callbacks for each."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras

from kohort.design import keras_seam
from kohort.design.fusable import not_fused, why_not_fused
from kohort.engine import layout
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
from kohort.errors import DesignError, ModelError


def train(cohort: Cohort, begun: Sequence[Block] = ()) -> Events:
    """Train the members of a cohort; their models end trained in place.

    Members train in blocks, side by side in each, one block after another.

    Args:
        cohort: The members.
        begun: The blocks in which they train, some of which may go on from a checkpoint. None
            where they are to be laid out anew.

    Yields:
        How blocks are laid out; for each block one record of each epoch, after the callbacks have
        seen it, and its end.

    Raises:
        DesignError: One member alone does not fit in memory.
    """
    members = range(len(cohort.models))
    lists = _Lists(cohort)
    pending = deque(begun)
    if not pending:
        pending = _laid_out(cohort, members, cohort.layout().chunk)
        yield Laid([block.seats for block in pending])
    while pending:
        block = pending.popleft()
        try:
            yield from _train_block(cohort, block, lists)
        except TooLargeError as error:
            size = len(set(block.seats))
            if size == 1:
                raise DesignError(
                    "a model that fits in memory with its data", str(error), _MEND
                ) from error
            going_on = [own for own in pending if own.checkpoint is not None]
            begin = [own.seats for own in (block, *pending) if own.checkpoint is None]
            left = sorted({member for seats in begin for member in seats})
            pending = deque([*_laid_out(cohort, left, -(-size // 2)), *going_on])
            yield Laid([own.seats for own in pending])
            continue
        yield Ended(sorted(set(block.seats)))


def _laid_out(cohort: Cohort, members: Sequence[int], chunk: int) -> deque[Block]:
    return deque(Block(seats) for seats in layout.blocks(members, cohort.order_of, chunk))


_MEND = "allow more memory, or use smaller batches or a smaller model"


def _train_block(cohort: Cohort, block: Block, lists: "_Lists") -> Iterator[EpochRecord]:
    """Train one block of members, all epochs that are left."""
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
    with _left_in_models(bench, [models[member] for member in members]):
        for epoch in range(first, training.epochs):
            if not bench.active:
                break
            lists.on_epoch_begin(bench.active, epoch)
            if watched or bench.is_empty:
                # Callbacks may have changed weights or learning rates: Keras reads them again too.
                bench.seat()
            spec = cohort.spec._replace(validate=cohort.spec.validate and training.validates(epoch))
            # Models that nobody watches are as they were before the first epoch.
            can_retry = block.checkpoint is None and (
                not watched or epoch == training.initial_epoch
            )
            seen = _epoch(bench, spec, can_retry=can_retry)
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


def _epoch(bench: Bench, spec: EpochSpec, *, can_retry: bool) -> dict[int, Logs]:
    try:
        with telling_full():
            return bench.epoch(spec)
    except TooLargeError as error:
        if can_retry:
            raise
        raise DesignError(
            "memory for the members that train side by side",
            f"{error}, after they have begun",
            "train fewer side by side (chunk_size), or free memory",
        ) from error


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
def _left_in_models(bench: Bench, models: Sequence[keras.Model]) -> Iterator[None]:
    """However training ends, the models have the state that it reached."""
    try:
        yield
    finally:
        bench.write_back()
        for model in models:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        bench.restore_best()
