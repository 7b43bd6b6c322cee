"""The choice of the winner, and how far its score flatters it."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.judged import StudyCurves


@dataclass(frozen=True)
class Optimism:
    """By how much the best of several variants looks better than it is.

    Args:
        estimate: What the winner's mean validation error lacks; 0 or more.
        replicates: Those that it stands on.
        winners: By variant number, how many of them, left out, another choice would have made.
    """

    estimate: float
    replicates: int
    winners: dict[int, int]


def choose(study: StudyCurves) -> int | None:
    """The number of the variant with the lowest mean validation error at e*.

    A mean over the replicates that happened to survive is not compared with whole ones: while any
    variant has all its replicates, one that lost some to divergence is not chosen.

    Returns:
        The number; None where no variant trained to the end.
    """
    errors = study.errors
    whole = np.isfinite(errors).all(axis=1)
    candidates = whole if whole.any() else np.isfinite(errors).any(axis=1)
    if not candidates.any():
        return None
    numbers = np.flatnonzero(candidates)
    return int(numbers[np.argmin(np.nanmean(errors[numbers], axis=1))])


def optimism(study: StudyCurves) -> Optimism | None:
    """How far the winner's mean error is too low for having been chosen by it.

    Each replicate in turn is left out, the choice is made by the errors of the others, and the
    chosen variant's error is read in the one left out (the bias of a minimum over
    cross-validated errors: Varma and Simon 2006; Tibshirani and Tibshirani 2009). The mean of
    these errors, less the winner's mean error, is the estimate. It sees luck that differs from
    replicate to replicate; luck that all share, as that of one small data set, only a test set
    shows.

    Returns:
        The estimate; None with fewer than three replicates or two variants that have them all.
    """
    errors = study.errors
    numbers = np.flatnonzero(np.isfinite(errors).all(axis=1))
    errors = errors[numbers]
    if len(numbers) < 2 or errors.shape[1] < 3:
        return None
    # Sums, not means: the same number of replicates is left in each.
    chosen = np.argmin(errors.sum(axis=1, keepdims=True) - errors, axis=0)
    honest = errors[chosen, np.arange(errors.shape[1])].mean()
    winners, counts = np.unique(numbers[chosen], return_counts=True)
    return Optimism(
        float(honest - errors.mean(axis=1).min()),
        errors.shape[1],
        {int(number): int(count) for number, count in zip(winners, counts, strict=True)},
    )
