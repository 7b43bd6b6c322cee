"""How a model does on the test set: accuracy, confusion matrix, and its worst mistakes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from scipy import special

from kohort.data.dataset import Dataset
from kohort.findings.interval import Interval
from kohort.findings.proportion import proportion_interval


@dataclass(frozen=True)
class Mistake:
    """One test sample that the model got wrong.

    Args:
        sample: Its row in the test set.
        truth: Its class.
        predicted: The class that the model gave.
        probability: What the model gave to that class.
    """

    sample: int
    truth: int
    predicted: int
    probability: float


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A variant's member on the test set.

    Args:
        variant: The variant's name.
        accuracy: With its Wilson interval over test samples: how sure the number is for this one
            trained model, not for another seed or split.
        right: `[test sample]`, whether the model's class is the true one.
        confusion: `[true class, predicted class]`, counts.
        mistakes: All of them, the surest first.
    """

    variant: str
    accuracy: Interval
    right: np.ndarray = field(repr=False)
    confusion: np.ndarray = field(repr=False)
    mistakes: tuple[Mistake, ...] = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """One reading of the test set.

    Args:
        time: When, in UTC.
        variants: Names of the variants that were tested.
    """

    time: datetime
    variants: tuple[str, ...]


class TestSet:
    """The test set of a study, which remembers when it was read.

    Args:
        data: The data.
        confidence: Of intervals.
    """

    def __init__(self, data: Dataset, confidence: float) -> None:
        self.readings: list[Reading] = []
        self._data = data
        self._confidence = confidence

    def read(self, predictions: Mapping[str, Callable[[np.ndarray], np.ndarray]]) -> list[HeldOut]:
        """Score variants on the test set.

        Args:
            predictions: By variant name, what its model predicts from inputs.

        Returns:
            A score for each; none where targets are no class labels or a model gives no scores of
            the classes.
        """
        data = self._data
        if data.classes is None:
            return []
        self.readings.append(Reading(datetime.now(UTC), tuple(predictions)))
        inputs, scores = data.inputs(data.x_test), []
        for variant, predict in predictions.items():
            given = np.asarray(predict(inputs))
            probabilities = class_probabilities(given) if given.ndim == 2 else given
            if probabilities.shape != (len(inputs), data.classes):
                return []
            scores.append(score(variant, data, probabilities, self._confidence))
        return scores


def class_probabilities(scores: np.ndarray) -> np.ndarray:
    """What a model gives, as a probability of each class, `[sample, class]`.

    Args:
        scores: `[sample, class]` probabilities or logits; or `[sample, 1]`, those of class 1 of
            two classes.
    """
    if scores.ndim == 2 and scores.shape[1] == 1:
        inside = ((scores >= 0) & (scores <= 1)).all()
        second = scores if inside else special.expit(scores)
        return np.concatenate([1 - second, second], axis=1)
    is_probability = (scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-2)
    probabilities: np.ndarray = scores if is_probability else special.softmax(scores, axis=-1)
    return probabilities


def score(variant: str, data: Dataset, predicted: np.ndarray, confidence: float) -> HeldOut:
    """Compare probabilities `[test sample, class]` with the labels of the test set."""
    guesses, surest = predicted.argmax(axis=1), predicted.max(axis=1)
    right = guesses == data.y_test
    wrong = np.flatnonzero(~right)
    confusion = np.zeros((predicted.shape[1],) * 2, int)
    np.add.at(confusion, (data.y_test, guesses), 1)
    return HeldOut(
        variant,
        proportion_interval(int(right.sum()), len(right), confidence),
        right,
        confusion,
        tuple(
            Mistake(int(row), int(data.y_test[row]), int(guesses[row]), float(surest[row]))
            for row in wrong[np.argsort(-surest[wrong], kind="stable")]
        ),
    )
