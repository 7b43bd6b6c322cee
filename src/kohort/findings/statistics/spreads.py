"""The spreads of the paired differences of all variants, with help from one another."""

from dataclasses import dataclass

import numpy as np
import scipy

from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.moderated import moderate

RELATED = 20.0
"""The inverse of the p-value from which on differences vary so little that variants are related."""
DOUBT = 0.5
"""The degrees of freedom of the variances' prior at which Satterthwaite's are half believed."""


@dataclass(frozen=True)
class Spread:
    """The standard deviation of paired differences over replicates, as far as it is known.

    Args:
        deviation: The estimate; NaN if there is none.
        df: Its degrees of freedom.
    """

    deviation: float
    df: float

    @classmethod
    def of(cls, differences: np.ndarray) -> "Spread":
        """That of finite differences `[replicate]`, without help."""
        n = len(differences)
        return cls(float(np.std(differences, ddof=1)) if n > 1 else np.nan, n - 1)

    def equivalence(self, interval: Interval, margin: float, test_to_train: float) -> float:
        """The larger p-value of two one-sided t tests (Schuirmann 1987).

        NaN without an interval, and without a margin above zero: no difference is less than none.
        """
        if not (interval.is_formed and margin > 0):
            return np.nan
        if not interval.has_width:  # no difference in any replicate
            return 0.0
        inside = margin - abs(interval.mean)
        return float(scipy.special.stdtr(self.df, -inside / self.error(interval.n, test_to_train)))

    def error(self, n: int, test_to_train: float) -> float:
        """The standard error of the mean of n differences; see `mean_interval`."""
        return self.deviation * float(np.sqrt(1 / n + test_to_train))


@dataclass(frozen=True, eq=False)
class Spreads:
    """The moderated spreads of a study's differences.

    Args:
        deviation: Standard deviations `[variant, variant]`; NaN where there is no moderated one.
        df: Degrees of freedom `[variant, variant]`.
    """

    deviation: np.ndarray
    df: np.ndarray

    def between(self, a: int, b: int) -> Spread | None:
        """That of the differences of two variants (numbers); None where there is none."""
        if np.isnan(self.deviation[a, b]):
            return None
        return Spread(float(self.deviation[a, b]), float(self.df[a, b]))


def spreads(values: np.ndarray) -> Spreads:
    """The spreads of the paired differences of all pairs of variants.

    The variance of a difference is the sum of the two variants' moderated variances (see
    `moderate`). Its degrees of freedom are by Satterthwaite's approximation (1946): of two variants
    of which one varies far more, that one's. Where variances differ, and few replicates make one
    look small that is not, these are too many for the far tail that a hundred comparisons reach, so
    they are drawn towards the fewer of the two, which are never too many (Mickey and Brown 1966,
    "Bounds on the distribution functions of the Behrens-Fisher statistic"). Two whose differences
    vary far less than that are related, as those are that hardly differ in what they are; their
    differences' own spread counts the more, the less probable it is otherwise.

    Args:
        values: `[variant, replicate]`; what is not finite is left out.
    """
    moderated = moderate(values)
    if moderated is None:
        return Spreads(*np.full((2, len(values), len(values)), np.nan))
    variance, df, independence, alike = moderated
    both = variance[:, None] + variance
    np.fill_diagonal(both, np.nan)  # with itself a variant has no difference
    parts = variance**2 / df
    alone, counts = _alone(values)
    least = np.minimum(df[:, None], df)
    believed = alike / (alike + DOUBT)
    both_df = least + believed * (both**2 / (parts[:, None] + parts) - least)
    return Spreads(*together(both, both_df, alone, counts - 1.0, independence))


def together(
    variance: np.ndarray,
    df: np.ndarray,
    alone: np.ndarray,
    df_alone: np.ndarray,
    independence: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Moderated variances of differences drawn towards the differences' own.

    Args:
        variance: The sum of two moderated variances.
        df: Its degrees of freedom.
        alone: The variance of the differences themselves.
        df_alone: Its degrees of freedom.
        independence: How far the sum of two variances may be taken for that of a difference.

    Returns:
        Standard deviations and their degrees of freedom; NaN without a difference's own.
    """
    df_alone = np.where(df_alone > 0, df_alone, np.nan)
    related = scipy.stats.f.cdf(alone / variance, df_alone, df)
    trust = independence * np.minimum(1.0, RELATED * related)
    weight = df_alone / (trust * df + df_alone)
    # Of an efficient estimate and what another one adds to it, the errors are not correlated.
    degrees = 1 / ((1 - weight**2) / df + weight**2 / df_alone)
    return np.sqrt((1 - weight) * variance + weight * alone), degrees


def _alone(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The variances of all pairs' differences, and their numbers, `[variant, variant]`."""
    differences = values[:, None] - values
    there = np.isfinite(differences)
    counts = there.sum(axis=2)
    differences = np.where(there, differences, 0.0)
    off = differences - (differences.sum(axis=2) / np.maximum(counts, 1))[..., None]
    return (np.where(there, off, 0.0) ** 2).sum(axis=2) / np.maximum(counts - 1, 1), counts
