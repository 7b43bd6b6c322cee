"""Files and folders that are written whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes `path` when the block ends without an error.

    Folders that are missing above `path` are made. What is new has the name of what is old, in a
    temporary folder beside it, so that a failure leaves nothing behind. A file takes the place of
    a file; a folder takes none that holds something.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / path.name
        yield new
        new.replace(path)
