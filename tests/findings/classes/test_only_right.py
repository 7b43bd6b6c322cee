"""Which samples only a model or only the constant answer gets right, of counts by class."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.data.labels import Majority
from kohort.evidence.class_counts import ClassCounts
from kohort.findings.classes.only_right import only_right
from kohort.findings.from_record import study_curves
from tests.findings.factorial.records import grid_of, record_of

COUNTS = ClassCounts(
    ("a", "b", "c"),
    np.array([[20, 80, 0], [20, 70, 10]]),
    {(0, 0): np.array([5, 76, 0]), (0, 1): np.array([10, 70, 4]), (1, 1): np.array([0, 70, 0])},
)


def test_it_follows_from_what_is_found_of_each_class():
    assert only_right(COUNTS, "b", 0, 2) == pytest.approx(np.array([[0.05, 0.04], [0.14, 0.0]]))
    assert only_right(COUNTS, "a", 0, 1) == pytest.approx(np.array([[0.76, 0.15]]))


def test_what_is_not_known_is_nan():
    of_one = only_right(COUNTS, "b", 1, 3)
    assert np.isnan(of_one).tolist() == [[True, True], [False, False], [True, True]]
    assert of_one[1].tolist() == [0, 0]
    assert np.isnan(only_right(COUNTS, "d", 0, 2)).all()
    nothing = replace(COUNTS, samples=np.zeros((2, 3), int))
    assert np.isnan(only_right(nothing, "b", 0, 2)).all()


def test_a_record_gives_it_to_its_curves():
    share = np.array([0.8, 0.7])
    plain = record_of(grid_of(units=[1, 2]), [[0.81, 0.84], [0.7, 0.7]])
    assert study_curves(replace(plain, classes=COUNTS)).variants[0].only_right is None
    scored = replace(plain, majority=Majority("b", share, share, 3, 0.75))
    assert study_curves(scored).variants[0].only_right is None
    first, second = study_curves(replace(scored, classes=COUNTS)).variants
    assert first.only_right == pytest.approx(np.array([[0.05, 0.04], [0.14, 0.0]]))
    assert np.isnan(second.only_right[0]).all()
