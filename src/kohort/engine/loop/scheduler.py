"""Trains the members of one cohort: decides which blocks train, and when.

Where there are several devices a block trains on each, by calls in a thread of its own. On one CPU
several blocks train at once: a step leaves a core idle at times, between products and in small
operations; another call fills these gaps. What a block computes does not depend on the others, nor
on its device.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any, NamedTuple

from kohort.engine.devices import Place
from kohort.engine.feed.runner import ReadyEpoch
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
    """Train the members of a cohort; their models are trained in place.

    Members train in blocks, side by side in each. Blocks follow one another, or several train at
    once. The result of a member does not depend on other blocks.

    Args:
        cohort: The members.
        trains: How many of them train, the first ones. The others only determine which constants
            are inputs of the program.
        begun: The blocks in which they train, some of which may resume from a checkpoint. Empty
            to lay out new blocks.

    Yields:
        The layout of blocks; what the blocks that train measured, after an epoch of each and after
        the callbacks; and the end of each block.

    Raises:
        DesignError: One member alone does not fit in memory.
    """
    scheduler = Scheduler(cohort, begun)
    if not begun:
        yield scheduler.lay_out(range(trains), cohort.chunk)
    try:
        while scheduler.has_work:
            yield from scheduler.epoch()
    finally:
        scheduler.close()


class Scheduler:
    """The blocks of a cohort: those that train, and those that will.

    Args:
        cohort: The members.
        pending: The blocks that will train.
    """

    def __init__(self, cohort: Cohort, pending: Sequence[BlockPlan]) -> None:
        self._cohort, self._lists = cohort, CallbackLists(cohort)
        self._pending = deque(pending)
        self._running: list[Block] = []
        self._clock = Clock(self._running)
        self._trains_alone = False

    @property
    def has_work(self) -> bool:
        """Whether a block trains or is pending."""
        return bool(self._pending or self._running)

    def lay_out(self, members: Sequence[int], chunk: int) -> BlocksPlanned:
        """Lay out members in new blocks of at most `chunk`; blocks with a checkpoint stay."""
        seats = self._cohort.blocks(members, chunk)
        resuming = [plan for plan in self._pending if plan.checkpoint is not None]
        self._pending = deque([*map(BlockPlan, seats), *resuming])
        return BlocksPlanned([plan.seats for plan in self._pending])

    def epoch(self) -> Events:
        """Begin as many blocks as can train at once, and train an epoch of each."""
        for block in list(self._running):
            yield from self._begin_epoch(block)
        while self._pending and len(self._running) < self._at_once():
            self._clock.tick()
            yield from self._begin_block(self._pending.popleft())
        ready = [(block, block.ready) for block in self._running if block.ready]
        if not ready:
            return
        memory = self._cohort.training.memory * len(self._cohort.places)
        outcomes = run_all([epoch for _, epoch in ready], memory)
        self._clock.tick()
        taken = _Taken.of([block for block, _ in ready], outcomes)
        if taken.measured:
            yield EpochsMeasured(taken.measured, len({block.place for block, _ in ready}))
        if taken.raised is not None:  # What the blocks before it measured is reported all the same.
            raise taken.raised
        for block, full in taken.full:
            yield from self._begin_again(block.plan, full, block, crowded=len(ready) > 1)

    def close(self) -> None:
        """Close the blocks that train, all of them whatever one raises."""
        with ExitStack() as stack:
            for block in self._running:
                stack.callback(block.close)

    def _at_once(self) -> int:
        """How many blocks train at once; one more if the last block would else train alone."""
        if self._trains_alone:
            return 1
        left, most = len(self._pending) + len(self._running), self._cohort.at_once
        shares_one = most > 1 and len(self._cohort.places) == 1
        return left if shares_one and left <= most + 1 else most

    def _free_place(self) -> Place:
        """The device on which the fewest blocks train."""
        taken = [block.place for block in self._running]
        return min(self._cohort.places, key=taken.count)

    def _begin_block(self, plan: BlockPlan) -> Events:
        try:
            block = Block(self._cohort, plan, self._lists, self._free_place())
        except TooLargeError as error:
            yield from self._begin_again(plan, error)
            return
        self._running.append(block)
        yield from self._begin_epoch(block)

    def _begin_epoch(self, block: Block) -> Events:
        """Begin the next epoch of a block, or end the block."""
        try:
            continues = block.begin_epoch()
        except TooLargeError as error:
            yield from self._begin_again(block.plan, error, block)
            return
        if not continues:
            self._clock.tick()
            self._running.remove(block)
            yield BlockEnded(sorted(block.plan.members), block.seconds, block.weights)

    def _begin_again(
        self,
        plan: BlockPlan,
        error: TooLargeError,
        block: Block | None = None,
        *,
        crowded: bool = False,
    ) -> Events:
        """Start a block over that did not fit in memory: without other blocks, or in two halves.

        Args:
            plan: The plan of the block.
            error: The error that says what did not fit.
            block: The block, if it had begun.
            crowded: Whether other blocks ran at the same time.
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
        # What shared no device with another block was too large for it; halves may fit on each.
        self._trains_alone &= len(self._cohort.places) == 1
        begin = [other.members for other in self._pending if other.checkpoint is None]
        yield self.lay_out(sorted({m for members in begin for m in members}), -(-size // 2))


class _Taken(NamedTuple):
    """What the blocks took of an epoch that all of them ran.

    Args:
        measured: Of those that trained it.
        full: Those that did not fit in memory.
        raised: What a callback of one raised; the blocks after it have taken nothing.
    """

    measured: list[MeasuredEpoch]
    full: list[tuple[Block, TooLargeError]]
    raised: BaseException | None

    @classmethod
    def of(cls, blocks: Sequence[Block], outcomes: Sequence[Future[Any]]) -> "_Taken":
        """Let each block take its outcome."""
        measured: list[MeasuredEpoch] = []
        full: list[tuple[Block, TooLargeError]] = []
        for block, outcome in zip(blocks, outcomes, strict=True):
            try:
                result = block.end_epoch(outcome)
            except TooLargeError as error:
                full.append((block, error))
                continue
            except BaseException as error:  # noqa: BLE001 (it is raised after the report)
                return cls(measured, full, error)
            if result is not None:
                measured.append(result._replace(seconds=block.seconds))
        return cls(measured, full, None)


class Clock:
    """Shares the time that passes among the blocks that train.

    Args:
        running: The blocks that train; the list changes.
    """

    def __init__(self, running: list[Block]) -> None:
        self._running, self._then = running, time.perf_counter()

    def tick(self) -> None:
        """Share the time since the last call."""
        now = time.perf_counter()
        for block in self._running:
            block.seconds += (now - self._then) / len(self._running)
        self._then = now


def run_all(epochs: Sequence[ReadyEpoch[Any]], memory: int) -> list[Future[Any]]:
    """Run epochs, at once if all fit in memory; each future has the result or the exception.

    Args:
        epochs: To run.
        memory: Bytes, of all devices.
    """
    # Where several devices train on streams, each gets a segment in its turn.
    for _ in zip_longest(*(epoch.parts for epoch in epochs)):
        pass
    if len(epochs) < 2 or sum(epoch.needed for epoch in epochs) > memory:
        return [_run(epoch.run) for epoch in epochs]
    with ThreadPoolExecutor(len(epochs)) as pool:
        outcomes = [pool.submit(epoch.run) for epoch in epochs]
        # An interrupt comes here, and the pool waits for the epochs before it goes on.
        wait(outcomes)
        return outcomes


def _run(action: Callable[[], Any]) -> Future[Any]:
    outcome: Future[Any] = Future()
    try:
        outcome.set_result(action())
    except Exception as error:  # noqa: BLE001 (it is raised again where the outcome is asked for)
        outcome.set_exception(error)
    return outcome
