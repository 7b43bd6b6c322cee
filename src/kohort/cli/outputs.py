"""Checks and writes the output folder of a run: its report and its winner."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path

from kohort.data.system import is_folder
from kohort.errors import DesignError

REPORT, WINNER = "report.html", "winner.keras"
_DATA = re.compile(r"<dt>data</dt><dd>(.*?), SHA-256 (\w+)</dd>")


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Check before training that the outputs can be written to a folder.

    Folders that were made for it are removed again if the block ends in an error.

    Raises:
        DesignError: The folder cannot be written.
    """
    made = [path for path in (folder, *folder.parents) if not is_folder(path)]
    try:
        _check(folder)
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


def check_report(folder: Path, fingerprint: str) -> None:
    """Check before training that a folder, which nobody named, has no report of other data.

    Args:
        folder: The folder.
        fingerprint: Of the data to train on.

    Raises:
        DesignError: It has one, which the run would overwrite.
    """
    with suppress(OSError, UnicodeDecodeError):
        told = _DATA.search((folder / REPORT).read_text("utf-8"))
        if told is not None and told[2] != fingerprint:
            raise DesignError(
                f"no report of other data in {folder}",
                f"one of {unescape(told[1])}",
                "name another folder with --out, or move that report away",
            )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn system errors in the block into errors of one line.

    Raises:
        DesignError: The system refused to.
    """
    try:
        yield
    except OSError as error:
        raise DesignError(
            f"to write {path}",
            f"'{error.strerror or error}'",
            "make room there, or name another folder with --out",
        ) from error


def without_winner(folder: Path) -> bool:
    """Remove the winner of an earlier run from a folder; returns whether there was one.

    Raises:
        DesignError: It cannot be removed.
    """
    path = folder / WINNER
    was_there = path.exists()
    with writing(path):
        path.unlink(missing_ok=True)
    return was_there


def _check(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        blocked = [name for name in (REPORT, WINNER) if (folder / name).is_dir()]
    except OSError as error:
        raise DesignError(
            "a folder to write to", f"{folder} ({error.strerror})", "name another with --out"
        ) from error
    if blocked:
        raise DesignError(
            "a folder to write to",
            f"{folder} with a folder {blocked[0]}",
            "name another with --out",
        )
