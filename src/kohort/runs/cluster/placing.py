"""Keeps where members train, for who looks at the store while they do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kohort.runs.pace import Pace

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

_SECONDS = 0.5  # between two writes


class Placing:
    """Keeps which members train on which machine of a cluster.

    Args:
        kept: The study or the search, in its store.
    """

    def __init__(self, kept: "KeptStudy") -> None:
        self._kept, self._pace = kept, Pace(_SECONDS)
        self._known: Mapping[str, Sequence[str]] = {}

    def keep(self, places: Mapping[str, Sequence[str]]) -> None:
        """Store the names of members by machine, where they have changed and it is due.

        Args:
            places: They; none where nothing trains any more.
        """
        if places != self._known and (not places or self._pace.is_due):
            with self._pace.writing():
                self._kept.place_run(places)
            self._known = places
