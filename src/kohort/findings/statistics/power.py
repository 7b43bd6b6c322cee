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
    spread: float, margin: float, *, alpha: float, test_to_train: float = 0.0
) -> int | None:
    """The fewest replicates whose paired t test detects a true difference with probability `POWER`.

    Args:
        spread: Standard deviation of the paired differences over replicates.
        margin: The true difference, in the same unit.
        alpha: The level of the two-sided test.
        test_to_train: As in `mean_interval`.

    Returns:
        Their number, 2 or more. None if `MOST` would not suffice, as for replicates that share
        samples, whose mean stays uncertain however many there are; and if `spread` is NaN, or
        `margin` is NaN or zero.
    """
    few, many = 2, MOST
    if not margin > 0 or not _power(many, spread, margin, alpha, test_to_train) >= POWER:
        return None
    while few < many:
        middle = (few + many) // 2
        if _power(middle, spread, margin, alpha, test_to_train) >= POWER:
            many = middle
        else:
            few = middle + 1
    return few


def _power(n: int, spread: float, margin: float, alpha: float, test_to_train: float) -> float:
    """The probability that n replicates detect the difference."""
    error = spread * np.sqrt(1 / n + test_to_train)
    if 0 < margin >= SURE * error:
        return 1.0
    critical = stats.t.isf(alpha / 2, n - 1)
    return float(stats.nct.sf(critical, n - 1, margin / error))
