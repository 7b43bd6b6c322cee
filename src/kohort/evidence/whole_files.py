"""Writes files and folders whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(path: Path, *, flushes_folder: bool = True) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when the block ends without an error.

    Missing folders above `path` are made. The new file lies beside the old one, with its suffix.
    It is flushed to the disk before it replaces the old one, and removed after an error. A file
    may replace a file; a folder may replace only an empty folder.

    Args:
        path: The file or folder.
        flushes_folder: Whether to flush the list of the folder's files, too; who writes many files
            flushes it once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not a file of tempfile, which only its owner may read.
    new = path.with_name(f"{uuid4().hex}{path.suffix}")
    try:
        yield new
        for written in new.rglob("*") if new.is_dir() else [new]:
            if written.is_file():
                with written.open("rb+") as file:
                    os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        if new.is_dir():
            shutil.rmtree(new)
        else:
            new.unlink(missing_ok=True)
        raise
    if flushes_folder:
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush the list of a folder's files to the disk."""
    if os.name == "nt":  # Windows opens no folders, and needs no flush of them.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
