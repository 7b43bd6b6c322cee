"""Shows how far a command on data is, and the time that is left."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from kohort.data.readers.archives import Passed
from kohort.report.progress import Bars

SHOWN_EVERY = 10.0
"""Seconds between two lines where no bar can be drawn, as in a log file."""
_LOOKED_BACK = 600.0  # seconds; some steps take longer than the 30 that are Rich's
_STEP = 1e-3  # a bar is not drawn anew for less


class Stages:
    """A bar on stderr for each stage; in a log file or a pipe, a line now and then."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=_LOOKED_BACK,
        )
        self._shown = monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, stage: str) -> Passed:
        """Begin a stage.

        Args:
            stage: What is done.

        Returns:
            What is told how far it is, from 0 to 1.
        """
        task = self._bars.add_task(stage, total=1.0)
        shown = 0.0

        def passed(part: float) -> None:
            nonlocal shown
            if part - shown >= _STEP or part == 1.0:
                shown = part
                self._bars.update(task, completed=part)
                self._tell(task)

        return passed

    def _tell(self, task: TaskID) -> None:
        if not self._bars.disable or monotonic() - self._shown < SHOWN_EVERY:
            return
        self._shown = monotonic()
        now = next(each for each in self._bars.tasks if each.id == task)
        seconds = now.time_remaining
        left = "" if not seconds else f", {int(seconds) // 60}:{int(seconds) % 60:02} left"
        told = f"{now.description}: {now.percentage:.0f} %{left}"
        self._console.print(told, highlight=False, soft_wrap=True, markup=False)
