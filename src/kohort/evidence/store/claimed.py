"""The claim on a study in a store, and the transactions that read and write the study."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from kohort.errors import StoreError
from kohort.evidence.store import claims, files, journal, rows, schema
from kohort.evidence.store.database import Claim, Database
from kohort.evidence.store.records import MemberKey


class ClaimedStudy:
    """A study in a store, of which one process at a time has the claim.

    Args:
        database: The database with its rows.
        root: The folder of the store's files.
        name: Its name.
        number: Its id.
        folder: The folder of its files, in `root`.
    """

    def __init__(self, database: Database, root: Path, name: str, number: int, folder: str) -> None:
        self.name = name
        self.number = number
        self.folder = folder
        self._database = database
        self._root = root
        self._files = root / folder
        self._claim: Claim | None = None
        self._run: int | None = None
        self._ids: dict[MemberKey, int] = {}

    @contextmanager
    def claim(self) -> Iterator[Self]:
        """Claim the study, until the block or the process ends.

        Files that a killed process left behind, and that are in no row, are removed.

        Raises:
            StoreError: Another process has claimed it; the message says which.
        """
        claim = claims.take(self._database, self._root, self.name, self.folder)
        try:
            self._claim = claim
            row = journal.new_holder(self.number, claim.token)
            self._write(lambda connection: rows.upsert(connection, schema.holder, ["study"], [row]))
            named = self._read(lambda connection: journal.named_files(connection, self.number))
            files.sweep(self._files, named)
            yield self
        finally:
            self._claim = self._run = None
            claim.release()

    def is_claimed(self) -> bool | None:
        """Whether a process has claimed the study; None where it cannot be told."""
        return claims.is_taken(self._database, self._root, self.folder)

    def _read[T](self, work: Callable[[Connection], T]) -> T:
        return self._database.read(work)

    def _write[T](self, work: Callable[[Connection], T]) -> T:
        return self._database.write(work, self._claim)

    def _write_claimed[T](self, work: Callable[[Connection], T], *, patiently: bool = True) -> T:
        self._check_claimed()
        return self._database.write(work, self._claim, patiently=patiently)

    def _current_run(self) -> int:
        if self._run is None:
            raise StoreError("a run that was begun", "none", "call begin_run first")
        return self._run

    def _check_claimed(self) -> None:
        if self._claim is None:
            raise StoreError(
                f"the study {self.name!r} claimed by who writes to it",
                "no claim",
                "write inside `with study.claim():`",
            )

    def _id(self, member: MemberKey) -> int:
        if member not in self._ids:
            self._ids = self._read(lambda connection: rows.member_ids(connection, self.number))
        if member not in self._ids:
            raise StoreError(
                f"a member of the study {self.name!r}", f"{member}", "extend the study by it first"
            )
        return self._ids[member]

    def _remove(self, name: str | None, *, but: str | None = None) -> None:
        """Remove a file that is no longer in any row."""
        if name is not None and name != but:
            files.remove(self._files / name)
