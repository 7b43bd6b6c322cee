"""Scores members on the test set: accuracy, confusion matrix, and mistakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.groups_of_rows import count_of, numbered
from kohort.data.labels import ClassLabels
from kohort.engine.program.cache import persistent
from kohort.evidence.readings import KeptReadings, Reading, Tested
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.grouped.over_groups import mean_recall, proportion_over
from kohort.findings.grouped.right_by_group import RightByGroup, right_by_group
from kohort.findings.probabilities.areas import Areas, areas
from kohort.findings.probabilities.brier import Brier, brier
from kohort.findings.probabilities.calibration import Calibration, calibration, log_losses
from kohort.findings.statistics.interval import Interval
from kohort.keras_api.class_outputs import (
    OutputKind,
    are_of_classes,
    class_probabilities,
    leaning,
    tell_probabilities,
)
from kohort.keras_api.samples import SampleScore
from kohort.report.classes.found_labels import has_labels, with_labels

MOST_NUMBERS = 16
"""Of so many numbers a sample at most the predictions are kept, and the errors of each told."""


@dataclass(frozen=True)
class Mistake:
    """One test sample that the model classifies wrongly.

    Args:
        sample: Its row in the test set.
        truth: Its class.
        predicted: The predicted class.
        probability: The predicted probability of that class.
    """

    sample: int
    truth: int
    predicted: int
    probability: float


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The results of a variant's member on the test set.

    Args:
        variant: The variant's name.
        accuracy: With its Wilson interval over test samples, which holds for this one trained
            model, not for another seed or split.
        right: Bool `[test sample]`, whether the predicted class is right.
        confusion: Counts, int64 `[true class, predicted class]`.
        mistakes: All mistakes, those with the highest probability first.
        recalls: `[class]`, the part of the samples of each class that is given this class, with
            its Wilson interval; None for a class without test samples.
        balanced_accuracy: The mean of the recalls, with its interval (Zou and Donner 2008).
        answers: The confusion with the names of the classes.
        sure: `[test sample]`, the probability of the predicted class.
        losses: `[test sample]`, minus the logarithm of the probability of the true class.
        truth: `[test sample]`, the number of the true class.
        second: `[test sample]`, of two classes: higher where the model leans to the second.
        areas: How well that ranks the samples; None for more classes, or where one has no sample.
        groups: `[test sample]`, which belong together, from 0: then intervals are over groups
            (`over_groups`), and there are none of too few. None where each stands for itself.
        has_probabilities: Whether outputs are some; those without bounds are not, and `sure`,
            `losses` and `calibration` mean nothing then but the order of `sure`.
        brier: The Brier score of two classes; None where `areas` are, or without probabilities.
    """

    variant: str
    accuracy: Interval
    right: np.ndarray = field(repr=False)
    confusion: np.ndarray = field(repr=False)
    mistakes: tuple[Mistake, ...] = field(repr=False)
    recalls: tuple[Interval | None, ...] = field(repr=False)
    balanced_accuracy: Interval
    answers: Answers = field(repr=False)
    sure: np.ndarray = field(repr=False)
    losses: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    second: np.ndarray | None = field(default=None, repr=False)
    areas: Areas | None = field(default=None, repr=False)
    groups: np.ndarray | None = field(default=None, repr=False)
    has_probabilities: bool = True
    brier: Brier | None = None

    @property
    def calibration(self) -> Calibration:
        """How far how sure it is differs from how often it is right; of probabilities alone."""
        return calibration(self.sure, self.right, self.groups)


class Candidate(NamedTuple):
    """A trained member to be tested.

    Args:
        variant: Its variant; or what to call it, where it is no member of the study.
        replicate: Its replicate; below 0 where it is none.
        epoch: The epoch of its weights, from 1; 0 for a model of several members.
        weights: SHA-256 of its weights, in hexadecimal.
        predict: Returns the outputs of its model for inputs `[sample, ...]`.
        measure: Returns the metric that scores for inputs and targets, and the outputs where it
            has them.
        output_kind: Returns what its outputs are.
    """

    variant: str
    replicate: int
    epoch: int
    weights: str
    predict: Callable[[np.ndarray], np.ndarray]
    measure: Callable[[np.ndarray, np.ndarray], SampleScore]
    output_kind: Callable[[], OutputKind] = lambda: "unknown"


class TestSet:
    """The test set of a study, which records when and for which members it was read.

    Args:
        data: The data.
        labels: Their classes; None if they have none.
        metric: The metric that scores.
        kept: The stored readings; None to keep readings only in this object.
    """

    def __init__(
        self,
        data: Dataset,
        labels: ClassLabels | None,
        metric: str,
        kept: KeptReadings | None = None,
    ) -> None:
        self._data, self._labels, self._metric = data, labels, metric
        self._kept, self._groups = kept, numbered(data.test_groups)
        self._unstored: list[Reading] = []

    @property
    def readings(self) -> list[Reading]:
        """All readings, in order."""
        return list(self._unstored) if self._kept is None else self._kept.all()

    @persistent()
    def read(self, candidates: Sequence[Candidate]) -> list[Tested]:
        """Score members on the test set, by the metric and by the classes that they give.

        For members that were scored before, by this metric, the results are reused.

        Args:
            candidates: The members.

        Returns:
            The results of each; empty if there is no test set.

        Raises:
            StoreError: They are new, and the store that would record it may only be read.
        """
        if not len(self._data.x_test):
            return []
        known = self._known()
        is_known = [(c.variant, c.weights) in known for c in candidates]
        if self._kept is not None and not all(is_known):
            self._kept.check_writing()
        found = [
            known.get((candidate.variant, candidate.weights)) or self._tested(candidate)
            for candidate in candidates
        ]
        new = tuple(tested for tested in found if tested not in known.values())
        if new:
            self._add(Reading(datetime.now(UTC), new))
        return found

    def has_read(self, candidates: Sequence[Candidate]) -> bool:
        """Whether the results of all of these members are known, so that nothing would be read."""
        return {(c.variant, c.weights) for c in candidates} <= set(self._known())

    def _known(self) -> dict[tuple[str, str], Tested]:
        # The data tell groups of readings that earlier versions kept, too.
        return {
            (tested.variant, tested.weights): replace(tested, groups=self._groups)
            for reading in self.readings
            for tested in reading.members
            if tested.is_known(self._metric, len(self._data.x_test))
        }

    def _tested(self, candidate: Candidate) -> Tested:
        inputs, labels = self._data.inputs(self._data.x_test), self._labels
        kind = candidate.output_kind()
        measured = candidate.measure(inputs, self._data.y_test)
        tested = Tested(
            candidate.variant,
            candidate.replicate,
            candidate.epoch,
            candidate.weights,
            self._metric,
            no_interval=measured.no_interval,
            score=np.array(measured.score),
            values=measured.values,
            ranked=measured.ranked,
            groups=self._groups,
            by_ranks=measured.by_ranks,
            thresholds=measured.thresholds,
        )
        given = measured.outputs
        if given is None:
            given = candidate.predict(inputs)
        has_other = labels is not None and kind == "other"
        found = tested
        if labels is not None and not has_other:
            found = _with_classes(tested, given, labels, kind)
        if found is not tested:
            return found
        # Whole numbers from 0, such as counts, may be classes by their looks: the outputs tell.
        if has_labels(self._data):
            return with_labels(tested, given, self._data, kind)
        predicting = _with_predictions(tested, given, self._data.y_test)
        if has_other and (predicting is tested or not measured.of_targets):
            return replace(tested, other_outputs=True)
        if predicting is not tested and not measured.of_targets:
            return replace(tested, other_scale=True)
        return replace(predicting, own_aim=measured.own_aim)

    def _add(self, reading: Reading) -> None:
        if self._kept is None:
            self._unstored.append(reading)
        else:
            self._kept.add(reading)


def _with_predictions(tested: Tested, given: Any, targets: Any) -> Tested:
    """With what it predicts, where each sample has a few numbers to predict; else as it is."""
    if isinstance(given, dict | list | tuple) or isinstance(targets, dict | list | tuple):
        return tested
    predictions, wanted = np.asarray(given), np.asarray(targets)
    samples, numbers = len(wanted), wanted[0].size
    if predictions.size != wanted.size or numbers > MOST_NUMBERS or wanted.dtype.kind not in "fiu":
        return tested
    # Several that are all 0 or 1 are answers to several questions of yes or no, and no numbers.
    if numbers > 1 and (predictions.shape != wanted.shape or np.isin(wanted, (0, 1)).all()):
        return tested
    shape = (samples,) if numbers == 1 else (samples, numbers)
    return replace(
        tested,
        targets=wanted.reshape(shape).astype(np.float32),
        predictions=predictions.reshape(shape).astype(np.float32),
    )


def _with_classes(
    tested: Tested, given: np.ndarray, labels: ClassLabels, kind: OutputKind = "unknown"
) -> Tested:
    """With the classes that the outputs of a model tell, unless they are no class scores."""
    classes, outputs = len(labels.names), np.asarray(given)
    if not are_of_classes(outputs, classes):
        return tested
    # Of what is no probability these are only in the order of some.
    scores, smallest = class_probabilities(outputs, kind), np.min_scalar_type(classes)
    return replace(
        tested,
        names=labels.names,
        margins=not tell_probabilities(outputs, kind),
        majority=labels.majority,
        truth=labels.test.astype(smallest),
        classes=scores.argmax(axis=1).astype(smallest),
        probabilities=scores.max(axis=1),
        losses=log_losses(scores, labels.test),
        second=leaning(outputs, kind) if classes == 2 else None,
    )


def score(tested: Tested, confidence: float) -> HeldOut:
    """Compare the predictions of a member, which are of classes, with those of the test set."""
    truth, guesses, surest = tested.truth, tested.classes, tested.probabilities
    losses = tested.losses
    assert truth is not None
    assert guesses is not None
    assert surest is not None
    assert losses is not None
    right = guesses == truth
    wrong = np.flatnonzero(~right)
    second = _second(tested, truth == 1, right, surest) if len(tested.names) == 2 else None
    confusion = np.zeros((len(tested.names),) * 2, int)
    np.add.at(confusion, (truth, guesses), 1)
    groups = tested.groups
    ranked = None if second is None else areas(second, truth == 1, confidence, groups)
    recalls = tuple(
        _recall(right, truth == number, groups, confidence) if row.any() else None
        for number, row in enumerate(confusion)
    )
    in_groups = () if groups is None else _in_groups(right, groups, truth, len(confusion))
    return HeldOut(
        tested.variant,
        proportion_over(right, groups, confidence),
        right,
        confusion,
        tuple(
            Mistake(int(row), int(truth[row]), int(guesses[row]), float(surest[row]))
            for row in wrong[np.argsort(-surest[wrong], kind="stable")]
        ),
        recalls,
        mean_recall([recall for recall in recalls if recall is not None], groups),
        Answers(tested.variant, confusion, tested.names, tested.majority, *in_groups),
        surest,
        losses,
        truth,
        second,
        ranked,
        groups,
        not tested.margins,
        None
        if ranked is None or tested.margins
        else brier(surest, right, ranked.share, confidence, groups),
    )


def _in_groups(
    right: np.ndarray, groups: np.ndarray, truth: np.ndarray, classes: int
) -> tuple[RightByGroup, np.ndarray]:
    """How many samples of each group are right, and `[class]` in how many groups each class is."""
    of_class = [count_of(groups[truth == number]) for number in range(classes)]
    return right_by_group(right, groups), np.array(of_class)


def _recall(
    right: np.ndarray, is_of_class: np.ndarray, groups: np.ndarray | None, confidence: float
) -> Interval:
    """The part of a class's samples that are given this class."""
    of_it = None if groups is None else groups[is_of_class]
    return proportion_over(right[is_of_class], of_it, confidence)


def _second(
    tested: Tested, is_second: np.ndarray, right: np.ndarray, sure: np.ndarray
) -> np.ndarray:
    if tested.second is not None:
        return tested.second
    given_second = is_second == right  # right about the second, or wrong about the first
    return np.where(given_second, sure, 1 - np.asarray(sure, float))
