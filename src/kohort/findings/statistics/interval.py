"""Confidence intervals of a mean or a standard deviation over replicates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

MORE_DIGITS = 3
"""The most digits that may be added to show on which side of a threshold a bound lies."""

ROUNDING = 1e-6
"""The relative spread below which values differ only by the rounding of float32."""

NOISE = 1e-9
"""The part of an interval's reach below which its mean is zero but for the rounding of float64."""


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; the bounds are NaN if it cannot be formed.

    Args:
        mean: The estimate.
        low: Lower bound.
        high: Upper bound.
        n: The number of replicates.
        p_value: Two-sided, of the hypothesis that the true mean is zero; NaN if there is none.
    """

    mean: float
    low: float
    high: float
    n: int
    p_value: float

    @property
    def is_formed(self) -> bool:
        """Whether there are bounds."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @property
    def has_width(self) -> bool:
        """Whether there are bounds that differ; those of no difference in any replicate do not."""
        return self.low < self.high

    @property
    def of_a_score(self) -> "Interval":
        """The same interval, without bounds where they are equal.

        That a difference is zero in all replicates, as between equal models, means what it says. A
        score, or a range, that is zero in all of them is a coincidence of few or coarse
        measurements, as any other value would be.
        """
        if self.low != self.high:
            return self
        return replace(self, low=np.nan, high=np.nan, p_value=np.nan)

    def times(self, factor: float) -> "Interval":
        """The same interval in another unit; the factor is above zero."""
        return replace(
            self, mean=factor * self.mean, low=factor * self.low, high=factor * self.high
        )

    @property
    def without_noise(self) -> "Interval":
        """The same interval, whose mean is 0 where it differs from that by rounding alone."""
        is_noise = abs(self.mean) < NOISE * max(abs(self.low), abs(self.high))
        return replace(self, mean=0.0) if is_noise else self

    def negated(self) -> "Interval":
        """The interval of the difference in the other direction."""
        return replace(self, mean=-self.mean, low=-self.high, high=-self.low)

    def within(self, lowest: float, highest: float) -> "Interval":
        """The same interval with its bounds clipped to the range of possible values."""
        low, high = (float(np.clip(bound, lowest, highest)) for bound in (self.low, self.high))
        return replace(self, low=low, high=high)

    def lies_above(self, threshold: float) -> bool:
        """Whether the whole interval is above a threshold; False without an interval."""
        return self.low > threshold

    def lies_below(self, threshold: float) -> bool:
        """Whether the whole interval is below a threshold or at it; False without an interval."""
        return self.high <= threshold


def mean_interval(
    values: np.ndarray, *, confidence: float = 0.95, test_to_train: float = 0.0
) -> Interval:
    """Student's t interval of a mean, corrected for replicates that share training samples.

    The variance of the mean is taken as `(1 / n + test_to_train) s^2` instead of `s^2 / n`
    (Nadeau and Bengio 2003, "Inference for the Generalization Error", equation 5): the replicates
    of a resampled split, or the folds of a cross-validation, overlap and so are not independent.

    Args:
        values: `[replicate]`; assumed near normal. Non-finite ones are left out.
        confidence: Between 0 and 1.
        test_to_train: Validation samples over training samples of a replicate; 0 for replicates
            that are independent, such as seeds on one fixed split.

    Returns:
        The interval. Its bounds are NaN with fewer than two finite values, and with values that
        are equal but not zero.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        mean = float(values.mean()) if n else np.nan
        return Interval(mean, np.nan, np.nan, n, np.nan)
    mean = float(values.mean())
    scale = standard_error(values, test_to_train)
    if scale <= ROUNDING * np.abs(values).max():
        # Equal values are a coincidence of few or coarse measurements, not certainty. Only if all
        # are zero, so that there is no difference at all, they mean what they say.
        bound = 0.0 if mean == 0.0 else np.nan
        return Interval(mean, bound, bound, n, 1.0 if mean == 0.0 else np.nan)
    # What scipy.stats.t computes, without its checks, which take ten times as long.
    half = float(scipy.special.stdtrit(n - 1, (1 + confidence) / 2)) * scale
    p_value = float(2 * scipy.special.stdtr(n - 1, -abs(mean) / scale))
    return Interval(mean, mean - half, mean + half, n, p_value)


def largest(values: np.ndarray) -> float:
    """The largest size of values that are finite; 0 of none."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def evened(differences: np.ndarray, noise: float) -> np.ndarray:
    """Differences that are alike but for rounding, made equal: zero, or their mean.

    Scores are measured in float32, and differences of them are small: one sample of 120 more in
    each replicate is a coincidence, which the last digits would make a certainty of.

    Args:
        differences: `[replicate]`; what is not finite stays.
        noise: By how much they may differ by rounding alone; see `Scale.rounding`.
    """
    there = np.isfinite(differences)
    if not there.any() or np.ptp(differences[there]) > noise:
        return differences
    mean = float(differences[there].mean())
    return np.where(there, 0.0 if abs(mean) <= noise else mean, differences)


def half_of_one_more(values: np.ndarray, confidence: float, explained: float = 0.0) -> float:
    """Half the width of Student's interval for one more value; 0 of one alone.

    Args:
        values: `[replicate]`, finite; assumed near normal.
        confidence: Between 0 and 1.
        explained: The part of their variance that one more would not have.
    """
    n = len(values)
    if n < 2:
        return 0.0
    variance = max(0.0, float(values.var(ddof=1)) - explained)
    quantile = float(scipy.special.stdtrit(n - 1, (1 + confidence) / 2))
    return quantile * float(np.sqrt(variance * (1 + 1 / n)))


def standard_error(values: np.ndarray, test_to_train: float) -> float:
    """The standard error of the mean of two or more finite values `[replicate]`, corrected so."""
    return float(np.sqrt((1 / len(values) + test_to_train) * np.var(values, ddof=1)))


def rounded(
    interval: Interval, form: Callable[[float, int], str], digits: int, thresholds: Sequence[float]
) -> tuple[str, str, str]:
    """Mean and bounds as text, with each rounded bound on the same side of every threshold.

    Args:
        interval: The interval, in the unit in which it is shown.
        form: Writes a number with a number of digits.
        digits: The digits, unless rounding to them would move a bound across or onto a threshold.
        thresholds: The thresholds of verdicts; NaN are ignored.
    """

    def written(digits: int) -> tuple[str, str, str]:
        mean, low, high = (form(b, digits) for b in (interval.mean, interval.low, interval.high))
        return mean, low, high

    def keeps(texts: tuple[str, str, str]) -> bool:
        pairs = zip((interval.low, interval.high), map(as_number, texts[1:]), strict=True)
        return all(
            np.sign(bound - border) == np.sign(text - border)
            for bound, text in pairs
            for border in thresholds
            if np.isfinite(bound - border)
        )

    tries = (written(digits + more) for more in range(MORE_DIGITS + 1))
    return next(filter(keeps, tries), written(digits))


def as_number(text: str) -> float:
    """The number that a text shows, which may have commas between thousands."""
    return float(text.replace(",", ""))


def spread_interval(values: np.ndarray, *, confidence: float = 0.95) -> Interval:
    """The standard deviation over replicates, with its chi-squared interval.

    Args:
        values: `[replicate]`; assumed near normal. Non-finite ones are left out.
        confidence: Between 0 and 1.

    Returns:
        The interval, with no p-value. Its bounds are NaN with fewer than two finite values, and
        with values that are equal but for rounding.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        return Interval(np.nan, np.nan, np.nan, n, np.nan)
    spread = float(np.std(values, ddof=1))
    if spread <= ROUNDING * np.abs(values).max():
        # As of a mean: a coincidence of few or coarse measurements, and no certainty.
        return Interval(spread, np.nan, np.nan, n, np.nan)
    tails = scipy.stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], n - 1)
    low, high = (float(bound) for bound in spread * np.sqrt((n - 1) / np.asarray(tails)))
    return Interval(spread, low, high, n, np.nan)


def residual_variance(values: np.ndarray) -> float:
    """The residual variance of values `[time, replicate]` after effects of both."""
    times, replicates = values.shape
    residuals = values - values.mean(axis=0)
    residuals = residuals - residuals.mean(axis=1, keepdims=True)
    return float((residuals**2).sum() / ((times - 1) * (replicates - 1)))


def students(
    values: np.ndarray, confidence: float, test_to_train: float
) -> tuple[np.ndarray, np.ndarray]:
    """Means and half-widths, `[...]` each, of the intervals of values `[..., replicate]`."""
    replicates = values.shape[-1]
    error = np.sqrt((1 / replicates + test_to_train) * values.var(axis=-1, ddof=1))
    quantile = float(scipy.special.stdtrit(replicates - 1, (1 + confidence) / 2))
    return values.mean(axis=-1), quantile * error
