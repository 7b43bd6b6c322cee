"""KH107: the learning rate is too small for the epochs that it is given."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.judged import StudyCurves
from kohort.findings.rules import overfit, underfit, undertrained
from kohort.findings.rules.slow import MIN_EPOCHS, RULE, SLOW_SHARE
from tests.findings.curve_builders import (
    assert_same,
    judge,
    learner,
    percent_of,
    reordered,
    scaled,
    variant,
    variants,
)

LOSS = "fall of train loss in as many epochs again, part of the fall so far"
ERROR = "fall of train error in as many epochs again"
EXCESS = "train error above the best variant's"


def exponential(name, speed, **more):
    """One that learns at this speed: epochs in time constants."""
    return learner(name, lambda t: np.exp(-speed * t), **more)


FAST = exponential("fast", 20.0)
SLOW = exponential("slow", 0.5)


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, SLOW, FAST)

    assert (found.code, found.title, found.verdict) == ("KH107", "slow", "found")
    # Loss and error have fallen since the end of the first epoch, of 20, and would fall on by the
    # same exponential to twice the epochs.
    left = 0.85 * np.exp(-0.5 * np.array([0.05, 1.0, 2.0]))
    fall = found.evidence[LOSS]
    assert fall.low < (left[1] - left[2]) / (left[0] - left[1]) < fall.high
    assert found.evidence[ERROR].low < left[1] - left[2] < found.evidence[ERROR].high
    # The end is the mean of the last quarter: 90 % of the epochs.
    assert found.evidence[EXCESS].mean == pytest.approx(0.85 * np.exp(-0.5 * 0.9), abs=0.01)
    assert found.sentence.startswith("slow learns slowly: as it goes, after 20 more epochs its ")
    assert "larger" not in found.sentence
    assert found.advice == (
        "Raise the learning rate, to three times what it is at first, or train for more epochs; "
        "judge its capacity only then."
    )


@pytest.mark.parametrize("speed", [0.05, 0.1, 0.3, 0.5, 1.0, 2.0])
def test_tells_how_many_epochs_it_would_need(speed):
    found = judge(RULE, exponential("slow", speed), FAST)
    # Where it is a point above the other's error: it has 0.85 left to learn at first.
    truth = 20 * np.log(0.85 / 0.01) / speed
    bound = re.search(
        r"would need more than (\d+) epochs to come within 1 point of", found.sentence
    )
    between = re.search(r"would need about (\d+) to (\d+) epochs to come within", found.sentence)

    assert found.verdict == "found"
    if bound:
        assert 20 < int(bound[1]) < truth
        assert int(bound[1]) <= 4 * 20
    else:
        assert int(between[1]) <= truth <= int(between[2]) <= 4 * 20


def test_tells_a_number_of_epochs_where_it_will_soon_be_there():
    found = judge(RULE, exponential("late", 3.0, noise=1e-5), exponential("fast", 20.0, noise=1e-5))
    low, high = re.search(r"need about (\d+) to (\d+) epochs to", found.sentence).groups()
    assert int(low) <= 20 * np.log(85) / 3.0 <= int(high) <= 40


def test_tells_no_number_of_a_curve_that_falls_faster_and_faster():
    # Error 90 % at first, and 90 - 40 t^2 points after t of the epochs.
    curves = learner("late", lambda t: 1 - 0.5 * t**2)
    found = judge(RULE, curves, FAST)

    assert found.verdict == "found"
    assert "would need" not in found.sentence


def test_tells_no_number_of_what_would_go_below_zero():
    # It falls straight on from 1.76 to 0.8.
    curves = replace(learner("late", lambda t: 1 - 0.6 * t, limit=0.0), lowest_loss=0.0)
    found = judge(RULE, curves)

    assert found.verdict == "found"
    assert "need" not in found.sentence
    assert found.sentence == (
        "late learns slowly: its train accuracy still improves and its train loss still falls as "
        "training ends, but how far they would get cannot be told (as it goes, after 20 more "
        "epochs they would be beyond what is possible)."
    )
    assert np.isnan([found.evidence[LOSS].mean, found.evidence[ERROR].mean]).all()


def test_the_epochs_to_level_out_are_told_before_what_cannot_be_told():
    curves = replace(SLOW, train_error=learner("e", lambda t: 1 - 0.6 * t, limit=0.0).train_error)
    assert (
        "; it would need more than 40 epochs to level out; its train accuracy still improves"
        in (judge(RULE, curves).sentence)
    )


def test_alone_it_is_told_that_it_has_not_levelled_out():
    found = judge(RULE, SLOW)

    assert found.verdict == "found"
    assert found.sentence.endswith("; it would need more than 40 epochs to level out.")
    assert EXCESS not in found.evidence


@pytest.mark.parametrize("speed", [8.0, 20.0, 60.0])
def test_is_silent_where_it_levels_out(speed):
    found = judge(RULE, exponential("other", speed), FAST)

    assert found.verdict == "not found"
    assert found.evidence[LOSS].high < SLOW_SHARE
    assert found.sentence.startswith("other does not learn slowly: as it goes, after 20 more")


def test_is_silent_where_it_underfits():
    weak = exponential("weak", 20.0, limit=0.3)

    assert judge(underfit.RULE, weak, FAST).verdict == "found"
    assert judge(RULE, weak, FAST).verdict == "not found"


def test_is_silent_where_validation_gets_worse():
    # As where labels are learned by heart: train loss falls straight on, validation loss rises.
    rising = SLOW.valid_loss[:, ::-1] + 1.0
    curves = replace(SLOW, valid_loss=rising, valid_error=0.9 + 0 * rising)
    found = judge(RULE, curves)

    assert overfit.RULE.judge(curves, StudyCurves((curves,))).verdict == "found"
    assert found.verdict == "not found"
    assert found.sentence.endswith(", but validation does not follow: it overfits.")


def test_is_silent_where_next_to_nothing_is_left():
    perfect = replace(SLOW, valid_error=0.0 * SLOW.valid_error)
    found = judge(RULE, perfect)

    assert found.verdict == "not found"
    assert found.sentence == (
        "slow does not learn slowly: its validation accuracy ends within 1 point of 100 %."
    )


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    # An exponential falls in as many epochs again by this share of its fall.
    found = judge(RULE, exponential("v", -np.log(SLOW_SHARE), noise=0.02))

    assert found.verdict == "inconclusive"
    assert found.evidence[LOSS].low < SLOW_SHARE < found.evidence[LOSS].high


def test_a_learning_rate_so_small_that_no_answer_changes_is_slow():
    # Accuracy stays at chance; the loss falls by 0.2 % of itself, in a straight line.
    random = np.random.default_rng(0)
    loss = 2.303 - 0.005 * np.arange(20) / 20 + 1e-5 * random.standard_normal((2, 5, 20))
    error = 0.9 + 0.002 * random.standard_normal((2, 5, 20))
    curves = variant(
        "v",
        train=loss[0].tolist(),
        valid=loss[1].tolist(),
        train_error=error[0].tolist(),
        valid_error=error[1].tolist(),
        untrained_loss=2.29,
    )
    found = judge(RULE, curves, FAST)

    assert found.verdict == "found"
    assert "would need more than 80 epochs to come within 1 point of fast" in found.sentence
    assert judge(underfit.RULE, curves, FAST).verdict == "inconclusive"
    assert judge(undertrained.RULE, curves, FAST).verdict != "not found"
    # Without another one it may be all that can be learned.
    assert judge(RULE, curves).verdict == "inconclusive"


def test_a_linear_regression_from_6110_to_4815_in_40_epochs_is_slow():
    # To 2860, at the pace that this takes; the noise of the data leaves 2860.
    left = np.exp(-np.log((6110 - 2860) / (4815 - 2860)) * np.arange(41) / 40)
    random = np.random.default_rng(0)

    def regression(name, share):
        level = 2860 * (1 + 0.03 * random.standard_normal((5, 1)))
        loss = (level + 3250 * share + 3 * random.standard_normal((2, 5, len(share)))).tolist()
        return variant(name, train=loss[0], valid=loss[1])

    slow, good = regression("sgd", left[1:]), regression("adam", left[1:] ** 20)
    scale = {"scale": percent_of(2860.0), "margin": 0.05 * 2860}
    found = judge(RULE, slow, good, **scale)

    assert slow.train_loss[:, -1].mean() == pytest.approx(4815, rel=0.03)
    assert found.verdict == "found"
    assert judge(underfit.RULE, slow, good, **scale).verdict == "inconclusive"
    assert judge(undertrained.RULE, slow, good, **scale).verdict == "found"
    low = int(re.search(r"need (?:about|more than) (\d+)", found.sentence)[1])
    assert 40 < low < 40 * np.log(3250 / 143) / np.log(3250 / 1955)
    assert "its train loss would be" in found.sentence


def test_does_not_apply_where_a_callback_stopped_training():
    found = judge(RULE, replace(SLOW, planned_epochs=30))

    assert found.verdict == "not applicable"
    assert "before its 30 epochs" in found.sentence


def test_does_not_apply_where_no_replicate_is_sound():
    broken = [[np.nan] * 8] * 3
    assert judge(RULE, variant(train=broken, valid=broken)).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    found = judge(RULE, exponential("one", 0.5, replicates=1))

    assert found.verdict == "inconclusive"
    assert "one sound replicate" in found.sentence


@pytest.mark.parametrize("epochs", [1, MIN_EPOCHS - 1])
def test_few_epochs_show_no_pace(epochs):
    found = judge(RULE, exponential("short", 0.5, epochs=epochs))

    assert found.verdict == "inconclusive"
    told = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    assert f"trained for {told}, too few to show a pace" in found.sentence
    assert judge(RULE, exponential("short", 0.5, epochs=MIN_EPOCHS)).evidence


@settings(derandomize=True)
@given(data=st.data(), replicates=st.integers(1, 5))
def test_order_of_replicates_does_not_matter(data, replicates):
    curves, other = (data.draw(variants(name, replicates)) for name in "ab")
    order = list(data.draw(st.permutations(range(replicates))))

    assert_same(
        judge(RULE, reordered(curves, order), reordered(other, order)), judge(RULE, curves, other)
    )


@settings(derandomize=True)
@given(curves=variants(), power=st.integers(-20, 20))
def test_unit_of_the_loss_does_not_matter(curves, power):
    assert_same(judge(RULE, scaled(curves, 2.0**power)), judge(RULE, curves))


@settings(derandomize=True, max_examples=200)
@given(data=st.data(), replicates=st.integers(2, 5))
def test_slow_underfit_and_undertrained_never_contradict_each_other(data, replicates):
    speeds = st.sampled_from([0.05, 0.3, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0])
    limits = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.8])
    noises = st.sampled_from([1e-4, 3e-3, 1e-2, 5e-2])
    epochs = data.draw(st.sampled_from([4, 6, 12, 20, 60]))
    one, other = (
        exponential(
            f"{name}{data.draw(st.integers(0, 9))}",
            data.draw(speeds),
            limit=data.draw(limits),
            noise=data.draw(noises),
            epochs=epochs,
            replicates=replicates,
        )
        for name in "ab"
    )
    verdicts = {
        rule.code: judge(rule, one, other).verdict
        for rule in (RULE, underfit.RULE, undertrained.RULE)
    }
    found = {code for code, verdict in verdicts.items() if verdict == "found"}
    assert not {"KH107", "KH103"} <= found
    assert not {"KH104", "KH103"} <= found
    assert "KH107" not in found or verdicts["KH104"] != "not found"
    assert "KH103" not in found or verdicts["KH107"] == "not found"
