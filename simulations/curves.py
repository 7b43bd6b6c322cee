"""Curves with known truth: mean curves of variants, and the noise of replicates and epochs."""

from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.judged import StudyCurves, VariantCurves
from simulations.noise import Noise, Part

EPOCHS = 20
NAMES = "ABCDEFGH"
QUARTER = slice(EPOCHS - EPOCHS // 4, EPOCHS)


@dataclass(frozen=True)
class Truth:
    """The curves that noise is added to, each `[variant, epoch]`."""

    train_loss: np.ndarray
    valid_loss: np.ndarray
    train_error: np.ndarray
    valid_error: np.ndarray

    def with_first(self, **curves: np.ndarray) -> "Truth":
        """The same, with other curves `[epoch]` of the first variant."""
        changed = {}
        for name, curve in curves.items():
            changed[name] = np.concatenate([curve[None], getattr(self, name)[1:]])
        return replace(self, **changed)


def fall(end: float, start: float, pace: float = 2.5) -> np.ndarray:
    """`[epoch]`, an exponential fall from `start` to near `end`."""
    return end + (start - end) * np.exp(-np.arange(EPOCHS) / pace)


def sound(variants: int) -> Truth:
    """Variants that differ in nothing and learn as one would wish."""

    def of_all(curve: np.ndarray) -> np.ndarray:
        return np.tile(curve, (variants, 1))

    return Truth(
        train_loss=of_all(fall(0.25, 1.0)),
        valid_loss=of_all(fall(0.30, 1.0)),
        train_error=of_all(fall(0.070, 0.3)),
        valid_error=of_all(fall(0.080, 0.3)),
    )


def draw(
    random: np.random.Generator, truth: Truth, noise: Noise, replicates: int, margin: float = 0.01
) -> StudyCurves:
    """A study that has these true curves.

    Args:
        random: Where chance comes from.
        truth: The mean curves.
        noise: Of the four quantities, independent of each other.
        replicates: Independent ones, as seeds are.
        margin: As in `StudyCurves`.
    """
    curves = {}
    for name in ("train_loss", "valid_loss", "train_error", "valid_error"):
        level = truth.valid_loss if name.endswith("loss") else truth.valid_error
        part = getattr(noise, name)
        curves[name] = _noisy(random, getattr(truth, name), level, part, replicates)
    variants = len(truth.valid_loss)
    return StudyCurves(
        tuple(
            VariantCurves(
                name=NAMES[number],
                lengths=np.full(replicates, EPOCHS),
                **{name: values[number] for name, values in curves.items()},
            )
            for number in range(variants)
        ),
        margin=margin,
    )


def _noisy(
    random: np.random.Generator, mean: np.ndarray, level: np.ndarray, part: Part, replicates: int
) -> np.ndarray:
    """`[variant, replicate, epoch]`, never below zero."""
    variants, epochs = mean.shape
    shared = part.shared * random.standard_normal((1, replicates, 1))
    individual = part.individual * random.standard_normal((variants, replicates, 1))
    steps = random.standard_normal((variants, replicates, epochs))
    noise = shared + individual + part.epoch * _autocorrelated(steps, part.autocorrelation)
    noisy: np.ndarray = np.maximum(mean[:, None] + level[:, None] * noise, 1e-6)
    return noisy


def _autocorrelated(steps: np.ndarray, correlation: float) -> np.ndarray:
    """Along the last axis: of variance 1 as `steps` are, each value like the one before it."""
    values = steps.copy()
    for epoch in range(1, steps.shape[-1] if correlation else 0):
        values[..., epoch] *= np.sqrt(1 - correlation**2)
        values[..., epoch] += correlation * values[..., epoch - 1]
    return values
