"""The time that is left: by how fast training went, and by the programs that are to compile."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kohort.engine.program.compilation import Compiling

type Left = Callable[[], tuple[float, str] | None]
"""Works out the seconds that are left, and of what; None while they are not known."""

_WINDOW = 600.0
"""Seconds whose speed counts; an epoch may take so long."""

_MOST = 1000
"""Epochs whose speed counts."""

_LATE = 0.2
"""An epoch that is late is told to take so much longer, as a part of what it has taken."""

_AT_ONCE = 1e-3
"""Seconds between epochs that trained at once, and are told one after another."""


@dataclass
class _Group:
    """What trains by one program.

    Args:
        cost: What is left of it.
        compiles: Whether its program is to compile.
        is_ahead: Whether it compiles while what comes before it trains.
    """

    cost: float
    compiles: bool
    is_ahead: bool


class _Epoch(NamedTuple):
    """What was trained between two looks at the clock.

    Args:
        ended: When.
        seconds: How long it took, without what it waited for programs.
        cost: Of it.
        is_first: Whether it was the first of its group: it holds what a begin takes.
        is_crowded: Whether a program compiled beside it, which slows it down.
    """

    ended: float
    seconds: float
    cost: float
    is_first: bool
    is_crowded: bool


class TimeLeft:
    """Estimates the seconds that are left of groups that train one after another.

    Seconds in which training waits for a program are no speed of it; programs that are to come
    take what those took that have come, unless they compile while others train. What is left of a
    group follows from its own speed, and of later ones from that of all.

    Args:
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._compiling: Callable[[], Compiling] | None = None
        self._before: Compiling | None = None
        self._lock = threading.RLock()  # A display asks in a thread of its own.
        self.forget()

    def tell_apart(self, compiling: "Callable[[], Compiling]") -> None:
        """Tell the seconds of programs, which this returns, apart from those of training."""
        with self._lock:
            self._compiling, self._before = compiling, compiling()
            self._look()

    def forget(self) -> None:
        """Forget what was expected and what was trained."""
        with self._lock:
            self._groups = deque[_Group]()
            self._epochs = deque[_Epoch](maxlen=_MOST)
            self._of_group = 0
            self._turn = self._previous = self._clock()
            self._look()

    def expect(self, cost: float, *, compiles: bool = False, is_ahead: bool = False) -> None:
        """Add a group that is to come after those that there are.

        Args:
            cost: Of all of it, in any unit.
            compiles: Whether its program is to compile.
            is_ahead: Whether it compiles while what comes before it trains.
        """
        if cost > 0:
            with self._lock:
                self._groups.append(_Group(cost, compiles, is_ahead))

    def begin(self) -> None:
        """The next group begins."""
        with self._lock:
            self._turn, self._of_group = self._clock(), 0
            self._look()

    def trained(self, cost: float) -> None:
        """Take note that something of the group was trained."""
        with self._lock:
            then, waited, was_crowded = self._seen
            self._look()
            now, waited_now, is_crowded = self._seen
            seconds = max(0.0, now - then - (waited_now - waited))
            is_first = self._of_group == 0
            if seconds < _AT_ONCE and not is_first:
                last = self._epochs.pop()
                seconds, cost_of_all = seconds + last.seconds, cost + last.cost
                is_first, was_crowded = last.is_first, was_crowded or last.is_crowded
            else:
                cost_of_all, self._of_group = cost, self._of_group + 1
            is_crowded |= was_crowded
            self._epochs.append(_Epoch(now, seconds, cost_of_all, is_first, is_crowded))
            self.drop(cost)

    def drop(self, cost: float) -> None:
        """Take note that something of the group is not trained."""
        with self._lock:
            while self._groups and cost > 0:
                group = self._groups[0]
                taken = min(cost, group.cost)
                group.cost, cost = group.cost - taken, cost - taken
                if group.cost > 1e-9 * taken:  # else it is a matter of rounding
                    return
                self._groups.popleft()
                self._previous, self._turn, self._of_group = self._turn, self._clock(), 0

    @property
    def seconds(self) -> float | None:
        """The estimate; None while nothing was trained."""
        with self._lock:
            now, speed = self._clock(), self._speed(self._epochs)
            if speed is None:
                return None
            here = list(islice(reversed(self._epochs), self._of_group))
            of_group = self._speed([epoch for epoch in here if not epoch.is_first]) or speed
            left, before, turn = 0.0, self._previous - now, self._turn - now
            for place, group in enumerate(self._groups):
                is_begun = place == 0 and self._of_group > 0
                begins = turn  # When it begins to train, or has begun; 0 is now.
                if group.compiles and not is_begun:
                    begins = max(turn, (before if group.is_ahead else turn) + self._of_program)
                    left = max(left, begins)
                takes = group.cost / (of_group if is_begun else speed)
                if is_begun:
                    # Some of its next epoch has passed; nobody knows when a late one ends.
                    passed, epoch = now - self._seen[0], self._epochs[-1].cost / of_group
                    takes = max(takes - passed, takes - epoch + _LATE * passed, _LATE * passed)
                elif place == 0:  # Nobody knows how much of it its first epoch is.
                    takes -= min(max(0.0, -begins), takes / 2)
                left += takes
                before, turn = turn, left
            return left

    def _speed(self, epochs: Sequence[_Epoch]) -> float | None:
        """The cost that is trained in a second; of epochs that hold nothing else, if there are."""
        since = self._clock() - _WINDOW
        known = [epoch for epoch in epochs if epoch.ended > since] or list(epochs)[-1:]
        known = [epoch for epoch in known if not epoch.is_first] or known
        known = [epoch for epoch in known if not epoch.is_crowded] or known
        seconds, cost = sum(epoch.seconds for epoch in known), sum(epoch.cost for epoch in known)
        return cost / seconds if seconds > 0 and cost > 0 else None

    def _look(self) -> None:
        """Look at the clock, and at what programs have taken: what a program takes, in the mean."""
        waited, goes_on, self._of_program = 0.0, False, 0.0
        if self._compiling is not None and self._before is not None:
            of = self._compiling()
            waited, goes_on = of.waited, of.goes_on
            if programs := of.programs - self._before.programs:
                self._of_program = (of.seconds - self._before.seconds) / programs
        self._seen = self._clock(), waited, goes_on
