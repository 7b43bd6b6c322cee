"""Chooses the winner, and estimates how optimistic its score is."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.families import families
from kohort.findings.judged import StudyCurves
from kohort.findings.race import replay
from kohort.findings.statistics.comparison import Comparison


@dataclass(frozen=True)
class Optimism:
    """By how much the best of several variants looks better than it is.

    Args:
        estimate: By how much the winner's mean validation error is too low; 0 or more.
        replicates: The number of replicates.
        winners: By variant number, how often it is chosen when one replicate is left out.
    """

    estimate: float
    replicates: int
    winners: dict[int, int]


def choose(study: StudyCurves) -> int | None:
    """The number of the variant with the lowest mean validation error at e*.

    A mean over only the replicates that did not diverge is not compared with complete ones: while
    any variant has all its replicates, a variant that lost some to divergence is not chosen. Of a
    race the leader of the last look: those that left were decided by fewer replicates.

    Returns:
        The number; None where no variant trained to the end.
    """
    return replay(study, study.looks).leader if study.looks else study.lowest


def lost_some(study: StudyCurves) -> np.ndarray:
    """Which variants diverged, or have no score, in a replicate that they trained, `[variant]`."""
    of_each = zip(study.variants, study.errors, strict=True)
    return np.array([not np.isfinite(errors[c.lengths > 0]).all() for c, errors in of_each])


def passed_over(study: StudyCurves, winner: int) -> list[Comparison]:
    """The winner (`b`) against those (`a`) that scored better, and lost some replicates.

    Better in the mean over the replicates that both have, decided or not. Who lost replicates is
    not chosen while another lost none: so there are none where the winner lost some too.
    """
    lost = lost_some(study)
    if lost[winner]:
        return []
    losers = {curves.name for curves, is_lost in zip(study.variants, lost, strict=True) if is_lost}
    found, near = families(study), study.scale.rounding(float(study.means[winner]))
    return [
        c
        for c in (*found.baseline, *found.winner)
        if c.a in losers
        and c.b == study.variants[winner].name
        and (-1 if c.higher_is_better else 1) * c.difference.mean > near
    ]


def optimism(study: StudyCurves) -> Optimism | None:
    """By how much the winner's mean error is too low, because the winner was chosen by it.

    Each replicate in turn is left out, the choice is made by the errors of the others, and the
    chosen variant's error is read in the one left out (the bias of a minimum over
    cross-validated errors: Varma and Simon 2006; Tibshirani and Tibshirani 2009). The estimate is
    the mean of these errors minus the winner's mean error. It covers luck that differs between
    replicates. Luck that all replicates share, such as that of one small data set, shows only on a
    test set.

    Returns:
        The estimate; None with fewer than three replicates, or fewer than two variants that have
        all of them.
    """
    errors = study.errors
    if study.looks:  # of those that stood to the end; any other was decided before
        looks = replay(study, study.looks).looks
        errors = errors[:, : looks[-1].replicates if looks else 0]
    numbers = np.flatnonzero(np.isfinite(errors).all(axis=1))
    errors = errors[numbers]
    if len(numbers) < 2 or errors.shape[1] < 3:
        return None
    means = errors.mean(axis=1)
    winner = int(np.argmin(means))
    near = study.scale.rounding(float(means[winner]))
    others = (errors.sum(axis=1, keepdims=True) - errors) / (errors.shape[1] - 1)
    # Of those that are level the winner, so that rounding does not choose.
    chosen = np.where(others[winner] <= others.min(axis=0) + near, winner, others.argmin(axis=0))
    flattered = errors[chosen, np.arange(errors.shape[1])].mean() - means[winner]
    winners, counts = np.unique(numbers[chosen], return_counts=True)
    return Optimism(
        float(flattered) if abs(flattered) > near else 0.0,
        errors.shape[1],
        {int(number): int(count) for number, count in zip(winners, counts, strict=True)},
    )
