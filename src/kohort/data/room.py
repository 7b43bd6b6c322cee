"""How much memory data may take."""

import functools
import os
import sys
from pathlib import Path

from kohort.errors import DataError

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def check_room(needed: int, what: str) -> None:
    """Refuse data that do not fit in memory, before any is taken.

    Args:
        needed: Bytes.
        what: What needs them, as a noun phrase.

    Raises:
        DataError: The machine, or the container that this runs in, has less memory.
    """
    most = memory()
    if needed > most:
        raise DataError(
            f"data that fit in {_in_words(most)} of memory",
            f"{what}, of {_in_words(needed)}",
            "give fewer samples, or check that the file is what it should be",
        )


@functools.cache
def memory() -> int:
    """Bytes of memory that there are; more than can be where the system does not tell."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return sys.maxsize
    try:
        return min(machine, int(_CONTAINER.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return machine


def _in_words(count: int) -> str:
    return f"{count / 1e9:,.3g} GB" if count < 1e12 else f"{count / 1e12:,.0f} TB"
