"""KH103: even the training data are not fitted as well as another variant fits them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.judged import StudyCurves
from kohort.findings.rules import overfit, slow, undertrained
from kohort.findings.rules.underfit import EXCESS_PERCENT, EXCESS_POINTS, RULE
from tests.findings.curve_builders import (
    assert_same,
    judge,
    learner,
    numbers,
    percent_of,
    reordered,
    turns,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

FLAT = [1.0, 0.5, 0.5, 0.5]  # does not change in its last half
EXCESS = "train error above the best variant's"
FALL_OF_LOSS = "fall of train loss in as many epochs again, part of the fall so far"
FALL_OF_ERROR = "fall of train error in as many epochs again"
WORSE = "validation error above the best variant's"
THRESHOLD = EXCESS_POINTS / 100


def with_errors(name, train_errors, valid_errors, losses=FLAT):
    """Replicates whose errors are the same at all epochs."""
    epochs, n = len(losses), len(train_errors)
    return variant(
        name,
        train=[losses] * n,
        valid=[losses] * n,
        train_error=[[error] * epochs for error in train_errors],
        valid_error=[[error] * epochs for error in valid_errors],
    )


BEST = with_errors("best", [0.05, 0.06, 0.07], [0.10, 0.10, 0.10])
VALID = [0.20, 0.21, 0.22]  # 0.10, 0.11, 0.12 above
FIRES = with_errors("weak", [0.15, 0.17, 0.19], VALID)  # 0.10, 0.11, 0.12 above
SILENT = with_errors("near", [0.055, 0.066, 0.077], VALID)  # 0.005, 0.006, 0.007
UNDECIDED = with_errors("wide", [0.05, 0.10, 0.15], VALID)  # 0, 0.04, 0.08


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES, BEST)

    assert (found.code, found.title, found.verdict) == ("KH103", "underfit", "found")
    # Paired: mean 0.11, s = 0.01, n = 3; Student's t of 2 degrees of freedom: 4.302653.
    half = 4.302653 * 0.01 / np.sqrt(3)
    excess = found.evidence[EXCESS]
    assert (excess.mean, excess.low, excess.high) == pytest.approx((0.11, 0.11 - half, 0.11 + half))
    worse = found.evidence[WORSE]
    assert (worse.mean, worse.low, worse.high) == pytest.approx((0.11, 0.11 - half, 0.11 + half))
    for fall in (FALL_OF_LOSS, FALL_OF_ERROR):
        assert (found.evidence[fall].low, found.evidence[fall].high) == (0.0, 0.0)
    assert found.sentence == (
        "weak underfits: its train accuracy ends 11.0 points (8.5 to 13.5) worse than that of "
        "best, its validation accuracy is 11.0 points (8.5 to 13.5) worse, and its curve is flat."
    )
    assert found.advice == (
        "Give the model more capacity or less regularisation; or, where nothing but the training "
        "sets it apart from best, train it that way."
    )


def test_the_best_of_all_does_not_underfit():
    assert judge(RULE, BEST, FIRES, SILENT).verdict == "not found"


def test_does_not_apply_to_a_variant_alone():
    broken = with_errors("v", [0.0] * 3, [0.0] * 3, [1.0, np.nan, np.nan, np.nan])

    assert judge(RULE, FIRES).verdict == "not applicable"
    assert judge(RULE, FIRES, broken).verdict == "not applicable"
    assert judge(RULE, FIRES, broken, BEST).verdict == "found"
    assert judge(RULE, FIRES).sentence == (
        "weak: there is no train accuracy of another variant to compare with."
    )


def test_each_replicate_is_compared_with_the_one_that_fits_best_in_those_that_choose_for_it():
    # In a circle the next of three chooses. It fits best in the second and the first a, in the
    # third b: so a for the first replicate and the third, where it has 0.06 and 0.11, and b for the
    # second, where that has 0.09.
    a = with_errors("a", [0.06, 0.08, 0.11], [0.10, 0.11, 0.13])
    b = with_errors("b", [0.09, 0.09, 0.09], [0.12, 0.12, 0.12])
    found = judge(RULE, with_errors("weak", [0.20, 0.21, 0.22], [0.30, 0.31, 0.32]), a, b)

    excess, worse = found.evidence[EXCESS], found.evidence[WORSE]
    assert excess.mean == pytest.approx((0.14 + 0.12 + 0.11) / 3)
    assert worse.mean == pytest.approx((0.20 + 0.19 + 0.19) / 3)
    assert "than that of a or b, its" in found.sentence
    assert found.verdict == "found"


def test_one_that_fits_best_in_most_replicates_is_not_compared_with_itself():
    # For the second replicate the third chooses the rival; the two others choose itself.
    curves = with_errors("own", [0.06, 0.08, 0.11], [0.1, 0.1, 0.1])
    found = judge(RULE, curves, with_errors("rival", [0.09] * 3, [0.1] * 3))

    assert found.evidence[EXCESS].mean == pytest.approx(-0.01 / 3)
    assert "that of rival, its" in found.sentence


def test_a_variant_that_overfits_as_well_is_inconclusive():
    # Its e* is early, and validation loss ends 20 % above; train loss has fallen by then.
    rising = {"valid_loss": np.tile([1.0, 0.5, 0.6, 0.6], (3, 1))}
    rising["train_loss"] = np.tile([1.0, 0.6, 0.5, 0.5], (3, 1))
    rising["valid_loss"] += np.array([[0.0], [0.001], [0.002]])
    overfitted = replace(FIRES, **rising)
    found = judge(RULE, overfitted, BEST)

    assert overfit.RULE.judge(overfitted, StudyCurves((overfitted, BEST))).verdict == "found"
    assert found.verdict == "inconclusive"
    assert found.sentence.startswith(
        "weak may or may not underfit: its train accuracy ends 11.0 points"
    )
    assert found.sentence.endswith("; but it overfits as well.")
    assert found.advice == "Regularise, or get more data, before judging its capacity."
    # Without the rise it is found, and where there is no excess overfitting changes nothing.
    assert judge(RULE, FIRES, BEST).verdict == "found"
    assert judge(RULE, replace(SILENT, **rising), BEST).verdict == "not found"


def test_overfitting_is_told_before_a_curve_that_still_falls():
    falling = [1.0, 0.75, 0.5, 0.25]
    curves = replace(
        with_errors("weak", [0.15, 0.17, 0.19], VALID, falling),
        valid_loss=np.array([[1.0, 0.5, 0.6, end] for end in (0.60, 0.61, 0.62)]),
    )
    assert "it overfits as well" in judge(RULE, curves, BEST).sentence


def test_is_silent_where_train_error_is_nearly_the_best():
    found = judge(RULE, SILENT, BEST)

    assert found.verdict == "not found"
    assert found.evidence[EXCESS].high < THRESHOLD


def test_is_silent_where_validation_error_is_not_worse():
    regularised = with_errors("regularised", [0.15, 0.17, 0.19], [0.05, 0.04, 0.06])
    found = judge(RULE, regularised, BEST)

    assert found.verdict == "not found"
    assert found.evidence[EXCESS].low > THRESHOLD
    assert found.evidence[WORSE].high < 0


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    found = judge(RULE, UNDECIDED, BEST)

    assert found.verdict == "inconclusive"
    assert found.evidence[EXCESS].low < THRESHOLD < found.evidence[EXCESS].high
    assert "replicates" in found.advice
    told = "; the first difference may be less than 2 points, and the second may be none."
    assert found.sentence.endswith(told)


def test_says_which_difference_is_not_sure():
    behind = with_errors("behind", [0.06, 0.10, 0.15], VALID)  # 0.01, 0.04, 0.08 above
    found = judge(RULE, behind, BEST)
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(") worse; the first difference may be less than 2 points.")
    # Beside a doubt it is told as well.
    falling = np.array([[1.0], [1.01], [1.02]]) * [1.0, 0.75, 0.5, 0.25]
    told = "; the first difference may be less than 2 points; but it may still learn: "
    assert told in judge(RULE, replace(behind, train_loss=falling), BEST).sentence


FAST = learner("fast", lambda t: np.exp(-20 * t))
SPEEDS = [0.05, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0]
EXPONENTS = [0.05, 0.1, 0.25, 0.5]


@pytest.mark.parametrize("speed", SPEEDS)
def test_one_that_learns_slowly_does_not_underfit(speed):
    found = judge(RULE, learner("slow", lambda t: np.exp(-speed * t)), FAST)

    assert found.verdict == "inconclusive"
    assert "; but it learns slowly (KH107): as it goes, after 20 more epochs" in found.sentence
    assert found.advice == "Raise the learning rate, or train longer, before judging its capacity."


def test_repeats_no_number_of_what_would_go_beyond_what_is_possible():
    late = replace(learner("late", lambda t: 1 - 0.6 * t, limit=0.0), lowest_loss=0.0)
    found = judge(RULE, late, FAST)

    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(
        "; but it learns slowly (KH107): its train accuracy still improves and its train loss "
        "still falls as training ends, but how far they would get cannot be told (as it goes, "
        "after 20 more epochs they would be beyond what is possible)."
    )
    told = [value for name, value in found.evidence.items() if name.startswith("fall of train")]
    assert len(told) == 2
    assert np.isnan([fall.mean for fall in told]).all()


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_one_that_follows_a_power_law_does_not_underfit(exponent):
    curves = learner("law", lambda t: (20 * t) ** -exponent)
    found = judge(RULE, curves, FAST)

    assert found.evidence[EXCESS].low > THRESHOLD
    assert found.verdict == "inconclusive"
    assert "it still learns" in found.sentence or "it may still learn" in found.sentence


@pytest.mark.parametrize("limit", [0.1, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("epochs", [12, 20, 100])
def test_one_that_is_truly_flat_underfits(limit, epochs):
    curves = learner("flat", lambda t: np.exp(-20 * t), limit=limit, epochs=epochs)
    fast = learner("fast", lambda t: np.exp(-20 * t), epochs=epochs)
    assert judge(RULE, curves, fast).verdict == "found"


def test_an_accuracy_that_rises_from_34_to_43_points_in_the_last_quarter_is_not_flat():
    # Error 66 % after 15 of 20 epochs and 56.5 % after 20; train loss falls by less than 10 %.
    error = np.interp(np.arange(1, 21), [1, 15, 20], [0.89, 0.66, 0.565])
    random = np.random.default_rng(0)
    errors = error + 0.005 * random.standard_normal((3, 20))
    loss = np.interp(np.arange(1, 21), [1, 15, 20], [2.29, 1.95, 1.80])
    losses = loss + 0.01 * random.standard_normal((3, 20))
    curves = variant(
        "slow",
        train=losses.tolist(),
        valid=(losses + 0.02).tolist(),
        train_error=errors.tolist(),
        valid_error=(errors + 0.01).tolist(),
    )
    fast = learner("fast", lambda t: np.exp(-20 * t), replicates=3)
    found = judge(RULE, curves, fast)

    assert (losses[:, 15] / losses[:, -1]).mean() < 1.10
    assert found.verdict == "inconclusive"
    assert "it learns slowly (KH107)" in found.sentence
    assert judge(slow.RULE, curves, fast).verdict == "found"
    assert judge(undertrained.RULE, curves, fast).verdict == "found"


def test_one_that_is_nearly_there_in_as_many_epochs_again_is_told_to_train_longer():
    # Two points behind and fast enough to make up for them, but not by the margin on validation.
    curves = learner("late", lambda t: np.exp(-3.2 * t))
    found = judge(RULE, curves, FAST, margin=0.05)

    assert found.verdict == "inconclusive"
    assert found.advice.startswith(("Train longer", "Raise the learning rate"))


def doubted(losses, valid=FLAT):
    """Of one with these train and validation losses, of replicates a little apart."""
    apart = np.array([[1.0], [1.01], [1.02]])
    curves = with_errors("weak", [0.15, 0.17, 0.19], VALID)
    rows = {"train_loss": apart * losses, "valid_loss": apart * valid}
    return judge(RULE, replace(curves, **rows), BEST)


def test_a_train_loss_that_falls_without_a_better_score_may_still_learn():
    found = doubted([1.0, 0.75, 0.5, 0.25])

    assert found.verdict == "inconclusive"
    assert found.sentence.startswith(
        "weak may or may not underfit: its train accuracy ends 11.0 points"
    )
    assert "; but it may still learn: as it goes, after 4 more epochs its train" in found.sentence
    assert found.advice == "Run more replicates, or train longer."
    assert doubted(FLAT).verdict == "found"


def test_a_train_loss_that_rises_is_not_flat():
    found = doubted([1.0, 0.5, 0.6, 0.7])

    assert found.verdict == "inconclusive"
    assert "; but train loss rises: as it goes, after 4 more epochs" in found.sentence
    assert found.advice == "Lower the learning rate before judging its capacity."


def test_one_that_is_undertrained_does_not_underfit():
    # Its validation loss falls in the last half; nothing else changes, and it is behind.
    curves = learner("late", lambda t: np.exp(-20 * t), limit=0.3)
    improving = 0.31 + 0.2 * np.exp(-2 * np.arange(1, 21) / 20)
    noise = curves.valid_error - curves.valid_error.mean(axis=0)
    late = replace(curves, valid_error=improving + noise, valid_loss=2 * (improving + noise))
    found = judge(RULE, late, FAST)

    assert found.verdict == "inconclusive"
    assert found.sentence.endswith("; but it still learns: validation improves (KH104).")
    assert found.advice == "Train longer first, before judging its capacity."


BEST_OF_TWO = with_errors("best", [0.05, 0.06], [0.1, 0.1])


def test_is_inconclusive_where_validation_error_may_not_be_worse():
    found = judge(RULE, with_errors("v", [0.15, 0.17, 0.19], [0.08, 0.11, 0.12]), BEST)

    assert found.verdict == "inconclusive"
    assert found.evidence[EXCESS].low > THRESHOLD
    assert found.evidence[WORSE].low < 0 < found.evidence[WORSE].high
    assert found.sentence.endswith("; the second may be none.")
    assert "the first difference" not in found.sentence


def test_a_validation_difference_that_is_the_same_in_all_replicates_has_no_interval():
    found = judge(RULE, with_errors("v", [0.15, 0.17, 0.19], [0.2] * 3), BEST)
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith("; the second has no interval.")


@pytest.mark.parametrize(
    ("train", "told"),
    [
        (
            [0.15, 0.16, 0.17],
            (
                "v and best have train errors apart by the same in all 3 replicates, which tells "
                "nothing of more."
            ),
        ),
        (
            [0.15, np.nan, np.nan],
            "v and best have 1 sound replicate in common, too few for an interval.",
        ),
    ],
)
def test_says_why_train_errors_tell_nothing(train, told):
    found = judge(RULE, with_errors("v", train, VALID), BEST)
    assert (found.verdict, found.sentence) == ("inconclusive", told)
    assert found.advice == "Run more replicates."


def test_the_threshold_is_where_the_verdict_turns():
    valid = [0.3, 0.31]

    for above, verdict in ((0.0199, "not found"), (0.0201, "found")):
        curves = with_errors("v", [0.05 + above, 0.06 + above + 1e-6], valid)
        assert judge(RULE, curves, BEST_OF_TWO).verdict == verdict


def test_an_interval_that_barely_holds_the_threshold_is_inconclusive():
    # Half a width is 4.302653 x 0.005 / sqrt(3) = 0.0124.
    for shift, verdict in [
        (0.013, "found"),
        (0.012, "inconclusive"),
        (-0.012, "inconclusive"),
        (-0.013, "not found"),
    ]:
        above = np.array([0.015, 0.020, 0.025]) + shift
        curves = with_errors("v", BEST.train_error[:, -1] + above, VALID)
        assert judge(RULE, curves, BEST).verdict == verdict


def test_where_the_metric_is_no_proportion_the_threshold_is_a_part_of_the_baselines_score():
    # 10 % of a reference of 0.5: 0.05 in the unit of the errors.
    assert EXCESS_PERCENT == 10.0
    for above, verdict in ((0.0499, "not found"), (0.0501, "found")):
        curves = with_errors("v", [0.05 + above, 0.06 + above + 1e-6], [0.3, 0.31])
        assert judge(RULE, curves, BEST_OF_TWO, scale=percent_of(0.5)).verdict == verdict

    told = judge(RULE, FIRES, BEST, scale=percent_of(0.5)).sentence
    assert "its train loss ends 0.11 (0.0852 to 0.135) worse than that of best, its " in told


def test_train_errors_are_read_at_the_end_and_validation_errors_at_the_best_epoch():
    # The best one fits best at the end only; its validation error is lowest at its best epoch.
    best = variant(
        "best",
        train=[FLAT] * 2,
        valid=[[1.0, 0.3, 0.5, 0.6]] * 2,
        train_error=[[0.9, 0.9, 0.9, 0.05], [0.9, 0.9, 0.9, 0.06]],
        valid_error=[[0.9, 0.10, 0.9, 0.9], [0.9, 0.10, 0.9, 0.9]],
    )
    weak = with_errors("weak", [0.150, 0.171], [0.200, 0.201])
    found = judge(RULE, weak, best)

    assert found.evidence[EXCESS].mean == pytest.approx(0.1055)
    assert found.evidence[WORSE].mean == pytest.approx(0.1005)
    assert found.verdict == "found"


def test_the_end_is_the_mean_of_the_last_quarter():
    losses = [1.0, 0.6, *[0.5] * 6]
    ending = [[0.9] * 6 + [0.10, 0.20], [0.9] * 6 + [0.171, 0.171]]
    curves = variant(
        "weak",
        train=[losses] * 2,
        valid=[losses] * 2,
        train_error=ending,
        valid_error=[[0.2] * 8, [0.201] * 8],
    )
    found = judge(RULE, curves, with_errors("best", [0.05, 0.06], [0.1, 0.1], losses))

    assert found.evidence[EXCESS].mean == pytest.approx(0.1055)


def test_a_variant_whose_errors_are_not_known_is_nobodys_best():
    blind = with_errors("blind", [np.nan] * 3, [np.nan] * 3)

    assert_same(judge(RULE, FIRES, blind, BEST), judge(RULE, FIRES, BEST))
    assert judge(RULE, blind, BEST).verdict == judge(RULE, blind).verdict == "not applicable"
    assert judge(RULE, blind, BEST).sentence == "blind: there is no train accuracy of it."


def test_one_epoch_is_inconclusive():
    weak, best = (with_errors(*of, [0.5]) for of in (("w", *WEAK_OF_TWO), ("b", *WELL_OF_TWO)))
    found = judge(RULE, weak, best)

    assert found.verdict == "inconclusive"
    assert found.sentence == "w has one epoch, which shows no curve that could be flat."
    assert found.advice == "Run more epochs."


WEAK_OF_TWO, WELL_OF_TWO = ([0.9, 0.91], [0.9, 0.91]), ([0.1, 0.1], [0.1, 0.1])


def test_does_not_apply_where_no_replicate_is_sound():
    broken = with_errors("v", [0.2] * 3, [0.3] * 3, [1.0, np.nan])
    assert judge(RULE, broken, BEST).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    one = with_errors("v", [0.9], [0.9])
    assert judge(RULE, one, with_errors("best", [0.1], [0.1])).verdict == "inconclusive"


def test_replicates_that_stopped_are_each_read_by_the_epochs_of_their_own():
    longer = [*FLAT, FLAT[-1], FLAT[-1]]
    curves = variant(
        "weak",
        train=[FLAT, longer, longer],
        valid=[FLAT, longer, longer],
        train_error=[[0.15] * 4, [0.17] * 4 + [0.9, 0.17], [0.19] * 4 + [0.9, 0.19]],
        valid_error=[[0.20] * 4, [0.21] * 6, [0.22] * 6],
    )
    found, expected = judge(RULE, curves, BEST), judge(RULE, FIRES, BEST)
    for name in (EXCESS, WORSE):
        assert numbers(found.evidence[name]) == pytest.approx(numbers(expected.evidence[name]))


def stopped(lengths, *, falls_from):
    """One on a plateau, which falls from some epoch on, and stops after so many epochs."""
    random = np.random.default_rng(4)
    epochs = np.arange(1, max(lengths) + 1)
    error = 0.45 + 0.4 * np.exp(-epochs) - 0.007 * np.clip(epochs - falls_from, 0, None)
    noisy = error + 1e-3 * random.standard_normal((4, len(lengths), len(epochs)))
    train, valid, train_error, valid_error = (
        [row[:length].tolist() for row, length in zip(rows, lengths, strict=True)] for rows in noisy
    )
    return variant(
        "stopped",
        train=train,
        valid=valid,
        train_error=train_error,
        valid_error=valid_error,
        planned_epochs=60,
    )


def test_one_that_was_stopped_is_flat_where_its_curves_are_at_their_own_ends():
    """One replicate stopped on the plateau, from which the others had begun to fall."""
    lengths = [8, 27, 28, 29, 30]
    falling = judge(RULE, stopped(lengths, falls_from=9), FAST)

    assert falling.evidence[EXCESS].low > THRESHOLD
    assert falling.verdict == "inconclusive"
    assert "it still learns: as it goes, after each replicate's 8 to 30 epochs again" in (
        falling.sentence
    )
    assert falling.advice == (
        "Stop it later first (with more patience, say), before judging its capacity."
    )
    assert judge(RULE, stopped(lengths, falls_from=60), FAST).verdict == "found"


@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
@pytest.mark.parametrize("whose", ["own", "the best variant's"])
def test_a_diverged_replicate_among_sound_ones_counts_for_nothing(curves, whose):
    broken = {"train_loss": [1.0, 0.5, np.nan, np.nan], "train_error": 0.9, "valid_error": 0.9}
    sound = {"train_loss": FLAT, "train_error": 0.5, "valid_error": 0.2}
    changed, other = (broken, sound) if whose == "own" else (sound, broken)

    found = judge(RULE, adding(curves, **changed), adding(BEST, **(other | {"train_error": 0.01})))

    expected = judge(RULE, curves, BEST)
    assert found.evidence[EXCESS] == expected.evidence[EXCESS]
    if whose == "own" and expected.verdict != "not found":
        # But that it underfits, a variant that diverges is not said to.
        assert found.verdict == "inconclusive"
        assert found.sentence.endswith("; but 1 of its 4 replicates diverged.")
        assert found.advice.startswith("Lower the learning rate, or clip gradients, before")
    else:
        assert found.verdict == expected.verdict


def test_variants_without_a_common_sound_replicate_are_inconclusive():
    gone, here = [1.0, np.nan, np.nan, np.nan], FLAT
    weak = variant(
        "weak",
        train=[here, here, gone, gone],
        valid=[FLAT] * 4,
        train_error=[[0.4] * 4] * 4,
        valid_error=[[0.4] * 4] * 4,
    )
    best = variant(
        "best",
        train=[gone, gone, here, here],
        valid=[FLAT] * 4,
        train_error=[[0.1] * 4] * 4,
        valid_error=[[0.1] * 4] * 4,
    )
    assert judge(RULE, weak, best).verdict == "inconclusive"


@settings(derandomize=True)
@given(data=st.data(), replicates=st.integers(1, 5))
def test_where_the_circle_of_replicates_begins_does_not_matter(data, replicates):
    curves, other = (data.draw(variants(name, replicates)) for name in "ab")
    order = data.draw(turns(replicates))

    assert_same(
        judge(RULE, reordered(curves, order), reordered(other, order)), judge(RULE, curves, other)
    )


def test_variants_of_other_class_weights_are_nothing_to_compare_with():
    """They trade one class for another: fewer right answers are no lack of capacity."""
    weighted = replace(FIRES, weighting="balanced")

    found = judge(RULE, weighted, BEST)
    assert found.verdict == "not applicable"
    assert "no train accuracy of another variant with the same class weights" in found.sentence
    assert judge(RULE, weighted, replace(BEST, weighting="balanced")).verdict == "found"
    alike = replace(SILENT, name="alike", weighting="balanced")
    assert "alike" in judge(RULE, weighted, BEST, alike).sentence
    assert judge(RULE, BEST, weighted).verdict == "not applicable"
