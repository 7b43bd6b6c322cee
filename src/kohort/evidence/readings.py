"""Readings of the test set: when it was read, for which members, and the results."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from kohort.evidence.store import ReadingRecord, open_store

LOG_LOSS = "log loss of classes"
"""The metric of a member whose classes were predicted."""


@dataclass(frozen=True, eq=False)
class Tested:
    """The predictions of a trained member for the test set, or its score there.

    Args:
        variant: The member's variant.
        replicate: Its replicate; below 0 for a model of no replicate, such as an ensemble.
        epoch: The epoch of its weights, from 1; 0 for a model of several members.
        weights: SHA-256 of its weights, in hexadecimal.
        classes: `[test sample]`, the predicted class, of the smallest unsigned dtype; None where
            it was scored by a metric, or the stored array is damaged.
        probabilities: `[test sample]`, the probability of that class; None likewise.
        metric: The metric that it was scored by; `LOG_LOSS` where its classes were predicted, and
            "" where that was before log losses were kept.
        score: `[]`, the metric; None where it was scored by none, or the stored array is damaged.
        values: float64 `[test sample]`, of which the score is the mean; NaN where it is none of
            samples. None likewise.
    """

    variant: str
    replicate: int
    epoch: int
    weights: str
    classes: np.ndarray | None = field(default=None, repr=False)
    probabilities: np.ndarray | None = field(default=None, repr=False)
    metric: str = ""
    score: np.ndarray | None = field(default=None, repr=False)
    values: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Reading:
    """One reading of the test set.

    Args:
        time: When, in UTC.
        members: The members that were tested.
    """

    time: datetime
    members: tuple[Tested, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants that were tested."""
        return tuple(member.variant for member in self.members)


@dataclass(frozen=True)
class KeptReadings:
    """The readings of a study in a store, which is opened for each call.

    A study that has been deleted has no readings, and none are added.

    Args:
        place: The place of the store, as `durable_location` returns it.
        study: The study's name.
    """

    place: str
    study: str

    def all(self) -> list[Reading]:
        """The readings, in order.

        Raises:
            StoreError: The store cannot be read.
        """
        with open_store(self.place, make=False) as store:
            study = store.find(self.study)
            return [] if study is None else [_reading(record) for record in study.readings()]

    def add(self, reading: Reading) -> None:
        """Store another reading.

        Raises:
            StoreError: The store cannot be written.
        """
        arrays: dict[str, np.ndarray] = {}
        about = []
        for number, member in enumerate(reading.members):
            about.append({name: getattr(member, name) for name in _NAMED})
            found = {name: getattr(member, name) for name in _FOUND}
            arrays |= {f"{name}/{number}": a for name, a in found.items() if a is not None}
        with open_store(self.place, make=False) as store:
            study = store.find(self.study)
            if study is not None:
                study.add_reading(reading.time, about, arrays)


_NAMED = ("variant", "replicate", "epoch", "weights", "metric")
_FOUND = ("classes", "probabilities", "score", "values")


def _reading(record: ReadingRecord) -> Reading:
    arrays = record.arrays or {}
    members = []
    for number, named in enumerate(record.about):
        found: dict[str, Any] = {name: arrays.get(f"{name}/{number}") for name in _FOUND}
        members.append(Tested(**named, **found))
    return Reading(record.at, tuple(members))
