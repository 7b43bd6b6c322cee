"""Trains the members of one cohort together: which blocks train, and when.

On CPUs several blocks train at once, an epoch of each by a call of its own. A step has moments that
one core has nothing to do in: between products, in small operations. Another call, in another
thread, fills them. What a block computes does not depend on the others.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from kohort.engine.feed.runner import ReadyEpoch
from kohort.engine.loop import chunking
from kohort.engine.loop.block import Block, grown
from kohort.engine.loop.callback_lists import CallbackLists
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    EpochsMeasured,
    Events,
    MeasuredEpoch,
)
from kohort.engine.memory import TooLargeError
from kohort.errors import DesignError

_MEND = "allow more memory, or use smaller batches or a smaller model"


def train(cohort: Cohort, trains: int, begun: Sequence[BlockPlan] = ()) -> Events:
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
        How blocks are laid out; after each epoch of all blocks that train what they measured, when
        the callbacks have seen it; and the end of each block.

    Raises:
        DesignError: One member alone does not fit in memory.
    """
    scheduler = Scheduler(cohort, begun)
    if not begun:
        yield scheduler.lay_out(range(trains), cohort.chunk())
    try:
        while scheduler.has_work:
            yield from scheduler.epoch()
    finally:
        scheduler.close()


class Scheduler:
    """The blocks of a cohort: those that train, and those to come.

    Args:
        cohort: The members.
        pending: The blocks to come.
    """

    def __init__(self, cohort: Cohort, pending: Sequence[BlockPlan]) -> None:
        self._cohort, self._lists = cohort, CallbackLists(cohort)
        self._pending = deque(pending)
        self._running: list[Block] = []
        self._clock = Clock(self._running)
        self._trains_alone = False

    @property
    def has_work(self) -> bool:
        """Whether a block trains, or is to come."""
        return bool(self._pending or self._running)

    def lay_out(self, members: Sequence[int], chunk: int) -> BlocksPlanned:
        """Let members begin in blocks of a size, in the place of those that were to begin."""
        seats = chunking.blocks(members, self._cohort.order_of, chunk)
        going_on = [plan for plan in self._pending if plan.checkpoint is not None]
        self._pending = deque([*map(BlockPlan, seats), *going_on])
        return BlocksPlanned([plan.seats for plan in self._pending])

    def epoch(self) -> Events:
        """Train an epoch of each block that trains, after as many have begun as can."""
        for block in list(self._running):
            yield from self._begin_epoch(block)
        while self._pending and len(self._running) < self._at_once():
            self._clock.tick()
            yield from self._begin_block(self._pending.popleft())
        ready = [(block, block.ready) for block in self._running if block.ready]
        if not ready:
            return
        outcomes = run_all([epoch for _, epoch in ready], self._cohort.training.memory)
        self._clock.tick()
        measured: list[MeasuredEpoch] = []
        failed: list[tuple[Block, TooLargeError]] = []
        for (block, _), outcome in zip(ready, outcomes, strict=True):
            try:
                seen = block.end_epoch(outcome)
            except TooLargeError as error:
                failed.append((block, error))
                continue
            measured += [] if seen is None else [seen._replace(seconds=block.seconds)]
        if measured:
            yield EpochsMeasured(measured)
        for block, full in failed:
            yield from self._begin_again(block.plan, full, block, crowded=len(ready) > 1)

    def close(self) -> None:
        """End the blocks that train."""
        for block in self._running:
            block.close()

    def _at_once(self) -> int:
        """How many blocks train at once: one more where it would be left to train alone."""
        if self._trains_alone:
            return 1
        left, most = len(self._pending) + len(self._running), self._cohort.at_once
        return left if most > 1 and left <= most + 1 else most

    def _begin_block(self, plan: BlockPlan) -> Events:
        try:
            block = Block(self._cohort, plan, self._lists)
        except TooLargeError as error:
            yield from self._begin_again(plan, error)
            return
        self._running.append(block)
        yield from self._begin_epoch(block)

    def _begin_epoch(self, block: Block) -> Events:
        """Let a block go on to its next epoch, or end."""
        try:
            goes_on = block.begin_epoch()
        except TooLargeError as error:
            yield from self._begin_again(block.plan, error, block)
            return
        if not goes_on:
            self._clock.tick()
            self._running.remove(block)
            yield BlockEnded(sorted(block.plan.members), block.seconds)

    def _begin_again(
        self,
        plan: BlockPlan,
        error: TooLargeError,
        block: Block | None = None,
        *,
        crowded: bool = False,
    ) -> Events:
        """Let a block that has not fitted in memory begin again: alone, or else in two.

        Args:
            plan: The block as it was to begin.
            error: What did not fit.
            block: The block, where it had begun.
            crowded: Whether others ran beside it.
        """
        if block is not None:
            self._running.remove(block)
        self._pending.appendleft(plan)
        if crowded or self._running:
            self._trains_alone = True
            return
        if plan.checkpoint is not None or not self._cohort.can_begin_again:
            raise grown(error) from error
        size = len(plan.members)
        if size == 1:
            raise DesignError(
                "a model that fits in memory with its data", str(error), _MEND
            ) from error
        begin = [other.members for other in self._pending if other.checkpoint is None]
        yield self.lay_out(sorted({m for members in begin for m in members}), -(-size // 2))


class Clock:
    """Shares the time that passes among the blocks that train.

    Args:
        running: The blocks, a list that changes.
    """

    def __init__(self, running: list[Block]) -> None:
        self._running, self._then = running, time.perf_counter()

    def tick(self) -> None:
        """Share what has passed since the last time."""
        now = time.perf_counter()
        for block in self._running:
            block.seconds += (now - self._then) / len(self._running)
        self._then = now


def run_all(epochs: Sequence[ReadyEpoch[Any]], memory: int) -> list[Future[Any]]:
    """Run epochs, at once where memory holds all; each future has what it gave, or raised."""
    if len(epochs) < 2 or sum(epoch.needed for epoch in epochs) > memory:
        return [_run(epoch.run) for epoch in epochs]
    with ThreadPoolExecutor(len(epochs)) as pool:
        return [pool.submit(epoch.run) for epoch in epochs]


def _run(action: Callable[[], Any]) -> Future[Any]:
    outcome: Future[Any] = Future()
    try:
        outcome.set_result(action())
    except Exception as error:  # noqa: BLE001 (it is raised again where the outcome is asked for)
        outcome.set_exception(error)
    return outcome
