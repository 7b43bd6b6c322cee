"""The classes of samples, whatever the targets look like."""

import numpy as np
import pytest

from kohort.data.dataset import Dataset
from kohort.data.labels import class_labels, majority_of

Y = np.array([0, 2, 1, 1, 1, 0])


def dataset(y, test=None, **more):
    y = np.asarray(y)
    test = y[:3] if test is None else np.asarray(test)
    return Dataset(np.eye(len(y)), y, np.eye(len(test), len(y)), test, **more)


@pytest.mark.parametrize(
    ("y", "form"),
    [
        (Y, "integers"),
        (Y[:, None], "integers"),
        (np.eye(3)[Y], "one-hot"),
        (np.eye(3, dtype=int)[Y], "one-hot"),
        (Y.astype(float), "integers"),
        (Y[:, None].astype(float), "integers"),
    ],
    ids=["integers", "a column", "one-hot", "whole one-hot", "floats", "a column of floats"],
)
def test_classes_are_numbers(y, form):
    labels = class_labels(dataset(y), floats_are_labels=True)
    assert labels.train.tolist() == Y.tolist()
    assert labels.test.tolist() == Y[:3].tolist()
    assert (labels.names, labels.form, labels.majority) == (("0", "1", "2"), form, 1)


@pytest.mark.parametrize(
    "y",
    [
        Y + 0.5,
        -Y.astype(float),
        Y * 1e7,
        np.eye(3)[Y] * 2,
        np.minimum(1, np.eye(3)[Y] + np.eye(3)[Y[::-1]]),
        np.ones((6, 1)) / 2,
        np.zeros((6, 2, 2)),
    ],
    ids=["halves", "below zero", "too large", "twos", "several classes", "one column", "images"],
)
def test_other_targets_are_no_classes(y):
    assert class_labels(dataset(y), floats_are_labels=True) is None


def test_whole_floats_are_classes_only_where_an_accuracy_scores():
    # Dataset may come to see classes in floats itself: then they are classes, wherever they are.
    counts = dataset([0.0, 7.0, 30.0], [0.0, 1.0, 2.0])
    if counts.classes is None:
        assert class_labels(counts) is None
    assert class_labels(counts, floats_are_labels=True).names[-1] == "30"


def test_names_are_those_of_the_dataset():
    assert class_labels(dataset(Y, class_names="xyz")).names == ("x", "y", "z")


def test_the_majority_is_counted_in_each_part():
    labels = class_labels(dataset(Y, class_names="xyz"))
    parts = [(np.array([0, 1, 2, 3]), np.array([4, 5])), (np.array([0, 1, 5]), np.array([2, 3, 4]))]
    majority = majority_of(labels, parts)
    assert (majority.name, majority.classes, majority.share) == ("y", 3, 0.5)
    assert majority.train.tolist() == [0.5, 0.0]
    assert majority.valid.tolist() == [0.5, 1.0]


def test_of_equally_common_classes_the_first_is_the_majority():
    assert class_labels(dataset([2, 1, 2, 1, 0])).majority == 1


def test_floats_are_labels_where_there_is_no_test_set():
    labels = class_labels(
        Dataset(np.zeros((4, 2)), np.array([[0.0], [2.0], [1.0], [0.0]])), floats_are_labels=True
    )
    assert labels.train.tolist() == [0, 2, 1, 0]
    assert labels.names == ("0", "1", "2")
    assert len(labels.test) == 0
