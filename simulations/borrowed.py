"""What comparisons with the baseline gain, and risk, by spreads that variants help to estimate."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from scipy import stats

from kohort.findings.statistics.spreads import Spreads, spreads
from kohort.findings.statistics.stepwise import holm
from simulations.cell import Cell, Outcome
from simulations.comparisons import MANY, Draw, half_skewed, heavy, missing, normal, skewed

ALPHA = 0.05
AHEAD = 2.0
"""How far the one that differs is from the baseline, in standard deviations of a variant."""
type Sizes = Callable[[int], np.ndarray]


def equal(variants: int) -> np.ndarray:
    """Standard deviations of the variants' own parts, `[variant]`, as all of these."""
    return np.ones(variants)


def rising(variants: int) -> np.ndarray:
    """From 1 to 16; the baseline varies least."""
    return np.geomspace(0.25, 4, variants)


def falling(variants: int) -> np.ndarray:
    """From 16 to 1; the baseline varies most."""
    return rising(variants)[::-1]


def wild(variants: int, number: int, size: float) -> np.ndarray:
    """One varies more than the others, or less."""
    sizes = np.ones(variants)
    sizes[number] = size
    return sizes


def halves(variants: int) -> np.ndarray:
    """Every other variant varies three times as much, the baseline not."""
    return np.where(np.arange(variants) % 2, 3.0, 1.0)


def related(random: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    """Two kinds of variants; what is shared within a kind has a variance, beside their own of 1."""
    kinds = np.sqrt(variance) * random.standard_normal((2, shape[1]))
    values: np.ndarray = random.standard_normal(shape) + kinds[np.arange(shape[0]) % 2]
    return values


WORLDS: Mapping[str, tuple[Draw, Sizes]] = {
    "equal spreads": (normal, equal),
    "spreads 1 to 16, the baseline's least": (normal, rising),
    "spreads 1 to 16, the baseline's most": (normal, falling),
    "baseline's spread 2, others 1": (normal, partial(wild, number=0, size=2.0)),
    "baseline's spread 5, others 1": (normal, partial(wild, number=0, size=5.0)),
    "another's spread 5": (normal, partial(wild, number=1, size=5.0)),
    "every other's spread 3": (normal, halves),
    "a tenth of the members diverge": (missing, equal),
    "heavy tails (t, 3 degrees of freedom)": (heavy, equal),
    "skewed (exponential)": (skewed, equal),
    "every other variant skewed": (half_skewed, equal),
    "two kinds, half of the variance shared": (partial(related, variance=1.0), equal),
    "two kinds, 90 % of the variance shared": (partial(related, variance=9.0), equal),
}


def decided(values: np.ndarray, of: Callable[[np.ndarray], Spreads] | None) -> np.ndarray:
    """Which variants are told from the first, `[variant - 1]`, by spreads of one kind.

    None is each pair's own. Pairs without two common replicates are not told.
    """
    differences = np.ma.masked_invalid(values[1:] - values[0])
    n, mean = differences.count(axis=1), np.abs(differences.mean(axis=1)).filled(0.0)
    deviation, df = differences.std(axis=1, ddof=1).filled(np.nan), n - 1.0
    by_itself = _p_values(mean, deviation, df, n)
    if of is not None:
        found = of(values)
        deviation, df = found.deviation[0, 1:], found.df[0, 1:]
    adjusted = holm(list(_p_values(mean, deviation, df, n)))
    told: np.ndarray = np.maximum(adjusted, by_itself) <= ALPHA
    return told


def _p_values(mean: np.ndarray, deviation: np.ndarray, df: np.ndarray, n: np.ndarray) -> np.ndarray:
    p_values = 2 * stats.t.sf(mean / (deviation / np.sqrt(np.maximum(n, 1))), df)
    return np.where((n > 1) & np.isfinite(p_values), p_values, 1.0)


def borrowed(
    random: np.random.Generator, draw: Draw, sizes: np.ndarray, n: int, ahead: float
) -> Outcome:
    """One study: whether any, or the one that is ahead, is told, alone and with help."""
    shape = (len(sizes), n)
    values = sizes[:, None] * draw(random, shape) + random.standard_normal(n)
    values[-1] += ahead
    told = {"alone": decided(values, None), "moderated": decided(values, spreads)}
    return {name: float(one[-1] if ahead else one.any()) for name, one in told.items()}


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for variants, n in ((8, 3), (8, 5), (3, 5), (30, 5), (MANY, 5)):
        for name, (draw, sizes) in WORLDS.items():
            study = partial(borrowed, draw=draw, sizes=sizes(variants), n=n, ahead=0.0)
            yield Cell(("borrowed", f"{variants}", f"{n}", name), study, studies)
        study = partial(borrowed, draw=normal, sizes=equal(variants), n=n, ahead=AHEAD)
        yield Cell(("borrowed", f"{variants}", f"{n}", "power"), study, studies)
