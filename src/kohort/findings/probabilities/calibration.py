"""How well probabilities of classes agree with how often they are right."""

from dataclasses import dataclass

import numpy as np

BINS = 15
"""Bins of equal width, as in Guo et al. (2017)."""

SMALLEST = 1e-7
"""The least probability in a logarithm, as in Keras's losses."""

_DRAWS = 1000


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error of a model on some samples.

    Args:
        error: The mean distance between how sure the model is of its answers and how often they
            are right, over bins of how sure it is, weighted by their samples; from 0 to 1.
        by_chance: What is exceeded in 5 % of cases by a model that is exactly as often right as it
            is sure, with the same probabilities. The error of few samples is never zero.
    """

    error: float
    by_chance: float

    @property
    def is_shown(self) -> bool:
        """Whether the error is larger than chance would make it."""
        return self.error > self.by_chance


def log_losses(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of the true class, float64 `[sample]`.

    Args:
        probabilities: `[sample, class]`.
        truth: `[sample]`, the number of the true class.
    """
    given = probabilities[np.arange(len(truth)), truth].astype(float)
    losses: np.ndarray = -np.log(np.clip(given, SMALLEST, 1.0))
    return losses


def calibration(
    sure: np.ndarray, right: np.ndarray, groups: np.ndarray | None = None
) -> Calibration:
    """The expected calibration error, and what chance makes of it.

    Sources: Guo et al. (2017), "On Calibration of Modern Neural Networks", for the error; Bröcker
    and Smith (2007), "Increasing the Reliability of Reliability Diagrams", for drawing answers that
    are right as often as a model is sure. The draws have a fixed seed.

    Args:
        sure: `[sample]`, the probability of the predicted class; one or more, assumed independent.
        right: Bool `[sample]`, whether it is right.
        groups: `[sample]`, which belong together, from 0: then one draw decides for a whole group,
            as alike as its samples can be. None where each stands for itself.
    """
    sure = np.clip(np.asarray(sure, float), 0.0, 1.0)
    numbers = np.minimum((sure * BINS).astype(int), BINS - 1)
    luck = np.arange(len(sure)) if groups is None else groups
    draws = np.random.default_rng(0).random((_DRAWS, luck.max() + 1))[:, luck] < sure
    errors = np.array([_error(sure, of_draw, numbers) for of_draw in draws])
    return Calibration(_error(sure, right, numbers), float(np.quantile(errors, 0.95)))


def _error(sure: np.ndarray, right: np.ndarray, numbers: np.ndarray) -> float:
    apart = np.bincount(numbers, weights=right - sure, minlength=BINS)
    return float(np.abs(apart).sum() / len(sure))
