"""The time that is left, by how fast member epochs came lately, and what they cost."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW = 120.0
"""Seconds of the past that count."""

_LEAST = 5.0
"""Seconds that must have been seen before a time is told."""


class TimeLeft:
    """Estimates the seconds that are left.

    Args:
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen = deque[tuple[float, float]]()
        self._run: int | None = None

    def seconds(self, run: int, done: float, total: float) -> float | None:
        """The estimate; None while it is not known.

        Args:
            run: The number of the run: what an earlier one did tells nothing of this one.
            done: What is done: the costs of member epochs, in any unit.
            total: What there is to do in all.
        """
        now = self._clock()
        if run != self._run or (self._seen and done < self._seen[-1][1]):
            self._run = run
            self._seen.clear()
        if not self._seen or done > self._seen[-1][1]:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        first, before = self._seen[0]
        last, after = self._seen[-1]
        if after <= before or last - first < _LEAST:
            return None
        # Since the last one came, the next may be late: then the rate is lower.
        rate = (after - before) / max(last - first, (now - first) * 0.5)
        return max(0.0, (total - done) / rate - (now - last))
