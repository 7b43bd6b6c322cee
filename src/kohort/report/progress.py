"""The progress display: what trains now, how far it is, the remaining time, and who leads."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from kohort.errors import count
from kohort.report.following.progress_line import ProgressLine
from kohort.report.following.time_left import Left, TimeLeft

if TYPE_CHECKING:
    from kohort.engine.program.compilation import Compiling

    # It needs the findings and SciPy's statistics, which `kohort.fit` does not.
    from kohort.report.following.best_so_far import Best

_WIDE = 120
"""Columns of a terminal that has room for the time since the start and for member epochs."""
LOG_SECONDS, SCREEN_SECONDS = 15.0, 0.25
"""The least time between two lines of a log, and between two looks at the best score."""
PAUSE = 20
"""So many times as long as a look took there is none: it costs a twentieth of the time."""
_clock = time.monotonic


class Bars(RichProgress):
    """Rich's bars, which leave nothing on the screen where they are not shown."""

    def stop(self) -> None:
        """End them."""
        if not self.disable:  # Rich before 14.3 ends with an empty line.
            super().stop()


class Progress:
    """A bar on stderr that counts member epochs (one member trained for one epoch).

    A notebook has one line that is written over; a log file or a pipe gets a line for each part of
    the work, one each `LOG_SECONDS`, and where it got such lines one at the end.

    The time left follows from what member epochs cost: of a large net more than of a small one.
    Costs compare parts of one piece of work, so that any unit will do.

    Args:
        visible: Whether to show anything at all.
        purpose: What all of it is for, which is shown in place of what trains.
    """

    def __init__(self, *, visible: bool = True, purpose: str = "") -> None:
        self._console = Console(stderr=True)
        self._visible, self._purpose = visible, purpose
        self._what, self._epochs, self._left, self._epoch, self._cost = "", 0, 0, 0, 1.0
        self._best: Callable[[], Best | None] = lambda: None
        self._found: Best | None = None
        self._part, self._said = "", ""
        self._pass_on: Callable[[Left], None] = lambda _left: None
        self._line = ProgressLine() if visible and self._console.is_jupyter else None
        self._is_log = visible and not self._console.is_terminal and self._line is None
        self._began = self._told = self._looked = _clock()
        self._pause = SCREEN_SECONDS
        self._bar = Bars(
            *_columns(self._console.width),
            expand=True,
            get_time=_clock,
            console=self._console,
            disable=not (visible and self._console.is_terminal),
        )
        self._time = TimeLeft(_clock)
        self._task = self._bar.add_task("preparing", total=None, epoch="", best="", time=self._time)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show(at_once=True)
        self._bar.stop()
        task = self._bar.tasks[self._task]
        if self._said and kind is None and task.completed >= (task.total or 0):
            self._tell_how_far()  # else the last line of a log says that time is left

    def tell(self, line: str) -> None:
        """Show a line."""
        if self._visible:
            # Names stay text; of a line, what reads a pipe gets one line.
            self._console.print(line, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def follow(self, best: "Callable[[], Best | None]") -> None:
        """Show the best score too, which this tells."""
        self._best = best

    def pass_on(self, tell_left: Callable[[Left], None]) -> None:
        """Tell this, too, when something has trained, with what works out how long it takes."""
        self._pass_on = tell_left

    def tell_apart(self, compiling: "Callable[[], Compiling]") -> None:
        """Tell the seconds of programs, which this returns, apart from the speed of training."""
        self._time.tell_apart(compiling)

    def expect(
        self,
        member_epochs: int,
        cost: float = 1.0,
        part: str = "",
        *,
        done: int = 0,
        compiles: bool = False,
        is_ahead: bool = False,
    ) -> None:
        """Add member epochs that are to come, of what trains by one program.

        Args:
            member_epochs: How many.
            cost: Of each.
            part: What they belong to, where nobody knows yet what comes after it: the time that is
                left is that of this part.
            done: How many of them were trained in an earlier run. They took no time of this run,
                and tell nothing of what it takes.
            compiles: Whether the program is to compile.
            is_ahead: Whether it compiles while what comes before it trains.
        """
        self._part = f" of this {part}" if part else ""
        self._grow(member_epochs)
        self._bar.advance(self._task, done)
        self._time.expect((member_epochs - done) * cost, compiles=compiles, is_ahead=is_ahead)

    def skip(self, member_epochs: int, cost: float = 1.0) -> None:
        """Count member epochs of what trains now that were trained in an earlier run."""
        self._bar.advance(self._task, member_epochs)
        self._time.drop(member_epochs * cost)

    def anew(self) -> None:
        """Forget what was expected and what was trained: all of it is expected once more."""
        self._bar.update(self._task, total=0, completed=0)
        self._time.forget()

    @property
    def seconds_left(self) -> float | None:
        """The seconds that are left; None while nothing was trained."""
        return self._time.seconds

    def _left_of_part(self) -> tuple[float, str] | None:
        """The seconds that are left, and of what; None while nothing was trained."""
        seconds = self.seconds_left
        return None if seconds is None else (seconds, self._part.strip())

    def _grow(self, member_epochs: int) -> None:
        total = self._bar.tasks[self._task].total or 0
        self._bar.update(self._task, total=total + member_epochs)

    def begin(self, what: str, members: int, epochs: int, done: int = 0, cost: float = 1.0) -> None:
        """Show what trains now, how many members at once, and for how many epochs.

        Args:
            what: Its name.
            members: The number of members.
            epochs: Epochs of each.
            done: Member epochs that were trained in an earlier run.
            cost: Of each member epoch, as expected.
        """
        self._what, self._epochs = f"{count(members, 'member')} of {what}", epochs
        if self._purpose:
            what = self._what = self._purpose
        self._epoch = 0
        self.skip(done, cost)
        self.turn(members * epochs - done, cost)
        self._show()
        if self._is_log:
            self.tell(f"{what}, {count(members, 'member')}, {count(epochs, 'epoch')}")

    def turn(self, member_epochs: int, cost: float) -> None:
        """Another program of what is shown has its turn.

        Args:
            member_epochs: That it trains.
            cost: Of each, as expected.
        """
        self._left, self._cost = member_epochs, cost
        self._time.begin()

    def begin_together(self, what: str, member_epochs: int) -> None:
        """Show what trains now, of which all parts train at once, and its member epochs."""
        self._what, self._epochs, self._epoch = what, 0, 0
        self.turn(member_epochs, 1.0)
        self._show()
        if self._is_log:
            self.tell(f"{what}, {count(member_epochs, 'member epoch')}")

    def advance(self, member_epochs: int, epoch: int) -> None:
        """Count finished member epochs of an epoch (from 0)."""
        self._left -= member_epochs
        self._epoch = epoch + 1
        self._bar.advance(self._task, member_epochs)
        self._time.trained(member_epochs * self._cost)
        # An estimate looks at all epochs of late: small nets train one in less time.
        self._pass_on(self._left_of_part)
        self._show()
        if self._is_log and _clock() - self._told >= LOG_SECONDS:
            self._told = _clock()
            self._tell_how_far()

    def _tell_how_far(self) -> None:
        """Show in a line how far it is, unless the line before says the same."""
        words = self._told_in_words()
        if words != self._said:
            self.tell(words)
        self._said = words

    def end(self) -> None:
        """Subtract member epochs that were not trained, as when members stop early."""
        self._grow(-self._left)
        self._time.drop(self._left * self._cost)
        self._left = 0

    def _show(self, *, at_once: bool = False) -> None:
        if self._bar.disable and self._line is None:
            return
        is_due = at_once or _clock() - self._looked >= self._pause
        if is_due:  # Of a large study the look costs more than an epoch.
            began = _clock()
            self._found, self._looked = self._best(), _clock()
            self._pause = max(SCREEN_SECONDS, PAUSE * (self._looked - began))
        best = "" if self._found is None else f"leader {self._found.score}"
        named = f"{best} {self._found.variant}" if self._found and self._is_wide else best
        told = f"epoch {self._epoch}/{self._epochs}" if self._epochs else ""
        self._bar.update(self._task, description=self._what, epoch=told, best=named)
        if self._line is not None and is_due:
            task = self._bar.tasks[self._task]
            self._line.show(task.completed, task.total or 0, self._told_in_words())

    @property
    def _is_wide(self) -> bool:
        return self._console.width >= _WIDE

    def _told_in_words(self) -> str:
        """How far it is, for a line of a log or of a notebook."""
        task, found = self._bar.tasks[self._task], self._best()
        done, total = int(task.completed), int(task.total or 0)
        parts = [f"{done:,} of {count(total, 'member epoch')}"]
        left = self.seconds_left
        if done < total and left is not None:
            parts.append(f"about {_duration(left)} left{self._part}")
        if done >= total and not self._part:
            parts.append(f"{_duration(_clock() - self._began)} in all")
        if found is not None:
            # Not "best so far": a mean over the replicates that count until now may fall again.
            parts.append(f"leader: {found.variant}, {found.metric} {found.score}")
        return ", ".join(parts)


class _TimeLeft(ProgressColumn):
    """The time that is left, as `Progress` knows it."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """As Rich shows times."""
        left = task.fields["time"].seconds
        if left is None or task.total is None:
            return Text("-:--:--", style="progress.remaining")
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{hours:d}:{minutes:02d}:{seconds:02d}", style="progress.remaining")


def _columns(width: int) -> list[ProgressColumn]:
    """The columns of the bar on a terminal of this width."""
    is_wide = width >= _WIDE

    def cut(ratio: int | None = None, most: int | None = None) -> Column:
        # A name may have any length: it is cut where there is no room for it.
        return Column(ratio=ratio, max_width=most, no_wrap=True, overflow="ellipsis")

    return [
        TextColumn("{task.description}", markup=False, table_column=cut(ratio=2)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
        TextColumn("{task.fields[epoch]}"),
        *([MofNCompleteColumn(), TextColumn("member epochs"), TimeElapsedColumn()] * is_wide),
        TextColumn("left"),
        _TimeLeft(),
        TextColumn("{task.fields[best]}", markup=False, table_column=cut(most=36)),
    ]


def _duration(seconds: float) -> str:
    """Seconds in words: `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
