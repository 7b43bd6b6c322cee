"""Follows one study in a store: reads only what is new, and tells clients only what they lack."""

import threading
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from kohort.evidence.outset import OUTSET, PIXELS
from kohort.evidence.record import raced
from kohort.evidence.settings import metric_name
from kohort.evidence.store import KeptStudy, MemberKey, MemberRecord, RunRecord, Store
from kohort.runs.pace import Pace
from kohort.serve.changes import Changes, Cursor
from kohort.serve.headline import Headline
from kohort.serve.live_curves import LiveCurves, scored_metric
from kohort.serve.standing.judgement import judgement

WAITING, BEGUN, FINISHED, DIVERGED = "waiting", "begun", "finished", "diverged"

_JUDGED = 2.0  # seconds between two judgements; less often where one takes long
_SCORING = "scoring"  # what a search's description tells when it is known what scores
_PARTS = ("variants", "head", "judged", "events")
_SHOWN_EVENTS = 200


class Follower:
    """A study as the live page shows it.

    Args:
        store: The store, which stays open.
        place: Of the store.
        name: The study.
    """

    def __init__(self, store: Store, place: str, name: str) -> None:
        self.name = name
        self._store, self._place = store, place
        self._lock = threading.Lock()
        self._changes = Changes()
        self._kept: KeptStudy | None = None
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the study, as of one that was deleted or begins anew."""
        self._changes.clear()
        self._description: Mapping[str, Any] = {}
        self._raced: Mapping[str, int] | None = None
        self._stamp: Any = None
        self._members: dict[MemberKey, tuple[int, str]] = {}
        self._numbers: dict[MemberKey, int] = {}
        self._variants: dict[str, int] = {}
        self._measured: LiveCurves | None = None
        self._finished: set[tuple[int, int]] = set()
        self._parts: dict[str, Any] = {part: {} for part in _PARTS}
        self._headline = Headline(self._store)
        self._judging, self._is_stale = Pace(0.0), True

    @property
    def kept(self) -> KeptStudy:
        """The study in the store.

        Raises:
            StoreError: There is none of its name.
        """
        return self._store.study(self.name)

    def look(self) -> None:
        """Read what is new.

        Raises:
            StoreError: The study is gone, or cannot be read.
        """
        with self._lock:
            self._look()

    def told(self, cursor: Cursor | None) -> tuple[dict[str, Any] | None, Cursor]:
        """What a client lacks who has heard up to a cursor; None if nothing. And its new cursor."""
        with self._lock:
            changed = self._changes.since(cursor)
            if changed is not None and not changed:
                return None, self._changes.cursor
            return self._message(changed), self._changes.cursor

    def _look(self) -> None:
        kept = self.kept
        if self._kept is None or kept.number != self._kept.number:
            self._forget()
            self._kept = kept
        kept = self._kept
        changed = set[Hashable]()
        runs = kept.runs()
        self._read_description(runs)
        if not all(map(self._is_of_study, self._numbers)):
            # A race has ended without members that one of other looks or another margin needed.
            self._forget()
            self._read_description(runs)
        grown = self._read_members(changed)
        self._set("variants", list(self._variants), changed)
        self._read_epochs(grown, changed)
        self._is_stale |= bool(changed)
        self._set("head", self._head(runs), changed)
        events = [
            {"at": f"{event.at:%Y-%m-%d %H:%M:%S} UTC", "kind": event.kind, "text": event.text}
            for event in kept.events()[-_SHOWN_EVENTS:]
        ]
        self._set("events", events, changed)
        self._changes.add(changed)

    def _set(self, part: str, value: Any, changed: set[Hashable]) -> None:
        if value != self._parts[part]:
            self._parts[part] = value
            changed.add(part)

    def _read_description(self, runs: list[RunRecord]) -> None:
        """Read the description anew where a run began or ended: it is written at both."""
        assert self._kept is not None
        last = runs[-1] if runs else None
        is_settled = not self._description.keys().isdisjoint((OUTSET, "result", _SCORING))
        stamp = None if last is None else (last.number, last.outcome)
        if stamp == self._stamp and is_settled:
            return
        self._stamp, self._description = stamp, self._kept.description
        result = self._description.get("result")
        self._raced = None if result is None else raced(result)
        self._is_stale = True
        for variant in self._kept.variants():
            self._variants.setdefault(variant.name, len(self._variants))

    def _is_of_study(self, key: MemberKey) -> bool:
        """Whether a member counts: results leave out refits, and what a race did not need."""
        counted = self._raced is None or key.replicate < self._raced.get(key.variant, 0)
        return counted and not key.is_refit

    def _read_members(self, changed: set[Hashable]) -> dict[MemberKey, int]:
        """Read how far members are; returns those of which epochs are unread, with those read."""
        assert self._kept is not None
        grown: dict[MemberKey, int] = {}
        for record in self._kept.members():
            if not self._is_of_study(record.key):
                continue
            before, state = self._members.get(record.key, (0, ""))
            if record.epochs < before:
                self._restarted(record.key, changed)
                before, state = 0, ""
            if record.epochs > before:
                grown[record.key] = before
            now = record.epochs, _state(record, state)
            if self._members.get(record.key) != now:
                number = self._number(record.key)
                self._members[record.key] = now
                self._mark(record)
                changed.add(("member", number))
        return grown

    def _number(self, key: MemberKey) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            self._variants.setdefault(key.variant, len(self._variants))
        return self._numbers[key]

    def _mark(self, record: MemberRecord) -> None:
        if record.key.share == 1:
            place = self._variants[record.key.variant], record.key.replicate
            change = self._finished.add if record.finished else self._finished.discard
            change(place)

    def _restarted(self, key: MemberKey, changed: set[Hashable]) -> None:
        self._members.pop(key)
        if self._measured is not None and key.share == 1:
            variant = self._variants[key.variant]
            had = self._measured.forget(variant, key.replicate)
            changed.update(("cell", variant, epoch) for epoch in range(had))

    def _read_epochs(self, grown: Mapping[MemberKey, int], changed: set[Hashable]) -> None:
        assert self._kept is not None
        if not grown:
            return
        for key, epoch, logs in self._kept.epochs(grown):
            if key.share == 1:
                if self._measured is None:
                    self._measured = LiveCurves(self._metric() or scored_metric(logs))
                variant = self._variants[key.variant]
                self._measured.record(variant, key.replicate, epoch, logs)
                changed.add(("cell", variant, epoch))
            epochs, state = self._members[key]
            if state != DIVERGED and not all(map(np.isfinite, logs.values())):
                self._members[key] = epochs, DIVERGED
                changed.add(("member", self._numbers[key]))

    def _metric(self) -> str | None:
        known = self._description.get("result") or self._description.get(OUTSET)
        if known:
            return str(known["settings"]["metric"])
        scoring = self._description.get(_SCORING)
        return str(scoring[0]) if scoring else None

    def _head(self, runs: list[RunRecord]) -> dict[str, Any]:
        assert self._kept is not None
        told = self._headline.told(self._kept, self._description, runs, self._members)
        metrics = self._measured.metrics if self._measured else ()
        pixels = self.pixels
        return told | {
            "metrics": [metric_name(name) for name in metrics],
            "picture": pixels and {"shape": pixels["shape"], "edge": pixels["edge"]},
        }

    @property
    def pixels(self) -> Mapping[str, Any] | None:
        """How inputs are made of images; None of other data, and of studies without an outset."""
        known = self._description.get(OUTSET)
        return known[PIXELS] if known else None

    @property
    def order(self) -> list[str]:
        """The variants that have a score, the best first; all where none was judged yet."""
        judged, names = self._parts["judged"], list(self._variants)
        if not judged:
            return names
        return [names[row[0]] for row in judged["standings"] if row[2] is not None]

    def lowest_losses(self) -> dict[MemberKey, float]:
        """Of the members that trained on all samples, the lowest validation loss."""
        if self._measured is None:
            return {}
        place = self._measured.series.index("val_data_loss")
        found = {}
        for key in list(self._numbers):
            variant, lengths = self._variants[key.variant], self._measured.lengths
            is_known = variant < len(lengths) and 0 <= key.replicate < lengths.shape[1]
            if key.share == 1 and is_known and lengths[variant, key.replicate]:
                losses = self._measured.values[variant, key.replicate, :, place]
                found[key] = float(np.nan_to_num(losses, nan=np.inf, posinf=np.inf).min())
        return found

    @property
    def is_judged_soon(self) -> bool:
        """Whether it is time to judge again."""
        return self._kept is not None and self._is_stale and self._judging.is_due

    def judge(self) -> None:
        """Judge what has been read: it takes long where there are many variants.

        Raises:
            StoreError: The study cannot be read.
        """
        with self._lock:
            kept, description = self._kept, self._description
            if kept is None:
                return
            self._is_stale, self._judging = False, Pace(_JUDGED)
            names, finished = list(self._variants), set(self._finished)
            measured = None if self._measured is None else self._measured.copy()
            whole = Counter(key.variant for key in self._members if key.share == 1)
        planned = {number: whole[name] for number, name in enumerate(names)}
        with self._judging.writing():
            place = self._place
            told = judgement(place, kept, description, measured, names, finished, planned)
        with self._lock:
            if self._kept is kept:
                changed = set[Hashable]()
                self._set("judged", told, changed)
                self._changes.add(changed)

    def _message(self, changed: Iterable[Hashable] | None) -> dict[str, Any]:
        """What is sent: of all that there is, or of what changed alone."""
        keys = list(self._numbers)
        if changed is None:
            cells = self._all_cells()
            members, parts = list(range(len(keys))), list(_PARTS)
        else:
            split = [what for what in changed if isinstance(what, tuple)]
            cells = sorted(what[1:] for what in split if what[0] == "cell")
            members = sorted(what[1] for what in split if what[0] == "member")
            parts = [part for part in _PARTS if part in changed]
        told: dict[str, Any] = {part: self._parts[part] for part in parts}
        told["members"] = [
            [n, self._variants[keys[n].variant], keys[n].replicate, keys[n].share, *state]
            for n in members
            if (state := self._members.get(keys[n], (0, WAITING)))
        ]
        if self._measured is not None:
            bands = self._measured.bands(cells)
            told["cells"] = [[*cell, band] for cell, band in zip(cells, bands, strict=True)]
        return told | {"all": changed is None}

    def _all_cells(self) -> list[tuple[int, int]]:
        if self._measured is None:
            return []
        longest = self._measured.lengths.max(axis=1, initial=0)
        return [(v, epoch) for v, epochs in enumerate(longest) for epoch in range(int(epochs))]


def _state(record: MemberRecord, before: str) -> str:
    if before == DIVERGED:
        return DIVERGED
    if record.finished:
        return FINISHED
    return BEGUN if record.epochs else WAITING
