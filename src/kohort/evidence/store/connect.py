"""Opens the databases in which a store can be kept."""

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from kohort.errors import StoreError
from kohort.evidence.store.database import TURN, Database, in_turn, translated
from kohort.evidence.store.files import changing
from kohort.evidence.store.migrate import check_revision, upgrade
from kohort.evidence.store.schema import APPLICATION_ID

_UPGRADES = 0x6B6F686F7274  # "kohort": the advisory lock under which tables are made.
_MOMENT = 1.0  # seconds in which a file that another process begins has its first bytes


def open_memory() -> Database:
    """A database in the memory of this process."""
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    database = Database(_begun_by_us(engine), "a store in memory", alone=True)
    _upgrade_sqlite(database)
    return database


def open_sqlite(path: Path, lock: Path) -> Database:
    """The database in a file, which is created if it is missing.

    One that this user may not write to is opened to be read.

    Args:
        path: The file.
        lock: The lock file under which tables are made.

    Raises:
        StoreError: There can be no store at this path.
    """
    is_ours = check_file(path)
    if is_ours and not _may_write(path):
        return _open_to_read(path)
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": TURN})
    database = Database(_begun_by_us(engine), str(path))
    try:
        with translated(str(path)):
            if not is_ours or not _is_ready(database):
                with _locked(lock):
                    _make_sqlite(path)
                    _upgrade_sqlite(database)
        with changing(path.parent):
            database.stays_in(path)
    except BaseException:
        database.close()
        raise
    return database


def _may_write(path: Path) -> bool:
    """Whether this user may write to a file, and SQLite to its log, which lies beside it."""
    real = path.resolve()
    as_effective = os.access in os.supports_effective_ids
    return all(os.access(each, os.W_OK, effective_ids=as_effective) for each in (real, real.parent))


def _open_to_read(path: Path) -> Database:
    """The database in a file that may only be read.

    Raises:
        StoreError: It cannot be read, or this version would have to change it first.
    """
    database = Database(_begun_by_us(_reading_engine(path)), str(path), reads_only=True)
    try:
        is_ready = database.read(lambda connection: check_revision(connection, str(path)))
    except BaseException:
        database.close()
        raise
    if not is_ready:
        database.close()
        raise StoreError(
            "a store as this version of kohort keeps it, where it may only be read",
            f"an older one, {path}",
            "allow writing to it and to its folder, and open it once: kohort list brings it up to "
            "date",
        )
    return database


def _reading_engine(path: Path) -> Engine:
    """Connections that only read, each of them new.

    What others have not yet written back lies in a log beside the file, with an index that SQLite
    reads, too. Where there is no log nobody is writing, and SQLite, which would make one, is told
    that the file stays as it is: so it says (sqlite.org, Write-Ahead Logging, 4) for places that
    cannot be written to. Each connection looks anew, and is there for one transaction.

    Args:
        path: The file.
    """
    real = path.resolve()
    log = real.with_name(f"{real.name}-wal")

    def connect() -> sqlite3.Connection:
        has_log = log.exists() and log.stat().st_size > 0
        how = "mode=ro" if has_log else "immutable=1"
        return sqlite3.connect(f"{real.as_uri()}?{how}", timeout=TURN, uri=True)

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def open_postgres(place: str) -> Database:
    """The database on a server.

    Args:
        place: A URL that starts with "postgresql://".

    Raises:
        StoreError: There is no such server, or a store cannot be made on it.
    """
    url = _url(place)
    shown = url.set(drivername="postgresql", query={}).render_as_string()
    try:
        engine = create_engine(
            # A claim may be idle for hours between two epochs, and firewalls would cut it off.
            url.set(query={"connect_timeout": "10", "keepalives_idle": "60", **url.query}),
            pool_pre_ping=True,
        )
    except ImportError:
        raise StoreError(
            "PostgreSQL's driver psycopg",
            "none installed",
            'install it: pip install "kohort[postgres]"',
        ) from None
    database = Database(engine, shown)
    try:
        if not database.try_once(lambda connection: check_revision(connection, shown)):
            database.try_once(lambda connection: _upgrade_postgres(connection, shown))
    except BaseException:
        database.close()
        raise
    return database


def _url(place: str) -> URL:
    """The address of a server; errors do not show it, since it may have a password."""
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise StoreError(
            "a path, 'sqlite://' or 'postgresql://USER@HOST/DATABASE' to keep studies in",
            "another kind of address" if url else "an address that cannot be read",
            "write it like one of them; with %40 for an @ in a password",
        )
    return url.set(drivername="postgresql+psycopg")


def check_file(path: Path) -> bool:
    """Whether the file is a store of kohort; False where there is no file yet.

    Raises:
        StoreError: There is something else.
    """
    if path.is_dir():
        raise _no_store(path, "a folder", "name a file in it")
    if not path.parent.is_dir():
        raise _no_store(path, f"no folder {path.parent}", "make the folder first")
    if not has_bytes(path):
        return False
    if _application(path) != APPLICATION_ID:
        raise _no_store(path, "a database of another program", "name another file")
    return True


def has_bytes(path: Path) -> bool:
    """Whether there is a file that is not empty; one that is may become a store."""
    return path.exists() and path.stat().st_size > 0


def is_made(path: Path) -> bool:
    """Whether there is such a file in a moment: another process may be about to make a store."""
    until = time.monotonic() + _MOMENT
    while path.exists() and not has_bytes(path) and time.monotonic() < until:
        time.sleep(_MOMENT / 100)
    return has_bytes(path)


def _application(path: Path) -> int:
    """The number by which a database's file says whose it is.

    SQLite reads it, and not we: to close a file takes all locks on it from this process, those of
    the store that it has open as well, and another process then deletes the log that it reads.
    (sqlite.org, How To Corrupt An SQLite Database File, 2.2.) No lock is taken to read it.
    """
    try:
        reading = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        with closing(reading) as connection:
            (found,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise _no_store(path, "a file that is not SQLite's", "name another file") from error
        if not os.access(path, os.R_OK, effective_ids=True):
            cause = os.strerror(errno.EACCES)
            raise _no_store(path, f"'{cause}'", "allow reading it") from error
        # Of a damaged one whoever reads on is told what it is.
        return APPLICATION_ID
    return int(found)


def _no_store(path: Path, received: str, mend: str) -> StoreError:
    return StoreError(f"a file for a store at {path}", received, mend)


def _locked(lock: Path) -> FileLock:
    """The file lock, taken; its folder is created.

    Raises:
        StoreError: It cannot be made.
    """
    with changing(lock.parent):
        lock.parent.mkdir(exist_ok=True)
        file_lock = FileLock(lock)
        file_lock.acquire()
    return file_lock


def _begun_by_us(engine: Engine) -> Engine:
    """Let SQLAlchemy begin transactions, as its documentation recommends for sqlite3."""

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("kohort_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _is_ready(database: Database) -> bool:
    # In a writing transaction, so that a read-only file is reported here.
    return database.try_once(lambda connection: check_revision(connection, database.place))


def _make_sqlite(path: Path) -> None:
    """Mark a new file as kohort's in its first transaction, and turn on write-ahead logging.

    Nothing may be written before the mark: other processes recognise the file by it.
    """
    connection = sqlite3.connect(path, timeout=TURN, isolation_level=None)
    try:
        if not has_bytes(path):
            in_turn(lambda: connection.execute(f"PRAGMA application_id={APPLICATION_ID}"))
        # Another process may look whether the store is ready, in a transaction that could write.
        in_turn(lambda: connection.execute("PRAGMA journal_mode=WAL"))
    except sqlite3.Error as error:
        raise _no_store(path, f"'{error}'", "allow writing, and make room") from error
    finally:
        connection.close()


def _upgrade_sqlite(database: Database) -> None:
    with database.writer() as connection:
        # Can be set outside transactions only. Tables are copied and dropped; rows must stay.
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                if not check_revision(connection, database.place):
                    upgrade(connection)
                    assert not connection.execute(text("PRAGMA foreign_key_check")).all()
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _upgrade_postgres(connection: Connection, place: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADES})
    inspect(connection).clear_cache()
    if not check_revision(connection, place):
        upgrade(connection)
