"""A world of endless data, from which each simulated study draws a finite set and splits it.

Two classes of normal features: 6 that all variants see, and a block of 3 for each variant. All
blocks are alike, so variants that see the common features and one block each have equal expected
errors: no difference between them is true, though in any one data set they differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.replicates import Holdout, KFold
from kohort.findings.judged import StudyCurves, VariantCurves

SAMPLES = 300
COMMON, BLOCK, BLOCKS = 6, 3, 8
FEATURES = COMMON + BLOCK * BLOCKS
# Half the distance of the class means. Features of a group rise and fall together, which a
# least squares classifier makes use of and nearest centroids do not.
SHIFT = np.concatenate([np.linspace(0.1, 0.5, COMMON), np.tile([0.2, 0.3, 0.4], BLOCKS)])
MIXING = 0.6
HIDDEN = 40

type Splits = Holdout | KFold
type Predict = Callable[[np.ndarray], np.ndarray]
"""Scores `[sample]` of inputs; the class is their sign."""
type Fit = Callable[[np.random.Generator, np.ndarray, np.ndarray], Predict]


def sample(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `[sample, feature]` and classes -1 or 1."""
    y = random.choice([-1.0, 1.0], count)
    together = random.standard_normal((count, 1 + BLOCKS))
    groups = np.concatenate([np.zeros(COMMON, int), np.repeat(np.arange(1, 1 + BLOCKS), BLOCK)])
    individual = random.standard_normal((count, FEATURES))
    x = MIXING * together[:, groups] + np.sqrt(1 - MIXING**2) * individual
    return x + y[:, None] * SHIFT, y


def centroids(_random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Predict:
    """The class of the nearest mean."""
    low, high = x[y < 0].mean(axis=0), x[y > 0].mean(axis=0)
    weights, middle = high - low, (high + low) / 2
    return lambda z: (z - middle) @ weights


def least_squares(_random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Predict:
    """Fisher's discriminant, as the least squares fit of the classes."""
    mean = x.mean(axis=0)
    weights = _solve(x - mean, y - y.mean(), 1e-6)
    offset = y.mean()
    return lambda z: (z - mean) @ weights + offset


def random_units(random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Predict:
    """A net with one hidden layer that stays as it was drawn: two trainings differ by chance."""
    units = random.standard_normal((x.shape[1], HIDDEN)) / np.sqrt(x.shape[1])
    weights = _solve(np.maximum(x @ units, 0.0), y, 1.0)
    return lambda z: np.maximum(z @ units, 0.0) @ weights


def _solve(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    return np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


def columns(block: int) -> np.ndarray:
    """The features that the variant of this number sees."""
    of_block = COMMON + BLOCK * block + np.arange(BLOCK)
    return np.concatenate([np.arange(COMMON), of_block])


@dataclass(frozen=True)
class Model:
    """A variant of this world: how it fits, and the block of features that it sees."""

    fit: Fit
    block: int


@cache
def indices(splits: Splits, seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Training and validation rows of the project's own splits."""
    nothing = np.zeros((SAMPLES, 1), "uint8")
    data = Dataset(nothing, np.zeros(SAMPLES, "int64"), nothing[:1], np.zeros(1, "int64"))
    return tuple((r.train, r.valid) for r in splits.replicates(data, seed))


def scores(
    random: np.random.Generator, models: tuple[Model, ...], splits: Splits
) -> tuple[np.ndarray, np.ndarray]:
    """Validation errors and losses (squared), each `[model, replicate]`, on a new data set."""
    x, y = sample(random, SAMPLES)
    # Samples are drawn anew, so that a few splits are as good as new ones.
    parts = indices(splits, int(random.integers(20)))
    both = np.zeros((2, len(models), len(parts)))
    for m, model in enumerate(models):
        seen = x[:, columns(model.block)]
        for r, (train, valid) in enumerate(parts):
            predicted = model.fit(random, seen[train], y[train])(seen[valid])
            both[0, m, r] = (predicted * y[valid] <= 0).mean()
            both[1, m, r] = ((predicted - y[valid]) ** 2).mean()
    return both[0], both[1]


@cache
def expected_error(fit: Fit, training_samples: int, trainings: int = 2000) -> float:
    """The mean error over training sets of this size, on new samples; of any block."""
    of_data, of_fits = np.random.default_rng(training_samples), np.random.default_rng(0)
    errors = []
    for _ in range(trainings):
        x, y = sample(of_data, training_samples + 1000)
        seen, train, new = x[:, columns(0)], slice(training_samples), slice(training_samples, None)
        predicted = fit(of_fits, seen[train], y[train])(seen[new])
        errors.append((predicted * y[new] <= 0).mean())
    return float(np.mean(errors))


def ratio_of(splits: Splits) -> float:
    """Validation samples over training samples of a replicate, as `mean_interval` needs it."""
    train, valid = indices(splits, 0)[0]
    return len(valid) / len(train)


def one_epoch(errors: np.ndarray, losses: np.ndarray, ratio: float = 0.0) -> StudyCurves:
    """A study of one epoch that has these errors and losses, each `[variant, replicate]`."""
    lengths = np.ones(errors.shape[1], int)
    variants = (
        VariantCurves(f"variant {number}", loss, loss, error, error, lengths)
        for number, (loss, error) in enumerate(
            zip(losses[..., None], errors[..., None], strict=True)
        )
    )
    return StudyCurves(tuple(variants), test_to_train=ratio)
