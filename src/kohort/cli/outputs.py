"""Checks and writes the output folder of a run: its report and its winner."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import NamedTuple

from kohort.data.fetching.published import source_path
from kohort.data.readers.idx import is_idx
from kohort.data.system import is_file, is_folder
from kohort.errors import DesignError

REPORT, WINNER = "report.html", "winner.keras"
_PAGE = b"<!doctype html"
"""What a page begins with, in any letters."""
_DATA = re.compile(r"<dt>data</dt><dd>(.*?), SHA-256 (\w+)</dd>")
_STUDY = re.compile(r"<title>(.*?): kohort report</title>", re.DOTALL)
_RAN = re.compile(r"<dt>ran</dt><dd>(.*?), for ")


class Earlier(NamedTuple):
    """What a folder has of an earlier run.

    Args:
        files: Names of its files.
        study: What its report is of; empty where no report of kohort's is there.
        data: The fingerprint of the data of that; likewise.
        ran: When that began; likewise.
    """

    files: tuple[str, ...]
    study: str
    data: str
    ran: str


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
    told = _DATA.search(_report_text(folder))
    if told is not None and told[2] != fingerprint:
        raise DesignError(
            f"no report of other data in {folder}",
            f"one of {unescape(told[1])}",
            "name another folder with --out, or move that report away",
        )


def earlier(folder: Path) -> Earlier:
    """What a folder has of an earlier run; a report that cannot be read tells nothing."""
    page = _report_text(folder)
    found = [pattern.search(page) for pattern in (_STUDY, _DATA, _RAN)]
    study, data, ran = (unescape(match[match.lastindex or 0]) if match else "" for match in found)
    files = tuple(name for name in (REPORT, WINNER) if is_file(folder / name))
    return Earlier(files, study, data, ran)


def replaced(before: Earlier, after: Earlier, *, is_anew: bool) -> str:
    """Which files of an earlier run were written over, and whose, in words; empty without any.

    Those of the same study, which went on, are no loss: what they told is in the new ones.

    Args:
        before: What the folder had before the run.
        after: What it has now.
        is_anew: Whether the run forgot what the study had measured before.
    """
    files = [name for name in before.files if name in after.files]
    went_on = not is_anew and (before.study, before.data) == (after.study, after.data)
    if went_on or not files:
        return ""
    whose = f": {before.study!r}, which ran {before.ran}" if before.study and before.ran else ""
    return f"{' and '.join(files)} of an earlier run{whose}"


def check_is_other(out: Path, source: str) -> None:
    """Check before a file is written that it is another one than the data.

    Args:
        out: The file.
        source: What the data were named.

    Raises:
        DesignError: It is theirs.
    """
    path = source_path(source)
    if out.exists() and path.exists() and out.samefile(path):
        raise DesignError("another file than the data", f"{out} for both", "name one with --out")


def check_is_no_data(out: Path | None, source: str | None) -> None:
    """Check before a page is written that it does not take the place of the data.

    Args:
        out: The page; None where nobody named one.
        source: What the data were named; None where they are not.

    Raises:
        DesignError: It is their file, or is there in their folder and no page of before.
    """
    if out is None or source is None or source == "letters" or not is_file(out):
        return
    check_is_other(out, source)
    path = source_path(source)
    folder = path.parent if is_file(path) and is_idx(path) else path  # labels lie beside images
    if out.resolve().is_relative_to(folder.resolve()) and not _is_page(out):
        told = f"{out}, which lies among them"
        raise DesignError("another file than the data", told, "name one with --out")


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


def _report_text(folder: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (folder / REPORT).read_text("utf-8")
    return ""


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_PAGE)).lower() == _PAGE
    except OSError:
        return False


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
