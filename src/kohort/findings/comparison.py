"""Paired comparisons of variants over their replicates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.interval import Interval, mean_interval


@dataclass(frozen=True)
class Comparison:
    """The paired difference `b - a` of something measured.

    Args:
        a: Name of a variant.
        b: Name of another.
        measure: What is compared, in words.
        difference: Mean of the replicates' differences, with its interval; the interval is for
            this comparison alone.
        p_adjusted: Its p-value after Holm's correction over the family of comparisons that it was
            made in; NaN where there is none.
        alpha: The error rate of that family.
    """

    a: str
    b: str
    measure: str
    difference: Interval
    p_adjusted: float
    alpha: float

    @property
    def is_decided(self) -> bool:
        """Whether the family's error rate allows to call the difference real."""
        return bool(self.p_adjusted <= self.alpha)


def compare(
    a: str,
    b: str,
    values_a: np.ndarray,
    values_b: np.ndarray,
    *,
    measure: str,
    confidence: float,
    test_to_train: float,
) -> Comparison:
    """Compare two variants, pair by pair.

    Args:
        a: Name of the first.
        b: Name of the second.
        values_a: `[replicate]`, in the same order as `values_b`.
        values_b: `[replicate]`.
        measure: What the values are, in words.
        confidence: Of the interval.
        test_to_train: As in `mean_interval`.
    """
    difference = mean_interval(
        np.asarray(values_b, float) - np.asarray(values_a, float),
        confidence=confidence,
        test_to_train=test_to_train,
    )
    return Comparison(a, b, measure, difference, difference.p_value, 1 - confidence)


def correct(family: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values adjusted over the family by Holm's method."""
    adjusted = holm([comparison.difference.p_value for comparison in family])
    return [replace(c, p_adjusted=float(p)) for c, p in zip(family, adjusted, strict=True)]


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjusted p-values (Holm 1979); NaN stays NaN and does not count.

    Args:
        p_values: `[comparison]`.

    Returns:
        float64 `[comparison]`: reject those at or below alpha to keep the chance of any false
        rejection at or below alpha.
    """
    p = np.asarray(p_values, float)
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    weights = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(weights * p[order]))
    return adjusted
