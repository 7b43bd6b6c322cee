"""How often the rules about classes and the test set are right, on answers whose truth is known.

A variant's member is right about a sample where a sum of normal parts lies below a threshold: how
hard the sample is for all, how hard for the variant, what this training makes of it, and how good
the training is at all. Samples, trainings and splits are drawn anew for each study.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import numpy as np
from scipy import stats

from kohort.data.dataset import Dataset
from kohort.data.labels import Majority
from kohort.design.replicates import Holdout, KFold
from kohort.findings.choice import choose
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.judged import StudyCurves
from kohort.findings.rules import above_test, majority, never_found
from simulations.cell import Cell, Outcome
from simulations.resampling import Splits, one_epoch

SAMPLES, TESTED = 400, 300
VARIANTS = 8
OF_SAMPLE, OF_VARIANT, OF_TRAINING = 0.6, 0.5, 0.3
"""Standard deviations of what makes a sample hard; the rest, to 1, is drawn for each member."""
LUCK = 0.1
"""That of how good a training is: 2 points of an accuracy of 85 %."""
ACCURACY = 0.85

DESIGNS: dict[str, Splits] = {
    "one split": Holdout(0.2, 1),
    "5 seeds": Holdout(0.2, 5, same_split=True),
    "5 splits": Holdout(0.2, 5),
    "10 splits": Holdout(0.2, 10),
    "5 folds": KFold(5),
}
BELOW = (0.0, 2.0, 5.0, 10.0, 20.0)
"""By how many points test accuracy truly lies below that on validation."""
ABOVE = (0.0, 1.0, 3.0, 10.0, 30.0)
"""By how many points all variants are truly better than the majority class."""
SHARES = (0.5, 0.9)
"""Of the majority class."""
RECALLS = (0.0, 0.1, 0.25, 0.5)
RARE = (3, 6, 11, 50)
"""Test samples of the class."""


@cache
def parts(splits: Splits, seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Training and validation rows of the project's splits."""
    nothing = np.zeros((SAMPLES, 1), "uint8")
    data = Dataset(nothing, np.zeros(SAMPLES, "int64"), nothing[:1], np.zeros(1, "int64"))
    return tuple((r.train, r.valid) for r in splits.replicates(data, seed))


@dataclass(frozen=True)
class Trained:
    """A study of one epoch, and the right answers of its members.

    Args:
        study: Its errors on validation.
        right: Bool `[variant, replicate, test sample]`.
        rows: For each replicate its training and validation rows.
    """

    study: StudyCurves
    right: np.ndarray
    rows: Sequence[tuple[np.ndarray, np.ndarray]]


def train(
    random: np.random.Generator, splits: Splits, accuracy: float, points_below: float = 0.0
) -> Trained:
    """Train variants of one expected accuracy.

    Args:
        random: Where chance comes from.
        splits: Of the training samples.
        accuracy: Expected on validation.
        points_below: How far below that it is on the test set.
    """
    rows = parts(splits, int(random.integers(20)))
    n, samples = len(rows), SAMPLES + TESTED
    left = np.sqrt(1 - OF_SAMPLE**2 - OF_VARIANT**2 - OF_TRAINING**2 - LUCK**2)
    hard = OF_SAMPLE * random.standard_normal(samples)
    hard = hard + OF_VARIANT * random.standard_normal((VARIANTS, 1, samples))
    hard = hard + np.hypot(OF_TRAINING, left) * random.standard_normal((VARIANTS, n, samples))
    hard = hard + LUCK * random.standard_normal((VARIANTS, n, 1))
    on_test = accuracy - points_below / 100
    limits = stats.norm.ppf(np.repeat([accuracy, on_test], [SAMPLES, TESTED]))
    right = hard < limits
    held_out = [valid for _, valid in rows]
    scores = np.array(
        [[right[v, r, held_out[r]].mean() for r in range(n)] for v in range(VARIANTS)]
    )
    study = one_epoch(1 - scores, 1 - scores)
    ratio = 0.0 if splits.kind == "seeds" else len(held_out[0]) / len(rows[0][0])
    study = replace(study, kind=splits.kind, valid_samples=len(held_out[0]), test_to_train=ratio)
    return Trained(study, right[:, :, SAMPLES:], rows)


def of_test(random: np.random.Generator, splits: Splits, points_below: float) -> Outcome:
    """What KH203 says of the winner and of the baseline."""
    trained = train(random, splits, ACCURACY, points_below)
    nothing = np.zeros(len(trained.rows))
    study = replace(trained.study, majority=Majority("0", nothing, nothing, 2, 0.5))
    winner = choose(study)
    assert winner is not None
    tested = [_answers(trained, number) for number in dict.fromkeys([winner, 0])]
    return _verdict(above_test.RULE.judge(study, tested).verdict)


def of_majority(
    random: np.random.Generator, splits: Splits, share: float, points_above: float
) -> Outcome:
    """What KH204 says of variants that are right as often whatever the class."""
    trained = train(random, splits, share + points_above / 100)
    is_majority = random.random(SAMPLES) < share
    shares = np.array([[is_majority[rows].mean() for rows in pair] for pair in trained.rows])
    common = Majority("0", shares[:, 0], shares[:, 1], 2, float(is_majority.mean()))
    return _verdict(majority.RULE.judge(replace(trained.study, majority=common)).verdict)


def of_recall(_random: np.random.Generator, samples: int, recall: float) -> Outcome:
    """What KH205 says of a class of two, exactly: no chance is in it."""
    study = one_epoch(np.zeros((1, 1)), np.zeros((1, 1)))
    chances = stats.binom.pmf(np.arange(samples + 1), samples, recall)
    outcome = dict.fromkeys(VERDICTS, 0.0)
    for found, chance in enumerate(chances):
        counts = np.array([[100, 0], [samples - found, found]])
        answers = Answers("A", counts, ("0", "1"), 0)
        outcome[never_found.RULE.judge(study, [answers]).verdict] += float(chance)
    return outcome


VERDICTS = ("found", "not found", "inconclusive")


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for (name, splits), points in product(DESIGNS.items(), BELOW):
        below = partial(of_test, splits=splits, points_below=points)
        yield Cell(("classes", "KH203", f"{points:g}", name), below, studies)
    few = {name: DESIGNS[name] for name in ("one split", "5 splits", "5 folds")}
    for share, (name, splits), points in product(SHARES, few.items(), ABOVE):
        if share + points / 100 < 1:
            above = partial(of_majority, splits=splits, share=share, points_above=points)
            key = ("classes", "KH204", f"{share:g}", f"{points:g}", name)
            yield Cell(key, above, studies)
    for recall, samples in product(RECALLS, RARE):
        run = partial(of_recall, samples=samples, recall=recall)
        yield Cell(("classes", "KH205", f"{recall:g}", f"{samples}"), run, 1)


def _answers(trained: Trained, number: int) -> Answers:
    """Those of the variant's member that does best on validation."""
    best = int(np.argmin(trained.study.errors[number]))
    right = int(trained.right[number, best].sum())
    counts = np.array([[right, TESTED - right], [0, 0]])
    return Answers(trained.study.variants[number].name, counts, ("0", "1"), 0)


def _verdict(verdict: str) -> Outcome:
    return {name: float(name == verdict) for name in VERDICTS}
