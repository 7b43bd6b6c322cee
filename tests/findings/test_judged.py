"""What a rule sees: e* and the end, what diverged, and how errors are told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.curves.ends import end_of
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import POINTS, Scale, changes, shown, significant
from tests.findings.curve_builders import (
    percent_of,
    reordered,
    scaled,
    study_of,
    turns,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

# Validation losses; the lowest of each replicate are at epochs 1, 3, 2. Of three each chooses for
# the one before it, the first for the last.
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
    by_itself, others = [], []
    for _ in range(400):
        loss = 10 + random.normal(size=(5, 20))
        curves = variant(train=10 - 0.1 * np.arange(100).reshape(5, 20) / 100, valid=loss)
        others.append(curves.at_best(curves.valid_error).mean() - 10)
        by_itself.append(loss.min(axis=1).mean() - 10)

    assert np.mean(by_itself) == pytest.approx(-1.867, abs=0.05)
    assert abs(np.mean(others)) < 4 * np.std(others) / 20


@pytest.mark.parametrize(
    ("epochs", "end"), [(1, [0]), (3, [2]), (7, [6]), (8, [6, 7]), (12, [9, 10, 11])]
)
def test_the_end_is_the_last_quarter_of_the_epochs(epochs, end):
    rows = [list(1 / (1 + np.arange(epochs)))] * 2
    curves = variant(train=rows, valid=rows)

    assert list(range(epochs))[end_of(epochs)] == end
    assert curves.at_end(curves.valid_loss) == pytest.approx(np.mean(1 / (1 + np.array(end))))


# Of the first three the mean is lowest at the third epoch: (0.5 + 0.2 + 0.3) / 3; it would be at
# the second, were all cut at the shortest.
STOPPED = variant(
    train=[[1.0, 0.5], [1.0, 0.9, 0.8, 0.7], [1.0, 0.9, 0.8], [1.0]],
    valid=[[0.9, 0.5], [0.9, 0.8, 0.2, 0.4], [0.9, 0.7, 0.3], [np.nan]],
)


def test_a_replicate_that_stops_early_does_not_cut_the_others_short():
    assert (STOPPED.epochs, STOPPED.longest, STOPPED.best) == (2, 4, 2)
    # Each is read at the best epoch of the next: the third, before which the first had stopped; the
    # third; and for the third itself the last epoch of the first, which is level from there on.
    assert list(STOPPED.best_by_others) == [1, 2, 1]
    assert STOPPED.at_best(STOPPED.valid_loss) == pytest.approx(
        [0.5, 0.2, 0.7, np.nan], nan_ok=True
    )
    assert list(STOPPED.at_epoch(STOPPED.train_loss, 2)) == [0.5, 0.8, 0.8]


def test_a_variant_stopped_where_nothing_is_gained_is_as_good_as_the_whole_one():
    # Each is lowest at an epoch of its own and level from there on; all stop a while after it.
    falls = [np.maximum(1.0 - 0.1 * np.arange(20), level) for level in (0.2, 0.8, 0.5, 0.3)]
    whole = variant("whole", train=falls, valid=falls)
    lengths = [int(row.argmin()) + 4 for row in falls]
    rows = [row[:length] for row, length in zip(falls, lengths, strict=True)]
    stopped = variant("stopped", train=rows, valid=rows, planned_epochs=20)

    assert sorted(lengths) == [6, 9, 11, 12]
    assert list(stopped.loss_at_best) == list(whole.loss_at_best)


def test_the_end_is_that_of_each_replicates_own_epochs():
    curves = variant(
        train=[[1, 0.5], [1, 0.4, 0.1], [1.0]], valid=[[1, 0.5], [1, 0.4, 9], [np.nan]]
    )

    assert curves.epochs == 2
    assert curves.at_end(curves.valid_loss) == pytest.approx([0.5, 9, np.nan], nan_ok=True)
    after = curves.at_end(curves.valid_loss, after=1)
    assert after == pytest.approx([0.5, 9, np.nan], nan_ok=True)


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


@settings(derandomize=True)
@given(curves=variants(), data=st.data())
def test_values_follow_the_circle_of_replicates(curves, data):
    order = data.draw(turns(len(curves.lengths)))
    other = reordered(curves, order)

    for at, of in ((curves.at_best, other.at_best), (curves.at_end, other.at_end)):
        assert np.array_equal(of(other.valid_error), at(curves.valid_error)[order], equal_nan=True)
    assert np.array_equal(other.rise(), curves.rise()[order], equal_nan=True)


@settings(derandomize=True)
@given(curves=variants(), power=st.integers(-20, 20))
def test_the_unit_of_the_loss_does_not_matter_to_a_rise(curves, power):
    assert np.array_equal(scaled(curves, 2.0**power).rise(), curves.rise(), equal_nan=True)


# Best epochs of the others of THREE are the third, the second and the first, of which the last
# quarter is the third: 0 where e* is the last; 0.20 / 0.70; 0.60 / 0.50.
def test_the_rise_after_the_best_epoch_of_the_others_by_hand():
    assert THREE.rise() == pytest.approx([0.0, 100 * (2 / 7 - 1), 20.0])


# Of eight epochs the end is two.
EIGHT = [4.0, 3.0, 2.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("losses", "rise"),
    [
        ([*EIGHT, 1.2, 1.4], 30.0),  # the mean of two
        ([2.0, 0.8, 0.9, 1.0, 1.0, 1.0, 1.2, 1.4], 400 / 9),  # 1.3 / 0.9, however early e* is
        ([0.8, 1.0, *EIGHT[2:], 1.2, 1.8], 200 / 3),  # e* is the first: 1.5 over the mean of two
        ([*EIGHT, 0.8, 1.2], 20.0),  # e* is the first of the end: the other one alone, over 1.0
        ([*EIGHT, 1.4, 0.8], 0.0),  # e* is the last epoch
        ([*EIGHT[:5], 0.5, 0.6, 0.7], 25 / 3),  # e* is the epoch before the end: 0.65 / 0.6
        ([0.9, 0.7, 0.6, 0.5, 0.5, 0.55, 0.7], 40.0),  # an end of one epoch, over the lowest
        ([1.0], 0.0),
        ([0.5, 0.6], 20.0),
    ],
)
def test_the_rise_is_to_the_end_as_far_as_it_is_after_the_best_epoch(losses, rise):
    falling = list(np.linspace(1.0, 0.5, len(losses)))
    alone = variant(train=[falling], valid=[losses])
    again = adding(alone, valid_loss=losses)

    assert alone.rise() == pytest.approx([rise])
    assert again.rise() == pytest.approx([rise, rise])


def test_the_end_of_a_rise_is_that_after_each_replicates_own_best_epoch():
    # Of twelve epochs the end is three. The best of the others is the eleventh for the first
    # replicate, 0.9 / 0.7, the tenth for the second, (0.8 + 1.0) / 2 / 0.88, and for all.
    falling = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.5]
    rows = [[*falling, 0.6, 0.7, 0.9], [*falling, 0.88, 0.8, 1.0]]
    curves = variant(train=rows, valid=rows)

    assert (curves.best, list(curves.best_by_others)) == (9, [10, 9])
    assert curves.rise() == pytest.approx([100 * (9 / 7 - 1), 100 * (0.9 / 0.88 - 1)])


def test_a_rise_in_percent_needs_a_loss_above_zero():
    # All are best at the second epoch.
    rows = [[1.0, 0.0, 0.5], [1.0, -0.5, 0.5], [1.0, 0.25, 0.5], [1.0, 1e-9, 3e-9]]
    curves = variant(train=[[1.0, 0.9, 0.8]] * 4, valid=rows)

    assert curves.rise() == pytest.approx([np.nan, np.nan, 100.0, 200.0], nan_ok=True)
    ended = variant(train=[[1.0, 0.9, 0.8]], valid=[[1.0, 0.5, -0.5]])
    assert np.isnan(ended.rise()).all()  # e* is its last epoch


def test_what_is_not_sound_has_no_rise():
    more = adding(THREE, train_loss=[1.0, 0.5, np.nan], valid_loss=[0.0, 9.0, 9.0])
    none = variant(train=[[np.nan], [np.inf], []], valid=[[1.0], [1.0], []])

    assert more.rise() == pytest.approx([*THREE.rise(), np.nan], nan_ok=True)
    assert np.isnan(none.rise()).all()
    assert none.rise().shape == (3,)


def test_a_rise_is_read_up_to_each_replicates_own_end():
    curves = variant(
        train=[[1.0, 0.5, 0.4], [1.0, 0.5, 0.4, 0.3], [1.0]],
        valid=[[1.0, 0.5, 0.6], [1.0, 0.5, 0.6, 0.7], [np.nan]],
    )
    assert curves.rise() == pytest.approx([20.0, 40.0, np.nan], nan_ok=True)


def test_a_threshold_in_the_unit_of_the_errors():
    assert POINTS.threshold(2.0, 10.0) == pytest.approx(0.02)
    assert percent_of(0.5).threshold(2.0, 10.0) == pytest.approx(0.05)
    assert Scale("r2", higher_is_better=True, reference=8.0).threshold(2.0, 10.0) == (
        pytest.approx(0.8)
    )


def test_a_metric_is_a_proportion_where_it_has_no_reference():
    assert (POINTS.metric, POINTS.higher_is_better, POINTS.reference) == ("accuracy", True, None)
    assert POINTS.is_proportion
    assert not percent_of(0.5).is_proportion
    assert not percent_of(np.nan).is_proportion
    assert not percent_of(0.0).is_proportion


@pytest.mark.parametrize(
    ("scale", "difference", "words"),
    [
        (POINTS, 0.01, "1 point"),
        (POINTS, 0.02, "2 points"),
        (POINTS, 0.001, "0.1 points"),
        (POINTS, 0.0, "0 points"),
        (POINTS, 0.0123456, "1.23 points"),
        (POINTS, 0.0100004, "1 point"),
        (POINTS, 0.11, "11 points"),
        (percent_of(0.5), 0.01, "0.01"),
        (percent_of(0.5), 1.0, "1"),
        (percent_of(0.5), 12.3456, "12.3"),
    ],
)
def test_an_amount_in_words(scale, difference, words):
    assert scale.amount(difference) == words


ABOVE = Interval(0.031, 0.02, 0.042, 5, 0.01)
BELOW = Interval(-0.031, -0.042, -0.02, 5, 0.01)
ACROSS = Interval(-0.01, -0.03, 0.01, 5, 0.4)
UNFORMED = Interval(0.031, np.nan, np.nan, 1, np.nan)
NOTHING = Interval(np.nan, np.nan, np.nan, 0, np.nan)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (ABOVE, "3.1 points (2.0 to 4.2)"),
        (BELOW, "-3.1 points (-4.2 to -2.0)"),
        (Interval(-0.0001, -0.0002, 0.0, 5, 0.01), "0.0 points (0.0 to 0.0)"),
        (UNFORMED, "3.1 points"),
    ],
)
def test_an_interval_in_words(interval, words):
    assert shown(interval, "points", 100) == words
    assert POINTS.text(interval) == words


def test_points_are_told_as_finely_as_their_border_asks():
    close = Interval(0.031, 0.0204, 0.042, 5, 0.01)
    assert POINTS.text(close, thresholds=(0.02,)) == "3.10 points (2.04 to 4.20)"
    assert POINTS.worse(close, 0.02) == "3.10 points (2.04 to 4.20) worse"
    assert POINTS.worse(close.negated(), -0.02) == "3.10 points (2.04 to 4.20) better"
    assert percent_of(0.5).text(close, thresholds=(0.02,)) == "0.031 (0.0204 to 0.042)"
    assert percent_of(0.5).text(close, thresholds=(0.0204001,)) == "0.031 (0.0204 to 0.042)"


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(20.0, 15.0, 25.0, 3, 0.1), "rises by 20 % (15 to 25)"),
        (Interval(20.0, 4.7, 36.0, 3, 0.1), "rises by 20.0 % (4.7 to 36.0)"),
        (Interval(-2.0, -7.0, 3.0, 3, 0.1), "falls by 2 % (a rise of 3 to a fall of 7)"),
        (Interval(-2.0, -9.0, 5.3, 3, 0.1), "falls by 2.0 % (a rise of 5.3 to a fall of 9.0)"),
        (Interval(0.0, -1.0, 1.0, 3, 0.1), "rises by 0 % (a fall of 1 to a rise of 1)"),
    ],
)
def test_a_change_is_told_by_its_direction(interval, words):
    assert changes(interval, 0, 5.0) == words


def test_points_may_be_told_more_finely():
    assert POINTS.text(ABOVE, 2) == "3.10 points (2.00 to 4.20)"
    assert percent_of(0.5).text(ABOVE, 2) == percent_of(0.5).text(ABOVE)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (12.3456, "12.35"), (999.94, "999.9"), (999.96, "1,000"), (1234.56, "1,235"),
        (45_098.3, "45,100"), (-453_218, "-453,200"), (999_949, "999,900"), (999_951, "1e+06"),
        (826_532_680, "8.265e+08"), (-1.8127e10, "-1.813e+10"),
    ],
)  # fmt: skip
def test_no_number_has_more_than_four_digits_that_tell(number, words):
    assert significant(number, 4) == words


@pytest.mark.parametrize("reference", [0.5, 2000.0, 0.0, np.nan])
@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(0.05, 0.01234, 0.09, 5, 0.01), "0.05 (0.0123 to 0.09)"),
        (Interval(-1234.0, -2000.4, -0.5, 5, 0.01), "-1,234 (-2,000 to -0.5)"),
        (Interval(27_045.2, 999.6, 2e9, 5, 0.01), "27,050 (1,000 to 2e+09)"),
        (Interval(1.8127e9, 826_532_680, 2.8e9, 5, 0.01), "1.81e+09 (8.27e+08 to 2.8e+09)"),
        (Interval(-0.0, -0.0, 0.0, 5, 1.0), "0 (0 to 0)"),
        (Interval(-6.94e-18, -0.635, 0.635, 5, 1.0), "0 (-0.635 to 0.635)"),
        (Interval(1e-8, -0.635, 0.635, 5, 1.0), "1e-08 (-0.635 to 0.635)"),
        (UNFORMED, "0.031"),
        (NOTHING, "nan"),
    ],
)
def test_what_is_no_proportion_is_told_in_its_own_unit(reference, interval, words):
    assert percent_of(reference).text(interval) == words


ROUNDED = Interval(-6.94e-18, -0.6, 0.6, 5, 1.0)
"""A mean of zero, but for rounding."""


@pytest.mark.parametrize(
    ("scale", "interval", "words"),
    [
        (POINTS, ABOVE, "3.1 points (2.0 to 4.2) worse"),
        (POINTS, BELOW, "3.1 points (2.0 to 4.2) better"),
        (POINTS, ACROSS, "1.0 points better (1.0 worse to 3.0 better)"),
        (POINTS, Interval(0.0, 0.0, 0.0, 3, 1.0), "neither worse nor better (0.0 points)"),
        (POINTS, UNFORMED, "3.1 points worse"),
        (percent_of(0.5), BELOW, "0.031 (0.02 to 0.042) better"),
        (percent_of(0.5), Interval(-0.1, -0.2, 0.0, 3, 0.05), "0.1 (0 to 0.2) better"),
        (percent_of(0.5), ABOVE, "0.031 (0.02 to 0.042) worse"),
        (percent_of(0.5), ROUNDED, "neither worse nor better (0; 0.6 better to 0.6 worse)"),
        (POINTS, ROUNDED, "neither worse nor better (0.0 points; 60.0 better to 60.0 worse)"),
    ],
)
def test_a_difference_of_errors_is_told_as_worse_or_better(scale, interval, words):
    # Errors: more is worse, whichever way the metric goes.
    assert scale.worse(interval) == words
    assert replace(scale, higher_is_better=not scale.higher_is_better).worse(interval) == words


def test_what_is_not_known_is_not_called_better():
    assert POINTS.worse(NOTHING) == "nan points worse"


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


def test_the_first_replicates_are_all_that_is_left():
    known = replace(THREE, untrained_in={0: 2.0, 2: 0.1})
    two = known.first(2)

    assert two.train_loss.shape == (2, 3)
    assert list(two.lengths) == [3, 3]
    assert two.untrained_in == {0: 2.0}
    assert list(two.at_best(two.valid_error)) == [0.3, 0.4]  # each chooses for the other
    assert list(known.diverged) == [False, False, True]
    assert not two.diverged.any()


def test_what_did_not_train_did_not_diverge():
    nothing = np.full((3, 3), np.nan)
    left = replace(THREE, lengths=np.array([3, 0, 0]), train_loss=nothing, valid_loss=nothing)

    assert list(left.diverged) == [True, False, False]


def test_the_lowest_is_of_those_that_lost_nothing_while_there_are_any():
    errors = np.array([[0.3, 0.3], [0.1, np.nan], [0.2, 0.25]])

    assert study_of(errors).lowest == 2
    assert study_of(errors[:2]).lowest == 0
    assert study_of([[np.nan, 0.3], [0.1, np.nan]]).lowest == 1
    assert study_of(np.full((2, 2), np.nan)).lowest is None


def test_at_its_first_look_a_race_is_a_study_of_so_many_replicates():
    race = study_of(np.full((2, 5), 0.1), looks=(3, 5))

    assert race.at_first_look.errors.shape == (2, 3)
    assert race.at_first_look.looks == ()
    assert StudyCurves((THREE,)).at_first_look.variants == (THREE,)
    counted = tuple(replace(v, only_right=np.ones((5, 2))) for v in race.variants)
    assert replace(race, variants=counted).at_first_look.variants[1].only_right.shape == (3, 2)
