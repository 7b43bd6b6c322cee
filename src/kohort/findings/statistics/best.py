"""Compares the best of several with each of the others, corrected for having been picked."""

import numpy as np

from kohort.findings.statistics.stepwise import holm, simes


def better_than_each(not_worse: np.ndarray, alone: np.ndarray, best: int) -> np.ndarray:
    """Adjusted p-values of the hypotheses that the best of several is no better than another.

    Which variant looks best depends on the data, so that its comparisons are corrected by a method
    for just that. A variant is decided to be worse than the best if the t test of the two alone
    says so, and one of these:

    - It is ruled out as the best. Its p-value for that is Simes's over its one-sided comparisons
      with all others, and Holm's correction is over the variants. A variant that is among the best
      has none above it; so in at most alpha of studies any of the best is ruled out, whichever
      looks best (a confidence set for the best: Gupta 1965; Hsu 1984, with variances that are not
      pooled).
    - The best beats every other variant, each in a test that is not corrected. That it is the only
      one to do so is what makes it the best, and needs no correction: where two are equal, either
      beats the other in alpha of studies, and where more are, a lucky one has to beat them all
      (Gutmann and Maymin 1987).

    Each of the two errs in at most alpha of studies about those that are among the best. That both
    together do, and that a variant is worse than this winner where the winner is not the best, is
    by simulation: with 2 to 30 variants, 2 to 5 replicates, equal and unequal spreads, and
    replicates that share samples. Comparing all pairs instead asks for p-values lower by about the
    number of variants.

    Args:
        not_worse: One-sided p-values `[variant, variant]` of the hypothesis that the variant of
            the row is no worse than that of the column; NaN where the two have no comparison. They
            may be moderated.
        alone: Two-sided p-values `[variant]` of the t test of the best and each other alone; NaN
            for the best.
        best: The number of the variant that looks best.

    Returns:
        float64 `[variant]`, two-sided; NaN for the best itself and without a comparison. One that
        looks better than the best, having lost a replicate to divergence, gets the p-value of the
        other direction, by Bonferroni's correction over all.
    """
    rivals = ~np.isnan(not_worse).all(axis=1)
    rivals[best] = False
    is_below = not_worse[:, best] <= 0.5
    beats_all = float(np.where(is_below, alone, 1.0)[rivals].max(initial=0.0))
    adjusted = np.maximum(alone, np.minimum(_ruled_out(not_worse), beats_all))
    either: np.ndarray = np.where(is_below, adjusted, np.minimum(1.0, rivals.sum() * alone))
    return either


def _ruled_out(not_worse: np.ndarray) -> np.ndarray:
    """Adjusted p-values of the hypotheses that a variant is among the best, `[variant]`."""
    known = ~np.isnan(not_worse).all(axis=1)
    return holm(
        [
            simes(row) if any_known else np.nan
            for row, any_known in zip(not_worse, known, strict=True)
        ]
    )
