"""Contrasts of a factorial design, one for each replicate."""

from typing import NamedTuple

import numpy as np

from kohort.findings.statistics.choosers import choosers

TENFOLD = 10.0
"""Levels that span at least this factor are taken for steps of a logarithm."""


class Means(NamedTuple):
    """The means of some groups of cells over the contexts that they share.

    Args:
        values: `[group, replicate]`; NaN in replicates that are left out.
        used: bool `[context]`, the contexts that they are over.
    """

    values: np.ndarray
    used: np.ndarray

    @property
    def counts(self) -> tuple[int, int]:
        """How many contexts were used, and how many there are."""
        return int(self.used.sum()), len(self.used)


def means(scores: np.ndarray, cells: np.ndarray) -> Means:
    """The means of groups of cells over contexts: the levels of all other axes.

    Each context has one cell of each group, so that groups are compared with all else equal. Of
    the contexts those are used that lost the fewest replicates, to divergence say; and of the
    replicates those that all of these contexts have. So a mean is over the same cells in each
    replicate, and of one bad context no replicate is lost as long as there are others.

    Args:
        scores: `[variant, replicate]`; NaN where there is none.
        cells: int `[context, group]`, the variants' numbers.
    """
    values = scores[cells]  # [context, group, replicate]
    lost = (~np.isfinite(values)).any(axis=1).sum(axis=1)
    used = lost == lost.min()
    averaged = values[used].mean(axis=0)
    averaged[:, ~np.isfinite(averaged).all(axis=0)] = np.nan
    return Means(averaged, used)


def is_logarithmic(numbers: np.ndarray) -> bool:
    """Whether levels are taken for steps of a logarithm: above zero, and tenfold at least."""
    return bool(numbers.min() > 0 and numbers.max() >= TENFOLD * numbers.min())


def along_line(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The change along the least-squares line from the lowest level to the highest, `[replicate]`.

    Args:
        numbers: `[level]`; of their logarithms where `is_logarithmic`.
        values: `[level, replicate]`.
    """
    at = np.log(numbers) if is_logarithmic(numbers) else numbers
    off = at - at.mean()
    change: np.ndarray = np.ptp(at) * (off @ values) / (off @ off)
    return change


def cross_validated_range(values: np.ndarray) -> np.ndarray:
    """The highest level minus the lowest one, as other replicates choose them, `[replicate]`.

    The range of several noisy means is biased upwards: it is above zero where levels do not differ
    at all. A replicate that is read at the levels that its `choosers` choose is free of this bias.

    Args:
        values: `[level, replicate]`; replicates with a NaN have no range.
    """
    found = np.full(values.shape[1], np.nan)
    whole = np.flatnonzero(np.isfinite(values).all(axis=0))
    if len(whole) > 1:
        kept = values[:, whole]
        others = kept @ choosers(len(whole)).T
        places = np.arange(len(whole))
        found[whole] = kept[others.argmax(axis=0), places] - kept[others.argmin(axis=0), places]
    return found
