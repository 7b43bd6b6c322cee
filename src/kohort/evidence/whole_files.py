"""Files and folders that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes `path` when the block ends without an error.

    Folders that are missing above `path` are made. What is new lies beside what is old, with its
    suffix; it is flushed to the disk before it takes the old one's place, and a failure leaves
    nothing of it. A file takes the place of a file; a folder takes none that holds something.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not one of tempfile's, which only their owner may read.
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
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush to the disk which files a folder has."""
    if os.name == "nt":  # Windows opens no folders, and needs no flush of them.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
