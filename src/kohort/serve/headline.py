"""How studies stand, in a few facts: which run, how far they are, and the time that is left."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from kohort.evidence.store import KeptStudy, MemberKey, RunRecord, Store
from kohort.report.store_tables import pending

_RUNNING = "running"
_ASKED_EVERY = 3.0  # seconds between two looks at who has claimed the study

Members = Mapping[MemberKey, tuple[int, str]]
"""The epochs of each member, and its state."""


class Headline:
    """Follows how a study stands.

    Args:
        store: The store.
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._left: tuple[float, str] | None = None
        self._left_at = 0.0
        self._known: dict[int, str] = {}
        self._asked = float("-inf")

    def told(
        self,
        kept: KeptStudy,
        description: Mapping[str, Any],
        runs: Sequence[RunRecord],
        members: Members,
    ) -> dict[str, Any]:
        """The facts, as JSON.

        Args:
            kept: The study.
            description: Its description.
            runs: Its runs.
            members: How far its members are.
        """
        last = runs[-1] if runs else None
        status = "not begun" if last is None else last.outcome or self.unfinished(kept, last)
        is_running = status.startswith(_RUNNING)
        # A search decides on its way, and tells a number.
        by_variant = description.get("epochs")
        planned = by_variant if isinstance(by_variant, Mapping) else None
        of_each = _epochs_of(planned, members)
        left = self._time_left(last) if is_running and last is not None else None
        asked = last.asked_to_end if last is not None and is_running else None
        return {
            "kind": _kind(description),
            "status": status,
            "running": is_running,
            "asked": asked is not None,
            "run": None if last is None else f"{last.host}, process {last.pid}",
            "began": _told(last.started) if last else "",
            "ended": _told(last.finished) if last else "",
            "members": len(members),
            "finished": sum(state in ("finished", "diverged") for _, state in members.values()),
            "done": sum(done for done, _ in of_each.values()),
            "total": None if planned is None else sum(total for _, total in of_each.values()),
            "left": left,
            "part": "" if left is None or last is None or last.left is None else last.left[1],
            "final": "result" in description and not is_running,
            "pending": "" if is_running else pending(self._store, kept),
        }

    def _time_left(self, run: RunRecord) -> int | None:
        """The seconds that are left by what a run told last; None where it told nothing."""
        now = self._clock()
        if run.left != self._left:
            self._left, self._left_at = run.left, now
        return None if run.left is None else _few_steps(run.left[0] - (now - self._left_at))

    def unfinished(self, kept: KeptStudy, run: RunRecord) -> str:
        """What is known of a run of which nothing tells how it ended.

        To find out takes the study's lock for a moment where nobody has it, and a run that begins
        in that moment would be refused: a run that was killed stays so, and is asked about once.
        """
        known = self._known.get(run.number)
        is_due = time.monotonic() - self._asked >= _ASKED_EVERY
        if known is None or (known == _RUNNING and is_due):
            told = {True: _RUNNING, False: "killed", None: "running, or killed"}
            known = self._known[run.number] = told[kept.is_claimed()]
            self._asked = time.monotonic()
        return known


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


def _kind(description: Mapping[str, Any]) -> str:
    if description.get("kind") == "search":
        return "search"
    return "race" if description.get("race") else "study"


def _epochs_of(
    planned: Mapping[str, int] | None, members: Members
) -> dict[MemberKey, tuple[int, int]]:
    """Of each member the epochs that it has behind it, and all of them.

    One that stopped early has no more to train.

    Args:
        planned: By variant; None for a search, where all are those that came.
        members: How far its members are.
    """
    if planned is None:
        return {key: (epochs, epochs) for key, (epochs, _) in members.items()}
    found = {}
    for key, (epochs, state) in members.items():
        total = planned.get(key.variant, epochs)
        found[key] = total if state in ("finished", "diverged") else min(epochs, total), total
    return found


def _few_steps(seconds: float) -> int:
    """Seconds, rounded to what an estimate can tell, so that it does not change all the time."""
    step = 5 if seconds < 90 else 30 if seconds < 900 else 300
    return max(step, step * round(seconds / step))


def _told(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
