"""How often the rules about classes and the test set are right, on answers whose truth is known.

A variant's member is right about a sample where a sum of normal parts lies below a threshold: how
hard the sample is for all, how hard for the variant, what this training makes of it, and how good
the training is at all. Samples, trainings and splits are drawn anew for each study. Studies of the
majority class have several epochs, of which each draws anew what the training makes of a sample:
the weights that are kept are those of another epoch than the score, as in a study, and more apart.
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
from kohort.findings.judged import StudyCurves, VariantCurves
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
ABOVE = (0.0, 1.0, 3.3, 10.0, 30.0)
"""By how many points all variants are truly better than the majority class."""
EPOCHS = 3
STEEPNESS = 2.0
"""Of the logistic loss, by which an epoch is chosen, in what lies between hard and threshold."""
RECALLS = (0.0, 0.1, 0.25, 0.5)
RARE = (3, 6, 11, 50)
"""Test samples of the class."""


@dataclass(frozen=True)
class Common:
    """A majority class, and how variants err.

    Args:
        share: Its expected part of the samples.
        recall: The part of the other samples that a model finds; it errs as seldom on the majority
            class as makes it as good as it is. None for models that are right as often whatever
            the class.
    """

    share: float
    recall: float | None = None

    def rates(self, points_above: float) -> tuple[float, float]:
        """How often a model is right about the majority class, and about others.

        Args:
            points_above: By how many points its accuracy lies above the class's share.
        """
        accuracy = self.share + points_above / 100
        if self.recall is None:
            return accuracy, accuracy
        return (accuracy - (1 - self.share) * self.recall) / self.share, self.recall

    def can_be_beaten_by(self, points: float) -> bool:
        """Whether there is such a model."""
        return max(self.rates(points)) < 1


COMMON = {
    "0.5": Common(0.5),
    "0.9": Common(0.9),
    "0.917 by class": Common(11 / 12, recall=0.6),
}


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
    n, on_test = len(rows), accuracy - points_below / 100
    right = margins(random, n, np.repeat([accuracy, on_test], [SAMPLES, TESTED]))[:, :, 0] > 0
    held_out = [valid for _, valid in rows]
    scores = np.array(
        [[right[v, r, held_out[r]].mean() for r in range(n)] for v in range(VARIANTS)]
    )
    study = designed(one_epoch(1 - scores, 1 - scores), splits, rows)
    return Trained(study, right[:, :, SAMPLES:], rows)


def margins(
    random: np.random.Generator, replicates: int, rates: np.ndarray, epochs: int = 1
) -> np.ndarray:
    """How far below the threshold samples lie: above zero a member is right about them.

    Args:
        random: Where chance comes from.
        replicates: Of each variant.
        rates: `[sample]`, how often members are expected to be right about it.
        epochs: Of each replicate.

    Returns:
        float64 `[variant, replicate, epoch, sample]`.
    """
    samples = len(rates)
    left = np.sqrt(1 - OF_SAMPLE**2 - OF_VARIANT**2 - OF_TRAINING**2 - LUCK**2)
    hard = OF_SAMPLE * random.standard_normal(samples)
    hard = hard + OF_VARIANT * random.standard_normal((VARIANTS, 1, 1, samples))
    each = random.standard_normal((VARIANTS, replicates, epochs, samples))
    hard = hard + np.hypot(OF_TRAINING, left) * each
    hard = hard + LUCK * random.standard_normal((VARIANTS, replicates, 1, 1))
    below: np.ndarray = stats.norm.ppf(rates) - hard
    return below


def of_test(random: np.random.Generator, splits: Splits, points_below: float) -> Outcome:
    """What KH203 says of the winner and of the baseline."""
    trained = train(random, splits, ACCURACY, points_below)
    nothing = np.zeros(len(trained.rows))
    study = replace(trained.study, majority=Majority("0", nothing, nothing, 2, 0.5))
    winner = choose(study)
    assert winner is not None
    tested = [_answers(trained, number) for number in dict.fromkeys([winner, 0])]
    return verdict_of(above_test.RULE.judge(study, tested).verdict)


def of_majority(
    random: np.random.Generator, splits: Splits, common: Common, points_above: float
) -> Outcome:
    """What KH204 says of variants so far above the majority class.

    Beside its verdicts: how often it would say "not found" if nothing were known but accuracies.
    """
    rows = parts(splits, int(random.integers(20)))
    is_common = random.random(SAMPLES) < common.share
    rates = np.where(is_common, *common.rates(points_above))
    shares = np.array([[is_common[part].mean() for part in pair] for pair in rows])
    constant = Majority("0", shares[:, 0], shares[:, 1], 2, float(is_common.mean()))
    answers = margins(random, len(rows), rates, EPOCHS)
    curves = tuple(
        _curves(f"variant {number}", of_variant, is_common, rows)
        for number, of_variant in enumerate(answers)
    )
    study = designed(StudyCurves(curves, majority=constant), splits, rows)
    alone = tuple(replace(each, only_right=None) for each in curves)
    without = majority.RULE.judge(replace(study, variants=alone)).verdict
    verdict = majority.RULE.judge(study).verdict
    return {**verdict_of(verdict), WITHOUT_COUNTS: float(without == "not found")}


def _curves(
    name: str,
    answers: np.ndarray,
    is_common: np.ndarray,
    rows: Sequence[tuple[np.ndarray, np.ndarray]],
) -> VariantCurves:
    """The curves of `answers [replicate, epoch, sample]`, with counts at the best epochs."""
    errors, losses, only = [], [], []
    for each, (_, valid) in zip(answers, rows, strict=True):
        margin, common = each[:, valid], is_common[valid]
        loss = np.logaddexp(0.0, -STEEPNESS * margin).mean(axis=1)
        kept = margin[loss.argmin()] > 0
        errors.append((margin <= 0).mean(axis=1))
        losses.append(loss)
        only.append([(kept & ~common).mean(), (common & ~kept).mean()])
    loss, error, lengths = np.array(losses), np.array(errors), np.full(len(rows), EPOCHS)
    return VariantCurves(name, loss, loss, error, error, lengths, only_right=np.array(only))


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
WITHOUT_COUNTS = "not found without counts"


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for (name, splits), points in product(DESIGNS.items(), BELOW):
        below = partial(of_test, splits=splits, points_below=points)
        yield Cell(("classes", "KH203", f"{points:g}", name), below, studies)
    few = {name: DESIGNS[name] for name in ("one split", "5 splits", "5 folds")}
    for (kind, common), (name, splits), points in product(COMMON.items(), few.items(), ABOVE):
        if common.can_be_beaten_by(points):
            above = partial(of_majority, splits=splits, common=common, points_above=points)
            yield Cell(("classes", "KH204", kind, f"{points:g}", name), above, studies)
    for recall, samples in product(RECALLS, RARE):
        run = partial(of_recall, samples=samples, recall=recall)
        yield Cell(("classes", "KH205", f"{recall:g}", f"{samples}"), run, 1)


def _answers(trained: Trained, number: int) -> Answers:
    """Those of the variant's member that does best on validation."""
    best = int(np.argmin(trained.study.errors[number]))
    right = int(trained.right[number, best].sum())
    counts = np.array([[right, TESTED - right], [0, 0]])
    return Answers(trained.study.variants[number].name, counts, ("0", "1"), 0)


def designed(
    study: StudyCurves, splits: Splits, rows: Sequence[tuple[np.ndarray, np.ndarray]]
) -> StudyCurves:
    """A study with the settings of its replicates."""
    train, valid = map(len, rows[0])
    ratio = 0.0 if splits.kind == "seeds" else valid / train
    return replace(study, kind=splits.kind, valid_samples=valid, test_to_train=ratio)


def verdict_of(verdict: str) -> Outcome:
    """A verdict as an outcome, of which the rate is wanted."""
    return {name: float(name == verdict) for name in VERDICTS}
