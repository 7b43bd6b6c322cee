"""Decides when to write again, and when a run that was asked to end does."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from kohort.errors import Interrupted

COST = 0.02
"""The fraction of time that writing may take; if it takes more, it is done less often."""

_ASKS_TO_END = (signal.SIGINT, signal.SIGTERM)


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


class EndRequest:
    """Whether a run was asked to end: after the current epoch, and at once where none trains."""

    def __init__(self) -> None:
        self.is_asked = self._trains = False

    def ask(self) -> None:
        """Ask it to end.

        Raises:
            Interrupted: No member trains: it is planned, or concluded.
        """
        if not self._trains:
            raise Interrupted
        self.is_asked = True

    @contextmanager
    def training(self) -> Iterator[None]:
        """Members train in the block, which stores what they do.

        Raises:
            Interrupted: The run was asked to end when their last epochs had begun.
        """
        self._trains = True
        try:
            yield
        finally:
            self._trains = False
        if self.is_asked:
            raise Interrupted


@contextmanager
def asked_by_signals(ask_to_end: Callable[[], None]) -> Iterator[None]:
    """Let signals ask a run to end; Python handles signals in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        restore()
        ask_to_end()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    # The parent process may have set signals to be ignored; None means a handler of C code.
    before = {
        number: handler
        for number in _ASKS_TO_END
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        restore()
