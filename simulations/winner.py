"""How often the winner is called better than one that is as good, and than one that is worse."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from scipy import stats

from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.comparison import holm, simes
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
    """One study: whom its winner is said to be better than, and by Holm over all pairs instead."""
    sizes = np.geomspace(*spread, len(scores))
    if random.random() < 0.5:  # the best are sometimes those that vary most
        sizes = sizes[::-1]
    common, individual = (random.standard_normal((len(scores), count)) for count in (1, n))
    noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * individual
    p_values = not_worse(scores[:, None] + sizes[:, None] * noise, shared / (1 - shared))
    best = int((scores[:, None] + sizes[:, None] * noise).mean(axis=1).argmax())
    above = np.triu_indices(len(scores), 1)
    pairs = 2 * np.minimum(p_values, p_values.T)[above]
    gate = simes(pairs)
    adjusted = np.full(p_values.shape, np.nan)
    adjusted[above] = holm(pairs)
    by_pairs = np.fmax(adjusted, adjusted.T)[best]
    called = np.maximum(better_than_each(p_values, best), gate) <= ALPHA
    as_good = scores >= scores[best]
    false = float(called[as_good].any())
    if not scores.any():
        return {"false": false}
    return {
        "false": false,
        "found": _share(called, ~as_good),
        "found by all pairs": _share(np.maximum(by_pairs, gate) <= ALPHA, ~as_good),
    }


def not_worse(values: np.ndarray, ratio: float) -> np.ndarray:
    """One-sided p-values of the paired t tests that the row is no worse than the column.

    Args:
        values: Scores `[variant, replicate]`.
        ratio: Validation samples over training samples of replicates that share samples.
    """
    n = values.shape[1]
    covariance = np.cov(values)
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    np.fill_diagonal(variance, np.nan)
    means = values.mean(axis=1)
    t = (means - means[:, None]) / np.sqrt((1 / n + ratio) * variance)
    p_values: np.ndarray = stats.t.sf(t, n - 1)
    return p_values


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
