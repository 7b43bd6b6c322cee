"""KH205: the winner gives none of a class's test samples their class."""

import numpy as np
import pytest

from kohort.findings.classes.counted_answers import Answers
from kohort.findings.rules.never_found import RECALL_PERCENT, RULE
from tests.findings.curve_builders import study_of

STUDY = study_of([[0.1, 0.1]])


def judge(*rows, names=None, baseline=None):
    counts = np.array(rows)
    names = names or tuple(map(str, range(len(counts))))
    tested = [Answers("v", counts, names, 0)]
    if baseline is not None:
        tested.append(Answers("w", np.array(baseline), names, 0))
    return RULE.judge(STUDY, tested)


def test_fires_where_eleven_of_eleven_are_missed():
    found = judge([604, 0], [11, 0])

    assert (found.code, found.title) == ("KH205", "class never found")
    assert (found.verdict, found.variant) == ("found", None)
    assert found.sentence == "The winner, v, finds none of the 11 of class 1."
    assert found.evidence == {
        "classes in the test set": 2,
        "classes never found": 1,
        "test samples of class 1": 11,
    }
    assert "weights of the classes" in found.advice


def test_is_silent_where_one_of_them_is_found():
    found = judge([604, 0], [10, 1])
    assert (found.verdict, found.advice) == ("not found", "")
    assert found.sentence == "The winner, v, finds some test samples of each class."


def test_does_not_apply_without_answers_to_the_test_set():
    found = RULE.judge(STUDY, [])
    assert (found.verdict, found.evidence, found.advice) == ("not applicable", {}, "")


def test_few_samples_do_not_tell_a_recall():
    assert RECALL_PERCENT == 50.0
    for samples, verdict in ((5, "inconclusive"), (6, "found")):
        assert judge([604, 0], [samples, 0]).verdict == verdict
    assert judge([604, 0], [5, 0]).sentence.endswith("which are too few to tell its recall.")


def test_a_class_without_test_samples_is_not_missed():
    assert judge([9, 0, 0], [0, 9, 0], [0, 0, 0]).verdict == "not found"


def test_the_baselines_misses_are_not_the_winners():
    assert judge([9, 0], [0, 9], baseline=[[9, 0], [9, 0]]).verdict == "not found"


def test_of_many_classes_three_are_named():
    counts = np.zeros((6, 6), int)
    counts[:, 0] = 50
    found = judge(*counts)
    assert found.sentence == (
        "The winner, v, finds none of the 50 of class 1, none of the 50 of class 2, none of the "
        "50 of class 3 and none of 2 more classes."
    )


def of_sizes(*samples):
    """The judgement of a winner that takes so many samples of classes 1, 2, ... for class 0."""
    counts = np.zeros((len(samples) + 1, len(samples) + 1), int)
    counts[:, 0] = 500, *samples
    return judge(*counts)


def test_the_class_that_it_is_found_of_is_named_apart_from_those_that_are_too_few_to_tell():
    found = of_sizes(1, 1, 1, 200, 1)
    assert found.verdict == "found"
    assert found.sentence == (
        "The winner, v, finds none of the 200 of class 4. It also finds none of the 1 of class 1, "
        "none of the 1 of class 2, none of the 1 of class 3 and none of 1 more class, which are "
        "too few to tell their recalls."
    )
    assert found.evidence == {
        "classes in the test set": 6,
        "classes never found": 5,
        "test samples of class 4": 200,
        "test samples of class 1": 1,
        "test samples of class 2": 1,
    }


def test_the_largest_classes_are_named_first():
    assert (
        "none of the 90 of class 2, none of the 70 of class 3 and" in of_sizes(50, 90, 70).sentence
    )
    assert of_sizes(1, 2).sentence == (
        "The winner, v, finds none of the 2 of class 2 and none of the 1 of class 1, which are too "
        "few to tell their recalls."
    )


def test_where_groups_are_known_those_of_the_most_groups_are_named_first():
    counts = np.array([[604, 0, 0], [110, 0, 0], [50, 0, 0]])
    found = RULE.judge(STUDY, [Answers("v", counts, tuple("abc"), 0, 90, np.array([90, 2, 40]))])
    assert found.sentence == (
        "The winner, v, finds none of the 50 of class c. It also finds none of the 110 of class b, "
        "which are too few to tell its recall."
    )


@pytest.mark.parametrize(("samples", "classes"), [(6, 2), (11, 2), (20, 10), (200, 1000)])
def test_what_is_found_every_other_time_is_rarely_called_never_found(samples, classes):
    counts = np.zeros((classes, classes), int)
    counts[0], counts[:, 0] = 0, samples
    if judge(*counts).verdict == "found":
        assert (classes - 1) * 0.5**samples <= 0.025


def test_samples_of_few_groups_do_not_tell_a_recall():
    tested = [Answers("v", np.array([[604, 0], [11, 0]]), ("0", "1"), 0)]
    assert RULE.judge(study_of([[0.1, 0.1]], group_size=5.0), tested).verdict == "inconclusive"


@pytest.mark.parametrize(("groups", "verdict"), [(5, "inconclusive"), (6, "found")])
def test_groups_of_the_class_are_counted_where_they_are_known(groups, verdict):
    counts, of_class = np.array([[604, 0], [110, 0]]), np.array([90, groups])
    tested = [Answers("v", counts, ("0", "1"), 0, 90, of_class)]
    for size in (1.0, 50.0):
        assert RULE.judge(study_of([[0.1, 0.1]], group_size=size), tested).verdict == verdict
