"""KH101: validation loss rises after its best epoch while train loss falls."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kohort.findings.rules.overfit import GL_THRESHOLD, RULE
from kohort.findings.statistics.interval import mean_interval
from tests.findings.curve_builders import (
    assert_same,
    judge,
    numbers,
    percent_of,
    reordered,
    scaled,
    turns,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

FALLING = [1.0, 0.5, 0.25]


def ending_at(*ends, train=FALLING):
    """Replicates whose validation loss is best, 0.5, at epoch 2 of 3, and ends where told."""
    return variant(train=[train] * len(ends), valid=[[1.0, 0.5, end] for end in ends])


FIRES = ending_at(0.60, 0.61, 0.59)  # GL(T) = 20, 22, 18 %
SILENT = ending_at(0.505, 0.506, 0.504)  # 1.0, 1.2, 0.8 %
UNDECIDED = ending_at(0.60, 0.51, 0.54)  # 20, 2, 8 %


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES)

    assert (found.code, found.title, found.verdict) == ("KH101", "overfit", "found")
    assert found.evidence["best epoch"] == 2
    assert found.evidence["last epoch"] == 3
    assert found.evidence["train loss at best epoch"] == 0.5
    assert found.evidence["train loss at the end"] == 0.25
    # Mean 20, s = 2, n = 3; Student's t of 2 degrees of freedom at 97.5 %: 4.302653.
    half = 4.302653 * 2 / np.sqrt(3)
    rise = found.evidence["rise of validation loss, %"]
    assert (rise.mean, rise.low, rise.high) == pytest.approx((20, 20 - half, 20 + half), rel=1e-6)
    assert "v overfits: after epoch 2 validation loss rises by 20 % (15 to 25)" in found.sentence
    assert "Stop at epoch 2" in found.advice


def test_is_silent_where_the_rise_is_small():
    found = judge(RULE, SILENT)

    assert found.verdict == "not found"
    assert found.evidence["rise of validation loss, %"].high < GL_THRESHOLD
    assert found.advice == ""


def test_is_silent_where_the_last_epoch_is_the_best():
    found = judge(RULE, ending_at(0.25, 0.26, 0.24))

    assert found.verdict == "not found"
    assert found.evidence == {"best epoch": 3, "last epoch": 3}


def training(*ends, valid=(0.60, 0.61, 0.59)):
    """Replicates whose validation loss is best at epoch 2 of 3, and train loss, 0.5, ends so."""
    train = [[1.0, 0.5, end] for end in ends]
    return variant(train=train, valid=[[1.0, 0.5, end] for end in valid])


def test_is_silent_where_train_loss_surely_rises_too():
    found = judge(RULE, training(0.75, 0.76, 0.74))

    assert found.verdict == "not found"
    assert found.evidence["rise of validation loss, %"].low > GL_THRESHOLD
    assert found.sentence == (
        "v does not overfit: after epoch 2 validation loss rises by 20 % (15 to 25) to the last of "
        "3 epochs, while train loss goes from 0.5 to 0.75; train loss rose too, and falls where a "
        "model overfits."
    )


def test_noise_of_train_loss_alone_decides_nothing():
    assert judge(RULE, training(0.4, 0.9, 0.3)).verdict == "inconclusive"


def test_a_rise_that_does_not_count_is_told_as_such():
    assert judge(RULE, SILENT).sentence.endswith("; a rise of 5 % or less does not count.")
    # 0.5 to 1.3, and -0.7 to 0.9: nothing rises surely.
    unsure = judge(RULE, ending_at(0.5, 0.502, 0.498))
    assert unsure.verdict == "not found"
    assert unsure.sentence.endswith("while train loss goes from 0.5 to 0.25.")


def test_a_fall_is_not_told_as_a_negative_rise():
    curves = variant(train=[FALLING] * 2, valid=[[0.5, 0.6, 0.8], [0.8, 0.6, 0.5]])
    assert (
        "validation loss falls by 19 % (a rise of 219 to a fall of 257) to"
        in judge(RULE, curves).sentence
    )


def test_rounding_puts_no_interval_on_the_threshold():
    # As wide as makes it begin a little below 5 %.
    half = 4.302653 / np.sqrt(3)
    spread = (20 - 4.7) / half
    ends = 0.5 * (1 + (20 + spread * np.array([-1, 0, 1])) / 100)
    found = judge(RULE, ending_at(*ends))
    assert found.verdict == "inconclusive"
    assert "rises by 20.0 % (4.7 to 35.3)" in found.sentence


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    found = judge(RULE, UNDECIDED)

    rise = found.evidence["rise of validation loss, %"]
    assert found.verdict == "inconclusive"
    assert rise.low < GL_THRESHOLD < rise.high
    assert "more replicates" in found.advice


def test_the_threshold_is_where_the_verdict_turns():
    # 4.98 and 5.02 %, by a hair more in one replicate.
    assert judge(RULE, ending_at(0.5249, 0.524901)).verdict == "not found"
    assert judge(RULE, ending_at(0.5251, 0.525101)).verdict == "found"


def test_an_interval_that_barely_holds_the_threshold_is_inconclusive():
    # Half a width is 4.302653 x 1 / sqrt(3) = 2.48.
    for shift, verdict in [
        (2.6, "found"),
        (2.4, "inconclusive"),
        (-2.4, "inconclusive"),
        (-2.6, "not found"),
    ]:
        ends = 0.5 * (1 + (np.array([4.0, 5.0, 6.0]) + shift) / 100)
        assert judge(RULE, ending_at(*ends)).verdict == verdict


def test_shared_samples_widen_the_interval():
    curves = ending_at(0.56, 0.58, 0.54)  # 12, 16, 8 %: mean 12, s = 4

    assert judge(RULE, curves, test_to_train=0.0).verdict == "inconclusive"
    assert judge(RULE, curves, confidence=0.9).verdict == "found"
    assert judge(RULE, curves, confidence=0.9, test_to_train=0.5).verdict == "inconclusive"


def test_each_replicate_is_read_where_the_others_are_best():
    # The replicates are best at epochs 1 and 3, their mean (0.65, 0.6, 0.65) at 2. At the other
    # one's best epoch each has 0.8; they end at 0.8 and 0.5: 0 and -37.5 %.
    curves = variant(train=[FALLING] * 2, valid=[[0.5, 0.6, 0.8], [0.8, 0.6, 0.5]])
    found = judge(RULE, curves)

    assert found.evidence["best epoch"] == 2
    assert found.evidence["rise of validation loss, %"].mean == pytest.approx(-18.75)


def long(*ends, train=None, falling=(1.0, 0.9, 0.8, 0.7, 0.6, 0.5)):
    """Replicates of eight epochs, the sixth the best but where told otherwise."""
    train = train or [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    return variant(train=[train] * len(ends), valid=[[*falling, *end] for end in ends])


def test_the_end_is_the_mean_of_the_last_quarter():
    # Of eight epochs two: 0.60, 0.61, 0.59 as above, over the 0.5 that is beside the lowest.
    beside = (1.0, 0.9, 0.8, 0.7, 0.5, 0.49)
    found = judge(RULE, long((0.55, 0.65), (0.71, 0.51), (0.59, 0.59), falling=beside))

    rise = found.evidence["rise of validation loss, %"]
    assert numbers(rise) == pytest.approx(
        numbers(judge(RULE, FIRES).evidence["rise of validation loss, %"])
    )
    assert found.evidence["train loss at the end"] == pytest.approx(0.25)


def test_epochs_before_the_best_are_no_rise_after_it():
    # Of twelve epochs the last three are the end, the best is the eleventh, 0.5 beside it.
    fall = [4.0, 3.6, 3.2, 2.8, 2.4, 2.0, 1.6, 1.4, 1.2]
    trained = [2.0 - 0.1 * epoch for epoch in range(12)]
    flat = variant(train=[trained] * 3, valid=[[*fall, 0.5, 0.49, e] for e in (0.5, 0.505, 0.51)])
    steep = variant(train=[trained] * 3, valid=[[*fall, 0.5, 0.49, e] for e in (0.59, 0.60, 0.61)])

    assert judge(RULE, flat).evidence["rise of validation loss, %"].mean == pytest.approx(1.0)
    assert judge(RULE, flat).verdict == "not found"
    assert judge(RULE, steep).evidence["rise of validation loss, %"].mean == pytest.approx(20.0)
    assert judge(RULE, steep).verdict == "found"


def test_a_train_loss_that_falls_after_the_best_epoch_may_have_been_high_before():
    # It halves at the best epoch, the seventh of eight, and still falls in the last.
    train = [0.9] * 6 + [0.2, 0.1]
    found = judge(RULE, long((0.4, 0.60), (0.4, 0.61), (0.4, 0.62), train=train))

    assert found.verdict == "found"
    assert found.evidence["train loss at best epoch"] == pytest.approx(0.2)
    assert found.evidence["train loss at the end"] == pytest.approx(0.1)


def test_does_not_apply_where_losses_are_not_above_zero():
    curves = variant(train=[FALLING] * 2, valid=[[1.0, -0.5, 0.5], [1.0, 0.0, 0.5]])
    found = judge(RULE, curves)

    assert found.verdict == "not applicable"
    assert "above zero" in found.sentence


def test_the_scale_of_the_errors_does_not_matter():
    assert judge(RULE, FIRES, scale=percent_of(0.1), margin=3.0) == judge(RULE, FIRES)


def test_does_not_apply_where_no_replicate_is_sound():
    curves = variant(train=[[1.0, np.nan]] * 3, valid=[[1.0, 1.0]] * 3)
    assert judge(RULE, curves).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    found = judge(RULE, ending_at(0.75))

    assert found.verdict == "inconclusive"
    assert "one sound replicate" in found.sentence
    assert "3 replicates" in found.advice


def test_replicates_that_stopped_are_each_read_by_the_epochs_of_their_own():
    short = ending_at(0.60, 0.61, 0.59)
    rows = [[1.0, 0.5, 0.60], [1.0, 0.5, 0.9, 0.61], [1.0, 0.5, 0.9, 0.9, 0.59]]
    trained = [FALLING, [*FALLING[:2], 0.9, FALLING[2]], [*FALLING[:2], 0.9, 0.9, FALLING[2]]]

    found, expected = judge(RULE, variant(train=trained, valid=rows)), judge(RULE, short)
    assert found.verdict == expected.verdict
    for name in ("rise of validation loss, %", "train loss at best epoch", "train loss at the end"):
        assert numbers(found.evidence[name]) == pytest.approx(numbers(expected.evidence[name]))
    assert "to the last of each replicate's 3 to 5 epochs" in found.sentence


@pytest.mark.parametrize(
    "bad",
    [
        {"valid_loss": [1.0, np.nan, np.nan]},
        {"train_loss": [1.0, np.inf, 0.1], "valid_loss": 0.001},
        {"train_loss": [1.0, 0.5, 1.5], "valid_loss": 0.001},
    ],
    ids=["NaN", "infinite", "ended worse"],
)
@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
def test_a_diverged_replicate_among_sound_ones_counts_for_nothing(curves, bad):
    assert_same(judge(RULE, adding(curves, **bad)), judge(RULE, curves))


@settings(derandomize=True)
@given(curves=variants(), data=st.data())
def test_which_replicate_of_the_circle_is_first_does_not_matter(curves, data):
    order = data.draw(turns(len(curves.lengths)))
    assert_same(judge(RULE, reordered(curves, order)), judge(RULE, curves))


@settings(derandomize=True)
@given(curves=variants(), power=st.integers(-20, 20))
def test_unit_of_the_loss_does_not_matter(curves, power):
    # A power of two scales without rounding, so that even ties stay what they are.
    found, unscaled = judge(RULE, scaled(curves, 2.0**power)), judge(RULE, curves)

    assert found.verdict == unscaled.verdict
    name = "rise of validation loss, %"
    assert numbers(found.evidence.get(name)) == numbers(unscaled.evidence.get(name))


@settings(derandomize=True)
@given(factor=st.floats(1e-6, 1e6))
def test_any_unit_of_the_loss_gives_the_same_verdict(factor):
    verdicts = [judge(RULE, scaled(c, factor)).verdict for c in (FIRES, SILENT, UNDECIDED)]
    assert verdicts == ["found", "not found", "inconclusive"]


def test_the_end_is_after_each_replicates_own_best_epoch():
    # Of twelve epochs the end is three. The others are best at the eleventh for the first
    # replicate, 0.8 / 0.7, at the tenth for the second, 1.0 / 0.88, and for all.
    falling = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.5]
    trained = [[2.0 - 0.1 * epoch for epoch in range(12)]] * 2
    rows = [[*falling, 0.60, 0.7, 0.8], [*falling, 0.88, 0.8, 1.2]]
    found = judge(RULE, variant(train=trained, valid=rows))

    rise = found.evidence["rise of validation loss, %"]
    assert found.evidence["best epoch"] == 10
    assert rise.mean == pytest.approx(100 * ((0.8 / 0.7 + 1.0 / 0.88) / 2 - 1))
    assert (rise.low, rise.high) == pytest.approx(
        # Student's t of 1 degree of freedom at 97.5 %: 12.7062; half the difference is s / sqrt(2).
        rise.mean + np.array([-1, 1]) * 12.7062 * 50 * abs(0.8 / 0.7 - 1.0 / 0.88),
        rel=1e-4,
    )


@settings(derandomize=True, max_examples=50)
@given(drawn=st.binary(min_size=36, max_size=36))
@example(drawn=bytes([9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4] * 3))  # It rises at the end.
def test_the_rise_is_that_of_the_curves(drawn):
    valid = (1 + np.frombuffer(drawn, np.uint8).reshape(3, 12)) / 64
    curves = variant(train=[list(np.linspace(1.0, 0.1, 12))] * 3, valid=[list(v) for v in valid])
    rise = judge(RULE, curves).evidence.get("rise of validation loss, %")

    assert (rise is None) == (curves.best == curves.last)
    if rise is not None:
        assert numbers(rise) == pytest.approx(numbers(mean_interval(curves.rise())), nan_ok=True)


def test_false_alarms_at_the_threshold_are_as_rare_as_the_confidence_says():
    # The true rise is the threshold: 2.5 % of the intervals may lie above it.
    draws, n = 1000, 5
    ends = 0.5 * (1.05 + np.random.default_rng(40).normal(0, 0.02, (draws, n)))
    found = np.mean([judge(RULE, ending_at(*row)).verdict == "found" for row in ends])

    assert 0 < found < 0.025 + 3 * np.sqrt(0.025 * 0.975 / draws)
