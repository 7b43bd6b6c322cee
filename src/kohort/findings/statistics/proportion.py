"""Confidence intervals of a proportion, such as a test accuracy, and of a paired difference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from kohort.findings.statistics.interval import Interval

_BESIDE = 1e-12


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (Wilson 1927) of the proportion `successes / trials`.

    Args:
        successes: The number of right answers.
        trials: The number of answers, 1 or more, assumed independent.
        confidence: Between 0 and 1.

    Returns:
        The proportion with its interval; it has no p-value.
    """
    bounds = scipy.stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    low, high = float(bounds.low), float(bounds.high)
    return Interval(successes / trials, low, high, trials, float("nan"))


def wilson_interval(proportion: float, samples: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion that is known as well as from so many samples.

    The samples need not be whole: those that stand behind a mean of proportions are not.

    Args:
        proportion: From 0 to 1.
        samples: Above zero.
        confidence: Between 0 and 1.

    Returns:
        The proportion with its interval; it has no p-value.
    """
    z = float(scipy.stats.norm.ppf((1 + confidence) / 2))
    centre = (proportion + z**2 / (2 * samples)) / (1 + z**2 / samples)
    spread = proportion * (1 - proportion) / samples + z**2 / (4 * samples**2)
    half = z * np.sqrt(spread) / (1 + z**2 / samples)
    low, high = float(max(0.0, centre - half)), float(min(1.0, centre + half))
    return Interval(proportion, min(low, proportion), max(high, proportion), int(samples), np.nan)


def apart(above: Interval, below: Interval, more: float = 0.0) -> Interval:
    """The interval of the difference `above - below` of two independent estimates.

    The distances of the means from the bounds that matter are added as variances are: the method
    of variance estimates recovery (Zou and Donner 2008, "Construction of confidence limits about
    effect measures", Statistics in Medicine 27), which for two proportions with Wilson's
    intervals is Newcombe's method 10 (1998).

    Args:
        above: An estimate with its interval.
        below: Another, of the same confidence.
        more: Half the width of the interval of another, independent part of the difference.
    """
    mean = above.mean - below.mean
    down = np.hypot(np.hypot(above.mean - above.low, below.high - below.mean), more)
    up = np.hypot(np.hypot(above.high - above.mean, below.mean - below.low), more)
    return Interval(mean, mean - float(down), mean + float(up), above.n, np.nan)


def mean_of_proportions(parts: Sequence[Interval]) -> Interval:
    """The mean of independent proportions, such as of the recalls of classes.

    The interval is by the same method as that of `apart`.

    Args:
        parts: One or more, with intervals of one confidence.
    """
    means, lows, highs = (
        np.array([getattr(part, name) for part in parts]) for name in ("mean", "low", "high")
    )
    mean, count = float(means.mean()), len(parts)
    down = float(np.sqrt(((means - lows) ** 2).sum())) / count
    up = float(np.sqrt(((highs - means) ** 2).sum())) / count
    samples = sum(part.n for part in parts)
    return Interval(mean, mean - down, mean + up, samples, np.nan).within(0.0, 1.0)


def area_interval(area: float, zeros: float, ones: float, confidence: float = 0.95) -> Interval:
    """The interval of an area under the ROC curve: method 5 of Newcombe (2006).

    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2",
    Statistics in Medicine 25. It is a score interval: Hanley and McNeil's variance is taken at
    each bound, so that an area of 1 of few samples is not sure to be 1. Of 5 to 990 samples of a
    class, normal in both, it covered in 95 to 98 % of 3,000 draws at 95 %.

    Args:
        area: From 0 to 1.
        zeros: The samples of class 0, 1 or more, assumed independent; those that stand behind a
            mean of areas need not be whole.
        ones: Those of class 1.
        confidence: Between 0 and 1.

    Returns:
        The area with its interval; it has no p-value.
    """
    z, mean_size = float(scipy.stats.norm.ppf((1 + confidence) / 2)), (zeros + ones) / 2 - 1

    def outside(bound: float) -> float:
        more = mean_size * ((1 - bound) / (2 - bound) + bound / (1 + bound))
        variance = bound * (1 - bound) * (1 + more) / (zeros * ones)
        return float(abs(bound - area) - z * np.sqrt(variance))

    # At an area of 0 or 1 it is zero, and no bound.
    low = 0.0 if area <= 0 else float(scipy.optimize.brentq(outside, 0.0, area - _BESIDE))
    high = 1.0 if area >= 1 else float(scipy.optimize.brentq(outside, area + _BESIDE, 1.0))
    return Interval(area, low, high, int(zeros + ones), np.nan)


def area_above_chance(area: float, zeros: float, ones: float, confidence: float) -> Interval:
    """By how much an area under the ROC curve lies above chance, 0.5.

    The arguments are those of `area_interval`; of less than one sample of a class there is one.

    Returns:
        The difference with its interval. Its p-value is of Mann and Whitney's variance at chance,
        `(n + 1) / (12 n0 n1)`, which Newcombe's interval has there too.
    """
    zeros, ones = max(1.0, zeros), max(1.0, ones)
    interval = area_interval(area, zeros, ones, confidence)
    spread = np.sqrt((zeros + ones + 1) / (12 * zeros * ones))
    p_value = float(2 * scipy.stats.norm.sf(abs(area - 0.5) / spread))
    mean, low, high = (bound - 0.5 for bound in (area, interval.low, interval.high))
    return Interval(mean, low, high, interval.n, p_value)


@dataclass(frozen=True)
class PairedProportions:
    """How two models compare on the same test samples.

    Args:
        only_a: The number of samples on which only model a is right.
        only_b: The number of samples on which only model b is right.
        difference: Accuracy of b minus that of a; the p-value is McNemar's, or over groups that
            of Student's t.
        groups: How many groups it is over; None where samples are independent.
    """

    only_a: int
    only_b: int
    difference: Interval
    groups: int | None = None


def paired_proportions(
    right_a: np.ndarray, right_b: np.ndarray, confidence: float = 0.95
) -> PairedProportions:
    """McNemar's exact test of two models on the same samples, and the interval of their difference.

    The test (McNemar 1947) is whether the samples on which only one model is right are split
    between the two like fair coin flips. The exact test never rejects too often, however few these
    samples are.

    The interval is that of Agresti and Min (2005, "Simple improved confidence intervals for
    comparing matched proportions", Statistics in Medicine 24): Wald's after half a sample is added
    to each of the four cells. Without that, Wald's coverage is too low where models seldom differ:
    90 % instead of 95 % in a thousand samples of which five differ. Newcombe's interval (1998,
    method 10) is up to a quarter wider there than this one needs to be. Near a threshold the
    interval and the exact test may disagree. Neither takes into account that another training of
    the same model would be right on other samples.

    Args:
        right_a: Bool `[sample]`, whether model a is right; one sample or more, assumed
            independent.
        right_b: Bool `[sample]`, whether model b is right.
        confidence: Between 0 and 1.

    Returns:
        The counts and the difference, with its interval clipped to -1 and 1.
    """
    only_a = int(np.count_nonzero(right_a & ~right_b))
    only_b = int(np.count_nonzero(right_b & ~right_a))
    return paired_counts(only_a, only_b, len(right_a), confidence)


def paired_counts(only_a: int, only_b: int, n: int, confidence: float = 0.95) -> PairedProportions:
    """As `paired_proportions`, from how many of `n` samples only one model is right about."""
    discordant = only_a + only_b
    p_value = scipy.stats.binomtest(only_b, discordant).pvalue if discordant else 1.0

    difference = scaled_counts(only_a, only_b, n, n, confidence)
    return PairedProportions(only_a, only_b, replace(difference, p_value=float(p_value)))


def scaled_counts(
    only_a: int, only_b: int, n: int, behind: float, confidence: float = 0.95
) -> Interval:
    """The difference of `paired_counts`, known as well as from `behind` independent samples.

    It has no p-value.
    """
    more, discordant = (behind * part / n for part in (only_b - only_a, only_a + only_b))
    low, high = _agresti_min(more, discordant, behind, confidence)
    return Interval((only_b - only_a) / n, low, high, n, np.nan).within(-1.0, 1.0)


def above_constant(
    accuracy: float,
    share: float,
    samples: float,
    confidence: float = 0.95,
    discordant: float | None = None,
) -> Interval:
    """The accuracy of a model less that of always answering one class, on the same samples.

    It is Agresti and Min's interval (see `paired_proportions`). How often only one of the two is
    right does not follow from the two accuracies, but it is at most as often as one of them is
    wrong. Where nothing more is known, the interval is as wide as it can be, so that it holds the
    truth at least as often as it says.

    Args:
        accuracy: Of the model.
        share: The samples' part that is of that class.
        samples: The number of independent samples that both are known as well as from; above
            zero, and not whole where they are means.
        confidence: Between 0 and 1.
        discordant: The samples' part of which only one of the two is right; None where that is
            not known. No less is taken than the difference, and no more than there can be.
    """
    difference = accuracy - share
    most = min(1.0, (1 - accuracy) + (1 - share))
    part = most if discordant is None else min(max(discordant, abs(difference)), most)
    low, high = _agresti_min(samples * difference, samples * part, samples, confidence)
    return Interval(difference, low, high, int(samples), np.nan).within(-1.0, 1.0)


def _agresti_min(
    more: float, discordant: float, n: float, confidence: float
) -> tuple[float, float]:
    centre = more / (n + 2)
    variance = ((discordant + 1) / (n + 2) - centre**2) / (n + 2)
    half = scipy.stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance)
    return float(centre - half), float(centre + half)
