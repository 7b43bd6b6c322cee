"""KH106: replicates differ by more than what the study is asked to decide."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.rules.unstable import LEAST, RULE
from kohort.findings.statistics.scale import Scale
from tests.findings.curve_builders import (
    assert_same,
    judge,
    learner,
    percent_of,
    study_of,
    variant,
)
from tests.findings.curve_builders import with_replicate as adding

MONTE_CARLO = 3 * np.sqrt(0.025 * 0.975 / 400)
SPREAD = "standard deviation over replicates"
# Limits of a deviation of one from three values at 95 %: the table in the documentation of
# Boost.Math, "Confidence Intervals on the Standard Deviation".
LOW, HIGH = 0.5207, 6.2847
ERRORS = [0.10, 0.12, 0.14]  # mean 0.12, s = 0.02
STEADY = np.array([0.100, 0.101, 0.102])
WILD = np.array([0.1, 0.9, 0.4])


def judged(*errors, number=0, **study):
    study = study_of(errors, **study)
    return RULE.judge(study.variants[number], study)


def test_fires_with_the_numbers_that_it_stands_on():
    found = judged(ERRORS)

    assert (found.code, found.title, found.verdict) == ("KH106", "unstable", "found")
    spread = found.evidence[SPREAD]
    assert spread.mean == pytest.approx(0.02)
    assert (spread.low, spread.high) == pytest.approx((0.02 * LOW, 0.02 * HIGH), rel=1e-3)
    assert found.evidence["margin"] == 0.01
    assert found.sentence == (
        "a is unstable: its accuracy has a standard deviation of its own of 2.00 points (1.04 to "
        "12.57) over replicates, where differences of 1 point are of interest."
    )
    # Of one epoch nothing tells whether the loss jumps.
    assert found.advice == (
        "Where its loss jumps as it trains, steady it (a lower learning rate, larger batches, "
        "clipped gradients); else decide by more replicates."
    )


def unsteady(share, epochs=12, noise=1e-3):
    """A variant whose replicates are apart by far, and keep that distance as they train."""
    curves = learner("a", share, epochs=epochs, noise=noise)
    apart = np.linspace(-0.1, 0.1, len(curves.lengths))[:, None]
    return replace(curves, valid_error=curves.valid_error + apart)


def test_what_is_still_on_its_way_is_not_told_to_learn_more_slowly():
    found = judge(RULE, unsteady(lambda t: 1 - 0.3 * t))
    assert found.verdict == "found"
    assert found.advice == (
        "It is still on its way (slow, KH107): train for more epochs, or with a higher learning "
        "rate, and see how steady it is then."
    )
    # Of three epochs KH107 tells no pace, but KH104 that they are too few.
    few = judge(RULE, unsteady(lambda t: 1 - 0.3 * t, epochs=3))
    assert few.advice.startswith("It is still on its way (undertrained, KH104): train for more ")


def test_where_train_loss_falls_throughout_no_lower_learning_rate_is_advised():
    levelled = unsteady(lambda t: np.exp(-20 * t), noise=0.0)
    found = judge(RULE, levelled)
    assert found.verdict == "found"
    assert found.advice == (
        "Its train loss falls from each epoch to the next, which does not speak for too high a "
        "learning rate: decide by more replicates."
    )
    jumps = np.where(np.arange(12) % 4 == 3, 0.2, 0.0)
    found = judge(RULE, replace(levelled, train_loss=levelled.train_loss + jumps))
    assert found.advice == (
        "Its train loss rises in 27 % of epochs: steady it (a lower learning rate, larger batches, "
        "clipped gradients), or decide by more replicates."
    )


def test_is_silent_where_the_spread_is_below_the_margin():
    found = judged(ERRORS, margin=0.13)

    assert found.verdict == "not found"
    assert found.evidence[SPREAD].high < 0.13
    assert "a is stable" in found.sentence
    assert found.advice == ""


def test_is_inconclusive_where_no_margin_says_what_is_of_interest():
    found = judged(ERRORS, margin=0.0)
    assert found.verdict == "inconclusive"
    assert "over replicates, and no margin says which differences are of interest" in found.sentence
    assert found.advice == "Name a margin above 0."


def test_is_inconclusive_where_the_interval_holds_the_margin():
    found = judged(ERRORS, margin=0.05)

    assert found.verdict == "inconclusive"
    assert "more replicates" in found.advice


def test_the_margin_is_where_the_verdict_turns():
    assert judged(ERRORS, margin=0.02 * LOW - 1e-4).verdict == "found"
    assert judged(ERRORS, margin=0.02 * LOW + 1e-4).verdict == "inconclusive"
    assert judged(ERRORS, margin=0.02 * HIGH - 1e-3).verdict == "inconclusive"
    assert judged(ERRORS, margin=0.02 * HIGH + 1e-3).verdict == "not found"


def test_a_lower_confidence_narrows_the_interval():
    assert judged(ERRORS, margin=0.011).verdict == "inconclusive"
    assert judged(ERRORS, margin=0.011, confidence=0.8).verdict == "found"


def test_a_hard_split_is_not_its_own():
    hard = np.array([0.0, 0.2, 0.4])
    judged_one, other = hard + STEADY, hard + 0.05

    assert judged(judged_one, other, margin=0.05).evidence[SPREAD].mean == pytest.approx(0.001)
    assert judged(judged_one, other, margin=0.05).verdict == "not found"
    assert judged(judged_one, margin=0.05).verdict == "found"


def test_another_unstable_variant_is_not_its_own():
    judged_one, wild = STEADY, WILD

    assert judged(judged_one, wild, margin=0.05).evidence[SPREAD].mean == pytest.approx(0.001)
    assert judged(judged_one, wild, margin=0.05).verdict == "not found"
    assert judged(judged_one, wild, margin=0.05, number=1).verdict == "found"


def test_neither_counts_where_there_are_both():
    hard = np.array([0.0, 0.2, 0.4])
    judged_one, steady, wild = hard + STEADY, hard + 0.05, hard + WILD
    found = judged(judged_one, steady, wild, steady, margin=0.05)

    assert found.evidence[SPREAD].mean == pytest.approx(0.001)


def test_a_variant_that_lost_a_replicate_is_not_compared_with():
    hard = [0.0, 0.2, 0.4]
    found = judged(hard, np.add(hard, [0.0, 0.001, 0.002]), [0.1, 0.9, np.nan])

    assert found.evidence[SPREAD].mean == pytest.approx(0.001)
    # Unless the variant itself has none there.
    assert judged([0.0, 0.2, np.nan], [0.1, 0.3, np.nan]).evidence[SPREAD].n == 2


def test_a_twin_does_not_make_a_variant_stable():
    """One model by two names: what is equal has no spread beside itself."""
    alone, with_twin = judged([0.1, 0.3, 0.5]), judged([0.1, 0.3, 0.5], [0.1, 0.3, 0.5])
    assert_same(with_twin, alone)
    assert alone.evidence[SPREAD].mean == pytest.approx(0.2)


@pytest.mark.parametrize("errors", [[[0.05] * 3], [[0.05] * 3, [0.1] * 3], [[0.0] * 3]])
def test_errors_that_are_equal_by_coarse_scores_are_not_called_stable(errors):
    found = judged(*errors)

    assert (found.verdict, found.advice) == ("inconclusive", "Run more replicates.")
    assert found.sentence == "a has the same accuracy in all 3 replicates, which tells no spread."
    assert not found.evidence[SPREAD].is_formed


def test_errors_that_differ_alike_in_another_variant_are_not_called_stable():
    errors = [0.05, 0.10, 0.05]
    found = judged(errors, np.add(errors, 0.05))

    assert found.verdict == "found"
    assert_same(found, judged(errors))


def test_does_not_apply_where_no_replicate_is_sound():
    assert judge(RULE, variant(train=[[np.nan]] * 3, valid=[[1.0]] * 3)).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    found = judged([0.1])

    assert found.verdict == "inconclusive"
    assert "one sound replicate" in found.sentence


def test_errors_that_are_not_known_are_inconclusive():
    curves = variant(train=[[1.0]] * 3, valid=[[1.0]] * 3, valid_error=[[0.1], [np.nan], [np.nan]])
    found = judge(RULE, curves)

    assert found.verdict == "inconclusive"
    assert "too few measured replicates" in found.sentence


def test_replicates_that_stopped_are_each_read_by_the_epochs_of_their_own():
    curves = variant(
        "a",
        train=[[0.9], [0.9, 0.5], [0.9, 0.5, 0.4]],
        valid=[[0.9], [0.9, 0.1], [0.9, 0.1, 0.1]],
        valid_error=[[0.10], [0.9, 0.12], [0.14, 0.0, 0.9]],
    )
    assert_same(judge(RULE, curves), judged(ERRORS))


def test_a_diverged_replicate_among_sound_ones_counts_for_nothing():
    (curves,) = study_of([ERRORS]).variants
    assert_same(judge(RULE, adding(curves, train_loss=np.nan)), judged(ERRORS))


GROUPED = {"kind": "splits", "valid_samples": 200}
# Of an error of 0.2, 200 samples bring 0.4 / sqrt(200), 2.83 points; 8 groups of 25 five times it.
BY_GROUP = [0.2 + 0.1 * error for error in (-1.2, -0.9, -0.4, -0.1, 0.1, 0.4, 0.9, 1.2)]


def test_the_luck_of_the_groups_that_are_drawn_is_no_instability():
    alone = judged(BY_GROUP, **GROUPED)
    found = judged(BY_GROUP, **GROUPED, group_size=25.0)

    assert (alone.verdict, found.verdict) == ("found", "inconclusive")
    assert found.sentence == (
        "a may or may not be unstable: its accuracy has a standard deviation of its own of 8.32 "
        "points (5.50 to 16.92) over replicates, where differences of 1 point are of interest and "
        "the draw of 200 validation samples alone brings one of 2.83 points to 14.1 points, by how "
        "far samples of a group are alike. So few groups hide much: over 8 replicates only a "
        "standard deviation from 21.4 points on would be found."
    )
    assert "seeds on one split" in found.advice
    # Chi-squared with 7 degrees of freedom, 97.5 % (any table): 16.013.
    least = np.hypot(0.01, 0.4 / np.sqrt(8)) * np.sqrt(16.013 / 7)
    assert found.evidence[LEAST] == pytest.approx(least, rel=1e-4)
    assert LEAST not in alone.evidence
    luck = "the same, were samples of a group right or wrong together"
    assert found.evidence[luck] == pytest.approx(0.4 / np.sqrt(8))
    assert luck not in alone.evidence


def test_of_groups_what_is_beyond_their_luck_is_found_and_what_none_of_it_explains_is_not():
    wild = [0.2 + 8 * (error - 0.2) for error in BY_GROUP]
    steady = [0.2 + 0.1 * (error - 0.2) for error in BY_GROUP]
    small = GROUPED | {"group_size": 4.0}

    assert judged(wild, **small).verdict == "found"
    assert judged(steady, **small).verdict == "not found"


def test_of_groups_seeds_are_advised_where_no_number_of_replicates_would_tell():
    def advice(times, group_size):
        errors = [0.2 + times * (error - 0.2) for error in BY_GROUP]
        found = judged(errors, **GROUPED, group_size=group_size)
        assert found.verdict == "inconclusive"
        return found.advice

    # Times 8.32 points: the margin and the draw of samples bring 3.0, that of groups of 25 14.2.
    assert advice(0.3, 25.0) == "Run more replicates."
    assert advice(0.5, 25.0).startswith("Look at seeds on one split")
    assert advice(1.5, 25.0).startswith("Look at seeds on one split")
    assert advice(2.0, 25.0) == "Run more replicates."


def test_where_groups_hide_every_spread_it_says_so():
    found = judged([0.2, 0.25, 0.3], kind="splits", valid_samples=20, group_size=20.0)
    told = "So few groups hide all: no spread over 3 replicates would be found."
    assert found.sentence.endswith(told)


def test_seeds_on_one_split_have_no_luck_of_groups():
    one = judged(BY_GROUP, kind="seeds", valid_samples=200)
    assert_same(judged(BY_GROUP, kind="seeds", valid_samples=200, group_size=25.0), one)


def test_what_is_no_proportion_is_told_in_its_own_unit():
    found = judged(ERRORS, scale=percent_of(0.2, "mae"))

    assert "its mae has a standard deviation of its own of 0.02 (0.0104 to 0.126) over" in (
        found.sentence
    )
    assert "where differences of 0.01 are of interest" in found.sentence
    assert_same(found, judged(ERRORS))


# Of errors around 0.12, with 100 validation samples: sqrt(0.12 x 0.88 / 100) = 0.0325.
DRAWN = 0.032496
DRAW = "standard deviation by the draw of validation samples"


@pytest.mark.parametrize("kind", ["splits", "folds"])
def test_what_the_draw_of_validation_samples_brings_is_no_instability(kind):
    drawn = {"kind": kind, "valid_samples": 100}

    assert judged(ERRORS).verdict == "found"
    found = judged(ERRORS, **drawn)
    assert found.verdict == "inconclusive"
    assert (found.evidence["margin"], found.evidence[DRAW]) == (
        0.01,
        pytest.approx(DRAWN, rel=1e-4),
    )
    assert found.sentence == (
        "a may or may not be unstable: its accuracy has a standard deviation of its own of 2.00 "
        "points (1.04 to 12.57) over replicates, where differences of 1 point are of interest and "
        "the draw of 100 validation samples alone brings one of 3.25 points."
    )


@pytest.mark.parametrize("metric", ["auc", "recall", "balanced_accuracy"])
def test_what_the_draw_brings_to_what_is_no_part_of_all_samples_is_not_known(metric):
    found = judged(
        ERRORS, kind="splits", valid_samples=100, scale=Scale(metric, counts_answers=False)
    )
    assert DRAW not in found.evidence
    assert "; the luck of the splits is in it, and how much of it is not known." in found.sentence
    assert found.verdict == "inconclusive"


def test_above_what_the_draw_and_the_margin_bring_the_verdict_turns():
    wide = [0.0, 0.12, 0.24]  # s = 0.12; the interval begins at 0.0625
    turns = np.sqrt((0.12 * LOW) ** 2 - DRAWN**2)
    drawn = {"kind": "splits", "valid_samples": 100}

    found = judged(wide, margin=turns - 1e-4, **drawn)
    assert found.verdict == "found"
    assert found.advice.startswith("Where its loss jumps as it trains, steady it (")
    assert judged(wide, margin=turns + 1e-4, **drawn).verdict == "inconclusive"
    turns = np.sqrt((0.02 * HIGH) ** 2 - DRAWN**2)
    assert judged(ERRORS, margin=turns - 1e-3, **drawn).verdict == "inconclusive"
    assert judged(ERRORS, margin=turns + 1e-3, **drawn).verdict == "not found"


def test_seeds_validate_on_the_same_samples():
    found = judged(ERRORS, kind="seeds", valid_samples=100)

    assert_same(found, judged(ERRORS))
    assert found.sentence == judged(ERRORS).sentence


def test_where_the_metric_is_no_proportion_the_luck_of_the_split_is_told():
    found = judged(ERRORS, kind="splits", valid_samples=100, scale=percent_of(0.2, "mae"))

    assert found.verdict == "inconclusive"
    assert DRAW not in found.evidence
    told = "of interest; the luck of the splits is in it, and how much of it is not known."
    assert found.sentence.endswith(told)
    assert found.advice.startswith("Look at seeds on one split")
    of_seeds = judged(ERRORS, scale=percent_of(0.2, "mae"))
    assert of_seeds.sentence.endswith("of 0.01 are of interest.")
    assert of_seeds.advice.startswith("Where its loss jumps as it trains, steady it (")


def test_errors_that_are_no_proportions_after_all_do_no_harm():
    assert judged([1.5, 2.5, 1.5], kind="splits", valid_samples=9).evidence[DRAW] == 0.0


def test_false_alarms_of_samples_drawn_anew_are_as_rare_as_the_confidence_says():
    """Models that do not differ, and are judged on 50 new samples each: all is sampling noise."""
    random = np.random.default_rng(64)
    errors = random.binomial(50, 0.2, (400, 1, 5)) / 50
    drawn = {"margin": 1e-6, "kind": "splits", "valid_samples": 50}
    assert np.mean([judged(*e, **drawn).verdict == "found" for e in errors]) < 0.025 + MONTE_CARLO
    assert np.mean([judged(*e, margin=1e-6).verdict == "found" for e in errors]) > 0.9


def share_found(margin, others=0, hard=0.0, draws=400):
    """How often variants of a deviation of one are called unstable."""
    random = np.random.default_rng(62)
    errors = random.normal(size=(draws, 1 + others, 5)) + hard * random.normal(size=(draws, 1, 5))
    return np.mean([judged(*e, margin=margin).verdict == "found" for e in errors])


@pytest.mark.parametrize("others", [0, 1, 3])
def test_false_alarms_at_the_margin_are_as_rare_as_the_confidence_says(others):
    assert share_found(1.0, others) < 0.025 + MONTE_CARLO


def test_with_hard_splits_the_spread_of_three_others_adds_a_fifth():
    # The variance of the median of three normal deviates is 0.449 (any table of order statistics).
    assert share_found(np.sqrt(1.449), others=3, hard=3.0) < 0.025 + MONTE_CARLO


def test_finds_most_of_those_far_above_the_margin():
    errors = np.random.default_rng(63).normal(0, 4, (200, 1, 5))
    assert np.mean([judged(*e, margin=1.0).verdict == "found" for e in errors]) > 0.9
