"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes `path` when the block ends without an error.

    Folders that are missing above `path` are made. The new file lies beside the old one, with its
    suffix; it is flushed to the disk before it takes the old one's place, and a failure leaves
    nothing of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not one of tempfile's, which only their owner may read.
    new = path.with_name(f"{uuid4().hex}{path.suffix}")
    try:
        yield new
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
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
