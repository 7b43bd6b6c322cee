"""Downloads a file of known size and checksum; a download that was cut goes on where it ended."""

# pooch, the usual library for it, begins a cut download anew, as does urllib's urlretrieve.

import errno
import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout

from kohort.data.fetching.published import PART, Published
from kohort.errors import DataError, DesignError, legible, reason

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait after a request that brought nothing new; after one more the address fails."""
PATIENCE = 60.0
"""Seconds without a byte after which a connection counts as cut."""
_BLOCK = 2**18
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of servers that may answer a little later."""
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})


class _FailedError(Exception):
    """An address does not give the file; the message says what came."""

    is_unreachable = False


class _UnreachableError(_FailedError):
    """There is no network to the address, or no server of that name."""

    is_unreachable = True


class _NoRangeError(Exception):
    """The server did not send the part of the file that was asked for."""


def fetch(file: Published, path: Path, seen: Callable[[int], None] = lambda _: None) -> bool:
    """Download a file, whole or not at all.

    What has come lies beside it with the ending `.part`, until all of it has come with the right
    size and checksum. A download that was cut goes on from there: in this call, or in the next one
    where this one ends before.

    Args:
        file: What to download; its addresses are tried in turn.
        path: Where to; its folder is there.
        seen: Called with the number of bytes that are there, each time that some have come.

    Returns:
        Whether it was downloaded; it may have been there.

    Raises:
        DataError: No address gives the file.
        DesignError: The file cannot be written, there is another one at the path, an address is
            none, or another process downloads it.
    """
    for address in file.addresses:
        _check_address(address)
    if not path.parent.is_dir():
        raise DesignError("a folder that is there", str(path.parent), "make it first")
    if os.path.lexists(path):
        _check_same(file, path)
        return False
    part = path.with_name(path.name + PART)
    with _alone(part):
        _receive_from_any(file, part, seen)
        with _writing(part):
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            part.replace(path)
    return True


def _receive_from_any(file: Published, part: Path, seen: Callable[[int], None]) -> None:
    failed: list[tuple[str, _FailedError]] = []
    for address in file.addresses:
        try:
            return _Download(file, address, part, seen).run()
        except _FailedError as error:
            failed.append((address, error))
    told = ", ".join(f"from {legible(address)}: {error}" for address, error in failed)
    if all(error.is_unreachable for _, error in failed):
        told = f"no network, or no such server: {told}"
    mend = "check the network, or name another address with --url"
    if kept := _size(part):
        mend += f"; {kept:,} bytes are kept, and the same command goes on from there"
    raise DataError(f"{file.file_name} of {file.size:,} bytes", told, mend)


class _Download:
    """The download of a file from one address."""

    def __init__(
        self, file: Published, address: str, part: Path, seen: Callable[[int], None]
    ) -> None:
        self._file, self._address, self._part, self._seen = file, address, part, seen
        self._takes_range = True
        self._has_answered = False
        self._in_one_answer = False
        self._has_begun_anew = False

    def run(self) -> None:
        """Receive until the part is the file."""
        vain = 0
        while (have := _size(self._part)) < self._file.size or not self._is_right():
            told = self._request(have)
            vain = 0 if _size(self._part) > have else vain + bool(told)
            if vain > len(PAUSES):
                raise _FailedError(told)
            if vain:
                time.sleep(PAUSES[vain - 1])

    def _is_right(self) -> bool:
        """Whether a part of the file's size is the file; else it is thrown away."""
        found = _md5(self._part)
        if found != self._file.md5:
            self._begin_anew(f"another file, of MD5 {found}")
        return found == self._file.md5

    def _begin_anew(self, told: str) -> None:
        """Throw the part away: where it came in pieces, one of them may have been of another file.

        Raises:
            _FailedError: The file came whole, or was thrown away before.
        """
        with _writing(self._part):
            self._part.unlink(missing_ok=True)
        if self._in_one_answer or self._has_begun_anew:
            raise _FailedError(told)
        self._has_begun_anew = True

    def _request(self, have: int) -> str:
        """Ask for what is missing; returns what went wrong, if anything did."""
        have = min(have, _size(self._part))
        headers = {"User-Agent": "kohort", "Accept-Encoding": "identity"}
        if have and self._takes_range:
            headers["Range"] = f"bytes={have}-"
        # `_check_address` has seen that it is http or https.
        request = Request(self._address, headers=headers)  # noqa: S310
        try:
            with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                self._has_answered = True
                self._receive(answer, have)
        except _NoRangeError:
            return self._without_range("another part than was asked for")
        except HTTPError as error:
            error.close()
            return self._refused(error)
        except InvalidURL as error:
            raise _FailedError(reason(error)) from error
        except (OSError, HTTPException) as error:
            return self._cut(error)
        return "" if _size(self._part) >= self._file.size else "the connection ended early"

    def _without_range(self, told: str) -> str:
        if not self._takes_range:
            raise _FailedError(told)
        self._takes_range = False
        return ""

    def _refused(self, error: HTTPError) -> str:
        told = reason(error)
        if error.code == _NOT_SATISFIABLE:
            return self._without_range(told)
        if error.code not in _BUSY:
            raise _FailedError(told) from error
        return told

    def _cut(self, error: OSError | HTTPException) -> str:
        """What went wrong with a connection; asking again is of no use where there is no server."""
        cause = error.reason if isinstance(error, URLError) else error
        told = cause if isinstance(cause, str) else getattr(cause, "strerror", None)
        if isinstance(cause, TimeoutError):
            told = f"no answer in {PATIENCE:g} seconds"
        told = told or reason(error)
        is_unreachable = isinstance(cause, socket.gaierror) or (
            isinstance(cause, OSError) and cause.errno in _NO_ROUTE
        )
        if isinstance(error, URLError) and not self._has_answered:
            raise (_UnreachableError if is_unreachable else _FailedError)(told) from error
        return told

    def _receive(self, answer: HTTPResponse, have: int) -> None:
        """Append to the part what an answer brings beyond its bytes."""
        start, total = _extent(answer)
        if total not in (None, self._file.size):
            raise _FailedError(f"a file of {total:,} bytes")
        if start > have:
            raise _NoRangeError
        # A server that does not know of parts sends all of it: no need to throw away what is here.
        self._in_one_answer = not have
        while start < have and (block := answer.read1(min(_BLOCK, have - start))):
            start += len(block)
        if start < have:
            return
        while block := answer.read1(min(_BLOCK, self._file.size + 1 - have)):
            have += len(block)
            if have > self._file.size:
                self._begin_anew(f"more than {self._file.size:,} bytes")
                return
            self._append(block)
            self._seen(have)

    def _append(self, block: bytes) -> None:
        left = memoryview(block)
        # Without a buffer, so that what the disk does not take is told here.
        with _writing(self._part), self._part.open("ab", buffering=0) as part:
            while left:
                left = left[part.write(left) :]


def _extent(answer: HTTPResponse) -> tuple[int, int | None]:
    """The byte that an answer begins with, and the size of the whole file, where it tells it."""
    if answer.status == _PARTIAL:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if found is None:
            raise _NoRangeError
        return int(found[1]), None if found[2] == "*" else int(found[2])
    if answer.status != _OK:
        raise _FailedError(f"status {answer.status}")
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of the host or the port
        is_one = False
    if not is_one or not address.isascii() or not address.isprintable() or " " in address:
        raise DesignError(
            "an address that begins with http:// or https://", repr(address), "check the spelling"
        )


def _check_same(file: Published, path: Path) -> None:
    """Refuse to write over another file."""
    if path.is_file() and path.stat().st_size == file.size and _md5(path) == file.md5:
        return
    raise DesignError(
        f"{file.file_name} of {file.size:,} bytes, or no file",
        f"another file at {path}",
        "move it, or name another place with --out",
    )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Keep other processes from the part; a lock ends with its process."""
    lock = FileLock(part.with_name(part.name + ".lock"))
    with _writing(part):
        lock.acquire(timeout=0)
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise DesignError(
            f"no other download to {path}", "one of another process", "wait until it has ended"
        ) from error
    except OSError as error:
        raise DesignError(
            f"to write {path}",
            f"'{error.strerror or error}'",
            "make room there, or name another place with --out",
        ) from error
