"""Scores members on the test set: accuracy, confusion matrix, and mistakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from scipy import special

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels
from kohort.evidence.readings import LOG_LOSS, KeptReadings, Reading, Tested
from kohort.findings.judged import Answers
from kohort.findings.probabilities.calibration import Calibration, calibration, log_losses
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.proportion import mean_of_proportions, proportion_interval
from kohort.report.tested_scores import TestScore, test_score


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
        losses: `[test sample]`, minus the logarithm of the probability of the true class; None
            where it was tested before these were kept.
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
    losses: np.ndarray | None = field(repr=False)

    @property
    def known_losses(self) -> np.ndarray:
        """`losses` of one that was read with them."""
        assert self.losses is not None
        return self.losses

    @property
    def calibration(self) -> Calibration:
        """How far how sure it is differs from how often it is right."""
        return calibration(self.sure, self.right)


class Candidate(NamedTuple):
    """A trained member to be tested.

    Args:
        variant: Its variant; or what to call it, where it is no member of the study.
        replicate: Its replicate; below 0 where it is none.
        epoch: The epoch of its weights, from 1; 0 for a model of several members.
        weights: SHA-256 of its weights, in hexadecimal.
        predict: Returns the outputs of its model for inputs `[sample, ...]`.
        measure: Returns the metric that scores for inputs and targets, and its values `[sample]`.
    """

    variant: str
    replicate: int
    epoch: int
    weights: str
    predict: Callable[[np.ndarray], np.ndarray]
    measure: Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


class TestSet:
    """The test set of a study, which records when and for which members it was read.

    Args:
        data: The data.
        labels: Their classes; None if they have none.
        confidence: Of intervals.
        kept: The stored readings; None to keep readings only in this object.
    """

    def __init__(
        self,
        data: Dataset,
        labels: ClassLabels | None,
        confidence: float,
        kept: KeptReadings | None = None,
    ) -> None:
        self._data, self._labels = data, labels
        self._confidence = confidence
        self._kept = kept
        self._unstored: list[Reading] = []

    @property
    def readings(self) -> list[Reading]:
        """All readings, in order."""
        return list(self._unstored) if self._kept is None else self._kept.all()

    def read(self, candidates: Sequence[Candidate], *, with_losses: bool = False) -> list[HeldOut]:
        """Score members on the test set; for members that were scored before, reuse the result.

        Args:
            candidates: The members.
            with_losses: Whether to score those again whose log losses were not kept.

        Returns:
            The results of each; empty if targets are not class labels, or if the outputs of a
            model are not scores of the classes.
        """
        labels = self._labels
        known = {
            key: tested
            for key, tested in self._known().items()
            if not with_losses or (tested.metric == LOG_LOSS and tested.values is not None)
        }
        if labels is None or not len(self._data.x_test):
            return []
        found = []
        for candidate in candidates:
            earlier = known.get((candidate.variant, candidate.weights))
            tested = earlier or _tested(candidate, self._data, labels)
            if tested is None:
                return []
            found.append(tested)
        new = tuple(tested for tested in found if tested not in known.values())
        if new:
            self._add(Reading(datetime.now(UTC), new))
        return [score(tested, labels, self._confidence) for tested in found]

    def has_read(self, candidates: Sequence[Candidate]) -> bool:
        """Whether the results of all of these members are known, so that nothing would be read."""
        return {(c.variant, c.weights) for c in candidates} <= set(self._known())

    def _known(self) -> dict[tuple[str, str], Tested]:
        return {
            (tested.variant, tested.weights): tested
            for reading in self.readings
            for tested in reading.members
            if tested.classes is not None and len(tested.classes) == len(self._data.x_test)
        }

    def read_scores(self, candidates: Sequence[Candidate], metric: str) -> list[TestScore]:
        """As `read`, by the metric of the study; empty if there is no test set."""
        data = self._data
        if not len(data.x_test):
            return []
        known = {
            (tested.variant, tested.weights): tested
            for reading in self.readings
            for tested in reading.members
            if tested.metric == metric and tested.score is not None and tested.values is not None
        }
        found = [
            known.get((candidate.variant, candidate.weights)) or _measured(candidate, data, metric)
            for candidate in candidates
        ]
        new = tuple(tested for tested in found if tested not in known.values())
        if new:
            self._add(Reading(datetime.now(UTC), new))
        return [test_score(tested, self._confidence) for tested in found]

    def _add(self, reading: Reading) -> None:
        if self._kept is None:
            self._unstored.append(reading)
        else:
            self._kept.add(reading)


def _tested(candidate: Candidate, data: Dataset, labels: ClassLabels) -> Tested | None:
    """The predictions of a member for the test set; None if its outputs are not class scores."""
    classes = len(labels.names)
    outputs = np.asarray(candidate.predict(data.inputs(data.x_test)))
    scores = class_probabilities(outputs) if outputs.ndim == 2 else outputs
    if scores.shape != (len(data.x_test), classes):
        return None
    guesses = scores.argmax(axis=1).astype(np.min_scalar_type(classes))
    losses = log_losses(scores, labels.test)
    return Tested(
        candidate.variant,
        candidate.replicate,
        candidate.epoch,
        candidate.weights,
        guesses,
        scores.max(axis=1),
        LOG_LOSS,
        np.array(losses.mean()),
        losses,
    )


def _measured(candidate: Candidate, data: Dataset, metric: str) -> Tested:
    """The metric of a member on the test set."""
    score, values = candidate.measure(data.inputs(data.x_test), data.y_test)
    return Tested(
        candidate.variant,
        candidate.replicate,
        candidate.epoch,
        candidate.weights,
        metric=metric,
        score=np.array(score),
        values=values,
    )


def class_probabilities(scores: np.ndarray) -> np.ndarray:
    """The outputs of a model as probabilities of classes, `[sample, class]`.

    Args:
        scores: Probabilities or logits `[sample, class]`; or `[sample, 1]`, those of class 1 of
            two classes.
    """
    if scores.ndim == 2 and scores.shape[1] == 1:
        inside = ((scores >= 0) & (scores <= 1)).all()
        second = scores if inside else special.expit(scores)
        return np.concatenate([1 - second, second], axis=1)
    is_probability = (scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-2)
    probabilities: np.ndarray = scores if is_probability else special.softmax(scores, axis=-1)
    return probabilities


def score(tested: Tested, labels: ClassLabels, confidence: float) -> HeldOut:
    """Compare the predictions of a member with the labels of the test set."""
    guesses, surest, truth = tested.classes, tested.probabilities, labels.test
    assert guesses is not None
    assert surest is not None
    right = guesses == truth
    wrong = np.flatnonzero(~right)
    confusion = np.zeros((len(labels.names),) * 2, int)
    np.add.at(confusion, (truth, guesses), 1)
    recalls = tuple(
        proportion_interval(int(row[number]), int(row.sum()), confidence) if row.any() else None
        for number, row in enumerate(confusion)
    )
    return HeldOut(
        tested.variant,
        proportion_interval(int(right.sum()), len(right), confidence),
        right,
        confusion,
        tuple(
            Mistake(int(row), int(truth[row]), int(guesses[row]), float(surest[row]))
            for row in wrong[np.argsort(-surest[wrong], kind="stable")]
        ),
        recalls,
        mean_of_proportions([recall for recall in recalls if recall is not None]),
        Answers(tested.variant, confusion, labels.names, labels.majority),
        surest,
        tested.values if tested.metric == LOG_LOSS else None,
    )
