"""When to write again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

COST = 0.02
"""The part of the time that writing may take; where it takes more, it is done less often."""


class Pace:
    """When to write again: not before some seconds, nor so often that it costs more than `COST`.

    Args:
        seconds: The least between two writings.
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
        """Time a writing."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        pause = (ended - began) / COST if self._seconds else 0.0
        self._next = ended + max(self._seconds, pause)
