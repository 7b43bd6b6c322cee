"""Readings of the test set: when it was read, for which members, and the results."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from kohort.errors import StoreError
from kohort.evidence import store as stores
from kohort.evidence.store import ReadingRecord


@dataclass(frozen=True, eq=False)
class Tested:
    """The score of a trained member on the test set, and its predictions of classes there.

    What is kept of classes tells how right it is without the data.

    Args:
        variant: The member's variant.
        replicate: Its replicate; below 0 for a model of no replicate, such as an ensemble.
        epoch: The epoch of its weights, from 1; 0 for a model of several members.
        weights: SHA-256 of its weights, in hexadecimal.
        metric: The metric that it was scored by.
        names: `[class]`, the names of the classes; none where it gives no scores of classes.
        majority: The most common class of the training samples.
        score: `[]`, the metric; None where the stored array is damaged.
        values: float64 `[test sample]`, of which the score is the mean; NaN for samples that it
            does not count, and for all where it is no mean. None likewise.
        ranked: `[2]`, where the score is an area under ROC: the samples of class 0 and of class 1.
        truth: `[test sample]`, the class, of the smallest unsigned dtype; None where it gives no
            scores of classes, or the stored array is damaged. So are the three below.
        classes: `[test sample]`, the predicted class, likewise.
        probabilities: `[test sample]`, the probability of that class.
        losses: float64 `[test sample]`, minus the logarithm of the probability of the true class.
        no_interval: Why the score has none, said of the metric; empty if it has one, and of
            readings that earlier versions kept.
        targets: float32 `[test sample]`, where each sample has one number to predict and is of no
            class, or `[test sample, number]` of a few; None elsewhere, and of readings that
            earlier versions kept.
        predictions: float32, what it predicts of them, likewise.
        second: float32 `[test sample]`, of two classes: higher where the model leans to the second.
            None elsewhere, and of readings that earlier versions kept.
        margins: Whether its outputs have no bounds and are no probabilities; then
            `probabilities` and `losses` follow the order of these, and mean nothing else.
        by_ranks: Where the score is an area under ROC that Keras counts by thresholds, the part of
            pairs that are ranked rightly; None elsewhere, and of readings that earlier versions
            kept.
        thresholds: How many; 0 likewise.
        other_scale: Whether its outputs may be on another scale than numbers to predict, such as
            logarithms of them, so that neither is kept.
        own_aim: Whether a metric alone says that outputs predict the targets: the loss is the
            user's own.
        other_outputs: Whether targets are classes, and nothing says that its outputs are scores of
            them, so that none is kept.
        labels: `[label]`, the names of labels of which a sample may have several; none elsewhere,
            and of readings that earlier versions kept. So are the three below.
        border: Above which an output gives its label.
        label_truth: uint8 `[test sample, label]`, 1 where a sample has it.
        label_scores: float32 `[test sample, label]`, the outputs.
        groups: int64 `[test sample]` from 0, which samples belong together; None where they are of
            no groups, or these are not known, and of readings that earlier versions kept.
    """

    variant: str
    replicate: int
    epoch: int
    weights: str
    metric: str = ""
    names: tuple[str, ...] = ()
    majority: int = 0
    score: np.ndarray | None = field(default=None, repr=False)
    values: np.ndarray | None = field(default=None, repr=False)
    ranked: np.ndarray | None = field(default=None, repr=False)
    truth: np.ndarray | None = field(default=None, repr=False)
    classes: np.ndarray | None = field(default=None, repr=False)
    probabilities: np.ndarray | None = field(default=None, repr=False)
    losses: np.ndarray | None = field(default=None, repr=False)
    no_interval: str = field(default="", repr=False)
    targets: np.ndarray | None = field(default=None, repr=False)
    predictions: np.ndarray | None = field(default=None, repr=False)
    second: np.ndarray | None = field(default=None, repr=False)
    groups: np.ndarray | None = field(default=None, repr=False)
    margins: bool = False
    by_ranks: float | None = None
    thresholds: int = 0
    other_scale: bool = False
    other_outputs: bool = False
    own_aim: bool = False
    labels: tuple[str, ...] = ()
    border: float = 0.5
    label_truth: np.ndarray | None = field(default=None, repr=False)
    label_scores: np.ndarray | None = field(default=None, repr=False)

    def is_known(self, metric: str, samples: int) -> bool:
        """Whether its score by this metric, and all that was found with it, could be read."""
        if self.metric != metric or self.score is None or self.values is None:
            return False
        return len(self.values) == samples and (not self.names or self.truth is not None)


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
        with stores.open_store(self.place, make=False) as store:
            study = store.find(self.study)
            return [] if study is None else [_reading(record) for record in study.readings()]

    def check_writing(self) -> None:
        """Refuse a store that may only be read, before a test set is read that it would record.

        Raises:
            StoreError: It is one.
        """
        with stores.open_store(self.place, make=False) as store:
            if store.reads_only:
                raise StoreError(
                    "a store to write to, since each reading of the test set is recorded there",
                    f"{self.place}, which may only be read",
                    "allow writing to it and to its folder, or give no data: what was read before "
                    "is told without them",
                )

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
        with stores.open_store(self.place, make=False) as store:
            study = store.find(self.study)
            if study is not None:
                study.add_reading(reading.time, about, arrays)


_NAMED = (
    "variant",
    "replicate",
    "epoch",
    "weights",
    "metric",
    "names",
    "majority",
    "no_interval",
    "margins",
    "by_ranks",
    "thresholds",
    "other_scale",
    "other_outputs",
    "own_aim",
    "labels",
    "border",
)
_FOUND = (
    *("score", "values", "ranked", "truth", "classes", "probabilities", "losses"),
    *("targets", "predictions", "second", "groups"),
    *("label_truth", "label_scores"),
)


def _reading(record: ReadingRecord) -> Reading:
    arrays = record.arrays or {}
    members = []
    for number, named in enumerate(record.about):
        found: dict[str, Any] = {name: arrays.get(f"{name}/{number}") for name in _FOUND}
        # Earlier versions kept no names.
        names = {each: tuple(named.get(each, ())) for each in ("names", "labels")}
        members.append(Tested(**(named | found | names)))
    return Reading(record.at, tuple(members))
