"""The classes that a model gives to the samples of the test set, counted."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.classes.label_answers import behind, never_found
from kohort.findings.grouped.right_by_group import RightByGroup


@dataclass(frozen=True, eq=False)
class Answers:
    """The classes that a variant's member gives to the samples of the test set.

    Args:
        variant: The variant's name.
        counts: int64 `[true class, predicted class]`.
        names: `[class]`.
        majority: The most common class of the training data.
        by_group: How many samples of each group are right; None where groups are not known.
        groups_of_class: `[class]`, in how many groups those of each class are, likewise.
    """

    variant: str
    counts: np.ndarray
    names: tuple[str, ...]
    majority: int
    by_group: RightByGroup | None = None
    groups_of_class: np.ndarray | None = None

    @property
    def samples(self) -> int:
        """The number of test samples."""
        return int(self.counts.sum())

    of, kind, plural = "of", "class", "classes"
    """Words for them, as in `none of the 11 of class 1`."""

    def behind_class(self, number: int, group_size: float) -> float:
        """How many independent samples may tell as much as those of a class, 1 at least."""
        return behind(self.of_class, self.groups_of_class, number, group_size)

    @property
    def right(self) -> int:
        """The number of samples whose class is right."""
        return int(np.trace(self.counts))

    @property
    def of_class(self) -> np.ndarray:
        """int64 `[class]`, the samples of each."""
        counts: np.ndarray = self.counts.sum(axis=1)
        return counts

    @property
    def missed(self) -> list[int]:
        """The classes that have samples, none of which is given its class; the largest first."""
        return never_found(self.of_class, np.diag(self.counts), self.groups_of_class)
