"""KH104: training ended while validation loss still fell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.cli.told_as_json import of_finding
from kohort.findings.rules import undertrained
from kohort.findings.rules.undertrained import FALL_THRESHOLD, RULE
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import Scale
from tests.findings.curve_builders import (
    assert_same,
    judge,
    learner,
    numbers,
    reordered,
    scaled,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

SCORE = "fall of validation error in as many epochs again"
LOSS = "fall of validation loss in as many epochs again, part of the fall so far"


def straight(*falls, start=0.9, loss=None):
    """Replicates of two epochs whose validation error, and loss, fall by so much in the second."""
    errors = [[start, start - fall] for fall in falls]
    losses = errors if loss is None else [[1.0, end] for end in loss]
    return variant(
        train=[[1.0, 0.5]] * len(falls),
        valid=losses,
        train_error=errors,
        valid_error=errors,
    )


FIRES = straight(0.100, 0.102, 0.098)
SILENT = straight(0.001, 0.0012, 0.0008, loss=[0.999, 1.0, 1.001])
UNDECIDED = straight(0.02, 0.001, 0.001)


IMPOSSIBLE = (
    "its validation {} still improves as training ends, but how far it would get cannot be told "
    "(as it goes, after 2 more epochs it would be beyond what is possible)"
)
LIMITED = {
    "accuracy": {},
    "rmse": {
        "scale": Scale("rmse", higher_is_better=False, reference=0.2, is_never_negative=True),
        "margin": 0.002,
    },
    "hinge": {
        "scale": Scale("hinge", higher_is_better=False, reference=0.2, is_best_at_zero=True),
        "margin": 0.002,
    },
    "r2": {"scale": Scale("r2", reference=0.8, is_never_above_one=True), "margin": 0.002},
}


@pytest.mark.parametrize("metric", LIMITED)
def test_no_number_is_told_of_a_forecast_that_goes_beyond_what_is_possible(metric):
    """In two more epochs a straight line would have 60 points less error than the lowest."""
    start = -0.4 if metric == "r2" else 0.6  # its errors are -R2
    found = judge(RULE, straight(0.400, 0.404, 0.396, start=start), **LIMITED[metric])

    assert found.verdict == "found"
    assert found.sentence.endswith(f" of that; {IMPOSSIBLE.format(metric)}.")
    assert np.isnan(numbers(found.evidence[SCORE])[:3]).all()
    assert of_finding(found)["evidence"][SCORE] == {"mean": None, "low": None, "high": None}


@pytest.mark.parametrize("metric", LIMITED)
def test_bounds_of_a_forecast_are_cut_at_what_is_possible(metric):
    """In two more epochs a straight line has 18 points less error than now, and 20 are there."""
    start = -0.71 if metric == "r2" else 0.29
    found = judge(RULE, straight(0.09, 0.05, 0.13, start=start), **LIMITED[metric])
    gain = found.evidence[SCORE]

    assert (gain.mean, gain.high) == (pytest.approx(0.18), pytest.approx(0.20))
    unit = " points" if metric == "accuracy" else ""
    assert f"{'18.0' if unit else '0.18'}{unit} better (" in found.sentence
    assert f" worse to {'20.0' if unit else '0.2'} better)" in found.sentence


def with_loss(*falls, start, lowest):
    """Three replicates of two epochs whose losses fall by so much, and their errors by nothing."""
    losses = [[start, start - fall] for fall in falls]
    wrong = [[0.5, 0.51], [0.5, 0.49], [0.5, 0.5]]
    return variant(
        train=losses, valid=losses, train_error=wrong, valid_error=wrong, lowest_loss=lowest
    )


def test_a_crossentropy_is_not_forecast_below_zero():
    told = judge(RULE, with_loss(0.50, 0.51, 0.49, start=0.7, lowest=-np.inf))
    found = judge(RULE, with_loss(0.50, 0.51, 0.49, start=0.7, lowest=0.0))

    assert "its validation loss would have fallen further than" in told.sentence
    assert found.verdict == told.verdict == "found"
    assert "is undertrained: as it goes, after 2 more epochs its validation acc" in found.sentence
    assert found.sentence.endswith(
        "; its validation loss still falls as training ends, but how far it would get cannot be "
        "told (as it goes, after 2 more epochs it would be beyond what is possible)."
    )
    assert np.isnan(numbers(found.evidence[LOSS])[:3]).all()


def test_of_score_and_loss_that_would_go_beyond_one_reason_is_told():
    curves = replace(straight(0.400, 0.404, 0.396, start=0.6), lowest_loss=0.0)
    assert judge(RULE, curves).sentence == (
        "v is undertrained: its validation accuracy still improves and its validation loss still "
        "falls as training ends, but how far they would get cannot be told (as it goes, after 2 "
        "more epochs they would be beyond what is possible)."
    )


def test_what_may_not_improve_at_all_is_not_said_to():
    found = judge(RULE, with_loss(0.9, 0.0, 0.0, start=0.6, lowest=0.0))

    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(
        "; how its validation loss would go on cannot be told (as it goes, after 2 more epochs it "
        "would be beyond what is possible)."
    )


def test_a_loss_at_its_lowest_has_little_left_to_gain():
    """It could fall by 2 % of what it has moved, and falls twice as fast."""
    curves = with_loss(0.50, 0.505, 0.495, start=0.51, lowest=0.0)
    assert judge(RULE, replace(curves, lowest_loss=-np.inf)).verdict == "found"
    found = judge(RULE, curves)

    assert found.verdict == "not found"
    assert found.sentence.startswith("v has levelled out: as it goes, after 2 more epochs its vali")
    assert found.sentence.endswith("; its validation loss has little left to gain.")


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES)

    assert (found.code, found.title, found.verdict) == ("KH104", "undertrained", "found")
    assert (found.evidence["best epoch"], found.evidence["last epoch"]) == (2, 2)
    # Of two epochs the slowest curve is a straight line, which falls by twice as much in two more:
    # s = 0.004, n = 3; Student's t of 2 degrees of freedom at 97.5 %: 4.302653. The fastest is an
    # exponential of two time constants in an epoch.
    half, fast = 4.302653 * 0.002 / np.sqrt(3), (1 - np.exp(-4)) / (np.exp(2) - 1)
    score, loss = found.evidence[SCORE], found.evidence[LOSS]
    assert (score.mean, score.high) == pytest.approx((0.2, 0.2 + 2 * half))
    assert score.low == pytest.approx(fast * (0.1 - half), rel=0.1)  # near one that is tried
    assert loss.mean == pytest.approx(0.4)  # of what train loss has moved, 0.5
    assert found.sentence == (
        "v is undertrained: as it goes, after 2 more epochs its validation accuracy would be "
        "20.0 points (1.5 to 21.0) better and its validation loss would have fallen by 40.0 % "
        "(2.9 to 42.0) of what train loss has moved so far."
    )
    assert "more epochs" in found.advice


def test_where_the_loss_alone_is_shown_to_gain_it_is_what_helps():
    found = judge(RULE, straight(0.04, -0.04, 0.001, start=0.5, loss=[0.5, 0.502, 0.498]))

    assert found.verdict == "found"
    assert found.sentence.startswith(
        "v is undertrained: as it goes, after 2 more epochs its validation loss would have fallen "
        "further than train loss has moved so far: by 200 % ("
    )
    assert ") of that; that the score" in found.sentence
    told = "; that the score gains too is not shown: its validation accuracy would be 0.1 points "
    assert told in found.sentence


def test_is_silent_where_the_curve_has_levelled_out():
    found = judge(RULE, SILENT)

    assert found.verdict == "not found"
    assert found.sentence.startswith("v has levelled out: as it goes, after 2 more epochs its ")


def test_what_gets_worse_is_not_told_to_be_level():
    found = judge(RULE, learner("worse", lambda t: np.exp(-20 * t) + 0.4 * t))

    assert found.verdict == "not found"
    assert found.sentence.startswith("worse is not undertrained: as it goes, after 20 more epochs")
    assert "its validation loss would have risen further than train loss has" in found.sentence


@pytest.mark.parametrize("speed", [0.1, 0.3, 1.0, 2.0])
def test_one_that_learns_slowly_has_not_levelled_out(speed):
    assert judge(RULE, learner("slow", lambda t: np.exp(-speed * t))).verdict == "found"


@pytest.mark.parametrize("exponent", [0.1, 0.25, 0.5])
def test_one_that_follows_a_power_law_has_not_levelled_out(exponent):
    assert judge(RULE, learner("law", lambda t: (20 * t) ** -exponent)).verdict == "found"


@pytest.mark.parametrize("epochs", [12, 20, 100])
@pytest.mark.parametrize("speed", [10.0, 20.0])
def test_one_that_was_fast_has_levelled_out(epochs, speed):
    curves = learner("fast", lambda t: np.exp(-speed * t), epochs=epochs)
    found = judge(RULE, curves)

    assert found.verdict == "not found"
    assert found.evidence[SCORE].high < 0.01


def test_an_accuracy_that_rises_each_epoch_has_not_levelled_out():
    # Its loss is flat: by 0.4 % an epoch of its value, and by little of what it has moved.
    error = np.linspace(0.5, 0.3, 20) + 1e-3 * np.array([[-1.0], [0.0], [1.0]])
    error = error + 1e-3 * np.random.default_rng(0).standard_normal(error.shape)
    loss = 0.5 + 9.5 * np.exp(-np.arange(20.0)) + 1e-3 * error
    curves = variant(
        train=loss.tolist(),
        valid=loss.tolist(),
        train_error=error.tolist(),
        valid_error=error.tolist(),
    )
    found = judge(RULE, curves)

    assert found.evidence[LOSS].high < FALL_THRESHOLD
    assert found.verdict == "found"
    assert "its validation accuracy would be 19.1 points (14.0 to 21.6) better" in found.sentence


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_neither_the_size_of_a_loss_nor_its_sign_matters(factor, shift):
    curves = learner("slow", lambda t: np.exp(-t))
    expected = judge(RULE, curves)
    losses = {
        name: factor * (getattr(curves, name) + shift) for name in ("train_loss", "valid_loss")
    }

    assert_same(judge(RULE, replace(curves, **losses)), expected)


def test_all_right_is_not_undertrained_while_its_loss_still_falls():
    # Accuracy 100 % in all replicates; loss falls on by a fifth of its fall.
    loss = learner("slow", lambda t: np.exp(-1.6 * t)).valid_loss.tolist()
    perfect = [[0.0] * 20] * 5
    found = judge(RULE, variant(train=loss, valid=loss, train_error=perfect, valid_error=perfect))
    assert found.evidence[LOSS].low > FALL_THRESHOLD
    assert found.verdict == "not found"
    # But where nothing is right yet, a flat accuracy says little.
    wrong = [[0.9] * 20] * 5
    found = judge(RULE, variant(train=loss, valid=loss, train_error=wrong, valid_error=wrong))
    assert found.verdict == "inconclusive"


def test_is_silent_where_the_best_epoch_is_long_past():
    rows = [[1.0, 0.5, 0.6, 0.61 + apart] for apart in (0.0, 0.05, -0.05)]
    errors = [[0.9, 0.3, 0.3, 0.31 + apart] for apart in (0.0, 0.05, -0.05)]
    found = judge(RULE, variant(train=rows, valid=rows, train_error=errors, valid_error=errors))

    assert found.verdict == "not found"
    assert found.sentence == "v trained long enough: validation loss was lowest at epoch 2 of 4."


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    found = judge(RULE, UNDECIDED)

    assert found.verdict == "inconclusive"
    assert found.evidence[SCORE].low < 0.01 < found.evidence[SCORE].high


def test_an_early_best_epoch_by_noise_alone_does_not_hide_a_fall():
    # The mean is lowest at epoch 8 of 20, by chance; loss and error fall on.
    curves = learner("slow", lambda t: np.exp(-0.5 * t))
    dip = np.zeros(20)
    dip[7] = -0.5
    found = judge(RULE, replace(curves, valid_loss=curves.valid_loss + dip))

    assert found.evidence["best epoch"] == 8
    assert found.verdict == "found"


def test_the_margin_decides_what_is_of_interest():
    curves = learner("late", lambda t: np.exp(-4 * t))
    gain = judge(RULE, curves).evidence[SCORE]

    assert judge(RULE, curves, margin=0.9 * gain.low).verdict == "found"
    assert judge(RULE, curves, margin=1.1 * gain.high).verdict != "found"


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
    found = judge(RULE, straight(0.25))

    assert found.verdict == "inconclusive"
    assert "one sound replicate" in found.sentence


def test_a_forecast_of_unequal_epochs_says_so():
    losses = [[1.0, 0.5], [1.0, 0.5, 0.3], [1.0, 0.5, 0.3, 0.2]]
    sentence = judge(RULE, variant(train=losses, valid=losses)).sentence
    assert "as it goes, after each replicate's 2 to 4 epochs again its" in sentence


@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
@pytest.mark.parametrize(
    "bad",
    [
        {"valid_loss": [1.0, np.inf]},
        {"train_loss": [1.0, 1.5], "valid_loss": [1.0, 0.001]},
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
    assert judge(RULE, replace(FIRES, planned_epochs=2)).verdict == "found"


def test_one_sound_replicate_that_was_stopped_is_enough_not_to_apply():
    curves = variant(train=[[1.0, 0.5], [1.0]], valid=[[1.0, 0.5], [1.0]], planned_epochs=2)
    assert judge(RULE, curves).verdict == "not applicable"


def test_a_diverged_replicate_that_was_stopped_counts_for_nothing():
    more = adding(FIRES, valid_loss=[np.nan, np.nan])
    stopped = replace(more, lengths=np.array([2, 2, 2, 1]), planned_epochs=2)

    assert_same(judge(RULE, stopped), judge(RULE, FIRES))


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-0.07, 2.9, "may go either way, from a rise by 7 % to a fall by 290 % of what {}"),
        (0.01, 1.5, "could fall by anything from 1 to 150 % of what {}"),
        (-0.07, 0.5, "would have fallen by 22 % (a rise of 7 to a fall of 50) of what {}"),
        (0.5, 2.0, "would have fallen further than {}: by 125 % (50 to 200) of that"),
        (-2.0, -0.5, "would have risen further than {}: by 125 % (50 to 200) of that"),
    ],
)
def test_where_nearly_anything_is_possible_no_estimate_is_told(low, high, told):
    fall = Interval((low + high) / 2, low, high, 3, np.nan)
    assert undertrained._falls(fall, "train", 0.03) == told.format("it has moved so far")
    so_far = "train loss has moved so far"
    assert undertrained._falls(fall, "validation", 0.03) == told.format(so_far)


def test_without_a_known_error_nothing_is_limited():
    unknown = [[np.nan, np.nan]] * 3
    curves = variant(
        train=[[1.0, 0.5]] * 3,
        valid=[[1.0, 0.5], [1.0, 0.6], [1.0, 0.4]],
        train_error=unknown,
        valid_error=unknown,
    )
    assert "validation loss" in judge(RULE, curves).sentence
