"""How often a proved interval holds the winner's true score, and how far the search flatters it."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from kohort.findings.race import replay
from kohort.findings.statistics.interval import mean_interval
from simulations.cell import Cell, Outcome
from simulations.comparisons import SPREAD
from simulations.race import FRACTION, World, drawn

TRIALS, FINALISTS = 64, 5
LOOKS = (4, 8, 12)
TRUTHS: Mapping[str, float] = {"all alike": 0.0, "differ by 1": 1.0, "differ by 3": 3.0}
"""Standard deviation of the trials' true scores, in those of a trial over replicates."""
WORLDS: Mapping[str, World] = {"seeds": World(), "splits": World(fraction=FRACTION)}


def proof(random: np.random.Generator, world: World, differ: float) -> Outcome:
    """One search of one score for each trial, and the race of the best."""
    behind = np.abs(differ * random.standard_normal(TRIALS))
    noise, split = random.standard_normal(TRIALS), random.standard_normal()
    searched = behind + noise + split
    finalists = np.argsort(searched)[:FINALISTS]
    study = drawn(random, world, behind[finalists], LOOKS)
    state = replay(study, LOOKS)
    assert state.leader is not None
    trained = study.variants[state.leader].first(state.looks[-1].replicates)
    true = 0.3 + SPREAD * behind[finalists[state.leader]]
    found = mean_interval(trained.valid_error[:, 0], test_to_train=study.test_to_train)
    best = 0.3 + SPREAD * searched[finalists[0]]
    best_true = 0.3 + SPREAD * behind[finalists[0]]
    return {
        "held": float(found.low <= true <= found.high),
        "searched too good": (best_true - best) / SPREAD,
        "searched better than it is": float(best < best_true),
        "proved too good": (true - found.mean) / SPREAD,
    }


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for world, noise in WORLDS.items():
        for name, differ in TRUTHS.items():
            simulated = partial(proof, world=noise, differ=differ)
            yield Cell(("search", world, name), simulated, studies)
