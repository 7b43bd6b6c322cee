"""What the rules about data see: facts that were counted, and out-of-fold predictions."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kohort.data.inspection.column_facts import ColumnFacts
from kohort.data.inspection.copy_facts import CopyFacts
from kohort.data.inspection.group_facts import GroupFacts
from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.time_facts import OrderInTime
from kohort.data.labels import ClassLabels
from kohort.findings.checks.measures.confident import Suspects, label_suspects
from kohort.findings.statistics.interval import Interval


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The probabilities of classes, by models that were not trained on the sample.

    Args:
        samples: int64 `[checked sample]`, their numbers; training samples come first.
        labels: int64 `[checked sample]`.
        probabilities: float64 `[checked sample, class]`.
    """

    samples: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray = field(repr=False)

    @cached_property
    def suspects(self) -> Suspects:
        """The samples whose label is suspect; places are among the checked samples."""
        return label_suspects(self.probabilities, self.labels)

    @property
    def accuracy(self) -> float:
        """The part of the labels that are the most probable class."""
        return float((self.probabilities.argmax(axis=1) == self.labels).mean())

    @cached_property
    def confusion(self) -> np.ndarray:
        """int64 `[label, most probable class]`, counts of samples."""
        classes = self.probabilities.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.labels, self.probabilities.argmax(axis=1)), 1)
        return counts


@dataclass(frozen=True, eq=False)
class CheckedData:
    """What was seen of a dataset.

    Args:
        train: The number of training samples.
        test: The number of test samples.
        copies: Copies among them.
        groups: What is told and suggested of groups.
        labels: The classes; None where targets are none.
        columns: What is seen of columns; None where samples are no rows of a table.
        told: What single inputs tell of targets; empty where that is not looked for.
        blank: int64 `[blank sample]`, the samples, no rows of a table, whose numbers are all equal.
        predicted: Out-of-fold predictions; None where none were made.
        shift: The AUC of telling test samples from training samples; None where not measured.
        times: What is seen of columns of moments.
        confidence: Of intervals.
        trains: Whether models were to be trained.
    """

    train: int
    test: int
    copies: CopyFacts
    groups: GroupFacts
    labels: ClassLabels | None = None
    columns: ColumnFacts | None = None
    told: tuple[ToldAlone, ...] = ()
    blank: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    predicted: OutOfFold | None = None
    shift: Interval | None = None
    times: tuple[OrderInTime, ...] = ()
    confidence: float = 0.95
    trains: bool = True

    @property
    def untrained(self) -> str:
        """Why there is nothing that needs trained models, a sentence."""
        why = "samples are too few" if self.trains else "they were not asked for"
        return f"No models were trained for it: {why}."
