"""The classes of samples: integers, whole numbers kept as floats, or one-hot rows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.encoding import MOST_CLASSES, NO_SAMPLE

AS_NUMBERS = "are taken as numbers to predict, not as classes"
"""What is told of targets that a study takes for numbers."""

type LabelForm = Literal["one-hot", "integers"]


@dataclass(frozen=True, eq=False)
class ClassLabels:
    """The class of each sample.

    Args:
        train: `[train sample]`, a number from 0, int64.
        test: `[test sample]`, likewise.
        names: `[class]`.
        form: How the targets tell the class: by its number, or by a row of zeros with one 1.
    """

    train: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    form: LabelForm

    @property
    def counts(self) -> np.ndarray:
        """int64 `[side, class]`, the samples of each class in train and in test."""
        sides = (self.train, self.test)
        return np.stack([np.bincount(side, minlength=len(self.names)) for side in sides])

    @property
    def majority(self) -> int:
        """The most common class of all training samples; of several the first."""
        return int(self.counts[0].argmax())


def numbered_classes(data: Dataset) -> np.ndarray | None:
    """The numbers that name classes, float32 `[class]`, where these are not their labels; or None.

    Such are ratings from 1 to 5, which may be classes as well as numbers to predict.
    """
    names = data.class_names or ()
    if data.classes is None or not all(re.fullmatch(r"-?\d+", name) for name in names):
        return None
    if all(name == str(label) for label, name in enumerate(names)):
        return None
    return np.array(names, np.float32)


def thin_classes(data: Dataset) -> np.ndarray | None:
    """The labels of classes that are numbered from 0, as numbers, float32 `[class]`; or None.

    That is of three classes or more without names, one of which has a training sample at most:
    counts, ages and prices are such numbers, and classes that are to be learned are not.
    """
    names, classes = data.class_names or (), data.classes or 0
    if classes < 3 or any(name != str(label) for label, name in enumerate(names)):
        return None
    is_thin = np.bincount(data.y_train.reshape(-1), minlength=classes).min() < 2
    return np.arange(classes, dtype=np.float32) if is_thin else None


def possible_numbers(data: Dataset) -> np.ndarray | None:
    """The number of each label, where targets may be numbers to predict; None where not."""
    named = numbered_classes(data)
    return thin_classes(data) if named is None else named


def as_numbers(data: Dataset, asked: str) -> Dataset:
    """The same data with the numbers of their classes as targets `[sample, 1]`, to predict.

    Args:
        data: Of `possible_numbers`.
        asked: What asks for it, as part of a sentence.
    """
    numbers = possible_numbers(data)
    assert numbers is not None
    there = numbers[np.unique(np.concatenate([data.y_train, data.y_test]))]
    told = f"targets {there.min():g} to {there.max():g} {AS_NUMBERS}: {asked}"
    return replace(
        data,
        y_train=numbers[data.y_train][:, None],
        y_test=numbers[data.y_test][:, None],
        class_names=None,
        notes=(*(note for note in data.notes if NO_SAMPLE not in note), told),
        raw=data.raw and data.raw.numbered(numbers),
    )


def class_labels(data: Dataset, *, floats_are_labels: bool = False) -> ClassLabels | None:
    """The classes of a dataset's samples; None where its targets are no classes.

    Args:
        data: The dataset.
        floats_are_labels: Whether one float a sample, if all of them are whole numbers from 0, is
            a class, as where models are scored by an accuracy. Else it is a number to predict.
    """
    sides = data.y_train, data.y_test
    if data.classes is not None:
        train, test = (side.reshape(len(side)).astype(np.int64) for side in sides)
        return ClassLabels(train, test, tuple(data.class_names or ()), "integers")
    if all(map(_is_one_hot, sides)):
        train, test = (side.argmax(axis=1) for side in sides)
        return ClassLabels(train, test, label_names(data), "one-hot")
    if not floats_are_labels or not all(map(_holds_whole_numbers, sides)):
        return None
    train, test = (side.reshape(len(side)).astype(np.int64) for side in sides)
    numbered = _numbered(1 + int(np.concatenate([train, test]).max()))
    return ClassLabels(train, test, tuple(data.class_names or numbered), "integers")


def holds_several_labels(targets: np.ndarray) -> bool:
    """Whether targets are rows of zeros and ones of which some have another number of ones than 1.

    Args:
        targets: `[sample, ...]`.
    """
    if targets.ndim != 2 or targets.shape[1] < 2:
        return False
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) != 1).any())


def label_names(data: Dataset) -> tuple[str, ...]:
    """The names of the columns of targets `[sample, label]`; their numbers where none are given."""
    return tuple(data.class_names or _numbered(data.y_train.shape[1]))


@dataclass(frozen=True, eq=False)
class Majority:
    """The most common class of the training data: the answer of a model that looks at nothing.

    Args:
        name: Its name.
        train: `[replicate]`, its part of the samples that train, float64: the accuracy of always
            answering it there.
        valid: `[replicate]`, its part of the samples that validate.
        classes: The number of classes.
        share: Its part of all training samples.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    classes: int
    share: float


def majority_of(labels: ClassLabels, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> Majority:
    """The majority class, and its part of the samples of each replicate.

    Args:
        labels: The classes.
        parts: For each replicate the rows that train and those that validate.
    """
    is_it = labels.train == labels.majority
    shares = np.array([(is_it[train].mean(), is_it[valid].mean()) for train, valid in parts])
    return Majority(
        labels.names[labels.majority],
        shares[:, 0],
        shares[:, 1],
        len(labels.names),
        float(is_it.mean()),
    )


@dataclass(frozen=True)
class CountedClass:
    """The class that a metric of one of two classes is about, the one with the label 1.

    Args:
        name: Its name.
        other: The name of the other class.
        samples: Its training samples.
        of: All training samples.
    """

    name: str
    other: str
    samples: int
    of: int

    @property
    def is_common(self) -> bool:
        """Whether it has twice the training samples of the other class, or more."""
        return self.samples >= 2 * (self.of - self.samples)

    def told(self, metric: str) -> str:
        """Which class a metric is of, and how common that is, as a clause."""
        return (
            f"{metric} is that of class {self.name} (label 1), {self.samples:,} of the "
            f"{self.of:,} training samples"
        )

    @property
    def how_to_turn(self) -> str:
        """What makes the metric that of the other class, as a clause."""
        return f"to score by class {self.other}, give it the label 1"


def counted_class(labels: ClassLabels | None) -> CountedClass | None:
    """The second of two classes whose labels are numbers; None of other targets."""
    if labels is None or labels.form != "integers" or len(labels.names) != 2:
        return None
    first, second = labels.counts[0].tolist()
    return CountedClass(labels.names[1], labels.names[0], second, first + second)


def _numbered(classes: int) -> tuple[str, ...]:
    return tuple(map(str, range(classes)))


def _is_one_hot(targets: np.ndarray) -> bool:
    """Whether each row `[class]` of targets is a 1 among zeros, of two classes or more."""
    if targets.ndim != 2 or not 2 <= targets.shape[1] < MOST_CLASSES:
        return False
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all())


def _holds_whole_numbers(targets: np.ndarray) -> bool:
    """Whether there is one number a sample, from 0 and whole; so of no samples."""
    if targets.size != len(targets):
        return False
    return bool(
        (targets == np.rint(targets)).all()
        and targets.min(initial=0) >= 0
        and targets.max(initial=0) < MOST_CLASSES
    )
