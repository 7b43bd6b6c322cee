"""How far probabilities of two classes are off: the Brier score."""

from dataclasses import dataclass

import numpy as np

from kohort.findings.grouped.over_groups import error_over
from kohort.findings.statistics.interval import Interval


@dataclass(frozen=True)
class Brier:
    """The Brier score of a model on samples of two classes.

    Args:
        score: The mean square of what the probability of the true class lacks of 1, from 0 to 1,
            lower is better; with its interval, by `error_over`.
        constant: What one probability for all samples has at best, that of the classes' parts.
    """

    score: Interval
    constant: float


def brier(
    sure: np.ndarray,
    right: np.ndarray,
    share: float,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> Brier:
    """The Brier score, beside that of one probability for all samples.

    Brier (1950), "Verification of Forecasts Expressed in Terms of Probability", Monthly Weather
    Review 78, sums over both classes and has twice as much; one class is usual today.

    Args:
        sure: `[sample]`, the probability of the predicted class; one or more.
        right: Bool `[sample]`, whether it is right.
        share: The part of the samples that are of one of the classes.
        confidence: Of the interval, between 0 and 1.
        groups: `[sample]`, which belong together; None where each stands for itself.
    """
    of_true = np.where(right, sure, 1 - np.asarray(sure, float)).clip(0.0, 1.0)
    score = error_over((1 - of_true) ** 2, groups, confidence).within(0.0, 1.0)
    return Brier(score, share * (1 - share))
