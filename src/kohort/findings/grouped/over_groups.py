"""Intervals of what rows are right about, where rows of one group go together.

Rows of a patient are alike, so 40 of them tell less than 40 patients would. A score is a mean, or
near one: each row moves it by its influence. Sums of these over groups give its variance (Liang and
Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73); by how
much that is above the variance of independent rows, by so much fewer rows stand behind the score.
Proportions have Wilson's interval of so many rows (Korn and Graubard 1998, "Confidence intervals
for proportions with small expected number of positive counts estimated from survey data", Survey
Methodology 24).

A large group draws the score to itself, so that its sum is too small, by the part of the rows that
it has: the squares are divided by the rest (Bell and McCaffrey 2002, "Bias reduction in standard
errors for linear regression with multi-stage samples", Survey Methodology 28). And it decides how
sure the variance is: the quantile is Student's, with a degree of freedom less than there are even
groups that would tell as much (Kish 1965, Survey Sampling). Of even groups that is one less than
there are, and of 49 of 20 rows beside one of 490 it is 7.

Groups are `[row]`, int64 from 0, or None where each row stands for itself: then the intervals are
those of independent rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy

from kohort.data.inspection.groups_of_rows import FEWEST_GROUPS, are_too_few, count_of
from kohort.findings.statistics.interval import Interval, mean_interval
from kohort.findings.statistics.proportion import (
    PairedProportions,
    area_interval,
    mean_of_proportions,
    paired_counts,
    proportion_interval,
    scaled_counts,
    wilson_interval,
)


def proportion_over(right: np.ndarray, groups: np.ndarray | None, confidence: float) -> Interval:
    """The part of rows that are right, bool `[row]`; without bounds of too few groups."""
    if groups is None:
        return proportion_interval(int(right.sum()), len(right), confidence)
    mean = float(np.mean(right))
    if are_too_few(groups):
        return without_bounds(mean, len(right))
    rows = _rows_behind(right - mean, groups, confidence)
    return replace(wilson_interval(mean, rows, confidence), n=len(right))


def mean_over(values: np.ndarray, groups: np.ndarray | None, confidence: float) -> Interval:
    """The mean of `[row]`, finite; with Student's interval, but of too few groups."""
    found = mean_interval(values, confidence=confidence)
    if groups is None:
        return found
    if are_too_few(groups):
        return without_bounds(found.mean, len(values))
    if not found.has_width:
        return found
    freedom = _freedom(groups)
    spread = float(np.std(values)) / np.sqrt(len(values))
    error = spread * np.sqrt(design_effect(values - found.mean, groups))
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, freedom)) * error
    p_value = float(2 * scipy.stats.t.sf(abs(found.mean) / error, freedom))
    return Interval(found.mean, found.mean - half, found.mean + half, len(values), p_value)


def error_over(values: np.ndarray, groups: np.ndarray | None, confidence: float) -> Interval:
    """The mean of errors `[row]`, none below zero: Student's interval of its logarithm.

    A few errors are large, and the more so squared ones, so that a mean without them is too low and
    seems too sure. Of 20 and 100 squares of normal deviates Student's interval held in 90 and 93 %
    of 4,000 draws at 95 %, this one in 93 and 94 %; of Laplace's 81 and 90 %, and 87 and 92 %. It
    is hardly wider, and has no bound below zero. The error of the logarithm is that of the mean,
    relative to it. It has no p-value.

    Args:
        values: `[row]`.
        groups: `[row]`, or None.
        confidence: Between 0 and 1.
    """
    found = replace(mean_over(values, groups, confidence), p_value=np.nan)
    if not found.has_width:
        return found
    times = float(np.exp((found.high - found.mean) / found.mean))
    return replace(found, low=found.mean / times, high=found.mean * times)


def area_over(
    area: float,
    scores: np.ndarray,
    is_second: np.ndarray,
    groups: np.ndarray | None,
    confidence: float,
) -> Interval:
    """An area under ROC with its interval; without bounds where a class is in too few groups.

    The influence of a row is the part of the other class's rows that it is ranked rightly against
    (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53).

    Args:
        area: The area.
        scores: `[row]`, higher for the second class.
        is_second: Bool `[row]`.
        groups: `[row]`, or None.
        confidence: Between 0 and 1.
    """
    rows, sides = len(scores), (~is_second, is_second)
    if groups is None:
        return area_interval(area, int(sides[0].sum()), int(sides[1].sum()), confidence)
    if min(count_of(groups[side]) for side in sides) < FEWEST_GROUPS:
        return without_bounds(area, rows)
    influence = np.empty(rows)
    for side, sign in zip(sides, (-1, 1), strict=True):
        others = np.sort(scores[~side])
        below = np.searchsorted(others, scores[side]) / len(others)
        up_to = np.searchsorted(others, scores[side], side="right") / len(others)
        rightly = (below + up_to) / 2 if sign > 0 else 1 - (below + up_to) / 2
        influence[side] = (rightly - area) / side.sum()
    fewer = _students(min(_freedom(groups[side]) for side in sides), confidence)
    if not influence.any():
        zeros, ones = (_even(groups[side]) / fewer for side in sides)
    else:
        number = np.unique(groups, return_inverse=True)[1]
        parts = [np.bincount(number[side], minlength=number.max() + 1) for side in sides]
        largest = np.max([part / part.sum() for part in parts], axis=0)
        fewer *= design_effect(influence, groups, largest)
        zeros, ones = (float(side.sum()) / fewer for side in sides)
    found = area_interval(area, max(1.0, zeros), max(1.0, ones), confidence)
    return replace(found, n=rows)


def mean_recall(recalls: Sequence[Interval], groups: np.ndarray | None) -> Interval:
    """The mean of the recalls of classes, such as `proportion_over` gives for each.

    A group may have samples of several classes, so that their recalls hang together. However they
    do, the mean is known as well as they are on average.

    Args:
        recalls: Of each class that has samples.
        groups: `[row]`; None where each row stands for itself: then the interval is that of
            `mean_of_proportions`.
    """
    if groups is None:
        return mean_of_proportions(recalls)
    bounds = np.array([(recall.mean, recall.low, recall.high) for recall in recalls])
    mean, low, high = bounds.mean(axis=0).tolist()
    return Interval(mean, low, high, sum(recall.n for recall in recalls), np.nan)


def paired_over(
    right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray | None, confidence: float
) -> PairedProportions:
    """As `paired_proportions`; over groups the p-value is of Student's t, and no McNemar's.

    Of too few groups the difference has neither bounds nor a p-value.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    if groups is None:
        return paired_counts(only_a, only_b, len(right_a), confidence)
    difference = right_b.astype(float) - right_a
    mean, count = float(difference.mean()), count_of(groups)
    if are_too_few(groups):
        return PairedProportions(only_a, only_b, without_bounds(mean, len(right_a)), count)
    rows = _rows_behind(difference - mean, groups, confidence)
    found = scaled_counts(only_a, only_b, len(right_a), rows, confidence)
    p_value = mean_over(difference, groups, confidence).p_value
    if np.isnan(p_value):  # one of the two is right about every row, the other about none
        p_value = float(scipy.stats.binomtest(count, count).pvalue)
    return PairedProportions(only_a, only_b, replace(found, p_value=p_value), count)


def without_bounds(mean: float, rows: int) -> Interval:
    """An estimate without an interval."""
    return Interval(mean, np.nan, np.nan, rows, np.nan)


def design_effect(
    influence: np.ndarray, groups: np.ndarray, parts: np.ndarray | None = None
) -> float:
    """The variance over groups as a multiple of that over independent rows; 1 at least.

    Where no row differs from another nothing tells how alike groups are: they may be wholly.

    Args:
        influence: `[row]`, by how much each moves the score.
        groups: `[row]`.
        parts: `[group]`, of the score, below 1; None where these are their parts of the rows.
    """
    _, number = np.unique(groups, return_inverse=True)
    scale = float((influence**2).sum())
    if scale <= 1e-24 * len(influence):
        return len(influence) / _even(groups)
    if parts is None:
        parts = np.bincount(number) / len(number)
    sums = np.bincount(number, influence)
    return max(1.0, float((sums**2 / (1 - parts)).sum()) / scale)


def _rows_behind(influence: np.ndarray, groups: np.ndarray, confidence: float) -> float:
    """How many independent rows tell as much; a part of one at least."""
    effect = design_effect(influence, groups) * _students(_freedom(groups), confidence)
    return len(influence) / effect


def _even(groups: np.ndarray) -> float:
    """How many groups of one size would tell as much as these of a row's `groups`, 1 at least."""
    sizes = np.unique(groups, return_counts=True)[1]
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _freedom(groups: np.ndarray) -> float:
    """The degrees of freedom of a variance over groups `[row]`, 1 at least."""
    return max(1.0, _even(groups) - 1)


def _students(freedom: float, confidence: float) -> float:
    """By how much Student's quantile widens a variance beside the normal one."""
    part = (1 + confidence) / 2
    return float((scipy.stats.t.ppf(part, freedom) / scipy.stats.norm.ppf(part)) ** 2)
