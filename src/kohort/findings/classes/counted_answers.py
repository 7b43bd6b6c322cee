"""The classes that a model gives to the samples of the test set, counted."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Answers:
    """The classes that a variant's member gives to the samples of the test set.

    Args:
        variant: The variant's name.
        counts: int64 `[true class, predicted class]`.
        names: `[class]`.
        majority: The most common class of the training data.
        groups: In how many groups the samples are; None where that is not known.
        groups_of_class: `[class]`, in how many those of each class are, likewise.
    """

    variant: str
    counts: np.ndarray
    names: tuple[str, ...]
    majority: int
    groups: int | None = None
    groups_of_class: np.ndarray | None = None

    @property
    def samples(self) -> int:
        """The number of test samples."""
        return int(self.counts.sum())

    def behind(self, group_size: float) -> float:
        """How many independent samples may tell as much as these, 1 at least.

        Samples of one group may be right or wrong together: groups are counted.

        Args:
            group_size: The mean size of the groups that train, by which those of the test set are
                counted where they are not known.
        """
        return _behind(self.samples, self.groups, group_size)

    def behind_class(self, number: int, group_size: float) -> float:
        """The same of the samples of a class."""
        groups = None if self.groups_of_class is None else self.groups_of_class[number]
        return _behind(self.of_class[number], groups, group_size)

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
        """The classes that have samples, none of which is given its class; the largest first.

        Where groups are known, those of the most groups come first.
        """
        missed = np.flatnonzero((self.of_class > 0) & (np.diag(self.counts) == 0))
        return sorted(map(int, missed), key=lambda n: (-self.behind_class(n, 1.0), n))


def _behind(samples: int, groups: int | None, group_size: float) -> float:
    return max(1.0, float(samples / group_size)) if groups is None else float(groups)
