"""How often KH203 is right about errors, on studies whose ratio of test to validation is known.

A variant's member is off a sample's target by a sum of parts: what no model can know of the sample,
what this variant makes of it, what this training makes of it, all times how bad the training is.
Its error is the square of that, the absolute value, or one of a crossentropy's shape. Samples,
trainings and splits are drawn anew for each study.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np

from kohort.findings.choice import choose
from kohort.findings.numbers.errors_on_test import ErrorsOnTest
from kohort.findings.rules import above_test
from kohort.findings.statistics.scale import Scale
from simulations.cell import Cell, Outcome
from simulations.classes import DESIGNS, SAMPLES, TESTED, VARIANTS, designed, parts, verdict_of
from simulations.resampling import Splits, one_epoch

OF_VARIANT, OF_TRAINING = 0.4, 0.3
"""Standard deviations of what variant and training make of a sample; that of the sample is 1."""
LUCK = 0.05
"""That of the logarithm of how bad a training is."""
TIMES = (1.0, 1.25, 1.5, 2.0, 5.0)
"""How many times as large errors truly are on the test set."""


def _crossentropy(off: np.ndarray) -> np.ndarray:
    """Losses of classes, most of them small: of the steepness that an accuracy of 85 % has."""
    return np.asarray(np.logaddexp(0.0, -3 * (1 - np.abs(off))))


KINDS: dict[
    str, tuple[Callable[[np.random.Generator, int], np.ndarray], Callable[..., np.ndarray]]
] = {
    "squares of normal errors": (lambda random, n: random.standard_normal(n), np.square),
    "squares of Laplace's errors": (
        lambda random, n: random.laplace(0, np.sqrt(0.5), n),
        np.square,
    ),
    "squares of Student's errors of 5 degrees": (
        lambda random, n: random.standard_t(5, n) * np.sqrt(3 / 5),
        np.square,
    ),
    "absolute errors": (lambda random, n: random.standard_normal(n), np.abs),
    "crossentropies": (lambda random, n: random.standard_normal(n), _crossentropy),
}


def of_errors(random: np.random.Generator, splits: Splits, kind: str, times: float) -> Outcome:
    """What KH203 says of the winner and of the baseline."""
    rows = parts(splits, int(random.integers(20)))
    draw, error = KINDS[kind]
    count, every = len(rows), SAMPLES + TESTED
    off = draw(random, every) + OF_VARIANT * random.standard_normal((VARIANTS, 1, every))
    off = off + OF_TRAINING * random.standard_normal((VARIANTS, count, every))
    luck = np.exp(LUCK * random.standard_normal((VARIANTS, count, 1)))
    errors = luck * error(off)
    errors[:, :, SAMPLES:] *= times
    scores = np.array(
        [[errors[v, r, rows[r][1]].mean() for r in range(count)] for v in range(VARIANTS)]
    )
    study = designed(one_epoch(scores, scores), splits, rows)
    study = replace(study, scale=Scale("loss", higher_is_better=False, reference=1.0))
    winner = choose(study)
    assert winner is not None
    tested = []
    for number in dict.fromkeys([winner, 0]):
        best = int(np.argmin(study.errors[number]))
        tested.append(ErrorsOnTest(study.variants[number].name, errors[number, best, SAMPLES:]))
    return verdict_of(above_test.RULE.judge(study, (), tested).verdict)


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for kind, (name, splits), times in product(KINDS, DESIGNS.items(), TIMES):
        run = partial(of_errors, splits=splits, kind=kind, times=times)
        yield Cell(("errors", "KH203", kind, f"{times:g}", name), run, studies)
