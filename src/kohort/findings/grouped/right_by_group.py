"""How often samples are right that come in groups, and how alike those of one group are."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy

from kohort.data.inspection.groups_of_rows import FEWEST_GROUPS
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import wilson_interval

UNSEEN = 0.95
"""The confidence that samples of a group are no more alike than is taken of others like them."""


@dataclass(frozen=True, eq=False)
class RightByGroup:
    """How many samples of each group are right.

    Args:
        samples: `[group]`, of each, one or more, and two or more of one at least.
        right: `[group]`, how many of them are right.
    """

    samples: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)

    @property
    def are_too_few(self) -> bool:
        """Whether there are too few groups for an interval."""
        return len(self.samples) < FEWEST_GROUPS

    @cached_property
    def part(self) -> float:
        """The part of all samples that are right."""
        return float(self.right.sum() / self.samples.sum())

    @cached_property
    def mean_size(self) -> float:
        """How many samples are in the group of a sample, on average (see `mean_group_size`)."""
        return float((self.samples**2).sum() / self.samples.sum())

    @cached_property
    def effect(self) -> float:
        """By how much the groups widen the variance of `part`, beside that of independent samples.

        By sums over groups, as in `over_groups`; from 1 to the mean size. Where all samples are
        right, or none, and of one group, nothing tells how alike samples are: they may be wholly.
        """
        count, scale = len(self.samples), self.samples.sum() * self.part * (1 - self.part)
        if count == 1 or not scale:
            return self.mean_size
        sums = self.right - self.part * self.samples
        found = count / (count - 1) * float((sums**2).sum()) / scale
        return float(np.clip(found, 1.0, self.mean_size))

    def effect_on(self, mean_size: float) -> float:
        """The most that groups of another mean size widen it, as `effect_on_others`.

        Args:
            mean_size: Of the other groups.
        """
        return effect_on_others(self.effect, self.samples, mean_size)

    def interval(self, confidence: float) -> Interval:
        """Wilson's interval of `part`, of as many samples as tell as much; none of too few groups.

        The quantile is Student's. Its degrees of freedom are those of as many even groups as tell
        as much as these: a few large ones among many small ones decide how sure the variance is.

        Args:
            confidence: Between 0 and 1.
        """
        total, tail = int(self.samples.sum()), (1 + confidence) / 2
        if self.are_too_few:
            return Interval(self.part, np.nan, np.nan, total, np.nan)
        freedom = max(1.0, total / self.mean_size - 1)
        wider = float(scipy.stats.t.ppf(tail, freedom) / scipy.stats.norm.ppf(tail)) ** 2
        return wilson_interval(self.part, total / (self.effect * wider), confidence)


def effect_on_others(effect: float, sizes: np.ndarray, mean_size: float) -> float:
    """The most that other groups widen a variance, if samples are as alike in them as in these.

    How alike samples of one group are (the intraclass correlation) follows from how much these
    widen it; and it is no surer than the pairs of samples in groups make it. Beside it is taken
    what would be seen by chance if they were not alike, by its standard error then (Donner 1986, "A
    review of inference procedures for the intraclass correlation coefficient", International
    Statistical Review 54). So of nearly no pairs whole groups are counted.

    Args:
        effect: By how much these groups widen the variance, 1 or more.
        sizes: `[group]`, the samples of each of these.
        mean_size: The size of a sample's group among the others, on average.
    """
    own_size = float((sizes**2).sum() / sizes.sum())
    alike = (effect - 1) / (own_size - 1)
    error = float(np.sqrt(2 / (sizes * (sizes - 1)).sum()))
    most = min(1.0, alike + float(scipy.stats.norm.ppf(UNSEEN)) * error)
    return 1 + (mean_size - 1) * most


def right_by_group(right: np.ndarray, groups: np.ndarray) -> RightByGroup:
    """Count them.

    Args:
        right: Bool `[sample]`.
        groups: int64 `[sample]`, as `numbered` gives them.
    """
    _, number = np.unique(groups, return_inverse=True)
    return RightByGroup(
        np.bincount(number), np.bincount(number, weights=right).round().astype(np.int64)
    )
