"""Writes values and differences of a metric: in points, in its unit, or in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.findings.statistics.interval import Interval, rounded


@dataclass(frozen=True)
class Scale:
    """How the metric that scores and its differences are written, and what thresholds mean.

    Args:
        metric: The name of the metric for readers.
        higher_is_better: Whether a higher value is better.
        reference: The absolute validation score of the baseline, to which thresholds in percent
            refer. None if the metric is a proportion, such as an accuracy, whose differences and
            thresholds are in points.
        is_never_negative: Whether no value of the metric lies below zero, as of squared errors.
    """

    metric: str = "accuracy"
    higher_is_better: bool = True
    reference: float | None = None
    is_never_negative: bool = False

    @property
    def is_proportion(self) -> bool:
        """Whether the metric is a proportion, from 0 to 1."""
        return self.reference is None

    def threshold(self, points: float, percent: float) -> float:
        """The threshold on this scale, in the unit of the metric."""
        return points / 100 if self.reference is None else percent / 100 * self.reference

    def possible(self, score: Interval) -> Interval:
        """The interval of a score, cut to the values that it can have.

        What lies outside cannot be the mean that it is to cover, so it covers as often without.
        """
        if self.is_proportion:
            return score.within(0.0, 1.0)
        return score.within(0.0, np.inf) if self.is_never_negative else score

    def amount(self, difference: float) -> str:
        """A difference as text: `1 point`, `0.12`."""
        if not self.is_proportion:
            return f"{difference:.3g}"
        number = f"{100 * difference:.3g}"
        return f"{number} point" if number == "1" else f"{number} points"

    def text(self, interval: Interval, digits: int = 1, thresholds: Sequence[float] = ()) -> str:
        """A difference with its interval as text: `3.1 points (2.0 to 4.2)`, `0.12 (0.1 to 0.2)`.

        Args:
            interval: The difference.
            digits: Digits of points after the decimal point.
            thresholds: The thresholds of verdicts; no bound is rounded across or onto one of them.
        """
        if self.is_proportion:
            return shown(interval.within(-1.0, 1.0), "points", 100.0, digits, thresholds)
        mean, low, high = rounded(interval, lambda b, n: f"{b:z.{n}g}", 3, thresholds)
        return f"{mean} ({low} to {high})" if interval.is_formed else mean

    def score(self, score: Interval) -> str:
        """A score with its interval as text: in percent if it is a proportion."""
        return percent(score) if self.is_proportion else self.text(score)

    def worse(self, interval: Interval, border: float = 0.0) -> str:
        """A difference of errors as text: `3.1 points (2.0 to 4.2) worse`, or `... better`.

        Args:
            interval: The difference.
            border: The threshold of the verdict.
        """
        if interval.mean >= 0 or np.isnan(interval.mean):
            return f"{self.text(interval, thresholds=(border,))} worse"
        return f"{self.text(interval.negated(), thresholds=(-border,))} better"


POINTS = Scale()


def percent(interval: Interval, digits: int = 1) -> str:
    """A proportion with its interval, `92.1 % (91.0 to 93.2)`."""
    mean, low, high = (
        f"{100 * bound:z.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} % ({low} to {high})" if interval.is_formed else f"{mean} % (no interval)"


def shown(
    interval: Interval,
    unit: str,
    scale: float = 1.0,
    digits: int = 1,
    thresholds: Sequence[float] = (),
) -> str:
    """An interval as text: `3.1 points (2.0 to 4.2)`, without its confidence.

    Args:
        interval: The interval.
        unit: The unit of the text.
        scale: The factor from the unit of the interval to that of the text.
        digits: After the decimal point.
        thresholds: The thresholds of verdicts, in the unit of the interval; see `rounded`.
    """
    mean, low, high = rounded(
        interval.times(scale), lambda b, n: f"{b:z.{n}f}", digits, [scale * b for b in thresholds]
    )
    return f"{mean} {unit} ({low} to {high})" if interval.is_formed else f"{mean} {unit}"


def changes(interval: Interval, digits: int, border: float, verbs: str = "rises falls") -> str:
    """A change in percent as text: `rises by 3 % (2 to 4)`, or `falls by` if it is below zero.

    Args:
        interval: The change, %.
        digits: After the decimal point.
        border: The threshold of the verdict.
        verbs: For a change above zero and for one below.
    """
    above, below = verbs.split()
    if interval.mean < 0:
        return f"{below} by {shown(interval.negated(), '%', 1.0, digits, (-border,))}"
    return f"{above} by {shown(interval, '%', 1.0, digits, (border,))}"
