"""How far an error on the test set lies above that on validation."""

from dataclasses import dataclass, field

import numpy as np
import scipy

from kohort.findings.grouped.over_groups import error_over
from kohort.findings.grouped.right_by_group import effect_on_others
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import apart


@dataclass(frozen=True, eq=False)
class ErrorsOnTest:
    """The errors of a variant's member on the samples of the test set.

    Args:
        variant: The variant's name.
        values: `[test sample]`, none below zero, of which what scores is the mean.
        is_root: Whether it is the root of the mean, as the RMSE is of squared errors.
        groups: `[test sample]`, which belong together, from 0; None where they are not known.
    """

    variant: str
    values: np.ndarray = field(repr=False)
    is_root: bool = False
    groups: np.ndarray | None = field(default=None, repr=False)

    @property
    def score(self) -> float:
        """What scores, on the test set."""
        mean = float(self.values.mean())
        return float(np.sqrt(mean)) if self.is_root else mean


def times_above(study: StudyCurves, tested: ErrorsOnTest) -> Interval | None:
    """How many times as large a variant's error is on the test set as on validation.

    An error is as sure as it is relative to itself, so that this is an interval of logarithms, as
    `error_over` is. The same parts the two beside a true ratio as of accuracies: the samples of
    both, at a level for all variants of which this one was chosen (Bonferroni), and that the tested
    member is one of several. How far errors of samples spread is taken from the test set for both.
    Groups are counted likewise: where those of the test set are known they show how alike errors of
    one group are, and that is taken of validation too; else groups are counted for samples.

    Returns:
        The ratio, without bounds of too few samples or groups; None where an
        error is zero or no number.
    """
    number = next(n for n, c in enumerate(study.variants) if c.name == tested.variant)
    errors, power = study.errors[number], 2 if tested.is_root else 1
    of_replicates = errors[np.isfinite(errors)]
    if not len(of_replicates) or not of_replicates.min() > 0 or not tested.values.mean() > 0:
        return None
    scored = int(np.isfinite(study.errors).any(axis=1).sum())
    confidence = 1 - (1 - study.confidence) / scored
    rows, groups = len(tested.values), tested.groups
    alone = _half(error_over(tested.values, None, confidence))
    if groups is None:
        of_test, effect = alone * np.sqrt(study.group_size), 1.0
    else:
        of_test = _half(error_over(tested.values, groups, confidence))
        effect = effect_on_others(*_alike(tested.values, groups), study.group_size)
    behind = study.samples_behind(len(of_replicates), of_groups=groups is None) / effect
    of_valid = alone * np.sqrt(rows / behind)
    luck = _luck_of_a_member(study, power * np.log(of_replicates), tested.values)
    logarithms = apart(
        _around(float(np.log(tested.values.mean())), of_test, rows),
        _around(power * float(np.log(of_replicates.mean())), float(of_valid), int(behind)),
        luck,
    )
    mean, low, high = np.exp(
        np.array([logarithms.mean, logarithms.low, logarithms.high]) / power
    ).tolist()
    return Interval(mean, low, high, rows, np.nan)


def _half(error: Interval) -> float:
    """Half the width of the interval of an error's logarithm; NaN without bounds."""
    return float(np.log(error.high / error.mean))


def _around(mean: float, half: float, samples: int) -> Interval:
    return Interval(mean, mean - half, mean + half, samples, np.nan)


def _alike(values: np.ndarray, groups: np.ndarray) -> tuple[float, np.ndarray]:
    """The effect of groups on the variance of a mean, as `RightByGroup.effect`; and their sizes."""
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    off = values - values.mean()
    scale, mean_size = float((off**2).sum()), float((sizes**2).sum() / sizes.sum())
    if len(sizes) == 1 or not scale:
        return mean_size, sizes
    sums = np.bincount(number, off)
    found = len(sizes) / (len(sizes) - 1) * float((sums**2).sum()) / scale
    return float(np.clip(found, 1.0, mean_size)), sizes


def _luck_of_a_member(study: StudyCurves, logarithms: np.ndarray, values: np.ndarray) -> float:
    """By how much the logarithm of one member's error may be off the mean `[replicate]` of them.

    Half the width of Student's interval for one more of them. Its variance is that over replicates,
    less what the validation samples of one explain of it, where each has its own.
    """
    n = len(logarithms)
    if n < 2:
        return 0.0
    variance = float(logarithms.var(ddof=1))
    if study.draws_samples:
        variance -= float(values.var() / values.mean() ** 2) / study.samples_behind(1)
    quantile = scipy.stats.t.ppf((1 + study.confidence) / 2, n - 1)
    return float(quantile * np.sqrt(max(0.0, variance) * (1 + 1 / n)))
