"""Forecasts how far a training curve would still fall, from its last half."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy

from kohort.findings.statistics.interval import (
    Interval,
    mean_interval,
    residual_variance,
    students,
)

EXPONENTIALS = np.geomspace(0.125, 16.0, 43)
"""The speeds of the exponentials that are tried: the epochs trained, in time constants."""
POWERS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
"""The exponents of the power laws that are tried, beside the logarithm, which is that of 0."""
FASTEST = 2.0
"""The fastest exponential has so many time constants in an epoch: where two epochs show a fall, a
faster one would say that it ended with the last step."""
INEXACT = 0.03
"""No curve has exactly one of these shapes: none is ruled out by a misfit that is less than this
part of the curve's own spread over the last half."""
FARTHEST = 4.0
"""As far as a shape is believed, in epochs trained: beyond, only a bound is told."""
STEPS = 200
"""The numbers of epochs that are tried, from those trained up to `FARTHEST` times as many."""
EQUAL = 1e-9
"""Misfits that differ by less than this part of the whole are equal; the slowest shape counts."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What the last half of a curve tells of the epochs to come.

    Args:
        gain: By how much it would fall in as many epochs again, in its unit, cut to what is
            possible; its bounds are NaN if the interval cannot be formed.
        most: The mean gain by that of the possible shapes by which it is largest, cut so too.
        holds: Whether the shape that fits best would end at a value that there can be. Where it
            would not, the curve will bend as no shape here does: that it falls may be sure, how
            far it gets is not.
        quickens: Whether it falls faster and faster, which no shape here does.
        epochs: The epochs trained.
        levels: `[replicate]`, means over the last half; NaN if not finite.
        slopes: `[shape, replicate]`, by how much each falls per unit of the possible shapes.
        shapes: `[shape]`, numbers of these shapes.
        confidence: Of the interval.
        test_to_train: As in `mean_interval`.
    """

    gain: Interval
    most: float
    holds: bool
    quickens: bool
    epochs: int
    levels: np.ndarray
    slopes: np.ndarray
    shapes: np.ndarray
    confidence: float
    test_to_train: float

    @property
    def told(self) -> Interval:
        """The gain, as far as it can be told: NaN where no shape holds."""
        if self.holds:
            return self.gain
        return Interval(np.nan, np.nan, np.nan, self.gain.n, np.nan)

    def reaches(self, target: np.ndarray) -> tuple[float, float]:
        """The numbers of epochs between which the curve comes down to a target.

        Up to the first it surely lies above the target, by every possible shape; at the second it
        surely lies below. "Surely" is by Student's interval over replicates.

        Args:
            target: `[replicate]`; where it is NaN the replicate does not count.

        Returns:
            Two numbers of epochs, from `epochs` to `FARTHEST` times as many; the second is
            infinite where it would be more. NaN where the curve quickens, where no shape holds, or
            where no interval can be formed.
        """
        known = np.isfinite(self.levels - target)
        if self.quickens or not self.holds or known.sum() < 2 or not self.gain.is_formed:
            return np.nan, np.nan
        times = np.geomspace(1.0, FARTHEST, STEPS)
        centre = _half_shapes(self.epochs).mean(axis=1, keepdims=True)
        ahead = (_shapes(times, self.epochs) - centre)[self.shapes]
        apart = (self.levels - target)[known]
        left = apart + self.slopes[:, None, known] * ahead[:, :, None]
        mean, half = students(left, self.confidence, self.test_to_train)
        above, below = (mean - half).min(axis=0) > 0, (mean + half).max(axis=0) <= 0
        surely_above = int(np.logical_and.accumulate(above).sum())
        first = times[max(0, surely_above - 1)]
        second = times[below.argmax()] if below.any() else np.inf
        return float(self.epochs * first), float(self.epochs * second)


def forecast(
    curves: np.ndarray,
    *,
    limits: tuple[float, float] = (-np.inf, np.inf),
    confidence: float = 0.95,
    test_to_train: float = 0.0,
) -> Forecast:
    """Forecast how far a curve would fall in as many epochs again as it was trained.

    The last half of the epochs is fitted by a straight line, the logarithm of the epochs, power
    laws and exponentials of all speeds, each with a limit of its own. Training curves fall ever
    more slowly, and are near one of these or between them. For a fixed shape a replicate's gain is
    a weighted sum of its values and has Student's interval over replicates. The interval here is
    the union over all shapes that the mean curve does not rule out: those whose misfit exceeds the
    best one by no more than noise allows (the profile of Bates and Watts 1988, "Nonlinear
    Regression Analysis", section 6.1) or than `INEXACT`. Where noise hides the curve not even a
    straight line is ruled out, and the interval is wide. A shape whose own mean would end at a
    value that there cannot be is ruled out too, unless it is the one that fits best: then none of
    them describes the curve, and all count for what is sure.

    What no forecast can see: a second phase that is much slower than the last half, or that has
    not begun.

    Args:
        curves: `[replicate, epoch]`, at the ends of the epochs, two or more. A replicate with a
            value in the last half that is not finite does not count.
        limits: The lowest and the highest value that there can be.
        confidence: Of the interval.
        test_to_train: As in `mean_interval`.
    """
    epochs = curves.shape[1]
    half = curves[:, _start(epochs) :]
    sound = np.isfinite(half).all(axis=1)
    levels = np.full(len(curves), np.nan)
    levels[sound] = half[sound].mean(axis=1)
    slopes = np.full((len(_half_shapes(epochs)), len(curves)), np.nan)
    gain, most, possible = mean_interval(levels[:0]), np.nan, np.arange(0)
    holds, quickens = True, False
    if sound.sum() > 1:
        slopes[:, sound], misfit, room = _fits(half[sound], epochs, confidence, test_to_train)
        possible = np.flatnonzero(misfit <= misfit.min() + room)
        best = int(np.flatnonzero(misfit <= misfit.min() + EQUAL * room)[0])
        gains = slopes[:, sound] * _ahead(epochs)
        # Keras's areas are some 1e-7 beyond 1 at times.
        end = float(np.clip(half[sound, -1].mean(), *limits))
        least, greatest = end - limits[1], end - limits[0]
        stays = (least <= gains.mean(axis=1)) & (gains.mean(axis=1) <= greatest)
        holds = bool(stays[best])
        if holds:
            possible = possible[stays[possible]]
        gain, most = _union(gains, best, possible, confidence, test_to_train)
        gain = replace(
            gain.within(least, greatest), mean=float(np.clip(gain.mean, least, greatest))
        )
        most = float(np.clip(most, least, greatest))
        quickens = _quickens(half[sound], confidence, test_to_train)
    return Forecast(
        gain,
        most,
        holds,
        quickens,
        epochs,
        levels,
        slopes[possible],
        possible,
        confidence,
        test_to_train,
    )


def _fits(
    half: np.ndarray, epochs: int, confidence: float, test_to_train: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares fits of all shapes to curves `[replicate, epoch]`.

    Returns:
        Slopes `[shape, replicate]`; misfits of the mean curve `[shape]`; and by how much a misfit
        may exceed the least one.
    """
    replicates, count = half.shape
    falls = half - half[:, -1:]  # first, so that equal values give exact zeros
    falls = falls - falls.mean(axis=1, keepdims=True)
    shapes = _half_shapes(epochs)
    slant = shapes - shapes.mean(axis=1, keepdims=True)
    slopes = slant @ falls.T / (slant**2).sum(axis=1, keepdims=True)
    mean = falls.mean(axis=0)
    misfit = ((mean - slopes.mean(axis=1, keepdims=True) * slant) ** 2).sum(axis=1)
    # Where no shape fits as closely as replicates agree, what is left by the best one is noise.
    noise = max(
        residual_variance(falls.T) * (1 / replicates + test_to_train),
        float(misfit.min()) / max(1, count - 3),
    )
    freedom = (count - 1) * (replicates - 1)
    room = noise * float(scipy.special.fdtri(1, freedom, confidence))
    return slopes, misfit, room + INEXACT**2 * float((mean**2).sum())


def _union(
    gains: np.ndarray, best: int, possible: np.ndarray, confidence: float, test_to_train: float
) -> tuple[Interval, float]:
    """The interval of gains `[shape, replicate]` over possible shapes, and their largest mean."""
    gain = mean_interval(gains[best], confidence=confidence, test_to_train=test_to_train)
    mean, half = students(gains[possible], confidence, test_to_train)
    if gain.is_formed:
        low, high = float((mean - half).min()), float((mean + half).max())
        gain = Interval(gain.mean, low, high, gain.n, float("nan"))
    return gain, float(mean.max())


def _start(epochs: int) -> int:
    """The epoch, from 0, that the last half begins with; three epochs are all of it."""
    return max(0, min((epochs - 1) // 2, epochs - 3))


@lru_cache(maxsize=64)
def _half_shapes(epochs: int) -> np.ndarray:
    """`[shape, epoch]`, the shapes over the last half of the epochs."""
    return _shapes(np.arange(_start(epochs) + 1, epochs + 1) / epochs, epochs)


@lru_cache(maxsize=64)
def _ahead(epochs: int) -> np.ndarray:
    """`[shape, 1]`, by how much the shapes fall in as many epochs again."""
    return -_shapes(np.array([2.0]), epochs)


def _shapes(times: np.ndarray, epochs: int) -> np.ndarray:
    """`[shape, time]`, falling; zero at time 1, the last epoch. The straight line is first."""
    exponents = (exponent for exponent in POWERS if exponent <= epochs)
    speeds = EXPONENTIALS[FASTEST * epochs >= EXPONENTIALS]
    return np.stack(
        [
            1 - times,
            -np.log(times),
            *(times**-exponent - 1 for exponent in exponents),
            *np.expm1(-speeds[:, None] * (times - 1)),
        ]
    )


def _quickens(half: np.ndarray, confidence: float, test_to_train: float) -> bool:
    """Whether curves `[replicate, epoch]` fall ever faster: a parabola through them bends down."""
    if half.shape[1] < 3:
        return False
    bends = np.polyfit(np.arange(half.shape[1]), half.T, 2)[0]
    return mean_interval(bends, confidence=confidence, test_to_train=test_to_train).high < 0
