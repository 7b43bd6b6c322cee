"""The progress display: what trains now, how far it is, and the remaining time."""

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
from rich.table import Column

_WIDE = 100
"""Columns of a terminal that has room for the time since the start."""


class Bars(RichProgress):
    """Rich's bars, which leave nothing on the screen where they are not shown."""

    def stop(self) -> None:
        """End them."""
        if not self.disable:  # Rich before 14.3 ends with an empty line.
            super().stop()


class Progress:
    """A bar on stderr that counts member epochs (one member trained for one epoch).

    Args:
        total: Member epochs to come.
        visible: Whether to show anything at all.
        purpose: What all of it is for, which is shown in place of what trains.
    """

    def __init__(self, total: int, *, visible: bool = True, purpose: str = "") -> None:
        self._console = Console(stderr=True)
        self._visible, self._purpose = visible, purpose
        self._what, self._epochs, self._left = "", 0, 0
        # What trains may have a name of any length: it is cut where there is no room for it.
        self._bar = Bars(
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=2, no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
            TextColumn("{task.fields[epoch]}"),
            MofNCompleteColumn(),
            TextColumn("member epochs"),
            *([TimeElapsedColumn()] if self._console.width >= _WIDE else []),
            TextColumn("left"),
            TimeRemainingColumn(),
            expand=True,
            console=self._console,
            # A log file or a pipe gets lines (`begin`) instead of a bar that redraws itself.
            disable=not (visible and self._console.is_terminal),
        )
        self._task = self._bar.add_task("preparing", total=total, epoch="")

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

    def tell(self, line: str) -> None:
        """Show a line."""
        if self._visible:
            # Names stay text; of a line, what reads a pipe gets one line.
            self._console.print(line, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def expect(self, member_epochs: int) -> None:
        """Add member epochs that are to come, as those of a race's next look."""
        total = self._bar.tasks[self._task].total or 0
        self._bar.update(self._task, total=total + member_epochs)

    def skip(self, member_epochs: int) -> None:
        """Count member epochs that were trained in an earlier run."""
        self._bar.advance(self._task, member_epochs)

    def begin(self, what: str, members: int, epochs: int, done: int = 0) -> None:
        """Show what trains now, how many members at once, and for how many epochs.

        Args:
            what: Its name.
            members: The number of members.
            epochs: Epochs of each.
            done: Member epochs that were trained in an earlier run.
        """
        self._what, self._epochs = f"{count(members, 'member')} of {what}", epochs
        if self._purpose:
            what = self._what = self._purpose
        self._left = members * epochs - done
        self.skip(done)
        self._show(0)
        if not self._console.is_terminal:
            self.tell(f"{what}, {count(members, 'member')}, {count(epochs, 'epoch')}")

    def begin_together(self, what: str, member_epochs: int) -> None:
        """Show what trains now, of which all parts train at once, and its member epochs."""
        self._what, self._epochs, self._left = what, 0, member_epochs
        self._show(0)
        if not self._console.is_terminal:
            self.tell(f"{what}, {count(member_epochs, 'member epoch')}")

    def advance(self, member_epochs: int, epoch: int) -> None:
        """Count finished member epochs of an epoch (from 0)."""
        self._left -= member_epochs
        self._bar.advance(self._task, member_epochs)
        self._show(epoch + 1)

    def end(self) -> None:
        """Subtract member epochs that were not trained, as when members stop early."""
        total = self._bar.tasks[self._task].total or 0
        self._bar.update(self._task, total=total - self._left)

    def _show(self, epoch: int) -> None:
        told = f"epoch {epoch}/{self._epochs}" if self._epochs else ""
        self._bar.update(self._task, description=self._what, epoch=told)


def count(number: int, what: str) -> str:
    """A number with its noun: `1 member`, `5 members`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
