"""KH104: training ended while validation loss still fell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.undertrained import LAST_FRACTION, RULE, SLOPE_THRESHOLD
from tests.findings.curve_builders import assert_same, judge, reordered, scaled, variant, variants
from tests.findings.curve_builders import with_replicate as adding

SLOPE = "fall of validation loss per epoch, %"


def ending_at(*ends):
    """Replicates of four epochs whose validation loss falls to 0.5 and then to where told."""
    return variant(train=[[1.0, 0.8, 0.5, 0.4]] * len(ends), valid=[[1, 0.8, 0.5, e] for e in ends])


FIRES = ending_at(0.45, 0.44, 0.46)  # falls by 10, 12, 8 %
SILENT = ending_at(0.4995, 0.4994, 0.4996)  # 0.10, 0.12, 0.08 %
UNDECIDED = ending_at(0.45, 0.49, 0.495)  # 10, 2, 1 %


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
    # Of eleven epochs the last quarter is two: from 0.5 to 0.4, 20 % in two epochs.
    loss = [9, 8, 7, 6, 5, 4, 3, 2, 0.5, 0.45, 0.4]
    slope = judge(RULE, variant(train=[loss] * 2, valid=[loss] * 2)).evidence[SLOPE]

    assert slope.mean == pytest.approx(10)


def test_two_epochs_are_enough():
    rows = [[1.0, 0.51], [1.0, 0.49]]
    found = judge(RULE, variant(train=rows, valid=rows))

    assert found.verdict == "found"
    assert found.evidence[SLOPE].mean == pytest.approx(50)


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
        valid=[[1, 0.8, 0.5, 0.45], [1, 0.8, 0.5, 0.44, 9], [1, 0.8, 0.5, 0.46, 9, 0.01]],
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


@settings(derandomize=True, deadline=None)
@given(curves=variants(), data=st.data())
def test_order_of_replicates_does_not_matter(curves, data):
    order = data.draw(st.permutations(range(len(curves.lengths))))
    assert_same(judge(RULE, reordered(curves, list(order))), judge(RULE, curves))


@settings(derandomize=True, deadline=None)
@given(curves=variants(), power=st.integers(-20, 20))
def test_unit_of_the_loss_does_not_matter(curves, power):
    assert_same(judge(RULE, scaled(curves, 2.0**power)), judge(RULE, curves))


def test_does_not_apply_where_a_callback_stopped_training():
    from dataclasses import replace

    from tests.findings.curve_builders import judge as judged

    stopped = replace(FIRES, planned_epochs=FIRES.lengths.max() + 5)
    assert judged(RULE, stopped).verdict == "not applicable"
    assert judged(RULE, replace(FIRES, planned_epochs=FIRES.lengths.max())).verdict == "found"
