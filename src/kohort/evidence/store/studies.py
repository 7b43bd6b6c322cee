"""A store: studies in one database, and their files in one folder."""

import difflib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection

from kohort.errors import StoreError
from kohort.evidence.store import files, journal, rows
from kohort.evidence.store.connect import (
    check_file,
    is_made,
    open_memory,
    open_postgres,
    open_sqlite,
)
from kohort.evidence.store.database import Database
from kohort.evidence.store.kept import KeptStudy
from kohort.evidence.store.records import MemberKey, StudySummary, VariantRecord, to_text

_MEMORY = ("sqlite://", "sqlite:///:memory:")


def open_store(place: str | Path, *, files: str | Path | None = None, make: bool = True) -> "Store":
    """Open a store; an older one is brought up to date.

    An SQLite file that this user may not write to, or whose folder, is opened to be read: what
    writes is refused.

    Args:
        place: The path of an SQLite file; "sqlite://" for a store in memory, until it is closed;
            "postgresql://USER@HOST/DATABASE" for a store on a server.
        files: The folder of weights and checkpoints. None means beside an SQLite file
            ("kohort.files" beside "kohort.db"), a temporary folder for a store in memory, and for
            a server "kohort.files" in the working directory. All processes that open a store must
            name the same folder.
        make: Whether to make a store of a file that is missing or empty.

    Raises:
        StoreError: There can be no store at this place; the message says why.
    """
    text = durable_location(place)
    if text is None:
        return _in_memory(files)
    if "://" in text:
        return Store(open_postgres(text), Path(files or "kohort.files").absolute())
    path = Path(text)
    if not make and not (path.is_dir() or is_made(path)):
        received = f"{place}, an empty file" if path.exists() else f"no file {place}"
        raise StoreError("a store", received, "run a study first, or name another store (--store)")
    root = Path(files).absolute() if files else _beside(path)
    return Store(open_sqlite(path, root / "open.lock"), root)


def durable_location(place: str | Path) -> str | None:
    """The place, independent of the working directory; None for a store in memory."""
    text = str(place)
    if text in _MEMORY:
        return None
    if "://" in text and not text.startswith("sqlite:///"):
        return text
    return str(Path(text.removeprefix("sqlite:///")).expanduser().absolute())


def check_place(place: str) -> None:
    """Check before what trains is imported that a store can be in a file; a server is not asked.

    Raises:
        StoreError: Its folder is missing, or the file is no store.
    """
    text = durable_location(place)
    if text is not None and "://" not in text:
        check_file(Path(text))


def _in_memory(files: str | Path | None) -> "Store":
    if files is not None:
        return Store(open_memory(), Path(files).absolute())
    folder = tempfile.TemporaryDirectory(prefix="kohort-")
    return Store(open_memory(), Path(folder.name), folder.cleanup)


def _beside(path: Path) -> Path:
    """The folder for the files of a store, beside its SQLite file."""
    return path.with_name(f"{path.name if path.suffix == '.files' else path.stem}.files")


class Store:
    """A store of studies. Close it, or open it by `with`.

    Args:
        database: The database.
        root: The folder of weights and checkpoints.
        clean_up: Called when the store is closed.
    """

    def __init__(
        self, database: Database, root: Path, clean_up: Callable[[], object] | None = None
    ) -> None:
        self._database = database
        self._root = root
        self._clean_up = clean_up

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def reads_only(self) -> bool:
        """Whether this user may not write to it."""
        return self._database.reads_only

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        if self._clean_up is not None:
            self._clean_up()

    def studies(self) -> list[StudySummary]:
        """A summary of each study, in the order in which they were created."""
        return self._database.read(journal.summaries)

    def create(
        self,
        name: str,
        description: Mapping[str, Any],
        variants: Sequence[VariantRecord],
        members: Iterable[MemberKey],
    ) -> KeptStudy:
        """Add a new study.

        Args:
            name: Its name in the store.
            description: Its description as a whole, as JSON.
            variants: Its variants, in order.
            members: The members that it will train.

        Raises:
            StoreError: The name is taken, or a member has a variant that is not in `variants`.
        """
        added = self._added(name, description, variants, members)
        if added is None:
            raise StoreError(
                "a name that no study of the store has", repr(name), "choose another name"
            )
        return added

    def find_or_create(
        self,
        name: str,
        description: Mapping[str, Any],
        variants: Sequence[VariantRecord],
        members: Iterable[MemberKey],
    ) -> KeptStudy:
        """The study of a name, added where there is none; arguments and errors as of `create`."""
        found = self.find(name) or self._added(name, description, variants, members)
        return found or self.study(name)  # Another process was the first to add it.

    def study(self, name: str) -> KeptStudy:
        """The study of a name.

        Raises:
            StoreError: There is none; the message lists similar names.
        """
        found = self.find(name)
        if found is None:
            raise self._no_study(name)
        return found

    def find(self, name: str) -> KeptStudy | None:
        """The study of a name; None where there is none."""
        found = self._database.read(lambda connection: rows.find_study(connection, name))
        return None if found is None else self._kept(name, *found)

    def delete(self, name: str) -> None:
        """Remove a study: its rows, then its files.

        Raises:
            StoreError: There is none of this name, or another process runs it.
        """
        study = self.study(name)
        with study.claim():
            self._database.write(
                lambda connection: rows.delete_study(connection, study.number, study.folder)
            )
        self._empty_trash()

    def _added(
        self,
        name: str,
        description: Mapping[str, Any],
        variants: Sequence[VariantRecord],
        members: Iterable[MemberKey],
    ) -> KeptStudy | None:
        """A study that is new; None where its name is taken."""
        rows.check_name(name)
        folder, text, keys = uuid4().hex, to_text(description), list(members)

        def write(connection: Connection) -> int | None:
            number = rows.add_study(connection, name, folder, text)
            if number is not None:
                rows.add_parts(connection, number, variants, keys)
            return number

        number = self._database.write(write)
        return None if number is None else self._kept(name, number, folder)

    def _kept(self, name: str, number: int, folder: str) -> KeptStudy:
        return KeptStudy(self._database, self._root, name, number, folder)

    def _no_study(self, name: str) -> StoreError:
        names = [summary.name for summary in self.studies()]
        close = difflib.get_close_matches(name, names) or names[:5]
        return StoreError(
            f"a study in {self._database.place}",
            repr(name),
            f"choose one like {', '.join(map(repr, close))}" if close else "run one first",
        )

    def _empty_trash(self) -> None:
        """Remove the folders of deleted studies, including those whose deletion was interrupted."""
        folders = self._database.read(journal.trash)
        for folder in folders:
            files.remove_folder(self._root / folder)
            with suppress(OSError):  # Windows keeps a file that another process has open.
                (self._root / f"{folder}.lock").unlink(missing_ok=True)
        self._database.write(lambda connection: journal.empty_trash(connection, folders))
