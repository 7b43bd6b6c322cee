"""The store that a place has now: its file may be deleted or replaced while a page is open."""

import threading
from pathlib import Path

from kohort.errors import StoreError
from kohort.evidence.store import Store, durable_location, open_store


class CurrentStore:
    """Opens a store anew where another file has come to its place.

    SQLite goes on with a file that has lost its name, and so would show for ever what it had.

    Args:
        store: The store, as it was opened; who opened it closes it.
        place: Of the store.
    """

    def __init__(self, store: Store, place: str) -> None:
        location = durable_location(place)
        self._path = None if location is None or "://" in location else Path(location)
        self._given = self._store = store
        self._file = self._looked_at()
        self._lock = threading.Lock()

    def opened(self) -> Store:
        """The store, opened anew if that is another one than before.

        Raises:
            StoreError: There is none any more, or what is there cannot be opened.
        """
        with self._lock:
            file = self._looked_at()
            if file is None and self._path is not None:
                raise StoreError(
                    f"the store at {self._path}, as it was when the page began",
                    "no file there",
                    "put it back, or run a study, which makes a new one: the page goes on with it",
                )
            if file != self._file:
                store = open_store(str(self._path), make=False)
                self.close()
                self._store, self._file = store, file
            return self._store

    def close(self) -> None:
        """Close what was opened here."""
        if self._store is not self._given:
            self._store.close()

    def _looked_at(self) -> tuple[int, int] | None:
        """Which file is there; None where there is none, and of a store that is in no file."""
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(
                f"to look at the store at {self._path}",
                error.strerror or str(error),
                "allow reading its folder",
            ) from error
        return found.st_dev, found.st_ino
