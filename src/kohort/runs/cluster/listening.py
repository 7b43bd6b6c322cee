"""Finds blocks whose worker hangs: they have told nothing for far longer than they ever took."""

import time
from collections.abc import Callable

from kohort.runs.cluster.blocks import ClusterWork, SentBlock
from kohort.runs.cluster.messages import Begun, Message

FLOOR = 60.0
"""Seconds of silence that no block is given up for."""

PATIENCE = 10.0
"""How many times as long as it took before a block may be silent."""

_LONGEST_LOOK = 1.0
"""Seconds that count at most between two looks: the driver may have been stopped meanwhile."""


class Listening:
    """Hears when blocks tell of epochs, and finds those that hang.

    What a block may take is known from the blocks of its work: from its begin to its first epoch,
    with all that is built and compiled before, and from one message to the next. As long as no
    block of a work has told of an epoch, and of members that `keras.Model.fit` trains, nothing is.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._looked, self._now = clock, clock(), 0.0
        self._heard: dict[SentBlock, tuple[float, bool]] = {}
        self._longest: dict[tuple[ClusterWork, bool], float] = {}

    def look(self) -> None:
        """Let time go on; to be called each second or more often."""
        now = self._clock()
        self._now += min(now - self._looked, _LONGEST_LOOK)
        self._looked = now

    def hear(self, block: SentBlock, message: Message) -> None:
        """Take note that a block tells something."""
        if isinstance(message, Begun) and block.of.is_fused:
            self._heard[block] = (self._now, True)
        elif isinstance(message, list) and block in self._heard:
            since, is_first = self._heard[block]
            took = max(self._now - since, self._longest.get((block.of, is_first), 0.0))
            self._longest[block.of, is_first] = took
            self._heard[block] = (self._now, False)
        else:
            self.forget(block)

    def forget(self, block: SentBlock) -> None:
        """Wait for a block no longer."""
        self._heard.pop(block, None)

    def hanging(self) -> dict[SentBlock, float]:
        """The blocks that have been silent for too long, and for how many seconds."""
        silent = {block: self._now - since for block, (since, _) in self._heard.items()}
        return {block: seconds for block, seconds in silent.items() if seconds > self._may(block)}

    def _may(self, block: SentBlock) -> float:
        """Seconds that a block may be silent."""
        _, is_first = self._heard[block]
        began = self._longest.get((block.of, True))
        if began is None:
            return float("inf")
        took = began if is_first else self._longest.get((block.of, False), began)
        return max(FLOOR, PATIENCE * took)
