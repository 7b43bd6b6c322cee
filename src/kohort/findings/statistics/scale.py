"""Writes values and differences of a metric: in points, in its unit, or in percent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from kohort.findings.statistics.interval import ROUNDING, Interval, as_number, rounded


@dataclass(frozen=True)
class Scale:
    """How the metric that scores and its differences are written, and what thresholds mean.

    Args:
        metric: The name of the metric for readers.
        higher_is_better: Whether a higher value is better.
        reference: What thresholds in percent refer to: the absolute validation score of the best
            variant where zero is the best that there is, else how far that is better than one
            answer for all samples; NaN where neither is known. None if the metric is a proportion,
            such as an accuracy, whose differences and thresholds are in points.
        is_never_negative: Whether no value of the metric lies below zero, as of squared errors.
        is_never_above_one: Whether none of what is no proportion lies above 1, as of R2.
        is_best_at_zero: Whether zero is the best of an error's values, by its name in Keras, so
            that two of them have a ratio.
        loss: Which loss it is, where a loss scores and all variants have the same; else "".
        of_class: The one of two classes that it is of, such as a recall; else "".
        counts_answers: Whether a proportion is that of samples whose one class is right, each
            counted once. One of several labels, or of weighted samples, is not.
    """

    metric: str = "accuracy"
    higher_is_better: bool = True
    reference: float | None = None
    is_never_negative: bool = False
    is_never_above_one: bool = False
    is_best_at_zero: bool = False
    loss: str = ""
    of_class: str = ""
    counts_answers: bool = True

    @property
    def title(self) -> str:
        """The metric, with which it is: `loss (mean squared error)`, `recall (of class yes)`."""
        which = self.loss or (self.of_class and f"of class {self.of_class}")
        return f"{self.metric} ({which})" if which else self.metric

    @property
    def in_a_sentence(self) -> str:
        """The metric, with the class that it is of, if it is of one: `recall of class yes`."""
        return f"{self.metric} of class {self.of_class}" if self.of_class else self.metric

    @property
    def is_proportion(self) -> bool:
        """Whether the metric is a proportion, from 0 to 1."""
        return self.reference is None

    @property
    def counts_samples(self) -> bool:
        """Whether it is the part of samples that a model is right about, such as an accuracy.

        An area under a curve, a precision or a recall is a proportion, but not one of all samples.
        """
        return self.is_proportion and self.counts_answers

    def threshold(self, points: float, percent: float) -> float:
        """The threshold on this scale, in the unit of the metric; NaN where none is known."""
        return points / 100 if self.reference is None else percent / 100 * self.reference

    def error(self, score: float | np.ndarray) -> float | np.ndarray:
        """A score, turned so that lower is better."""
        if self.is_proportion:
            return 1 - score
        return -score if self.higher_is_better else score

    def rounding(self, error: float) -> float:
        """By how much other errors may differ from this one by the rounding of float32 alone."""
        # What is a part of 1, or 1 less a ratio as R2, has the rounding of that.
        least = 1.0 if self.is_proportion or self.is_never_above_one else 0.0
        return ROUNDING * max(least, abs(error))

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value that a score can have; infinite where there is none."""
        if self.is_proportion:
            return 0.0, 1.0
        lowest = 0.0 if self.is_never_negative else -np.inf
        return lowest, 1.0 if self.is_never_above_one else np.inf

    @property
    def lowest_error(self) -> float:
        """The lowest value that an error can have: -1 of R2, whose errors are negative."""
        return min(self.error_limits)

    @property
    def error_limits(self) -> tuple[float, float]:
        """The lowest and the highest value that an error can have."""
        low, high = sorted(float(self.error(limit)) for limit in self.limits)
        return low, high

    def possible(self, score: Interval) -> Interval:
        """The interval of a score, cut to the values that it can have.

        What lies outside cannot be the mean that it is to cover, so it covers as often without.
        """
        return score.within(*self.limits)

    def amount(self, difference: float) -> str:
        """A difference as text: `1 point`, `0.12`."""
        if not self.is_proportion:
            return significant(difference, 3)
        number = f"{100 * difference:.3g}"
        return f"{number} point" if number == "1" else f"{number} points"

    def text(self, interval: Interval, digits: int = 1, thresholds: Sequence[float] = ()) -> str:
        """A difference with its interval as text: `3.1 points (2.0 to 4.2)`, `0.12 (0.1 to 0.2)`.

        Args:
            interval: The difference.
            digits: Digits of points after the decimal point.
            thresholds: The thresholds of verdicts; no bound is rounded across or onto one of them.
        """
        mean, low, high = self._texts(interval, digits, thresholds)
        return f"{mean} ({low} to {high})" if interval.is_formed else mean

    def score(self, score: Interval) -> str:
        """A score with its interval as text: in percent if it is a proportion."""
        return percent(score) if self.is_proportion else self.text(score)

    def worse(self, interval: Interval, border: float = 0.0) -> str:
        """A difference of errors as text: `3.1 points (2.0 to 4.2) worse`, or `... better`.

        Where it holds zero each bound says its side: `3.1 points worse (2.0 better to 8.2 worse)`.
        One that is zero as far as it is written is `neither worse nor better (0.0 points)`, and
        one whose mean is zero `neither worse nor better (0; 0.2 better to 0.2 worse)`.

        Args:
            interval: The difference.
            border: The threshold of the verdict.
        """
        return _worse(interval, border, self._texts)

    def _texts(
        self, interval: Interval, digits: int, thresholds: Sequence[float]
    ) -> tuple[str, str, str]:
        """A difference, with its unit, and its bounds as text."""
        if self.is_proportion:
            return _texts(interval.within(-1.0, 1.0), "points", 100.0, digits, thresholds)
        return rounded(interval.without_noise, significant, 3, thresholds)


POINTS = Scale()

PLAIN = 1e6
"""Numbers from here on are written as a power of ten: nobody counts the digits of a larger one."""


_NOISE_DIGITS = 4
"""What differs only behind so many further digits, as float32 does, is one number to readers."""
_EXACT = 1e15
"""Floats from here on have no digits after the point."""


def fixed(number: float, digits: int = 1, sign: str = "-") -> str:
    """A number as text, with so many digits after the point: `3.8` of 3.75.

    Halves go away from zero, and so do what the rounding of floats makes of them: a gap of 3.75
    points is one text, whether it was computed as 3.75 or as 3.7499999999999996.

    Args:
        number: The number.
        digits: The digits.
        sign: As in a format: "+" shows that of positive numbers too.
    """
    form = f"{sign}z.{digits}f"
    if not abs(number) < _EXACT:
        return f"{number:{form}}"
    near = Decimal(f"{number:.{digits + _NOISE_DIGITS}f}")
    return f"{near.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):{form}}"


def significant(number: float, digits: int, sign: str = "-") -> str:
    """A number as text, with so many significant digits: `0.0123`, `2,685`, `45,100`, `1.81e+09`.

    Thousands are no powers of ten, and have four digits at least: who reads 2.68e+03 has to work
    out what it is.

    Args:
        number: The number.
        digits: The digits.
        sign: As in a format: "+" shows that of positive numbers too.
    """
    number = float(f"{number:.{digits + _NOISE_DIGITS}g}")
    text = f"{number:{sign}z.{digits}g}"
    if abs(float(text)) < 1000:
        return text
    digits = max(digits, 4)
    kept = float(f"{number:.{digits}g}")
    if not abs(kept) < PLAIN:
        return text
    behind = max(0, digits - len(f"{abs(kept):.0f}"))
    return f"{kept:{sign}z,.{behind}f}"


def worse_by_parts(interval: Interval) -> str:
    """By how large a part errors are larger, as text: as `Scale.worse`, in percent of the other."""
    return _worse(interval, 0.0, lambda part, n, borders: _texts(part, "%", 100.0, n, borders))


def _worse(
    interval: Interval,
    border: float,
    write: Callable[[Interval, int, Sequence[float]], tuple[str, str, str]],
    sides: tuple[str, str] = ("worse", "better"),
) -> str:
    (side, other), interval = sides, interval.without_noise
    if interval.mean < 0:
        interval, border, side, other = interval.negated(), -border, other, side
    mean, low, high = write(interval, 1, (border,))
    numbers = [mean.partition(" ")[0], *([low, high] if interval.is_formed else [])]
    if not any(map(as_number, numbers)):
        return f"neither {side} nor {other} ({mean})"
    if interval.mean == 0 and interval.is_formed:
        low, high = low.removeprefix("-"), high.removeprefix("-")
        return f"neither {side} nor {other} ({mean}; {low} {other} to {high} {side})"
    if not as_number(low) < 0 < as_number(high):
        return f"{mean} ({low} to {high}) {side}" if interval.is_formed else f"{mean} {side}"
    return f"{mean} {side} ({low.removeprefix('-')} {other} to {high} {side})"


def higher(interval: Interval, border: float) -> str:
    """By how many points a proportion is higher, as text: as `Scale.worse`, or `... lower`."""
    return _worse(interval, border, POINTS._texts, ("higher", "lower"))


def rises_more(interval: Interval) -> str:
    """By how much a rise in percent is larger than another, as text: as `Scale.worse`.

    `22.4 percentage points (14.7 to 30.1) less`: it may well rise, only not so far.
    """

    def write(points: Interval, digits: int, borders: Sequence[float]) -> tuple[str, str, str]:
        return _texts(points, "percentage points", 1.0, digits, borders)

    return _worse(interval, 0.0, write, ("more", "less"))


def percent(interval: Interval, digits: int = 1) -> str:
    """A proportion with its interval, `92.1 % (91.0 to 93.2)`."""
    mean, low, high = (
        fixed(100 * bound, digits) for bound in (interval.mean, interval.low, interval.high)
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
    mean, low, high = _texts(interval, unit, scale, digits, thresholds)
    return f"{mean} ({low} to {high})" if interval.is_formed else mean


def _texts(
    interval: Interval, unit: str, scale: float, digits: int, thresholds: Sequence[float]
) -> tuple[str, str, str]:
    mean, low, high = rounded(interval.times(scale), fixed, digits, [scale * b for b in thresholds])
    return f"{mean} {unit}", low, high


_NOUNS = {"rises": "rise", "falls": "fall", "risen": "rise", "fallen": "fall"}


def changes(interval: Interval, digits: int, border: float, verbs: str = "rises falls") -> str:
    """A change in percent as text: `rises by 3 % (2 to 4)`, or `falls by` if it is below zero.

    Where its interval holds zero each bound says its way: `falls by 1 % (a rise of 5 to a fall of
    7)`.

    Args:
        interval: The change, %.
        digits: After the decimal point.
        border: The threshold of the verdict.
        verbs: For a change above zero and for one below: "rises falls" or "fallen risen", say.
    """
    verb, other = verbs.split()
    if interval.mean < 0:
        interval, border, verb, other = interval.negated(), -border, other, verb
    mean, low, high = _texts(interval, "%", 1.0, digits, (border,))
    if as_number(low) < 0 < as_number(high):
        low, high = f"a {_NOUNS[other]} of {low.removeprefix('-')}", f"a {_NOUNS[verb]} of {high}"
    return f"{verb} by {mean} ({low} to {high})" if interval.is_formed else f"{verb} by {mean}"
