"""Variances of variants over replicates, each estimated with the help of all other variants.

A difference of two variants has only n - 1 degrees of freedom for its variance, and a correction
for many comparisons looks at the far tail of Student's t, where that is expensive. The variants of
a study know more about each other. The model is additive: a value is the variant's mean, plus what
the replicate does to all variants, plus the variant's own part, with a variance of its own.
"""

from typing import NamedTuple

import numpy as np
import scipy

from kohort.findings.statistics.interval import ROUNDING

FEWEST = 3
"""The fewest variants and replicates: of two variants, nothing tells the replicate's part from
their own, and of two replicates a variance says next to nothing of who varies far more."""
ROUNDS = 24
"""Rounds of replicate effects and variances, which settle four digits."""
STEADY = 4.0
"""The degrees of freedom that a variance borrows where it is a weight for replicate effects."""
RANK = 1e-9
"""Relative to the largest eigenvalue of the normal equations, what counts as zero."""
STRENGTH = 8.0
"""The most that is borrowed; see `_most`."""
LEAST = 1e-6
"""To borrow fewer degrees of freedom than this is to borrow nothing."""
LOW_TAIL = 4.0
"""The factor of the lower tail in `_trust`; that of the upper one is 1."""
CORRELATED = 3.0
"""The inverse of the p-value from which on variants look correlated."""
PRIORS = np.array([0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 1e4])
"""The degrees of freedom that a prior of the variances may have."""


class Moderated(NamedTuple):
    """Variances of variants, as they help each other to estimate them.

    Args:
        variance: `[variant]`, of the variants' own parts; NaN for those that share fewer than two
            replicates with two others.
        df: `[variant]`, their degrees of freedom.
        independence: From 0 to 1, how far the own parts look independent of each other.
        alike: The degrees of freedom of a prior of which the variances could be: many where they
            look alike, few where they differ.
    """

    variance: np.ndarray
    df: np.ndarray
    independence: float
    alike: float


class Prior(NamedTuple):
    """What variances are drawn towards.

    Args:
        variance: The common one.
        df: `[variant]`, the degrees of freedom that each borrows: of `alike`, but no more than
            `_most`, the part in which it is trusted. 0 is none.
        alike: As in `Moderated`.
    """

    variance: float
    df: np.ndarray
    alike: float


def moderate(values: np.ndarray) -> Moderated | None:
    """The variances of a study's variants, with what each borrows from the others.

    Each variant's variance is estimated from its residuals about the replicate effects. These are
    weighted means over variants, by inverse variances that are drawn towards their median: by
    restricted maximum likelihood alone one variant could make the effects, and so seem to have no
    variance. Then each variance is drawn towards a common one, as in the moderated t statistic
    (Smyth 2004, "Linear models and empirical Bayes methods for assessing differential expression
    in microarray experiments", equation 3):
    `(d0 s0^2 + d s^2) / (d0 + d)` with `d0 + d` degrees of freedom. Differences from there:

    - s0^2 follows from the mean of the variances, which lies above their geometric mean where they
      differ: drawn too high, a variance decides too little; drawn too low, too much.
    - d0 is the posterior mean of its inverse, over the likelihood of the F distribution that the
      ratios then have, and limited (`_most`).
    - A variance that is far from the common one borrows less (`_trust`), as robust moderation does
      for outliers (Phipson and others 2016), but gradually.

    - Less is borrowed where what remains of variants, when the replicate's part is taken off, is
      correlated (`_independence`).

    No theorem covers the whole; how often it errs is simulated. Few replicates may hide that
    variants are correlated, so no difference is decided by it alone (see `correct`).

    Args:
        values: `[variant, replicate]`; what is not finite is left out.

    Returns:
        The variances; None where no three variants share three replicates, and where nothing varies
        but the replicates' part.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    there = ~np.isnan(values)
    variants, replicates = _connected(there)
    enough = variants.any() and replicates.sum() >= FEWEST
    found = _moderated(values[np.ix_(variants, replicates)]) if enough else None
    if found is None:
        return None
    moderated = np.full((2, len(values)), np.nan)
    moderated[:, variants] = found.variance, found.df
    return Moderated(moderated[0], moderated[1], found.independence, found.alike)


def _connected(there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The variants with two replicates, and the replicates that three of these variants have.

    Masks `[variant]` and `[replicate]`; all False where there are none.
    """
    variants, replicates = np.ones(there.shape[0], bool), np.ones(there.shape[1], bool)
    for _ in range(sum(there.shape)):
        variants = there[:, replicates].sum(axis=1) > 1
        replicates = there[variants].sum(axis=0) >= FEWEST
    return variants & (there[:, replicates].sum(axis=1) > 1), replicates


def _moderated(values: np.ndarray) -> Moderated | None:
    """Those of variants that are connected; None where nothing but rounding varies."""
    there = np.isfinite(values)
    off = np.where(there, values - np.nanmean(values, axis=1, keepdims=True), 0.0)
    # The median over variants starts it: no wild one spoils it.
    effects = np.nanmedian(np.where(there, off, np.nan), axis=0)
    scale = float(np.abs(np.where(there, off - effects, 0.0)).max())
    if scale <= ROUNDING * np.nanmax(np.abs(values)):
        return None
    off, effects = off / scale, effects / scale
    counts = there.sum(axis=1)
    raw, df = _raw(off, there, effects, np.full(len(values), 1 / len(values)))
    for _ in range(ROUNDS):
        steady = (STEADY * np.median(raw) + df * raw) / (STEADY + df)
        effects, share = _effects(off, there, 1 / steady)
        raw, df = _raw(off, there, effects, share)
    independence = _independence(off, there, effects)
    found = prior(raw, df, float(np.median(counts)), independence)
    variance, df = shrunk(raw, df, found.variance, found.df)
    return Moderated(scale**2 * variance, df, independence, found.alike)


def _effects(
    off: np.ndarray, there: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares estimates of what each replicate does to all variants.

    Returns:
        The effects `[replicate]`, and the share of each variant in them `[variant]`: the part of
        its degrees of freedom that they take.
    """
    counts = there.sum(axis=1)
    # Normal equations after the variants' means are taken out; they fix effects up to a constant.
    means = (weights / counts * there.T) @ there
    # Of rank one less than its size; the default tolerance at times takes rounding for a rank.
    inverse = np.linalg.pinv(np.diag(weights @ there) - means, rcond=RANK, hermitian=True)
    effects: np.ndarray = inverse @ (weights @ off)
    leverage = there @ np.diag(inverse) - np.einsum("vr,rs,vs->v", there, inverse, there) / counts
    return effects, weights * leverage / (counts - 1)


def _residuals(off: np.ndarray, there: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """What remains of each variant `[variant, replicate]`, of mean 0; 0 where nothing is known."""
    residuals = np.where(there, off - effects, 0.0)
    means = residuals.sum(axis=1, keepdims=True) / there.sum(axis=1, keepdims=True)
    return np.where(there, residuals - means, 0.0)


def _independence(off: np.ndarray, there: np.ndarray, effects: np.ndarray) -> float:
    """How far the variants' own parts look independent of each other, from 0 to 1.

    The p-value, `CORRELATED` times, that the squared correlations of all pairs are as large as they
    are: of independent normal values their mean and variance are known, whatever the variances
    (Schott 2005, "Testing for complete independence in high dimensions").
    """
    residuals = _residuals(off, there, effects)
    df = float(np.median(there.sum(axis=1))) - 1
    if df < 2:
        return 0.0
    unit = residuals / np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-12)
    squares = np.square((unit @ unit.T)[np.triu_indices(len(unit), 1)])
    # To take effects off leaves a correlation of -1 / (k - 1) between any two of k variants.
    expected = 1 / df + (1 - 1 / df) / (len(unit) - 1) ** 2
    variance = 2 * (df - 1) / (df**2 * (df + 2))
    z = (squares.mean() - expected) / np.sqrt(variance / len(squares))
    return min(1.0, CORRELATED * float(scipy.stats.norm.sf(z)))


def _raw(
    off: np.ndarray, there: np.ndarray, effects: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each variant's variance about the effects, and its degrees of freedom."""
    counts = there.sum(axis=1)
    squares = np.square(_residuals(off, there, effects)).sum(axis=1)
    variance = squares / ((counts - 1) * (1 - share))
    # The square: how much a variance is known about whose variant helped to make the effects.
    return np.maximum(variance, 1e-12 * variance.max()), (counts - 1) * (1 - share) ** 2


def _most(variants: int, replicates: float) -> float:
    """The most degrees of freedom that a variance may borrow.

    Few replicates do not show that a variance differs from the others', and few variants do not
    show what is common. By simulation; with more, wild variants decide too much.
    """
    return STRENGTH * (replicates - 2) * (variants - 2) / (variants + 4)


def prior(raw: np.ndarray, df: np.ndarray, replicates: float, independence: float = 1.0) -> Prior:
    """What variances `[variant]`, with their degrees of freedom, are drawn towards.

    tests/findings/statistics/limma.json has what limma 3.62 makes of the same; docs/simulations.md
    shows how far it is from this.
    """
    common = float(raw.mean())
    alike = _alike(raw, df, common)
    borrowed = min(independence * _most(len(raw), replicates), alike)
    if borrowed < LEAST:
        return Prior(common, np.zeros(len(raw)), alike)
    return Prior(common * float(bias(borrowed)), borrowed * _trust(raw, df, common), alike)


def shrunk(
    raw: np.ndarray, df: np.ndarray, prior_variance: float, prior_df: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Variances drawn towards a prior one, and their degrees of freedom (Smyth 2004, eq. 3)."""
    return (prior_df * prior_variance + df * raw) / (prior_df + df), prior_df + df


def bias(df: np.ndarray | float) -> np.ndarray:
    """The geometric mean of a variance with so many degrees of freedom whose mean is 1."""
    return np.asarray(np.exp(scipy.special.digamma(np.divide(df, 2)) - np.log(np.divide(df, 2))))


def _alike(raw: np.ndarray, df: np.ndarray, common: float) -> float:
    """d0: the posterior mean of its inverse, inverted, where each of `PRIORS` is as likely."""
    scale = common * bias(PRIORS)
    scaled = (
        scipy.stats.f.logpdf(raw / scale[:, None], df, PRIORS[:, None]) - np.log(scale)[:, None]
    )
    likelihood = scaled.sum(axis=1)
    weights = np.exp(likelihood - likelihood.max())
    return float(weights.sum() / (weights / PRIORS).sum())


def _trust(raw: np.ndarray, df: np.ndarray, common: float) -> np.ndarray:
    """How far a variance belongs to the common one, from 0 to 1, `[variant]`.

    The p-value that it is as large, or 4 times that it is as small. One that is larger than it
    seems decides too much, and one that is smaller only too little.
    """
    ratio = df * raw / common
    return np.minimum(
        scipy.stats.chi2.sf(ratio, df), np.minimum(1, LOW_TAIL * scipy.stats.chi2.cdf(ratio, df))
    )
