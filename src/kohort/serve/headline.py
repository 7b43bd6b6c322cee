"""How studies stand, in a few facts: which run, how far they are, and the time that is left."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kohort.evidence.outset import COSTS, OUTSET
from kohort.evidence.store import KeptStudy, MemberKey, RunRecord, Store
from kohort.report.store_tables import pending
from kohort.serve.pacing import TimeLeft

_RUNNING = "running"
_ASKED_EVERY = 3.0  # seconds between two looks at who has claimed the study

Members = Mapping[MemberKey, tuple[int, str]]
"""The epochs of each member, and its state."""


class Headline:
    """Follows how a study stands.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._time_left = TimeLeft()
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
        left = None
        if is_running and planned is not None and last is not None:
            cost = description.get(OUTSET, {}).get(COSTS, {})
            each = {key: cost.get(key.variant, 1.0) for key in of_each}
            done, total = (
                sum(epochs[place] * each[key] for key, epochs in of_each.items())
                for place in (0, 1)
            )
            left = self._time_left.seconds(last.number, done, total)
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
            "left": None if left is None else _few_steps(left),
            "final": "result" in description and not is_running,
            "pending": "" if is_running else pending(self._store, kept),
        }

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
