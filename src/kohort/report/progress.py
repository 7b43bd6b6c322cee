"""The progress display: what trains now, how far it is, and how long it will still take."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress


class Progress:
    """A bar on stderr that counts member epochs (one member trained for one epoch).

    Args:
        total: Member epochs to come.
        visible: Whether to show anything at all.
    """

    def __init__(self, total: int, *, visible: bool = True) -> None:
        self._console = Console(stderr=True)
        self._visible = visible
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("member epochs"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            # A log file or a pipe gets lines (`describe`), not a bar that redraws itself.
            disable=not (visible and self._console.is_terminal),
        )
        self._task = self._bar.add_task("preparing", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def describe(self, what: str) -> None:
        """Say what trains now."""
        self._bar.update(self._task, description=what)
        if self._visible and not self._console.is_terminal:
            self._console.print(what, highlight=False)

    def advance(self, member_epochs: int) -> None:
        """Count finished member epochs."""
        self._bar.advance(self._task, member_epochs)

    def skip(self, member_epochs: int) -> None:
        """Take member epochs off the total that will not come, as when a member stops early."""
        total = self._bar.tasks[self._task].total or 0
        self._bar.update(self._task, total=total - member_epochs)
