"""Decides when to write again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

COST = 0.02
"""The fraction of time that writing may take; if it takes more, it is done less often."""


class Pace:
    """Limits how often to write: by a number of seconds, and by the time that it takes (`COST`).

    Args:
        seconds: The least time between two writes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() >= self._next

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the time of a write."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        pause = (ended - began) / COST if self._seconds else 0.0
        self._next = ended + max(self._seconds, pause)
