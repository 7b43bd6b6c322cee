"""KH104: training ended while validation loss still fell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.rules.undertrained import LAST_FRACTION, RULE, SLOPE_THRESHOLD
from tests.findings.curve_builders import (
    assert_same,
    judge,
    percent_of,
    reordered,
    scaled,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

SLOPE = "fall of validation loss per epoch, %"


def falling_by(*falls):
    """Replicates of four epochs whose validation loss falls in the last by so many percent."""
    # From 0.5 to e it falls by 0.5 - e; the percent are of the mean of both.
    return ending_at(*(0.5 * (200 - fall) / (200 + fall) for fall in falls))


def ending_at(*ends):
    """Replicates of four epochs whose validation loss falls to 0.5 and then to where told."""
    return variant(train=[[1.0, 0.8, 0.5, 0.4]] * len(ends), valid=[[1, 0.8, 0.5, e] for e in ends])


FIRES = falling_by(10, 12, 8)
SILENT = falling_by(0.10, 0.12, 0.08)
UNDECIDED = falling_by(10, 2, 1)


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES)

    assert (found.code, found.title, found.verdict) == ("KH104", "undertrained", "found")
    assert found.evidence["best epoch"] == 4
    # Mean 10, s = 2, n = 3; Student's t of 2 degrees of freedom at 97.5 %: 4.302653.
    half = 4.302653 * 2 / np.sqrt(3)
    slope = found.evidence[SLOPE]
    assert (slope.mean, slope.low, slope.high) == pytest.approx((10, 10 - half, 10 + half))
    assert "10.0 % (5.0 to 15.0) an epoch" in found.sentence
    assert "more epochs" in found.advice


def test_is_silent_where_the_curve_has_levelled_out():
    found = judge(RULE, SILENT)

    assert found.verdict == "not found"
    assert found.evidence[SLOPE].high < SLOPE_THRESHOLD


def test_a_rise_is_not_told_as_a_negative_fall():
    # Best in the last epoch by the mean, and a slope that is below zero in the mean.
    valid = [[1.0, 0.8, 0.5, 0.1], [1.0, 0.8, 0.1, 0.2], [1.0, 0.8, 0.1, 0.2]]
    found = judge(RULE, variant(train=valid, valid=valid))
    assert found.evidence[SLOPE].mean == pytest.approx((133.333 - 66.667 - 66.667) / 3, abs=1e-2)
    valid[0][2] = 0.4
    found = judge(RULE, variant(train=valid, valid=valid))
    assert found.evidence[SLOPE].mean < 0
    assert "over its last epochs validation loss rises by 4.4 % (" in found.sentence


def test_is_silent_where_the_best_epoch_is_long_past():
    found = judge(RULE, ending_at(0.6, 0.61, 0.59))

    assert found.verdict == "not found"
    assert found.evidence == {"best epoch": 3, "last epoch": 4}
    assert "epoch 3 of 4" in found.sentence


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    found = judge(RULE, UNDECIDED)

    assert found.verdict == "inconclusive"
    assert found.evidence[SLOPE].low < SLOPE_THRESHOLD < found.evidence[SLOPE].high


@pytest.mark.parametrize("epochs", [10, 20, 30, 40])
def test_the_best_epoch_must_be_among_the_last_ten_percent(epochs):
    among_the_last = epochs // 10

    def best_at(epoch):
        loss = [1 - 0.02 * min(e, epoch) + 0.001 * max(0, e - epoch) for e in range(epochs)]
        return judge(RULE, variant(train=[loss] * 2, valid=[loss] * 2))

    assert LAST_FRACTION == 0.1
    assert SLOPE in best_at(epochs - among_the_last).evidence
    assert SLOPE not in best_at(epochs - among_the_last - 1).evidence


def test_the_slope_is_that_of_the_last_quarter():
    # Of eleven epochs the last quarter is two: from 0.5 to 0.4 in two epochs, 0.45 on average.
    loss = [9, 8, 7, 6, 5, 4, 3, 2, 0.5, 0.45, 0.4]
    slope = judge(RULE, variant(train=[loss] * 2, valid=[loss] * 2)).evidence[SLOPE]

    assert slope.mean == pytest.approx(100 * 0.05 / 0.45)


def test_the_slope_is_that_of_a_least_squares_line():
    # Through 0.8, 0.7, 0.5, 0.4: (1.5 x 0.8 + 0.5 x 0.7 - 0.5 x 0.5 - 1.5 x 0.4) / 5 = 0.14 an
    # epoch, of 0.6 on average. End to end it would be 0.133.
    loss = [9, 8, 7, 6, 5, 4, 3, 2, 0.8, 0.7, 0.5, 0.4]
    slope = judge(RULE, variant(train=[loss] * 2, valid=[loss] * 2)).evidence[SLOPE]

    assert slope.mean == pytest.approx(100 * 0.14 / 0.6)


def test_the_threshold_is_where_the_verdict_turns():
    assert judge(RULE, falling_by(0.4951, 0.4949)).verdict == "not found"
    assert judge(RULE, falling_by(0.5051, 0.5049)).verdict == "found"


def test_an_interval_that_barely_holds_the_threshold_is_inconclusive():
    # Half a width is 4.302653 x 0.1 / sqrt(3) = 0.248.
    for shift, verdict in [
        (0.26, "found"),
        (0.24, "inconclusive"),
        (-0.24, "inconclusive"),
        (-0.26, "not found"),
    ]:
        falls = np.array([0.4, 0.5, 0.6]) + shift
        assert judge(RULE, falling_by(*falls)).verdict == verdict


def test_two_epochs_are_enough():
    rows = [[1.0, 0.51], [1.0, 0.49]]
    found = judge(RULE, variant(train=rows, valid=rows))

    assert found.verdict == "found"
    assert found.evidence[SLOPE].mean == pytest.approx(50 * (0.49 / 0.755 + 0.51 / 0.745))


def test_does_not_apply_where_losses_are_not_above_zero():
    found = judge(RULE, ending_at(-0.1, -0.2))

    assert found.verdict == "not applicable"
    assert "above zero" in found.sentence


def test_the_scale_of_the_errors_does_not_matter():
    assert judge(RULE, FIRES, scale=percent_of(0.1), margin=3.0) == judge(RULE, FIRES)


@pytest.mark.parametrize("replicates", [1, 3])
def test_one_epoch_is_inconclusive(replicates):
    curves = variant(train=[[1.0]] * replicates, valid=[[1.0]] * replicates)
    found = judge(RULE, curves)

    assert found.verdict == "inconclusive"
    assert "one epoch" in found.sentence


def test_does_not_apply_where_no_replicate_is_sound():
    curves = variant(train=[[np.nan]] * 3, valid=[[1.0]] * 3)
    assert judge(RULE, curves).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    found = judge(RULE, ending_at(0.25))

    assert found.verdict == "inconclusive"
    assert "one sound replicate" in found.sentence


def test_unequal_lengths_are_read_up_to_the_shortest():
    curves = variant(
        train=[[1.0, 0.8, 0.5, 0.4], [1.0, 0.8, 0.5, 0.4, 0.3], [1.0, 0.8, 0.5, 0.4, 0.3, 0.2]],
        valid=[[*FIRES.valid_loss[r], *[9, 0.01][:r]] for r in range(3)],
    )
    assert_same(judge(RULE, curves), judge(RULE, FIRES))


@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
@pytest.mark.parametrize(
    "bad",
    [
        {"valid_loss": [1.0, np.inf, 0.5, 0.1]},
        {"train_loss": [1.0, 0.5, 0.5, 1.5], "valid_loss": [1.0, 0.001, 9.0, 9.0]},
    ],
)
def test_a_diverged_replicate_among_sound_ones_counts_for_nothing(curves, bad):
    assert_same(judge(RULE, adding(curves, **bad)), judge(RULE, curves))


@settings(derandomize=True)
@given(curves=variants(), data=st.data())
def test_order_of_replicates_does_not_matter(curves, data):
    order = data.draw(st.permutations(range(len(curves.lengths))))
    assert_same(judge(RULE, reordered(curves, list(order))), judge(RULE, curves))


@settings(derandomize=True)
@given(curves=variants(), power=st.integers(-20, 20))
def test_unit_of_the_loss_does_not_matter(curves, power):
    assert_same(judge(RULE, scaled(curves, 2.0**power)), judge(RULE, curves))


def test_does_not_apply_where_a_callback_stopped_training():
    found = judge(RULE, replace(FIRES, planned_epochs=9))

    assert found.verdict == "not applicable"
    assert "before its 9 epochs" in found.sentence
    assert judge(RULE, replace(FIRES, planned_epochs=4)).verdict == "found"


def test_one_sound_replicate_that_was_stopped_is_enough_not_to_apply():
    curves = variant(train=[[1.0, 0.5], [1.0]], valid=[[1.0, 0.5], [1.0]], planned_epochs=2)
    assert judge(RULE, curves).verdict == "not applicable"


def test_a_diverged_replicate_that_was_stopped_counts_for_nothing():
    more = adding(FIRES, valid_loss=[1.0, np.nan, np.nan, np.nan])
    stopped = replace(more, lengths=np.array([4, 4, 4, 2]), planned_epochs=4)

    assert_same(judge(RULE, stopped), judge(RULE, FIRES))


def test_false_alarms_at_the_threshold_are_as_rare_as_the_confidence_says():
    draws, n = 600, 5
    falls = np.random.default_rng(42).normal(SLOPE_THRESHOLD, 0.1, (draws, n))
    found = np.mean([judge(RULE, falling_by(*row)).verdict == "found" for row in falls])

    assert 0 < found < 0.025 + 3 * np.sqrt(0.025 * 0.975 / draws)
