"""Blocks of members that train at once, an epoch of each by a call of its own.

A step has moments that one core has nothing to do in: between products, in small operations.
Another call, in another thread, fills them. What a block computes does not depend on the others.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kohort.engine.events import Block, EpochRecord
from kohort.engine.runners import Call

type Training = Generator[Call[Any] | EpochRecord, Any]
"""Training of one block: each epoch, ready to run, for what it gives; and what it measured."""


class Running:
    """A block that trains.

    Args:
        block: The block.
        events: What happens as it trains.
    """

    def __init__(self, block: Block, events: Training) -> None:
        self.block = block
        self.call: Call[Any] | None = None
        """Its next epoch; None where it has ended."""
        self.seconds = 0.0
        """That it has trained; blocks that train at once share the time."""
        self.events = events

    def go_on(self, outcome: Any) -> Iterator[EpochRecord]:
        """Give it what its call gave, or raised, or None to begin."""
        self.call = None
        try:
            if isinstance(outcome, Exception):
                given = self.events.throw(outcome)
            else:
                given = self.events.send(outcome)
            while isinstance(given, EpochRecord):
                yield given
                given = next(self.events)
        except StopIteration:
            return
        self.call = given


class Clock:
    """Shares the time that passes among the blocks that train."""

    def __init__(self, running: Sequence[Running]) -> None:
        self._running, self._then = running, time.perf_counter()

    def tick(self) -> None:
        """Share what has passed since the last time."""
        now = time.perf_counter()
        for own in self._running:
            own.seconds += (now - self._then) / len(self._running)
        self._then = now


def outcomes(calls: Sequence[Call[Any]], memory: int) -> list[Any]:
    """What calls give, or raise; they run at once where memory holds all."""
    if len(calls) < 2 or sum(call.needed for call in calls) > memory:
        return [_outcome(call) for call in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(_outcome, calls))


def _outcome(call: Call[Any]) -> Any:
    try:
        return call.run()
    except Exception as error:  # noqa: BLE001 (it is raised again where the call was asked for)
        return error
