"""What more training data would bring: the learning curve over the size of the training set."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

from kohort.findings.statistics.comparison import holm
from kohort.findings.statistics.interval import Interval, mean_interval

MIN_SIZES = 5
"""Sizes of the training set: a power law has three parameters, and two sizes more test its fit.
With one more, simulated curves that level off faster pass for a law in two of five studies."""

MIN_REPLICATES = 3
"""Replicates that trained at every size."""

EXPONENTS = (0.02, 2.0)
"""Between which the exponent is sought: at the lower one the law is nearly a straight line over the
logarithm of the size. Theory has 0.5 and 1; Hestness et al. (2017, "Deep Learning Scaling is
Predictable, Empirically") measured 0.07 to 0.35."""

GRID = 200
"""Exponents that are tried."""

type Verdict = Literal["helps", "does not help", "cannot tell"]


@dataclass(frozen=True)
class PowerLaw:
    """How error falls with training samples n: `limit + scale * n ** -exponent`.

    Args:
        limit: Error that no amount of data goes below, 0 or more.
        scale: 0 or more; at 0 the error does not fall, and the exponent says nothing.
        exponent: Within `EXPONENTS`.
    """

    limit: float
    scale: float
    exponent: float

    def error(self, samples: np.ndarray | float) -> np.ndarray:
        """The error at each number of samples, in their shape."""
        return self.limit + self.scale * np.asarray(samples, float) ** -self.exponent


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Whether twice the training data would help.

    Args:
        samples: `[size]`, training samples, ascending.
        errors: `[size]`, the mean error at each with its interval, over the replicates that are
            finite at all sizes.
        law: The fitted power law; None where nothing is said beyond the largest size, since there
            is too little to fit it to or since it does not hold.
        gain: The fall of error that twice the largest size would bring, in the unit of the errors;
            NaN where there is no law.
        verdict: "helps" where the interval of the gain lies above the margin, "does not help"
            where it lies below, else "cannot tell".
        reason: Why it cannot tell, as a clause; empty where it can.
    """

    samples: np.ndarray
    errors: tuple[Interval, ...]
    law: PowerLaw | None
    gain: Interval
    verdict: Verdict
    reason: str = ""


def learning_curve(
    samples: np.ndarray,
    errors: np.ndarray,
    *,
    margin: float,
    confidence: float = 0.95,
    test_to_train: float = 0.0,
) -> LearningCurve:
    """Judge whether twice the largest training set would lower the error by more than a margin.

    A power law with a limit often fits, but no form fits every learning curve, and some rise
    (Viering and Loog 2022, "The Shape of Learning Curves: a Review", sections 4 and 6). So nothing
    is said of larger sizes where those at hand speak against the law already: where error rises
    from one size to the next, as in sample-wise double descent (Nakkiran 2019, "More Data Can Hurt
    for Linear Regression"; t-tests after Holm), or where the curve misses the law by more than
    replicates differ (the F-test of lack of fit). Both tests turn away some curves that are sound:
    at 95 % each one in twenty, the latter one in ten where error does not fall at all, for there
    the exponent fits nothing. And both miss bends that are small beside the noise: a curve that
    levels off a little faster than a power law can pass for one that goes on. Six sizes see more
    such bends than five. That the law goes on beyond the largest size remains an assumption.

    Args:
        samples: `[size]`, training samples, above zero, ascending.
        errors: `[size, replicate]`, validation errors of one variant, lower is better. A replicate
            is one training part, whose nested subsets the sizes are, with one validation part and
            one seed. One with an error that is not finite, at any size, is left out.
        margin: Smallest fall of error of practical interest, above zero, in the unit of the errors.
        confidence: Of all intervals and, less 1, the level of the tests.
        test_to_train: As in `mean_interval`, at the largest size: there the training parts of two
            replicates have most in common.

    Returns:
        The curve with its verdict; it is the same for every order of the replicates.
    """
    samples, errors = np.asarray(samples), np.asarray(errors, float)
    errors = errors[:, np.isfinite(errors).all(axis=0)]
    means = tuple(_mean(values, confidence, test_to_train) for values in errors)
    unknown = Interval(np.nan, np.nan, np.nan, errors.shape[1], np.nan)
    reason = _shortage(errors) or _rise(samples, errors, confidence, test_to_train)
    if not reason:
        gain, reason = _doubling(samples, errors, confidence, test_to_train)
    if reason:
        return LearningCurve(samples, means, None, unknown, "cannot tell", reason)
    law = fit_power_law(samples, errors.mean(axis=1))
    verdict, reason = _verdict(gain, margin)
    return LearningCurve(samples, means, law, gain, verdict, reason)


def fit_power_law(samples: np.ndarray, errors: np.ndarray) -> PowerLaw:
    """The power law with a limit that is nearest to a curve by least squares.

    For a given exponent limit and scale are a linear problem, solved within their bounds; what is
    left to seek is one number in an interval, so that no start is needed and no fit fails.

    Args:
        samples: `[size]`, above zero, ascending; 3 or more.
        errors: `[size]`, finite.
    """
    largest = float(samples[-1])

    def solve(exponent: float) -> tuple[np.ndarray, float]:
        power = (samples / largest) ** -exponent
        return optimize.nnls(np.stack([np.ones(len(samples)), power], axis=1), errors)

    grid = np.geomspace(*EXPONENTS, GRID // 4)
    at = int(np.argmin([solve(exponent)[1] for exponent in grid]))
    bounds = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    exponent = float(
        optimize.minimize_scalar(
            lambda exponent: solve(exponent)[1],
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-9},
        ).x
    )
    limit, scale = solve(exponent)[0]
    return PowerLaw(float(limit), float(scale) * largest**exponent, exponent)


def _mean(values: np.ndarray, confidence: float, test_to_train: float) -> Interval:
    return mean_interval(values, confidence=confidence, test_to_train=test_to_train)


def _shortage(errors: np.ndarray) -> str:
    """Why there is too little to judge, as a clause; empty where there is enough."""
    sizes, replicates = errors.shape
    if sizes < MIN_SIZES:
        return (
            f"the shape of the curve needs {MIN_SIZES} sizes or more, {MIN_SIZES - 1} parts and "
            f"the whole, and there are {sizes}"
        )
    if replicates < MIN_REPLICATES:
        return (
            f"{MIN_REPLICATES} replicates or more must be sound at every size, "
            f"and {replicates} {'is' if replicates == 1 else 'are'}"
        )
    return ""


def _rise(samples: np.ndarray, errors: np.ndarray, confidence: float, test_to_train: float) -> str:
    """Between which neighbouring sizes error rises, as a clause; empty where nowhere surely."""
    steps = [_mean(step, confidence, test_to_train) for step in np.diff(errors, axis=0)]
    # One-sided: a fall, however sure, says nothing for a rise.
    p_values = [i.p_value / 2 if i.mean > 0 else 1 - i.p_value / 2 for i in steps]
    surely = np.flatnonzero(holm(p_values) <= 1 - confidence)
    if not len(surely):
        return ""
    before, after = samples[surely[0]], samples[surely[0] + 1]
    return f"error rises from {before} to {after} samples, where a power law only falls"


def _verdict(gain: Interval, margin: float) -> tuple[Verdict, str]:
    """Whether a gain is of practical interest, and why that cannot be told."""
    if gain.lies_above(margin):
        return "helps", ""
    if gain.lies_below(margin):
        return "does not help", ""
    return "cannot tell", (
        "the interval of the gain is too wide: it holds the smallest difference of practical "
        "interest"
    )


def _doubling(
    samples: np.ndarray, errors: np.ndarray, confidence: float, test_to_train: float
) -> tuple[Interval, str]:
    """The gain of twice the largest size, or why nothing can be said of it, as a clause.

    At a given exponent a replicate's gain is a weighted sum of its errors, in which what is shared
    by all its sizes cancels, and the replicates' gains have Student's interval. The interval here
    is the union over all exponents that the curve cannot rule out: those whose misfit is not worse
    than the best one's by more than noise allows (the profile of Bates and Watts 1988, "Nonlinear
    Regression Analysis", section 6.1), and whose limit is not surely below zero. By simulation it
    covers 95 to 99 % where 95 are asked for; the jackknife over replicates covers 69 to 96, since
    few of them cannot tell how well the exponent is known.
    """
    sizes, replicates = errors.shape
    freedom = (sizes - 1) * (replicates - 1)
    noise = _own_variance(errors) * (1 / replicates + test_to_train)
    room = noise * float(stats.f.ppf(confidence, 1, freedom))
    fits = _fits(samples, errors, room, confidence, test_to_train)
    gain = _mean(fits.gains[fits.best], confidence, test_to_train)
    if not gain.is_formed:
        return gain, "the replicates do not differ in how their error falls"
    bound = (sizes - 3) * noise * stats.f.ppf(confidence, sizes - 3, freedom)
    if fits.misfit[fits.best] > bound:
        return gain, "no power law fits the curve as closely as the replicates agree"
    mean, half = _students(fits.gains[fits.possible], confidence, test_to_train)
    low, high = float((mean - half).min()), float((mean + half).max())
    gain = Interval(gain.mean, low, high, replicates, float("nan"))
    return gain, "error rises with more samples" if high < 0 else ""


@dataclass(frozen=True, eq=False)
class _Fits:
    """Least squares at many exponents, limit and scale free.

    Args:
        gains: `[exponent, replicate]`, by which twice the largest size lowers each one's error.
        misfit: `[exponent]`, sum of squares that the mean curve is left with; infinite where the
            limit is surely below zero.
        kept: Exponents that cannot be ruled out.
    """

    gains: np.ndarray
    misfit: np.ndarray
    possible: np.ndarray

    @property
    def best(self) -> int:
        """The exponent of least misfit."""
        return int(np.argmin(self.misfit))


def _fits(
    samples: np.ndarray, errors: np.ndarray, room: float, confidence: float, test_to_train: float
) -> _Fits:
    """The fits at exponents close to one another, across all that cannot be ruled out."""
    grid = np.geomspace(*EXPONENTS, GRID)
    possible = _fits_at(grid, samples, errors, room, confidence, test_to_train).possible
    grid = np.geomspace(grid[max(possible[0] - 1, 0)], grid[min(possible[-1] + 1, GRID - 1)], GRID)
    return _fits_at(grid, samples, errors, room, confidence, test_to_train)


def _fits_at(
    exponents: np.ndarray,
    samples: np.ndarray,
    errors: np.ndarray,
    room: float,
    confidence: float,
    test_to_train: float,
) -> _Fits:
    power = (samples / samples[-1]) ** -exponents[:, None]
    level = power.mean(axis=1, keepdims=True)
    slant = power - level
    falls = errors - errors[-1]  # first, so that errors all equal leave zeros and no rounding
    falls = falls - falls.mean(axis=0)
    scales = slant @ falls / (slant**2).sum(axis=1, keepdims=True)
    left = falls.mean(axis=1) - scales.mean(axis=1, keepdims=True) * slant
    limit, half = _students(errors.mean(axis=0) - scales * level, confidence, test_to_train)
    misfit = np.where(limit + half >= 0, (left**2).sum(axis=1), np.inf)
    possible = np.flatnonzero(misfit <= misfit.min() + room)
    return _Fits(scales * (1 - 2 ** -exponents[:, None]), misfit, possible)


def _own_variance(errors: np.ndarray) -> float:
    """Variance of an error beside what its size and its replicate explain; two or more of each."""
    sizes, replicates = errors.shape
    residuals = errors - errors.mean(axis=0)
    residuals = residuals - residuals.mean(axis=1, keepdims=True)
    return float((residuals**2).sum() / ((sizes - 1) * (replicates - 1)))


def _students(
    values: np.ndarray, confidence: float, test_to_train: float
) -> tuple[np.ndarray, np.ndarray]:
    """`mean_interval` of many at once, `[..., replicate]`: means, and half the intervals."""
    replicates = values.shape[-1]
    error = np.sqrt((1 / replicates + test_to_train) * values.var(axis=-1, ddof=1))
    return values.mean(axis=-1), stats.t.ppf((1 + confidence) / 2, replicates - 1) * error
