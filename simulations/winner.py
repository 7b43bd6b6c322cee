"""How often the winner is called better than one that is as good, and than one that is worse."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from scipy import stats

from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.spreads import Spreads, spreads
from kohort.findings.statistics.stepwise import holm, simes
from simulations.cell import Cell, Outcome

ALPHA = 0.05
VARIANTS = (3, 8, 30)
REPLICATES = (2, 3, 5)
FRACTION = 0.2
"""The part of the samples that validates, and of the variance that splits share."""
SPREADS: Mapping[str, tuple[float, float]] = {"equal": (1.0, 1.0), "1 to 16": (0.25, 4.0)}
"""Of the variants' own standard deviations, the smallest and the largest."""
AHEAD = 6.0
"""How far those that differ are apart, in standard deviations of a variant of equal spreads."""


def truth(name: str, variants: int) -> np.ndarray:
    """The true scores of the variants."""
    scores = np.zeros(variants)
    if name == "two are best":
        scores[2:] = -AHEAD
    elif name == "one is worse":
        scores[-1] = -AHEAD
    elif name == "half are worse":
        scores[variants // 2 :] = -AHEAD
    elif name == "one is best":
        scores[0] = AHEAD
    return scores


def winners(
    random: np.random.Generator,
    scores: np.ndarray,
    spread: tuple[float, float],
    n: int,
    shared: float,
) -> Outcome:
    """One study: whom its winner is said to be better than, and whom by t tests of all pairs."""
    sizes = np.geomspace(*spread, len(scores))
    if random.random() < 0.5:  # the best are sometimes those that vary most
        sizes = sizes[::-1]
    common, individual = (random.standard_normal((len(scores), count)) for count in (1, n))
    noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * individual
    values, ratio = scores[:, None] + sizes[:, None] * noise, shared / (1 - shared)
    best = int(values.mean(axis=1).argmax())
    unaided, moderated = (not_worse(values, ratio, of(values)) for of in (alone, helped))
    by_itself = 2 * np.minimum(unaided, unaided.T)
    above = np.triu_indices(len(scores), 1)
    adjusted = np.full(unaided.shape, np.nan)
    adjusted[above] = holm(by_itself[above])
    by_pairs = np.maximum(np.fmax(adjusted, adjusted.T)[best], simes(by_itself[above]))
    gate = simes(2 * np.minimum(moderated, moderated.T)[above])
    called = np.maximum(better_than_each(moderated, by_itself[best], best), gate) <= ALPHA
    as_good = scores >= scores[best]
    false = float(called[as_good].any())
    if not scores.any():
        return {"false": false}
    return {
        "false": false,
        "found": _share(called, ~as_good),
        "found by all pairs": _share(by_pairs <= ALPHA, ~as_good),
    }


def not_worse(values: np.ndarray, ratio: float, spread: Spreads) -> np.ndarray:
    """One-sided p-values of t tests that the variant of the row is no worse than the column's.

    Args:
        values: Scores `[variant, replicate]`.
        ratio: Validation samples over training samples of replicates that share samples.
        spread: Of the differences.
    """
    means = values.mean(axis=1)
    error = float(np.sqrt(1 / values.shape[1] + ratio)) * spread.deviation
    p_values = np.array(stats.t.sf((means - means[:, None]) / error, spread.df))
    np.fill_diagonal(p_values, np.nan)
    return p_values


def helped(values: np.ndarray) -> Spreads:
    """The moderated spreads of the differences, and their own where there is none."""
    found, unaided = spreads(values), alone(values)
    there = np.isfinite(found.deviation)
    return Spreads(
        np.where(there, found.deviation, unaided.deviation),
        np.where(there, found.df, unaided.df),
    )


def alone(values: np.ndarray) -> Spreads:
    """The spreads of the differences, each without help from other variants."""
    n = values.shape[1]
    covariance = np.cov(values)
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    np.fill_diagonal(variance, np.nan)
    return Spreads(np.sqrt(variance), np.full(variance.shape, n - 1.0))


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name in ("all alike", "two are best", "one is worse", "half are worse", "one is best"):
        for variants in VARIANTS:
            scores = truth(name, variants)
            for n in REPLICATES:
                for spread, bounds in SPREADS.items():
                    key = ("winner", name, f"{variants}", f"{n}", f"spreads {spread}")
                    study = partial(winners, scores=scores, spread=bounds, n=n, shared=0.0)
                    yield Cell(key, study, studies)
            key = ("winner", name, f"{variants}", "5", "splits")
            split = partial(winners, scores=scores, spread=SPREADS["equal"], n=5, shared=FRACTION)
            yield Cell(key, split, studies)


def _share(called: np.ndarray, of: np.ndarray) -> float:
    return float(called[of].mean()) if of.any() else float("nan")
