"""The other statistics: proportions, spreads, equivalence, optimism, replicates needed."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
from scipy import stats

from kohort.design.replicates import Holdout
from kohort.findings.choice import choose, optimism
from kohort.findings.statistics.comparison import compare, correct
from kohort.findings.statistics.interval import mean_interval, spread_interval
from kohort.findings.statistics.power import replicates_needed
from kohort.findings.statistics.proportion import proportion_interval
from simulations import resampling
from simulations.cell import Cell, Outcome
from simulations.comparisons import SPREAD, VARIANTS, Draw, heavy, normal, skewed
from simulations.resampling import Model, least_squares, one_epoch

MARGIN = 0.01
"""Of equivalence and of the replicates needed."""


def of_proportion(_random: np.random.Generator, proportion: float, trials: int) -> Outcome:
    """The exact coverage of Wilson's interval: no chance is in it."""
    successes = np.arange(trials + 1)
    chances = stats.binom.pmf(successes, trials, proportion)
    likely = successes[chances > 1e-9]
    intervals = [proportion_interval(int(count), trials) for count in likely]
    covers = [interval.low <= proportion <= interval.high for interval in intervals]
    return {"covers": float(chances[likely] @ covers)}


def of_spread(random: np.random.Generator, draw: Draw, replicates: int) -> Outcome:
    """Whether the interval of a standard deviation holds the true one, 1."""
    interval = spread_interval(draw(random, (1, replicates))[0])
    return {
        "covers": float(interval.low <= 1 <= interval.high),
        "lies above": float(interval.lies_above(1)),
    }


def of_equivalence(
    random: np.random.Generator, difference: float, replicates: int, spread: float
) -> Outcome:
    """Whether a difference is called equivalent: alone, and any of a family of seven."""
    family = []
    for number in range(VARIANTS - 1):
        values = difference + spread * random.standard_normal(replicates)
        family.append(
            compare(
                "a", f"b{number}", np.zeros(replicates), values, measure="error",
                margin=MARGIN, confidence=0.95, test_to_train=0.0,
            )
        )  # fmt: skip
    return {
        "alone": float(family[0].is_equivalent),
        "any of seven": float(any(c.is_equivalent for c in correct(family))),
    }


def of_optimism(random: np.random.Generator, replicates: int, apart: float) -> Outcome:
    """Over seeds; true errors of the variants lie `apart` from best to worst."""
    means = 0.1 + np.linspace(0, apart, VARIANTS)
    errors = means[:, None] + SPREAD * random.standard_normal((VARIANTS, replicates))
    return _optimism(errors, means)


def of_optimism_over_splits(random: np.random.Generator, splits: Holdout) -> Outcome:
    """Over splits of one data set, whose luck is common to all replicates."""
    models = tuple(Model(least_squares, block) for block in range(VARIANTS))
    errors, _ = resampling.scores(random, models, splits)
    training = len(resampling.indices(splits, 0)[0][0])
    return _optimism(errors, np.full(VARIANTS, resampling.expected_error(least_squares, training)))


def of_power(random: np.random.Generator, spread: float) -> Outcome:
    """Whether as many replicates as are said to be needed see a difference of the margin."""
    alpha = 0.05 / (VARIANTS - 1)
    needed = replicates_needed(spread, MARGIN, alpha=alpha)
    assert needed is not None
    interval = mean_interval(MARGIN + spread * random.standard_normal(needed))
    return {"seen": float(interval.p_value <= alpha), "replicates": needed}


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for proportion, trials in product((0.5, 0.8, 0.9, 0.95, 0.99), (100, 1000, 10_000)):
        run = partial(of_proportion, proportion=proportion, trials=trials)
        yield Cell(("coverage of Wilson's interval", f"{proportion}", f"{trials}"), run, 1)
    shapes = {"normal": normal, "heavy tails": heavy, "skewed": skewed}
    for (name, draw), n in product(shapes.items(), (3, 5, 10)):
        run = partial(of_spread, draw=draw, replicates=n)
        yield Cell(("coverage of the spread", name, f"{n}"), run, 4 * studies)
    for points, n in product((0.0, 0.5, 1.0, 1.5), (5, 10)):
        run = partial(of_equivalence, difference=points / 100, replicates=n, spread=0.005)
        yield Cell(("equivalence", f"{points}", f"{n}"), run, studies)
    for spread in (0.005, 0.01, 0.02):
        run = partial(of_power, spread=spread)
        yield Cell(("replicates needed", f"{100 * spread:g}"), run, studies)
    yield from _optimism_cells(studies)


def _optimism_cells(studies: int) -> Iterator[Cell]:
    for apart, n in product((0.0, 0.01, 0.03), (5, 10)):
        run = partial(of_optimism, replicates=n, apart=apart)
        yield Cell(("optimism", f"seeds, {100 * apart:g}", f"{n}"), run, studies)
    for n in (5, 10):
        run = partial(of_optimism_over_splits, splits=Holdout(0.2, n))
        yield Cell(("optimism", "splits, 0", f"{n}"), run, studies)


def _optimism(errors: np.ndarray, means: np.ndarray) -> Outcome:
    study = one_epoch(errors, errors)
    winner, found = choose(study), optimism(study)
    assert winner is not None
    assert found is not None
    true = float(means[winner] - errors[winner].mean())
    return {"estimate": found.estimate, "true": true, "bias": found.estimate - true}
