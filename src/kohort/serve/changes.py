"""What changed since a client last heard: revisions, and the cursor that names one."""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import NamedTuple
from uuid import uuid4

_KEPT = 600
"""Revisions of which the changes are kept; who is behind gets all."""


class Cursor(NamedTuple):
    """What a client has heard: up to which revision, of which log."""

    log: str
    revision: int

    def __str__(self) -> str:
        return f"{self.log}.{self.revision}"

    @classmethod
    def of(cls, text: str) -> "Cursor | None":
        """The cursor that a text names; None where it names none."""
        log, _, revision = text.partition(".")
        is_one = revision.isascii() and revision.isdecimal() and len(revision) < 19
        return cls(log, int(revision)) if is_one else None


class Changes:
    """A log of what changed. A new one has another name: a cursor of an old one means nothing."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, as if nobody had heard of anything."""
        self._name, self._revision = uuid4().hex[:12], 1
        self._log = deque[tuple[int, frozenset[Hashable]]](maxlen=_KEPT)

    @property
    def cursor(self) -> Cursor:
        """The cursor of who has heard all."""
        return Cursor(self._name, self._revision)

    def add(self, what: Iterable[Hashable]) -> None:
        """Add a revision in which these changed; none if nothing did."""
        changed = frozenset(what)
        if changed:
            self._revision += 1
            self._log.append((self._revision, changed))

    def since(self, cursor: Cursor | None) -> frozenset[Hashable] | None:
        """What changed since; None where the client has to hear all."""
        if cursor is None or cursor.log != self._name or cursor.revision > self._revision:
            return None
        oldest = self._log[0][0] if self._log else self._revision + 1
        if cursor.revision < oldest - 1:
            return None
        later = [changed for revision, changed in self._log if revision > cursor.revision]
        return frozenset().union(*later)
