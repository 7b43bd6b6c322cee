"""A database in memory, for programs that write to one by its URL and wait for the disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_from_memory(path: Path) -> Iterator[str]:
    """Give the URL of a new database for SQLAlchemy, which is then written to a file of SQLite.

    Other programs wait for the disk at each of hundreds of steps; and a URL cannot express the name
    of every folder.

    Args:
        path: The file, in a folder that is there.
    """
    memory = f"file:{uuid4().hex}?mode=memory&cache=shared"
    with closing(sqlite3.connect(memory, uri=True)) as database:
        yield f"sqlite:///{memory}&uri=true"
        path.write_bytes(database.serialize())
