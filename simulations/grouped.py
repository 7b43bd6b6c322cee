"""How often findings and test scores are right where samples come in groups that err together.

Of each variant a group has a rate at which its samples are right, from a beta distribution: a part
of the variance of being right lies between groups. Groups are as hard for all variants, in the main
(`SHARED`), and samples within a group too. All variants are equally good, so that the winner is the
luckiest, and the groups of the test set are others than those that train.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import numpy as np
from scipy import stats

from kohort.data.dataset import Dataset
from kohort.data.labels import Majority
from kohort.data.splits import mean_group_size
from kohort.design.replicates import Holdout, KFold
from kohort.evidence.settings import sizes_of
from kohort.findings.choice import choose
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.grouped.over_groups import paired_over, proportion_over
from kohort.findings.grouped.right_by_group import right_by_group
from kohort.findings.judged import StudyCurves
from kohort.findings.rules import above_test, majority, unstable
from simulations.cell import Cell, Outcome
from simulations.resampling import Splits, one_epoch

VARIANTS = 4
SIZE = 20
"""Samples in a group, on average over groups."""
ACCURACY, COMMON = 0.85, 0.7
"""Of the models, as far as KH203 is asked; and of the majority class, where KH204 is."""
SHARED = 0.7
"""The part of what makes a group hard that all variants have in common; of a sample likewise."""
LUCK = 0.1
"""Standard deviation of how good a training is: 2 points of an accuracy of 85 %."""
LEVEL = 0.05
"""Of intervals and tests of the test set."""
PARTS = (0.0, 0.1, 0.3, 0.7)
"""Of the variance of being right, between groups."""
BELOW, ABOVE = (0.0, 20.0), (0.0, 10.0)
"""By how many points test accuracy truly lies below that on validation; models above the class."""
DESIGNS: dict[str, Splits] = {
    "5 splits": Holdout(0.2, 5),
    "5 folds": KFold(5),
    "5 seeds": Holdout(0.2, 5, same_split=True),
}
DRAWN = ("5 splits", "5 folds")
"""Of these, those whose replicates hold out other samples."""
LUCKS = (0.0, 0.5)
"""Standard deviations of how good a training is, as `LUCK`, where KH106 is asked: none, and some 12
points of an accuracy of 85 %, which is twelve margins."""


@dataclass(frozen=True)
class Groups:
    """How many groups there are, and of which sizes.

    Args:
        training: Groups that train and validate.
        tested: Those of the test set.
        largest: How many times as large as the smallest the largest is; sizes between are evenly
            spaced, on a logarithmic scale.
        first: The part of the samples that one group has, beside equal ones; 0 without such a one.
    """

    training: int
    tested: int
    largest: float = 1.0
    first: float = 0.0

    def of(self, count: int) -> np.ndarray:
        """`[sample]`, the group of each, of so many groups."""
        sizes = np.geomspace(1.0, self.largest, count)
        if self.first:
            sizes[0] = self.first / (1 - self.first) * (count - 1)
        sizes *= SIZE * count / sizes.sum()
        return np.repeat(np.arange(count), np.maximum(1, sizes.round().astype(int)))


KINDS = {
    "10 even, 10 to test": Groups(10, 10),
    "30 uneven (1 to 16), 15 to test": Groups(30, 15, largest=16.0),
    "30, a third of the samples in one, 15 to test": Groups(30, 15, first=1 / 3),
    "60 even, 30 to test": Groups(60, 30),
}


@cache
def parts(
    splits: Splits, groups: Groups, seed: int
) -> tuple[np.ndarray, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """The group of each training sample; training and validation rows of the project's splits."""
    of = groups.of(groups.training)
    nothing, labels = np.zeros((len(of), 1), "uint8"), np.zeros(len(of), "int64")
    data = Dataset(nothing, labels, nothing[:1], labels[:1], groups=of)
    return of, tuple((r.train, r.valid) for r in splits.replicates(data, seed))


def right(
    random: np.random.Generator, groups: np.ndarray, part: float, rate: float, luck: np.ndarray
) -> np.ndarray:
    """Whether members are right about samples, bool `[variant, replicate, sample]`.

    Args:
        random: Where chance comes from.
        groups: `[sample]`, from 0.
        part: Of the variance, between groups.
        rate: How often they are right.
        luck: `[variant, replicate]`, how good each training is, on the scale of a normal threshold.
    """
    rates = np.full((len(luck), groups.max() + 1), rate)
    if part:
        hard = _partly_shared(random, rates.shape)
        more = 1 / part - 1
        rates = stats.beta.ppf(stats.norm.cdf(hard), rate * more, (1 - rate) * more)
    threshold = stats.norm.ppf(rates)[:, None, groups] + luck[:, :, None]
    below: np.ndarray = _partly_shared(random, (*luck.shape, len(groups))) < threshold
    return below


def _accurate(
    random: np.random.Generator, splits: Splits, groups: Groups, part: float, spread: float
) -> tuple[StudyCurves, np.ndarray]:
    """A study of models right for `ACCURACY`; and the luck of each training, as `LUCK`."""
    of, rows = parts(splits, groups, int(random.integers(20)))
    luck = spread * random.standard_normal((VARIANTS, len(rows)))
    scores = _scores(right(random, of, part, ACCURACY, luck), rows)
    nothing = np.zeros(len(rows))
    return _study(splits, of, rows, scores, Majority("0", nothing, nothing, 2, 0.5)), luck


def of_test(
    random: np.random.Generator, splits: Splits, groups: Groups, part: float, points_below: float
) -> Outcome:
    """What KH203 says of the winner, where the groups of the test set are known, and where not."""
    study, luck = _accurate(random, splits, groups, part, LUCK)
    winner = choose(study)
    assert winner is not None
    of_tested = groups.of(groups.tested)
    best = int(np.argmin(study.errors[winner]))
    answers = right(random, of_tested, part, ACCURACY - points_below / 100, luck)[winner, best]
    count = int(answers.sum())
    unknown = Answers(
        study.variants[winner].name,
        np.array([[count, len(answers) - count], [0, 0]]),
        ("0", "1"),
        0,
    )
    known = replace(unknown, by_group=right_by_group(answers, of_tested))
    judge = above_test.RULE.judge
    return {
        "found": float(judge(study, [known]).verdict == "found"),
        "found without groups of the test set": float(judge(study, [unknown]).verdict == "found"),
    }


def of_majority(
    random: np.random.Generator, splits: Splits, groups: Groups, part: float, points_above: float
) -> Outcome:
    """How often KH204 says that models so far above the majority class beat it."""
    of, rows = parts(splits, groups, int(random.integers(20)))
    luck = LUCK * random.standard_normal((VARIANTS, len(rows)))
    scores = _scores(right(random, of, part, COMMON + points_above / 100, luck), rows)
    is_common = right(random, of, part, COMMON, np.zeros((1, 1)))[0, 0]
    shares = np.array([[is_common[rows_].mean() for rows_ in pair] for pair in rows])
    constant = Majority("0", shares[:, 0], shares[:, 1], 2, float(is_common.mean()))
    verdict = majority.RULE.judge(_study(splits, of, rows, scores, constant)).verdict
    return {"not found": float(verdict == "not found")}


def of_unstable(
    random: np.random.Generator, splits: Splits, groups: Groups, part: float, spread: float
) -> Outcome:
    """What KH106 says of a variant whose trainings differ so much."""
    study, _ = _accurate(random, splits, groups, part, spread)
    verdict = unstable.RULE.judge(study.variants[0], study).verdict
    return {name: float(verdict == name) for name in ("found", "not found")}


def of_intervals(random: np.random.Generator, groups: Groups, part: float) -> Outcome:
    """What is told of the test set: whether an accuracy's interval holds, and two are told apart.

    Both models are right for `ACCURACY`.
    """
    tested = groups.of(groups.tested)
    first, second = right(random, tested, part, ACCURACY, np.zeros((2, 1)))[:, 0]
    accuracy = proportion_over(first, tested, 1 - LEVEL)
    difference = paired_over(first, second, tested, 1 - LEVEL).difference
    return {
        "held": float(accuracy.low <= ACCURACY <= accuracy.high),
        "told apart": float(difference.p_value <= LEVEL),
    }


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for (kind, groups), part in product(KINDS.items(), PARTS):
        intervals = partial(of_intervals, groups=groups, part=part)
        yield Cell(("grouped", "test set", kind, f"{part:g}"), intervals, studies)
    for (kind, groups), (name, splits), part in product(KINDS.items(), DESIGNS.items(), PARTS):
        below = partial(of_test, splits=splits, groups=groups, part=part)
        above = partial(of_majority, splits=splits, groups=groups, part=part)
        key = (kind, name, f"{part:g}")
        for points in BELOW:
            run = partial(below, points_below=points)
            yield Cell(("grouped", "KH203", *key, f"{points:g}"), run, studies // 5)
        for points in ABOVE:
            run = partial(above, points_above=points)
            yield Cell(("grouped", "KH204", *key, f"{points:g}"), run, studies // 5)
        if name in DRAWN:
            spread_out = partial(of_unstable, splits=splits, groups=groups, part=part)
            for luck in LUCKS:
                run = partial(spread_out, spread=luck)
                yield Cell(("grouped", "KH106", *key, f"{luck:g}"), run, studies // 5)
        else:
            for luck in LUCKS:
                run = partial(of_unstable, splits=splits, groups=groups, part=part, spread=luck)
                yield Cell(("grouped", "KH106 on one split", *key, f"{luck:g}"), run, studies // 5)


def _partly_shared(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal numbers, of which the last axis has a part in common with all others."""
    shared, own = random.standard_normal(shape[-1]), random.standard_normal(shape)
    both: np.ndarray = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own
    return both


def _scores(answers: np.ndarray, rows: tuple[tuple[np.ndarray, np.ndarray], ...]) -> np.ndarray:
    """The accuracies on the held-out rows, `[variant, replicate]`."""
    return np.array([[of[r][valid].mean() for r, (_, valid) in enumerate(rows)] for of in answers])


def _study(
    splits: Splits,
    groups: np.ndarray,
    rows: tuple[tuple[np.ndarray, np.ndarray], ...],
    scores: np.ndarray,
    constant: Majority,
) -> StudyCurves:
    """A study of one epoch with the settings of its replicates."""
    (train, valid), ratio = sizes_of([(len(train), len(valid)) for train, valid in rows])
    return replace(
        one_epoch(1 - scores, 1 - scores),
        kind=splits.kind,
        valid_samples=valid,
        test_to_train=0.0 if splits.kind == "seeds" else ratio or valid / train,
        group_size=mean_group_size(groups),
        majority=constant,
    )
