"""Runs transactions, tries them again when a server went away, and translates errors."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from kohort.errors import StoreError

WAITS = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try of a transaction whose connection was lost."""

PATIENCE = 60.0
"""Seconds that a transaction waits for another program to release an SQLite file."""

TURN = 0.5
"""Seconds of this that SQLite waits in one call, during which signals are not handled."""

_PAUSE = 0.005
"""Seconds between two tries to get the lock of an SQLite file."""

_AGAIN = ("08", "40", "53300", "57P")
"""Prefixes of the PostgreSQL error codes after which a transaction is tried again: lost
connections, conflicting transactions, too many connections, a server that stops or starts."""

_MENDS = {
    "full": "make room on the disk",
    "no space": "make room on the disk",
    "i/o error": "make room on the disk, or mend it",
    "readonly": "allow writing to it and to its folder",
    "unable to open": "allow writing to it and to its folder",
    "locked": "wait until the other process has finished",
    "malformed": "restore it from a copy",
    "not a database": "restore it from a copy",
}


class ClaimLostError(Exception):
    """The lock on a study was lost with its connection, and has not been taken again."""


class Claim(Protocol):
    """A lock on a study that ends with this process, however it ends."""

    token: str
    """Identifies this claim."""

    def take(self) -> bool:
        """Take the lock without waiting; returns False where another process holds it."""

    def release(self) -> None:
        """Release the lock."""

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection that is open only while the lock is held.

        Raises:
            ClaimLostError: The lock is gone.
        """


class Database:
    """An engine, with the store's way of running transactions.

    Args:
        engine: SQLAlchemy's engine.
        place: The address for messages, without a password.
        alone: Whether all threads share one connection, and so take turns.
        reads_only: Whether this user may not write to it.
    """

    def __init__(
        self, engine: Engine, place: str, *, alone: bool = False, reads_only: bool = False
    ) -> None:
        self.engine = engine
        self.place = place
        self.reads_only = reads_only
        self._turns = threading.RLock() if alone else nullcontext()
        self._closed = False
        self._file: tuple[Path, int] | None = None
        # A transaction that will write takes the write lock when it begins. If it did so later, it
        # would fail where another one has written meanwhile.
        self._writing = engine.execution_options(kohort_writes=True)

    def stays_in(self, path: Path) -> None:
        """Refuse from now on what writes, once the file that is there now is not there any more.

        SQLite goes on with a file that has lost its name, and what it writes is gone with it.
        """
        self._file = path, path.stat().st_ino

    def read[T](self, work: Callable[[Connection], T]) -> T:
        """Run a function of a connection in a transaction that only reads.

        Raises:
            StoreError: It cannot be read.
        """
        return self._run(work, self.reader)

    def write[T](
        self,
        work: Callable[[Connection], T],
        claim: Claim | None = None,
        *,
        patiently: bool = True,
    ) -> T:
        """Run a function of a connection in a transaction.

        The function may run more than once if a connection is lost, even after a commit. So running
        it twice must have the same effect as running it once.

        Args:
            work: The function.
            claim: The lock that must be held.
            patiently: Whether to wait for a server that went away, or for another program.

        Raises:
            StoreError: It cannot be written, even when tried again.
        """
        connect = claim.connection if claim else self.writer
        try:
            if patiently:
                return self._run(work, connect)
            with translated(self.place):
                return self._once(work, connect)
        finally:
            self._check_file()

    def close(self) -> None:
        """Close all connections; no new ones are opened."""
        self._closed = True
        self.engine.dispose()

    def reader(self) -> Connection:
        """A connection whose transactions only read.

        Raises:
            StoreError: The store was closed.
        """
        self._check_open()
        return self.engine.connect()

    def writer(self) -> Connection:
        """A connection whose transactions will write.

        Raises:
            StoreError: The store was closed, may only be read, or its file is gone.
        """
        self._check_open()
        self._check_file()  # SQLite would make a file where there is none.
        if self.reads_only:
            raise StoreError(
                f"to write to {self.place}",
                "a file, or a folder of it, that may only be read",
                "allow writing to it and to its folder, or copy it and its folder of files",
            )
        return self._writing.connect()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("an open store", "one that was closed", "open it again")

    def _check_file(self) -> None:
        if self._file is None:
            return
        path, inode = self._file
        found = ""
        # Of one that cannot be looked at, SQLite tells what is wrong.
        with suppress(OSError):
            try:
                found = "another file there" if path.stat().st_ino != inode else ""
            except (FileNotFoundError, NotADirectoryError):
                found = "no file there"
        if found:
            raise StoreError(
                f"the file of the store at {path}, as it was opened",
                found,
                "put it back, or run again, which begins anew; leave it there while a run goes on",
            )

    def try_once[T](self, work: Callable[[Connection], T]) -> T:
        """Run a function of a connection in a transaction, without waiting for a server.

        Raises:
            StoreError: It cannot be done.
        """
        with translated(self.place):
            return self._in_turn(work, self.writer)

    def _run[T](
        self,
        work: Callable[[Connection], T],
        connect: Callable[[], AbstractContextManager[Connection]],
    ) -> T:
        with translated(self.place):
            for wait in WAITS:
                try:
                    return self._in_turn(work, connect)
                except (DBAPIError, ClaimLostError) as error:
                    if not may_pass(error):
                        raise
                time.sleep(wait)
            return self._in_turn(work, connect)

    def _in_turn[T](
        self,
        work: Callable[[Connection], T],
        connect: Callable[[], AbstractContextManager[Connection]],
    ) -> T:
        return in_turn(lambda: self._once(work, connect))

    def _once[T](
        self,
        work: Callable[[Connection], T],
        connect: Callable[[], AbstractContextManager[Connection]],
    ) -> T:
        with self._turns, connect() as connection, connection.begin():
            return work(connection)


def may_pass(error: Exception) -> bool:
    """Whether a transaction that ended with this error may succeed when tried again."""
    if isinstance(error, ClaimLostError):
        return True
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False  # `_in_turn` has already waited for locks.
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlstate", None)
    # Without a connection there is no code.
    return code.startswith(_AGAIN) if code else isinstance(error, OperationalError)


def in_turn[T](work: Callable[[], T]) -> T:
    """Do again what met the lock of an SQLite file, while another program holds it.

    Signals are handled meanwhile.

    Args:
        work: What reads or writes the file. It raises the error of SQLite, or SQLAlchemy's.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except (OperationalError, sqlite3.OperationalError) as error:
            if not _is_locked(error) or time.monotonic() >= deadline:
                raise
        # SQLite does not wait for a lock whose holder may itself be waiting for ours.
        time.sleep(_PAUSE)


def _is_locked(error: OperationalError | sqlite3.OperationalError) -> bool:
    """Whether another program holds the lock of an SQLite file."""
    raised = error.orig if isinstance(error, OperationalError) else error
    code = getattr(raised, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn the errors of a database into errors of one line.

    Args:
        place: The address for messages.

    Raises:
        StoreError: The database raised an error.
    """
    try:
        yield
    except ClaimLostError as error:
        raise StoreError(
            "the claim on the study, which was held until the server went away",
            f"'{error}' from {place}",
            "stop the other process that runs the study, or let it finish",
        ) from None
    except (DBAPIError, NoConnection) as error:
        raise _store_error(place, error) from error


def _store_error(place: str, error: DBAPIError | NoConnection) -> StoreError:
    cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    line = " ".join(cause.split())
    mend = next((mend for word, mend in _MENDS.items() if word in line.lower()), None)
    if mend is None:
        mend = "check that it is sound, and that you may write to it"
        if may_pass(error):
            mend = "start its server, and check its address, user and password"
    return StoreError(f"to read and write {place}", f"'{line}'", mend)
