"""Locks on a study, so that one process at a time runs it; a lock ends with its process."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from kohort.errors import StoreError
from kohort.evidence.store import journal
from kohort.evidence.store.database import Claim, ClaimLostError, Database, translated
from kohort.evidence.store.files import changing


class FileClaim(Claim):
    """A lock on a file, which the system releases when the process ends.

    Args:
        database: Where the study is kept.
        path: The file, beside the study's folder.
    """

    def __init__(self, database: Database, path: Path) -> None:
        self.token = uuid4().hex
        self._database = database
        # The process that has the claim may write from several threads.
        self._lock = FileLock(path, thread_local=False)

    def take(self) -> bool:
        """Take the lock without waiting; returns False where another process holds it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection; the lock is held as long as this process lives."""
        with self._database.writer() as connection:
            yield connection


class ServerClaim(Claim):
    """An advisory lock of PostgreSQL, which the server releases when the connection ends.

    Everything that is written under the claim goes over the connection that holds the lock. If the
    connection is lost, so is the lock, and nothing is written before it is taken again.

    Args:
        database: Where the study is kept.
        folder: Names the study, in hexadecimal.
    """

    def __init__(self, database: Database, folder: str) -> None:
        self.token = uuid4().hex
        self._database = database
        self._folder = folder
        self._key = {"key": int(folder[:15], 16)}
        self._turns = threading.RLock()
        self._held: Connection | None = None

    def take(self) -> bool:
        """Take the lock without waiting; returns False where another process holds it."""
        connection = self._database.writer()
        try:
            # A connection of the pool would be reused, and keep the lock.
            connection.detach()
            with connection.begin():
                taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), self._key)
        except BaseException:
            connection.close()
            raise
        if taken:
            self._held = connection
        else:
            connection.close()
        return bool(taken)

    def release(self) -> None:
        """Release the lock, and close the connection."""
        with self._turns:
            connection, self._held = self._held, None
            if connection is None:
                return
            # A lost connection has lost the lock too.
            with closing(connection), suppress(DBAPIError):
                if not connection.invalidated:
                    connection.rollback()
                    # The server may notice only later that a connection has ended.
                    with connection.begin():
                        connection.execute(text("SELECT pg_advisory_unlock(:key)"), self._key)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """The connection that holds the lock, or a new one that takes it again."""
        with self._turns:
            if self._held is None:
                self._take_again()
            assert self._held is not None
            try:
                yield self._held
            except DBAPIError as error:
                if error.connection_invalidated:
                    self.release()
                raise

    def _take_again(self) -> None:
        if not self.take():
            raise ClaimLostError("held by another connection")
        assert self._held is not None
        with self._held.begin():
            last = journal.holder(self._held, self._folder)
        if last is not None and last["token"] != self.token:
            # It may have written, and removed files that this process has not recorded yet.
            self.release()
            raise ClaimLostError("another process had claimed the study meanwhile")


def take(database: Database, root: Path, name: str, folder: str) -> Claim:
    """Claim a study.

    Args:
        database: Where it is kept.
        root: The folder of the store's files.
        name: The name of the study.
        folder: The study's folder in `root`.

    Raises:
        StoreError: Another has claimed it, or the database or the folder cannot be reached.
    """
    claim = _claim(database, root, folder)
    with translated(database.place), changing(root):
        taken = claim.take()
    if not taken:
        row = database.read(lambda connection: journal.holder(connection, folder))
        raise _held_by(name, row)
    return claim


def is_taken(database: Database, root: Path, folder: str) -> bool | None:
    """Whether a process has claimed a study; None where it cannot be told.

    It is tried out: the lock is taken for a moment where nobody has it.
    """
    claim = _claim(database, root, folder)
    try:
        if not claim.take():
            return True
    except (OSError, DBAPIError):  # A folder that this user may not write to, say.
        return None
    claim.release()
    return False


def _claim(database: Database, root: Path, folder: str) -> Claim:
    if database.engine.dialect.name == "postgresql":
        return ServerClaim(database, folder)
    return FileClaim(database, root / f"{folder}.lock")


def _held_by(name: str, row: Mapping[str, Any] | None) -> StoreError:
    who = "another process"
    if row is not None:
        since = f"{row['since']:%Y-%m-%d %H:%M:%S} UTC"
        who = f"process {row['pid']} on {row['host']}, since {since}"
    return StoreError(
        f"that nobody else runs the study {name!r}",
        f"a claim by {who}",
        "wait until it has finished, or stop it",
    )
