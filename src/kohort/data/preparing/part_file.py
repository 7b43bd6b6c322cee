"""Keeps what a run has read and found beside the file that it writes, so that a killed one goes on.

A part file is an SQLite database, of which a killed process leaves what was committed. Its images
are known by their number and by a digest of the bytes that they were decoded from: where a source
has changed since, they are decoded anew.
"""

import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import PIL

from kohort.data.readers.decoding import Color, Decoded, decode_bytes
from kohort.errors import DesignError, InputError, reason

ENDING = ".part"
KEPT_ROWS, KEPT_BYTES = 4096, 2**24
"""So many files, or bytes of their pixels, are read between two commits at most."""
_MARK = 0x6B6F686F
"""SQLite's `application_id` of part files."""
_FORMAT = 1
_TABLES = """
    CREATE TABLE file (number INTEGER PRIMARY KEY, digest BLOB, told TEXT, pixels BLOB, sum BLOB);
    CREATE TABLE found (digest BLOB PRIMARY KEY, arrays BLOB, sum BLOB);
    CREATE TABLE settings (settings TEXT);
    CREATE TABLE written (name TEXT);
"""


type Arrays = dict[str, np.ndarray]


class PartFile:
    """What was read and found so far. No file is made until there is something to keep.

    Args:
        out: The file that is to be written; the part file lies beside it.
        settings: What else decides how files are decoded. What was kept with others is dropped.

    Raises:
        DesignError: There is another file of that name.
        sqlite3.Error: Another process uses it.
    """

    def __init__(self, out: Path, settings: Mapping[str, object]) -> None:
        self.path = out.with_name(out.name + ENDING)
        self._settings = json.dumps({**settings, "format": _FORMAT, "Pillow": PIL.__version__})
        self._connection: sqlite3.Connection | None = None
        self._pending: list[tuple[int, bytes, str, bytes, bytes]] = []
        self._pending_bytes = self._number = self.files = 0
        self._made: list[Path] = []  # folders, the innermost first
        if self.path.exists():
            self._open()

    def decoded(self, content: bytes, color: Color, size: tuple[int, int] | None) -> Decoded | None:
        """What `decode_bytes` makes of the next file: as kept, or made now and kept."""
        digest = _digest(content)
        number, self._number = self._number, self._number + 1
        row = self._kept_file(number) if number < self.files else None
        if row is not None and row[0] == digest and row[3] == _sum(digest, *row[1:3]):
            return _from_row(*row[1:3])
        made = decode_bytes(content, color, size)
        told, pixels = _to_row(made)
        self._pending.append((number, digest, told, pixels, _sum(digest, told, pixels)))
        self._pending_bytes += len(pixels)
        if len(self._pending) >= KEPT_ROWS or self._pending_bytes >= KEPT_BYTES:
            self.keep()
        return made

    def keep(self) -> None:
        """Commit what was read since the last commit."""
        if not self._pending:
            return
        with self._opened() as connection:
            connection.executemany("REPLACE INTO file VALUES (?, ?, ?, ?, ?)", self._pending)
        self.files = max(self.files, self._pending[-1][0] + 1)
        self._pending, self._pending_bytes = [], 0

    def found(self, digest: bytes, find: Callable[[], Arrays]) -> Arrays:
        """What was found in data of a digest, by name: as kept, or found now and kept."""
        self.keep()
        query = "SELECT arrays, sum FROM found WHERE digest = ?"
        row = self._opened().execute(query, (digest,)).fetchone()
        if row is not None and row[1] == _sum(digest, "", row[0]):
            with np.load(io.BytesIO(row[0]), allow_pickle=False) as arrays:
                return dict(arrays)
        found = find()
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **found)
        row = (digest, stream.getvalue(), _sum(digest, "", stream.getvalue()))
        with self._opened() as connection:
            connection.execute("REPLACE INTO found VALUES (?, ?, ?)", row)
        return found

    def note(self, new: Path) -> None:
        """Note the new file, beside `out`, that is written from now on.

        Where the process is killed, the next one removes it.
        """
        with self._opened() as connection:
            connection.execute("INSERT INTO written VALUES (?)", (new.name,))

    @property
    def kept(self) -> str:
        """What it keeps, in words."""
        return (
            f"{self.path} keeps {self.files:,} files that were read: the same command goes on there"
        )

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def remove(self) -> None:
        """Close and remove it, and folders that were made for it and nothing else."""
        if self._connection is not None:
            self.close()
            self._unlink()

    def _unlink(self) -> None:
        for ending in ("", "-journal"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        for folder in self._made:
            with suppress(OSError):  # that `out` is in it
                folder.rmdir()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        self._made += [folder for folder in self.path.parents if not folder.exists()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        connection = sqlite3.connect(self.path, timeout=0)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            self._check(connection)
            self._clear(connection)
            connection.commit()
            self.files = connection.execute(
                "SELECT coalesce(max(number) + 1, 0) FROM file"
            ).fetchone()[0]
        except BaseException as error:
            connection.close()
            if is_new and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                self._unlink()
            raise
        self._connection = connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Refuse another program's file, and empty one of other settings."""
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        if names and mark != _MARK:
            raise self._foreign("a database of another program")
        if names and connection.execute("SELECT settings FROM settings").fetchall() == [
            (self._settings,)
        ]:
            return
        for name in names:
            connection.execute(f'DROP TABLE "{name}"')
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute("INSERT INTO settings VALUES (?)", (self._settings,))
        connection.execute(f"PRAGMA application_id = {_MARK}")

    def _clear(self, connection: sqlite3.Connection) -> None:
        """Remove what a killed process has half written."""
        for (name,) in connection.execute("SELECT name FROM written").fetchall():
            if re.fullmatch(r"[0-9a-f]{32}\.\w+", name):
                self.path.with_name(name).unlink(missing_ok=True)
        connection.execute("DELETE FROM written")

    def _kept_file(self, number: int) -> tuple[bytes, str, bytes, bytes] | None:
        query = "SELECT digest, told, pixels, sum FROM file WHERE number = ?"
        row: tuple[bytes, str, bytes, bytes] | None
        row = self._opened().execute(query, (number,)).fetchone()
        return row

    def _foreign(self, what: str) -> DesignError:
        return DesignError(f"{self.path} as an earlier run left it", what, "move it away")


@contextmanager
def kept_beside(out: Path, settings: Mapping[str, object]) -> Iterator[PartFile]:
    """Give a part file, which is removed when the block has written `out`, or its input is wrong.

    It stays where the block is interrupted, or the disk is full.

    Args:
        out: The file that the block writes.
        settings: Those of `PartFile`.

    Raises:
        DesignError: There is no room, or another process writes it.
    """
    part = None
    try:
        part = PartFile(out, settings)
        yield part
        part.remove()
    except InputError:
        if part is not None:
            part.remove()
        raise
    except (OSError, sqlite3.Error) as error:
        raise _no_room(out, part, error) from error
    finally:
        if part is not None:
            part.close()


def _no_room(out: Path, part: PartFile | None, error: Exception) -> DesignError:
    code = getattr(error, "sqlite_errorcode", None)
    place = out.with_name(out.name + ENDING)
    if code == sqlite3.SQLITE_BUSY:
        return DesignError(f"one run at a time that writes {out}", "another one", "wait for it")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        told = f"'{reason(error)}'"
        return DesignError(f"{place} as an earlier run left it", told, "remove it, to begin anew")
    on = ""
    if part is not None and part.files:
        on = f"; {part.kept}"
    elif part is not None:
        part.remove()
    told = f"'{getattr(error, 'strerror', None) or reason(error)}'"
    return DesignError(f"to write {out}", told, f"make room there{on}")


def digest_of(what: str, *arrays: np.ndarray) -> bytes:
    """A digest of the bytes of arrays, for what is found in them."""
    hashed = hashlib.blake2b(what.encode(), digest_size=16)
    for array in arrays:
        hashed.update(str((array.dtype, array.shape)).encode())
        hashed.update(np.ascontiguousarray(array))
    return hashed.digest()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _sum(digest: bytes, told: str, pixels: bytes) -> bytes:
    return hashlib.blake2b(digest + told.encode() + pixels, digest_size=8).digest()


def _to_row(image: Decoded | None) -> tuple[str, bytes]:
    """What is kept of a file: in words (nothing of one that cannot be read), and pixels."""
    if image is None:
        return "", b""
    told = [image.upright, image.pixels.shape, image.changed]
    return json.dumps(told), image.pixels.tobytes()


def _from_row(told: str, pixels: bytes) -> Decoded | None:
    if not told:
        return None
    upright, shape, changed = json.loads(told)
    return Decoded(
        np.frombuffer(pixels, np.uint8).reshape(shape), tuple(changed), (upright[0], upright[1])
    )
