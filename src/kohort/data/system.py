"""The machine: kinds of paths, the amount of memory, and the number of cores."""

import functools
import os
import sys
from pathlib import Path

from kohort.errors import DataError

_CONTAINER = Path("/sys/fs/cgroup/memory.max")
BYTE_UNITS = {"T": 10**12, "G": 10**9, "M": 10**6, "K": 10**3, "": 1}
"""Bytes by the letter before the B, the largest first."""


def absent(path: Path) -> DataError:
    """The error of a file that is not there."""
    return DataError("a file that is there", f"{str(path)!r}: no such file", "check the path")


def is_file(path: Path) -> bool:
    """Whether a path is a regular file, not a pipe or a device."""
    try:
        return path.is_file()
    except OSError:  # Python 3.12, of a name that is too long
        return False


def is_folder(path: Path) -> bool:
    """Whether a path is a folder."""
    try:
        return path.is_dir()
    except OSError:  # Python 3.12, of a name that is too long
        return False


def cores() -> int:
    """The number of cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


@functools.cache
def memory() -> int:
    """Bytes of memory of the machine, or of the container that limits this process.

    Where the system reports none, a number larger than any machine has.
    """
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return sys.maxsize
    try:
        return min(machine, int(_CONTAINER.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return machine


def check_room(needed: int, what: str) -> None:
    """Refuse data that do not fit in memory, before memory is allocated.

    Args:
        needed: Bytes.
        what: What needs the memory, as a noun phrase.

    Raises:
        DataError: The machine, or the container that limits this process, has less memory.
    """
    most = memory()
    if needed > most:
        raise DataError(
            f"data that fit in {bytes_text(most)} of memory",
            f"{what}, of {bytes_text(needed)}",
            "give fewer samples, or check that the file is what it should be",
        )


def bytes_text(count: int) -> str:
    """A number of bytes in the largest unit that fits: `1.5 MB`."""
    unit, size = next(((u, n) for u, n in BYTE_UNITS.items() if count >= n), ("", 1))
    return f"{count / size:,.3g} {unit}B"
