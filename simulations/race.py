"""How often a race decides what is false, how much of a fixed design it trains, and how it ends."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import stats

from kohort.design.replicates import Holdout, KFold
from kohort.findings.judged import StudyCurves
from kohort.findings.race import RaceState, replay
from kohort.findings.statistics.stepwise import holm
from simulations import resampling
from simulations.borrowed import equal, related, rising, wild
from simulations.cell import Cell, Outcome
from simulations.comparisons import SPREAD, Draw, heavy, normal, skewed
from simulations.resampling import Model, Splits, least_squares, one_epoch

VARIANTS = 8
SIZES = (4, 8, 12, 16, 20)
LONGER = (6, 8, 10, 13, 17, 22, 30)
"""The looks of a race of more replicates, at about equal ratios."""
FIXED = (12, 16, 18, 20, 22, 24, 28)
"""The replicates of fixed designs."""
MARGIN = 2 * SPREAD
FRACTION = 0.2
"""The part of the samples that validates, and of the variance that splits share."""
LOST = 0.02
"""The probability that a member diverges, where some do."""
SAME = 1e-9
ALPHA = 0.05
ENDS = ("decided", "undecidable", "unlikely", "last look")

type Truth = Callable[[int], np.ndarray]


def all_alike(variants: int) -> np.ndarray:
    """By how much each variant's error is too high, in standard deviations, as all of these."""
    return np.zeros(variants)


def one_is_better(variants: int) -> np.ndarray:
    """By two standard deviations."""
    return np.where(np.arange(variants) == variants // 2, 0.0, 2.0)


def two_are_best(variants: int) -> np.ndarray:
    """The others are two standard deviations behind."""
    return np.where(np.arange(variants) < 2, 0.0, 2.0)


def others_at_the_margin(variants: int) -> np.ndarray:
    """All but one are worse by just the margin, so that none is equivalent to it."""
    return np.where(np.arange(variants) == 0, 0.0, MARGIN / SPREAD)


def half_at_the_margin(variants: int) -> np.ndarray:
    """Half of them are."""
    return np.where(np.arange(variants) < variants // 2, 0.0, MARGIN / SPREAD)


def a_ladder(variants: int) -> np.ndarray:
    """Each is a little worse than the one before."""
    return 0.3 * np.arange(variants)


@dataclass(frozen=True)
class World:
    """How errors vary.

    Args:
        draw: Of the variants' own parts, of variance 1.
        sizes: Standard deviations of variants.
        fraction: The part of the variance that all replicates share, as overlapping splits do.
        lost: The probability that a member diverges.
    """

    draw: Draw = normal
    sizes: Callable[[int], np.ndarray] = equal
    fraction: float = 0.0
    lost: float = 0.0


WORLDS: Mapping[str, World] = {
    "seeds": World(),
    "spreads 1 to 16": World(sizes=rising),
    "splits": World(fraction=FRACTION),
    "splits, spreads 1 to 16": World(sizes=rising, fraction=FRACTION),
    "members diverge": World(lost=LOST),
}
"""Where all kinds of truth are tried."""
MORE: Mapping[str, World] = {
    "one of spread 5": World(sizes=partial(wild, number=1, size=5.0)),
    "heavy tails (t, 3 degrees of freedom)": World(heavy),
    "skewed (exponential)": World(skewed),
    "two kinds, half of the variance shared": World(partial(related, variance=1.0)),
}
SPLITS: Mapping[str, Splits] = {
    "splits, Holdout(0.2)": Holdout(0.2, SIZES[-1]),
    "folds, KFold(5, repeats=4)": KFold(5, SIZES[-1] // 5),
}
TRUTHS: Mapping[str, Truth] = {
    "all alike": all_alike,
    "one is better": one_is_better,
    "two are best": two_are_best,
    "others at the margin": others_at_the_margin,
    "half at the margin": half_at_the_margin,
    "a ladder": a_ladder,
}


def drawn(
    random: np.random.Generator,
    world: World,
    behind: np.ndarray,
    looks: tuple[int, ...],
    margin: float = MARGIN,
) -> StudyCurves:
    """The curves of a race in which all variants trained all replicates, of which it uses some."""
    variants, replicates = len(behind), looks[-1]
    common = random.standard_normal((variants, 1))
    noise = np.sqrt(world.fraction) * common
    noise = noise + np.sqrt(1 - world.fraction) * world.draw(random, (variants, replicates))
    shared = random.standard_normal(replicates)
    errors = 0.3 + SPREAD * (behind[:, None] + world.sizes(variants)[:, None] * noise + shared)
    losses = 3 * errors + 0.1 * SPREAD * random.standard_normal(errors.shape)
    losses[random.random(errors.shape) < world.lost] = np.nan
    ratio = world.fraction / (1 - world.fraction)
    return replace(one_epoch(errors, losses, ratio), looks=looks, margin=margin)


def split(random: np.random.Generator, splits: Splits) -> StudyCurves:
    """A race whose replicates truly share samples, of variants that are equally good."""
    models = tuple(Model(least_squares, block) for block in range(VARIANTS))
    errors, losses = resampling.scores(random, models, splits)
    study = one_epoch(errors, losses, resampling.ratio_of(splits))
    return replace(study, looks=SIZES, margin=MARGIN)


def raced(study: StudyCurves, behind: np.ndarray) -> Outcome:
    """What a race decided, against the truth in standard deviations `[variant]`."""
    state = replay(study, study.looks)
    worse, alike = _wrong(state, SPREAD * behind, study.margin)
    return {
        "false": float(worse or alike),
        "worse wrongly": float(worse),
        "equivalent wrongly": float(alike),
        "trained": _trained(state, len(behind)) / (len(behind) * study.looks[-1]),
        "members": float(_trained(state, len(behind))),
        **{end: float(state.ends == end) for end in ENDS},
        "found": float(_found(state, behind)),
    }


def _wrong(state: RaceState, errors: np.ndarray, margin: float) -> tuple[bool, bool]:
    """Whether any was called worse that is not, or equivalent that is not."""
    worse = alike = False
    for look in state.looks:
        for number, verdict in look.verdicts.items():
            more = errors[number] - errors[look.leader]
            worse |= verdict == "worse" and more <= SAME
            alike |= verdict == "equivalent" and abs(more) >= margin - SAME
    return worse, alike


def _trained(state: RaceState, variants: int) -> int:
    """The members that a race trained; of those that are back at the last look what they missed."""
    trained = np.zeros(variants, int)
    for look in state.looks:
        numbers = [number for number in (*look.standings, look.leader) if number is not None]
        trained[numbers] = look.replicates
    return int(trained.sum())


def _found(state: RaceState, behind: np.ndarray) -> bool:
    """Whether a best one leads, and all that are worse left as such."""
    if state.leader is None or behind[state.leader] > 0:
        return False
    left = {n for n, look in state.left.items() if look.verdicts[n] == "worse"}
    return left >= set(np.flatnonzero(behind > 0).tolist())


def race_of(
    random: np.random.Generator,
    world: World,
    truth: Truth,
    looks: tuple[int, ...] = SIZES,
    margin: float = MARGIN,
) -> Outcome:
    """One race."""
    behind = truth(VARIANTS)
    return raced(drawn(random, world, behind, looks, margin), behind)


def race_of_splits(random: np.random.Generator, splits: Splits) -> Outcome:
    """One race of equally good variants over splits of a data set."""
    return raced(split(random, splits), np.zeros(VARIANTS))


def fixed(random: np.random.Generator, n: int) -> Outcome:
    """A fixed design of n replicates, by t tests of the best with each other and Holm's method."""
    behind = one_is_better(VARIANTS)
    errors = behind[:, None] + random.standard_normal((VARIANTS, n))
    best = int(errors.mean(axis=1).argmin())
    others = np.delete(errors, best, axis=0)
    p_values = stats.ttest_1samp(others - errors[best], 0.0, axis=1).pvalue
    is_best = behind[best] == 0
    by_holm = is_best and (holm(p_values) <= ALPHA).all()
    # Holm's method over all pairs of variants, of which the least favourable is all that is left.
    by_pairs = is_best and (p_values <= ALPHA / (VARIANTS * (VARIANTS - 1) / 2)).all()
    return {
        "found": float(by_holm),
        "found by all pairs": float(by_pairs),
        "members": float(VARIANTS * n),
    }


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name, truth in TRUTHS.items():
        for world, noise in {**WORLDS, **(MORE if truth is all_alike else {})}.items():
            race = partial(race_of, world=noise, truth=truth)
            yield Cell(("race", "decisions", name, world), race, studies // 3)
    for name, splits in SPLITS.items():
        real = partial(race_of_splits, splits=splits)
        yield Cell(("race", "decisions", "all alike", name), real, studies // 3)
    for looks in (SIZES, LONGER):
        seeds, better = WORLDS["seeds"], one_is_better
        race = partial(race_of, world=seeds, truth=better, looks=looks, margin=SPREAD)
        yield Cell(("race", "saved", ", ".join(map(str, looks))), race, 2 * studies // 3)
    for n in FIXED:
        yield Cell(("race", "fixed", f"{n}"), partial(fixed, n=n), 2 * studies)
