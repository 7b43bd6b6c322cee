"""Computes how many replicates are needed to detect a difference, and whether any would do."""

import numpy as np
import scipy

POWER = 0.8
"""The probability of detecting a true difference; Cohen's convention."""
MOST = 1000
"""More replicates than anybody runs."""
SURE = 1e6
"""A difference of this many standard errors is always detected; SciPy fails for larger ones."""


def replicates_needed(
    spread: float,
    margin: float,
    *,
    alpha: float,
    family: float = 1,
    test_to_train: float = 0.0,
    gain: float = 1.0,
) -> int | None:
    """The fewest replicates that detect a true difference with probability `POWER`.

    They have to do so in two tests at once, of which the less likely counts: a pair's own t test,
    and a moderated one that is corrected. Since both look at one mean, hardly more is needed.

    Args:
        spread: Standard deviation of the paired differences over replicates.
        margin: The true difference, in the same unit.
        alpha: The level of the two-sided tests.
        family: The number of comparisons for which the moderated test is corrected, divided by the
            share of alpha that may be spent.
        test_to_train: As in `mean_interval`.
        gain: The degrees of freedom of the moderated test, relative to those of the pair's own.

    Returns:
        Their number, 2 or more. None if `MOST` would not suffice, as for replicates that share
        samples, whose mean stays uncertain however many there are; and if `spread` is NaN, or
        `margin` is NaN or zero.
    """
    few, many = 2, MOST

    def power(n: int) -> float:
        error = spread * np.sqrt(1 / n + test_to_train)
        alone = _power(margin, error, n - 1, alpha)
        return min(alone, _power(margin, error, gain * (n - 1), alpha / family))

    if not margin > 0 or not power(many) >= POWER:
        return None
    while few < many:
        middle = (few + many) // 2
        if power(middle) >= POWER:
            many = middle
        else:
            few = middle + 1
    return few


def _power(margin: float, error: float, df: float, alpha: float) -> float:
    """The probability that a t test detects a difference, by the standard error of its mean."""
    if 0 < margin >= SURE * error:
        return 1.0
    critical = scipy.stats.t.isf(alpha / 2, df)
    return float(scipy.stats.nct.sf(critical, df, margin / error))


def chance_of_a_verdict(
    difference: float,
    deviation: float,
    n: int,
    *,
    margin: float,
    level: float,
    test_to_train: float,
    most: float = np.inf,
) -> float:
    """The chance that a pair is decided by so many replicates, or by endless ones.

    Of n replicates the mean is known, and that of `most` of them will lie about it with a standard
    deviation of `deviation * sqrt(1 / n - 1 / most)`. So the chance is that of this mean being so
    large that its interval excludes zero, or so small that its interval of two one-sided tests lies
    within the margin. Replicates that share samples share their luck: even of endless ones a mean
    has a standard error of `deviation * sqrt(test_to_train)`.

    Args:
        difference: The mean so far.
        deviation: The standard deviation of the paired differences.
        n: The replicates.
        margin: The smallest difference of practical interest.
        level: The error rate of the tests, without correction for other pairs.
        test_to_train: As in `mean_interval`; above zero where replicates are endless.
        most: The replicates by which it is decided, more than n.

    Returns:
        The probability. 1 where it is not known.

    Source: conditional power (Lan, Simon and Halperin 1982), with the seen difference and spread.
    """
    to_come = deviation * np.sqrt(1 / n - 1 / most)
    if not to_come > 0 or not np.isfinite(difference):
        return 1.0
    from_zero = half_width(deviation, level, test_to_train, most)
    within = margin - half_width(deviation, 2 * level, test_to_train, most)
    differs = _outside(difference, to_come, from_zero)
    alike = 1 - _outside(difference, to_come, within) if within > 0 else 0.0
    return float(differs + alike)


def half_width(
    deviation: float, level: float, test_to_train: float, replicates: float = np.inf
) -> float:
    """How far a normal interval reaches to either side of a mean; of endless repeats as well."""
    error = deviation * np.sqrt(1 / replicates + test_to_train)
    return float(scipy.stats.norm.isf(level / 2) * error)


def _outside(mean: float, deviation: float, bound: float) -> float:
    """The probability that a normal variable is further from zero than a bound."""
    above = scipy.stats.norm.sf((bound - mean) / deviation)
    return float(above + scipy.stats.norm.cdf((-bound - mean) / deviation))
