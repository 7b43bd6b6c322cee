"""The studies of a store, as the live page lists them."""

from typing import Any

from kohort.evidence.store import Store
from kohort.serve.headline import Headline


class Listing:
    """Reads the list of studies.

    Args:
        store: The store, which stays open.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._headlines: dict[str, Headline] = {}

    def rows(self) -> list[dict[str, Any]]:
        """A row for each study, the newest first.

        Raises:
            StoreError: The store cannot be read.
        """
        return [
            {
                "name": summary.name,
                "created": f"{summary.created:%Y-%m-%d %H:%M} UTC",
                "members": summary.planned,
                "finished": summary.finished,
                "epochs": summary.epochs,
                "status": summary.outcome or self._unfinished(summary.name),
            }
            for summary in reversed(self._store.studies())
        ]

    def _unfinished(self, name: str) -> str:
        kept = self._store.find(name)
        runs = [] if kept is None else kept.runs()
        if kept is None or not runs:
            return "not begun"
        headline = self._headlines.setdefault(name, Headline(self._store))
        return runs[-1].outcome or headline.unfinished(kept, runs[-1])
