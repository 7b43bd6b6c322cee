"""Keeps what a run tells while it goes on, for who looks at the store."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kohort.report.following.time_left import Left
from kohort.runs.pace import Pace

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

_SECONDS = 0.5  # between two writes of one thing


class ToldRun:
    """Keeps what trains on which machine of a cluster, and the time that is left.

    Args:
        kept: The study or the search, in its store.
    """

    def __init__(self, kept: "KeptStudy") -> None:
        self._kept, self._placing, self._timing = kept, Pace(_SECONDS), Pace(_SECONDS)
        self._known: Mapping[str, Sequence[str]] = {}

    def place(self, places: Mapping[str, Sequence[str]]) -> None:
        """Store the names of members by machine, where they have changed and it is due.

        Args:
            places: They; none where nothing trains any more.
        """
        if places != self._known and (not places or self._placing.is_due):
            with self._placing.writing():
                self._kept.tell_run(places=places)
            self._known = places

    def tell_left(self, left: Left) -> None:
        """Store the seconds that are left, and of what, where it is due; else nothing asks."""
        if self._timing.is_due and (told := left()) is not None:
            seconds, part = told
            with self._timing.writing():
                self._kept.tell_run(left=[round(seconds, 1), part])
