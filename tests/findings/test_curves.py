"""What a rule sees: e* and the end, what diverged, and how errors are told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.curves import POINTS, Scale, StudyCurves, shown
from kohort.findings.interval import Interval
from tests.findings.curve_builders import percent_of, reordered, variant, variants
from tests.findings.curve_builders import with_replicate as adding

# Validation losses; the lowest of each replicate are at epochs 1, 3, 2; of the sums of the others
# (0.88, 0.85, 0.80), (0.80, 0.60, 1.10) and (0.68, 1.15, 0.70).
THREE = variant(
    train=[[1.0, 0.8, 0.6]] * 3,
    valid=[[0.30, 0.45, 0.50], [0.38, 0.70, 0.20], [0.50, 0.15, 0.60]],
    valid_error=[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]],
)


def test_the_best_epoch_of_a_replicate_is_that_of_the_others():
    assert list(THREE.best_by_others) == [2, 1, 0]
    assert list(THREE.at_best(THREE.valid_error)) == [0.3, 0.5, 0.7]


def test_the_best_epoch_of_all_is_that_of_the_mean():
    # Sums 1.18, 1.30, 1.30.
    assert THREE.best == 0


def test_a_replicate_alone_has_its_own_best_epoch():
    alone = variant(train=[[1.0, 0.5, 0.4]], valid=[[1.0, 0.5, 0.6]])

    assert list(alone.best_by_others) == [1]
    assert list(alone.at_best(alone.valid_error)) == [0.5]


def test_what_diverged_has_no_part_in_the_choice():
    more = adding(THREE, train_loss=[1.0, 0.5, np.nan], valid_loss=[0.0, 9.0, 9.0])

    assert list(more.best_by_others) == [2, 1, 0]
    assert more.at_best(more.valid_error) == pytest.approx([0.3, 0.5, 0.7, np.nan], nan_ok=True)


def test_an_error_at_the_best_epoch_of_others_is_not_flattered():
    # All epochs are equally good: the lowest of 20 noisy ones would seem 1.87 deviations better
    # than they are (the expected maximum of 20 normal deviates, any table of order statistics).
    random = np.random.default_rng(61)
    own, others = [], []
    for _ in range(400):
        loss = 10 + random.normal(size=(5, 20))
        curves = variant(train=10 - 0.1 * np.arange(100).reshape(5, 20) / 100, valid=loss)
        others.append(curves.at_best(curves.valid_error).mean() - 10)
        own.append(loss.min(axis=1).mean() - 10)

    assert np.mean(own) == pytest.approx(-1.867, abs=0.05)
    assert abs(np.mean(others)) < 4 * np.std(others) / 20


@pytest.mark.parametrize(
    ("epochs", "end"), [(1, [0]), (3, [2]), (7, [6]), (8, [6, 7]), (12, [9, 10, 11])]
)
def test_the_end_is_the_last_quarter_of_the_epochs(epochs, end):
    rows = [list(1 / (1 + np.arange(epochs)))] * 2
    curves = variant(train=rows, valid=rows)

    assert list(range(epochs))[curves.end] == end
    assert curves.at_end(curves.valid_loss) == pytest.approx(np.mean(1 / (1 + np.array(end))))


def test_the_end_is_that_of_the_shortest_sound_replicate():
    curves = variant(
        train=[[1, 0.5], [1, 0.4, 0.1], [1.0]], valid=[[1, 0.5], [1, 0.4, 9], [np.nan]]
    )

    assert curves.epochs == 2
    assert curves.at_end(curves.valid_loss) == pytest.approx([0.5, 0.4, np.nan], nan_ok=True)


def test_nothing_sound_leaves_nothing():
    curves = variant(train=[[np.nan], [np.inf]], valid=[[1.0], [1.0]])

    assert list(curves.sound) == []
    assert curves.epochs == 0
    assert np.isnan(curves.at_best(curves.valid_error)).all()
    assert np.isnan(curves.at_end(curves.valid_error)).all()


def test_a_replicate_without_an_epoch_is_neither_sound_nor_diverged():
    curves = variant(train=[[1.0, 0.5], []], valid=[[1.0, 0.5], []])

    assert list(curves.sound) == [0]
    assert not curves.diverged.any()


@settings(derandomize=True, deadline=None)
@given(curves=variants(), data=st.data())
def test_values_follow_the_order_of_replicates(curves, data):
    order = list(data.draw(st.permutations(range(len(curves.lengths)))))
    other = reordered(curves, order)

    for at, of in ((curves.at_best, other.at_best), (curves.at_end, other.at_end)):
        assert np.array_equal(of(other.valid_error), at(curves.valid_error)[order], equal_nan=True)


def test_a_threshold_in_the_unit_of_the_errors():
    assert POINTS.threshold(2.0, 10.0) == pytest.approx(0.02)
    assert percent_of(0.5).threshold(2.0, 10.0) == pytest.approx(0.05)
    assert Scale("%", 100 / 8.0).threshold(2.0, 10.0) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(0.031, 0.02, 0.042, 5, 0.01), "3.1 points (2.0 to 4.2)"),
        (Interval(-0.0001, -0.0002, 0.0, 5, 0.01), "0.0 points (0.0 to 0.0)"),
        (Interval(0.031, np.nan, np.nan, 1, np.nan), "3.1 points"),
    ],
)
def test_an_interval_in_words(interval, words):
    assert shown(interval, "points", 100) == words
    assert StudyCurves((THREE,)).shown(interval) == words


def test_a_difference_is_told_on_the_scale_of_the_study():
    study = StudyCurves((THREE,), scale=percent_of(0.5))
    assert study.shown(Interval(0.05, 0.01, 0.09, 5, 0.01)) == "10.0 % (2.0 to 18.0)"


def test_intervals_have_the_confidence_of_the_study_and_its_correction():
    # n = 3, mean 2, s = 1. Student's t of 2 degrees of freedom at 95 %: 2.919986.
    found = StudyCurves((THREE,), confidence=0.9, test_to_train=0.25).interval(np.arange(1.0, 4.0))
    half = 2.919986 * np.sqrt(1 / 3 + 1 / 4)

    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-5)


def test_errors_of_a_study_are_those_at_the_best_epochs():
    gone = variant("w", train=[[np.nan] * 3] * 3, valid=[[1.0] * 3] * 3)
    errors = StudyCurves((THREE, gone)).errors

    assert errors[0] == pytest.approx([0.3, 0.5, 0.7])
    assert np.isnan(errors[1]).all()
