"""Intervals of a proportion, such as an accuracy on a test set."""

from scipy import stats

from kohort.findings.interval import Interval


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (Wilson 1927) of the proportion `successes / trials`.

    Args:
        successes: Right answers.
        trials: Answers, 1 or more, assumed independent.
        confidence: Between 0 and 1.

    Returns:
        The proportion with its interval; it has no p-value.
    """
    bounds = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Interval(successes / trials, bounds.low, bounds.high, trials, float("nan"))
