"""Computes how many replicates are needed to detect a difference."""

import numpy as np
from scipy import stats

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
    family: int = 1,
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
        family: The number of comparisons for which the moderated test is corrected.
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
    critical = stats.t.isf(alpha / 2, df)
    return float(stats.nct.sf(critical, df, margin / error))
