"""Estimates the gain of more training data from errors at several training set sizes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from kohort.findings.statistics.interval import (
    Interval,
    mean_interval,
    residual_variance,
    students,
)
from kohort.findings.statistics.stepwise import holm

MIN_SIZES = 5
"""The fewest sizes: a power law has three parameters, and two more sizes test its fit. With only
one more, simulated curves that level off faster pass for a power law in two of five studies."""

MIN_REPLICATES = 3
"""The fewest replicates that trained at every size."""

EXPONENTS = (0.02, 2.0)
"""The range of exponents: at the lower one the law is nearly a straight line over the logarithm
of the size. Theory has 0.5 and 1; Hestness et al. (2017, "Deep Learning Scaling is
Predictable, Empirically") measured 0.07 to 0.35."""

GRID = 200
"""The number of exponents that are tried."""

type GainVerdict = Literal["helps", "does not help", "cannot tell"]


@dataclass(frozen=True)
class PowerLaw:
    """How error falls with training samples n: `limit + scale * n ** -exponent`.

    Args:
        limit: The error with infinitely many samples; no less than errors can be.
        scale: 0 or more; at 0 the error does not fall, and the exponent has no meaning.
        exponent: Within `EXPONENTS`.
    """

    limit: float
    scale: float
    exponent: float

    def error(self, samples: np.ndarray | float) -> np.ndarray:
        """The error for each number of samples, in the shape of `samples`."""
        return self.limit + self.scale * np.asarray(samples, float) ** -self.exponent


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Whether twice the training data would help.

    Args:
        samples: `[size]`, training samples, ascending.
        errors: `[size]`, the mean error at each size with its interval, over the replicates that
            are finite at all sizes.
        law: The fitted power law; None if there are too few data to fit it, or if it does not hold.
        gain: The fall of error with twice the largest size, in the unit of the errors; NaN without
            a law.
        verdict: "helps" if the interval of the gain lies above the margin, "does not help" if it
            lies below, or else "cannot tell".
        reason: Why it cannot tell, as a clause; empty if it can.
    """

    samples: np.ndarray
    errors: tuple[Interval, ...]
    law: PowerLaw | None
    gain: Interval
    verdict: GainVerdict
    reason: str = ""


def learning_curve(
    samples: np.ndarray,
    errors: np.ndarray,
    *,
    margin: float,
    lowest: float = 0.0,
    confidence: float = 0.95,
    test_to_train: float = 0.0,
) -> LearningCurve:
    """Judge whether twice the largest training set would lower the error by more than a margin.

    A power law with a limit often fits, but no form fits every learning curve, and some rise
    (Viering and Loog 2022, "The Shape of Learning Curves: a Review", sections 4 and 6). So nothing
    is said about larger sizes if the measured ones contradict the law: if error rises from one
    size to the next, as in sample-wise double descent (Nakkiran 2019, "More Data Can Hurt for
    Linear Regression"; t-tests after Holm), or if the curve misses the law by more than replicates
    differ (the F-test of lack of fit). Both tests reject some curves that follow the law: at 95 %
    each one in twenty, the latter one in ten where error does not fall at all, since the exponent
    fits nothing there. And both miss bends that are small compared with the noise: a curve that
    levels off a little faster than a power law can pass for one that does not. Six sizes detect
    more such bends than five. Where errors have no lowest value, less contradicts the law: of
    simulated exponentials, none of which passes with a lowest error of 0, 8 % do. That the law
    holds beyond the largest size remains an assumption.

    Args:
        samples: `[size]`, training samples, above zero, ascending.
        errors: `[size, replicate]`, validation errors of one variant, lower is better. A replicate
            is one training part with nested subsets, one for each size, one validation part and
            one seed. A replicate with an error that is not finite, at any size, is left out.
        margin: Smallest fall of error of practical interest, above zero, in the unit of the errors.
        lowest: The lowest value that an error can have; -infinity where there is none.
        confidence: Of all intervals; the level of the tests is 1 - `confidence`.
        test_to_train: As in `mean_interval`, at the largest size, where the training parts of two
            replicates have most in common.

    Returns:
        The curve with its verdict, which does not depend on the order of the replicates.
    """
    samples, errors = np.asarray(samples), np.asarray(errors, float)
    errors = errors[:, np.isfinite(errors).all(axis=0)]
    means = tuple(_mean(values, confidence, test_to_train) for values in errors)
    unknown = Interval(np.nan, np.nan, np.nan, errors.shape[1], np.nan)
    reason = _shortage(errors) or _rise(samples, errors, confidence, test_to_train)
    if not reason:
        gain, reason = _doubling(samples, errors, lowest, confidence, test_to_train)
    if reason:
        return LearningCurve(samples, means, None, unknown, "cannot tell", reason)
    law = fit_power_law(samples, errors.mean(axis=1), lowest)
    verdict, reason = _verdict(gain, margin)
    return LearningCurve(samples, means, law, gain, verdict, reason)


def fit_power_law(samples: np.ndarray, errors: np.ndarray, lowest: float = 0.0) -> PowerLaw:
    """The power law with a limit that is nearest to a curve by least squares.

    For a fixed exponent, limit and scale are the solution of a linear problem with bounds. Only the
    exponent is searched, in an interval, so no start value is needed and no fit fails.

    Args:
        samples: `[size]`, above zero, ascending; 3 or more.
        errors: `[size]`, finite.
        lowest: As of `learning_curve`.
    """
    largest = float(samples[-1])

    def solve(exponent: float) -> tuple[np.ndarray, float]:
        power = (samples / largest) ** -exponent
        columns = np.stack([np.ones(len(samples)), power], axis=1)
        found = scipy.optimize.lsq_linear(columns, errors, ([lowest, 0.0], np.inf), method="bvls")
        return found.x, found.cost

    grid = np.geomspace(*EXPONENTS, GRID // 4)
    at = int(np.argmin([solve(exponent)[1] for exponent in grid]))
    bounds = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    exponent = float(
        scipy.optimize.minimize_scalar(
            lambda exponent: solve(exponent)[1],
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-9},
        ).x
    )
    limit, scale = solve(exponent)[0]
    return PowerLaw(float(limit), float(scale) * largest**exponent, exponent)


def _mean(values: np.ndarray, confidence: float, test_to_train: float) -> Interval:
    """The interval of the mean of values `[replicate]`."""
    return mean_interval(values, confidence=confidence, test_to_train=test_to_train)


def _shortage(errors: np.ndarray) -> str:
    """Why errors `[size, replicate]` are too few to judge, as a clause; empty if they are not."""
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
    """The neighbouring sizes between which error rises significantly, as a clause; or empty.

    Args: as of `learning_curve`.
    """
    steps = [_mean(step, confidence, test_to_train) for step in np.diff(errors, axis=0)]
    # One-sided: a fall, however significant, is no evidence for a rise.
    p_values = [i.p_value / 2 if i.mean > 0 else 1 - i.p_value / 2 for i in steps]
    surely = np.flatnonzero(holm(p_values) <= 1 - confidence)
    if not len(surely):
        return ""
    before, after = samples[surely[0]], samples[surely[0] + 1]
    return f"error rises from {before} to {after} samples, where a power law only falls"


def _verdict(gain: Interval, margin: float) -> tuple[GainVerdict, str]:
    """Whether a gain is of practical interest, and why that cannot be decided."""
    if gain.lies_above(margin):
        return "helps", ""
    if gain.lies_below(margin):
        return "does not help", ""
    return "cannot tell", (
        "the interval of the gain is too wide: it holds the smallest difference of practical "
        "interest"
    )


def _doubling(
    samples: np.ndarray, errors: np.ndarray, lowest: float, confidence: float, test_to_train: float
) -> tuple[Interval, str]:
    """The gain of twice the largest size; or why nothing can be said about it, as a clause.

    For a fixed exponent, a replicate's gain is a weighted sum of its errors, in which the part that
    all its sizes share cancels, and the replicates' gains have Student's interval. The interval
    here is the union over all exponents that the curve does not rule out: those whose misfit
    exceeds the best one by no more than noise allows (the profile of Bates and Watts 1988,
    "Nonlinear Regression Analysis", section 6.1), and whose limit is not significantly below
    `lowest`.
    By simulation its coverage is 95 to 99 % at a nominal 95; that of the jackknife over replicates
    is 69 to 96, since few replicates do not show how well the exponent is known.

    Args: as of `learning_curve`.
    """
    sizes, replicates = errors.shape
    freedom = (sizes - 1) * (replicates - 1)
    noise = residual_variance(errors) * (1 / replicates + test_to_train)
    room = noise * float(scipy.stats.f.ppf(confidence, 1, freedom))
    fits = _fits(samples, errors, lowest, room, confidence, test_to_train)
    gain = _mean(fits.gains[fits.best], confidence, test_to_train)
    if not gain.is_formed:
        return gain, "the replicates do not differ in how their error falls"
    bound = (sizes - 3) * noise * scipy.stats.f.ppf(confidence, sizes - 3, freedom)
    if fits.misfit[fits.best] > bound:
        return gain, "no power law fits the curve as closely as the replicates agree"
    mean, half = students(fits.gains[fits.possible], confidence, test_to_train)
    low, high = float((mean - half).min()), float((mean + half).max())
    gain = Interval(gain.mean, low, high, replicates, float("nan"))
    return gain, "error rises with more samples" if high < 0 else ""


@dataclass(frozen=True, eq=False)
class _Fits:
    """Least squares fits at many exponents, with free limit and scale.

    Args:
        gains: `[exponent, replicate]`, the fall of a replicate's error with twice the largest size.
        misfit: `[exponent]`, residual sum of squares of the mean curve; infinite where the limit is
            significantly below the lowest value that an error can have.
        possible: `[possible exponent]`, numbers of the exponents that are not ruled out.
    """

    gains: np.ndarray
    misfit: np.ndarray
    possible: np.ndarray

    @property
    def best(self) -> int:
        """The number of the exponent with the least misfit."""
        return int(np.argmin(self.misfit))


def _fits(
    samples: np.ndarray,
    errors: np.ndarray,
    lowest: float,
    room: float,
    confidence: float,
    test_to_train: float,
) -> _Fits:
    """The fits on a fine grid of the exponents that are not ruled out.

    Args:
        samples: As of `learning_curve`.
        errors: As of `learning_curve`.
        lowest: As of `learning_curve`.
        room: By how much the misfit may exceed the least one.
        confidence: As of `learning_curve`.
        test_to_train: As of `learning_curve`.
    """
    grid = np.geomspace(*EXPONENTS, GRID)
    possible = _fits_at(grid, samples, errors, lowest, room, confidence, test_to_train).possible
    grid = np.geomspace(grid[max(possible[0] - 1, 0)], grid[min(possible[-1] + 1, GRID - 1)], GRID)
    return _fits_at(grid, samples, errors, lowest, room, confidence, test_to_train)


def _fits_at(
    exponents: np.ndarray,
    samples: np.ndarray,
    errors: np.ndarray,
    lowest: float,
    room: float,
    confidence: float,
    test_to_train: float,
) -> _Fits:
    """The fits at exponents `[exponent]`; other arguments as of `_fits`."""
    power = (samples / samples[-1]) ** -exponents[:, None]
    level = power.mean(axis=1, keepdims=True)
    slant = power - level
    falls = errors - errors[-1]  # first, so that equal errors give exact zeros
    falls = falls - falls.mean(axis=0)
    scales = slant @ falls / (slant**2).sum(axis=1, keepdims=True)
    left = falls.mean(axis=1) - scales.mean(axis=1, keepdims=True) * slant
    limit, half = students(errors.mean(axis=0) - scales * level, confidence, test_to_train)
    misfit = np.where(limit + half >= lowest, (left**2).sum(axis=1), np.inf)
    possible = np.flatnonzero(misfit <= misfit.min() + room)
    return _Fits(scales * (1 - 2 ** -exponents[:, None]), misfit, possible)
