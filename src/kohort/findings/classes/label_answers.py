"""The labels that a model gives to the samples of the test set, where each may have several."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelAnswers:
    """How often a variant's member gives a label to the samples of the test set that have it.

    Args:
        variant: The variant's name.
        names: `[label]`.
        of_class: int64 `[label]`, the samples that have it.
        found: int64 `[label]`, those of them that are given it.
        groups_of_class: `[label]`, in how many groups those that have it are; None where groups are
            not known.
    """

    variant: str
    names: tuple[str, ...]
    of_class: np.ndarray
    found: np.ndarray
    groups_of_class: np.ndarray | None = None

    of, kind, plural = "with", "label", "labels"
    """Words for them, as in `none of the 11 with label rain`."""

    def behind_class(self, number: int, group_size: float) -> float:
        """How many independent samples may tell as much as those of a label, 1 at least."""
        return behind(self.of_class, self.groups_of_class, number, group_size)

    @property
    def missed(self) -> list[int]:
        """The labels that samples have, and none of these is given; the largest first."""
        return never_found(self.of_class, self.found, self.groups_of_class)


def behind(
    of_class: np.ndarray, groups: np.ndarray | None, number: int, group_size: float
) -> float:
    """How many independent samples may tell as much as those of a class, 1 at least.

    Samples of one group may be right or wrong together: groups are counted.

    Args:
        of_class: `[class]`, the samples of each.
        groups: `[class]`, in how many groups these are; None where groups are not known.
        number: Of the class.
        group_size: The mean size of the groups that train, by which those of the test set are
            counted where they are not known.
    """
    if groups is not None:
        return max(1.0, float(groups[number]))
    return max(1.0, float(of_class[number] / group_size))


def never_found(of_class: np.ndarray, found: np.ndarray, groups: np.ndarray | None) -> list[int]:
    """The classes that have samples, of which none is found; those of the most come first.

    Args:
        of_class: `[class]`, the samples of each.
        found: `[class]`, those of them that are found.
        groups: `[class]`, in how many groups they are, which are counted then; or None.
    """
    missed = np.flatnonzero((of_class > 0) & (found == 0))
    return sorted(map(int, missed), key=lambda n: (-behind(of_class, groups, n, 1.0), n))
