"""How a metric and its differences are told: in points, in its own unit, or in percent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.findings.statistics.interval import Interval, rounded


@dataclass(frozen=True)
class Scale:
    """How the metric that scores and its differences are told, and what thresholds mean.

    Args:
        metric: What is measured, as a reader calls it.
        higher_is_better: Whether a higher value of it is the better one.
        reference: What the baseline scores on validation, without its sign: thresholds in percent
            are of it. None where the metric is a proportion, such as an accuracy, whose
            differences are told in points and have thresholds in points.
    """

    metric: str = "accuracy"
    higher_is_better: bool = True
    reference: float | None = None

    @property
    def is_proportion(self) -> bool:
        """Whether the metric is a part of a whole, from 0 to 1."""
        return self.reference is None

    def threshold(self, points: float, percent: float) -> float:
        """The threshold that holds on this scale, in the unit of the metric itself."""
        return points / 100 if self.reference is None else percent / 100 * self.reference

    def amount(self, difference: float) -> str:
        """A difference in words, without a sign of its own: `1 point`, `0.12`."""
        if not self.is_proportion:
            return f"{difference:.3g}"
        number = f"{100 * difference:.3g}"
        return f"{number} point" if number == "1" else f"{number} points"

    def text(self, interval: Interval, digits: int = 1, thresholds: Sequence[float] = ()) -> str:
        """A difference with its interval in words: `3.1 points (2.0 to 4.2)`, `0.12 (0.1 to 0.2)`.

        Args:
            interval: The difference.
            digits: Of points.
            thresholds: What verdicts turn on: no bound is rounded across one of them or onto it.
        """
        if self.is_proportion:
            return shown(interval.within(-1.0, 1.0), "points", 100.0, digits, thresholds)
        mean, low, high = rounded(interval, lambda b, n: f"{b:z.{n}g}", 3, thresholds)
        return f"{mean} ({low} to {high})" if interval.is_formed else mean

    def worse(self, interval: Interval, border: float = 0.0) -> str:
        """A difference of errors in words: `3.1 points (2.0 to 4.2) worse`, or how much better.

        Args:
            interval: The difference.
            border: What the verdict turns on.
        """
        if interval.mean >= 0 or np.isnan(interval.mean):
            return f"{self.text(interval, thresholds=(border,))} worse"
        return f"{self.text(interval.negated(), thresholds=(-border,))} better"


POINTS = Scale()


def shown(
    interval: Interval,
    unit: str,
    scale: float = 1.0,
    digits: int = 1,
    thresholds: Sequence[float] = (),
) -> str:
    """An interval in words: `3.1 points (2.0 to 4.2)`; its confidence stands elsewhere.

    Args:
        interval: The interval.
        unit: What it is told in.
        scale: What makes it of the interval's own.
        digits: After the decimal point.
        thresholds: What verdicts turn on, in the interval's own unit; see `rounded`.
    """
    mean, low, high = rounded(
        interval.times(scale), lambda b, n: f"{b:z.{n}f}", digits, [scale * b for b in thresholds]
    )
    return f"{mean} {unit} ({low} to {high})" if interval.is_formed else f"{mean} {unit}"


def changes(interval: Interval, digits: int, border: float, verbs: str = "rises falls") -> str:
    """A change in percent in words: `rises by 3 % (2 to 4)`, or `falls by` where it is below zero.

    Args:
        interval: The change, %.
        digits: After the decimal point.
        border: What the verdict turns on.
        verbs: For a change above zero and for one below.
    """
    above, below = verbs.split()
    if interval.mean < 0:
        return f"{below} by {shown(interval.negated(), '%', 1.0, digits, (-border,))}"
    return f"{above} by {shown(interval, '%', 1.0, digits, (border,))}"
