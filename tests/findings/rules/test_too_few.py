"""KH202: too few replicates to see a difference of practical interest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import optimize, stats

from kohort.findings.families import families
from kohort.findings.judged import StudyCurves
from kohort.findings.rules.too_few import RULE, many, needed_by_a_pair_alone
from tests.findings.curve_builders import (
    assert_same,
    judge,
    learner,
    percent_of,
    scored_studies,
    study_of,
    variant,
)
from tests.findings.curve_builders import with_replicate as adding

BASE = [0.10, 0.10, 0.10]
WIDE = [0.085, 0.105, 0.125]  # above BASE by 0.005 on average, s = 0.02
# Student's t of 2 degrees of freedom at 97.5 %: 4.302653.
HALF = 4.302653 * 0.02 / np.sqrt(3)  # 0.0497


def judged(*errors, number=1, **study):
    study = study_of(errors, **study)
    return RULE.judge(study.variants[number], study)


def test_fires_with_the_numbers_that_it_stands_on():
    found = judged(BASE, WIDE)

    assert (found.code, found.title, found.verdict) == ("KH202", "too few replicates", "found")
    difference = found.evidence["difference"]
    # Of accuracies, which are lower where errors are higher.
    assert (difference.mean, difference.low, difference.high) == pytest.approx(
        (-0.005, -0.005 - HALF, -0.005 + HALF), rel=1e-6
    )
    assert (found.evidence["margin"], found.evidence["replicates"]) == (0.01, 3)
    # The margin is half a deviation: Cohen's medium effect, G*Power's 34.
    assert found.evidence["replicates needed"] == 34
    assert found.sentence == (
        "b is not yet told from a by 3 replicates (b against a: -0.5 points (-5.5 to 4.5))."
    )
    assert found.advice == "About 34 replicates would show a difference of 1 point."


def test_where_one_of_the_two_is_undertrained_epochs_come_first():
    early = learner("early", lambda t: 1 - 0.6 * t, noise=1e-3)
    level = learner("level", lambda t: 0.4 * np.exp(-20 * t) + 0.4, noise=1e-3)
    # Wide apart in each replicate, so that the two are not told from each other.
    wide = np.array([-0.06, 0.05, 0.0, 0.07, -0.05])[:, None]
    level = replace(level, valid_error=level.valid_error + wide)
    found = judge(RULE, early, level)
    assert found.verdict == "found"
    assert found.advice.startswith(
        "early is undertrained: train for more epochs first. As they are trained now: about "
    )
    alike = judge(RULE, level, replace(level, name="other", valid_error=level.valid_error - wide))
    assert alike.advice.startswith("About ")


def test_is_silent_where_the_two_are_equivalent():
    found = judged(BASE, WIDE, margin=0.05)

    assert found.verdict == "not found"
    assert found.sentence == (
        "b has enough replicates (3): it and a differ by less than 5 points (b against a: -0.5 "
        "points (-3.9 to 2.9), the 90 % interval of two one-sided tests)."
    )
    assert found.advice == ""
    # Where the wider interval lies within the margin too, it is that.
    wide = judged(BASE, WIDE, margin=0.06)
    assert "differ by less than 6 points (b against a: -0.5 points (-5.5 to 4.5))" in wide.sentence


def test_is_silent_where_a_difference_is_seen():
    found = judged(BASE, [0.485, 0.505, 0.525])

    assert found.verdict == "not found"
    assert found.evidence["difference"].high < 0
    assert (
        "b has enough replicates (3): it and a differ (b against a: -40.5 points" in found.sentence
    )


def test_where_the_two_become_equivalent_the_verdict_turns():
    # Student's t of 2 degrees of freedom at 95 %: 2.919986.
    turns = 0.005 + 2.919986 * 0.02 / np.sqrt(3)

    assert judged(BASE, WIDE, margin=turns - 1e-6).verdict == "found"
    assert judged(BASE, WIDE, margin=turns + 1e-6).verdict == "not found"


def test_where_there_are_as_many_as_are_needed_the_verdict_turns():
    # The power of three replicates, by the noncentral t: 80 % at this distance from zero.
    distance = optimize.brentq(lambda d: stats.nct.sf(4.302653, 2, d) - 0.8, 1, 20)
    turns = distance * 0.02 / np.sqrt(3)
    # Not seen to differ, and not to differ by less than as much.
    apart = np.array([-0.02, 0.0, 0.02]) + 0.96 * HALF + 0.1

    few = judged(BASE, apart, margin=turns - 1e-5)
    assert (few.verdict, few.evidence["replicates needed"]) == ("found", 4)
    enough = judged(BASE, apart, margin=turns + 1e-5)
    assert (enough.verdict, enough.evidence["replicates needed"]) == ("not found", 3)
    assert "b has enough replicates (3): they would show a difference of 6." in enough.sentence
    assert "differ by less" not in enough.sentence


def test_a_difference_that_the_correction_takes_back_is_not_seen():
    # t = 4.85, p = 0.04: by itself it is decided, beside another comparison it is 0.08.
    apart = np.array([-0.02, 0.0, 0.02]) + 4.85 * 0.02 / np.sqrt(3) + 0.1

    assert judged(BASE, apart).verdict == "not found"
    found = judged(BASE, apart, WIDE)
    assert found.verdict == "found"
    assert found.evidence["difference"].high < 0  # though not the interval, which is its own
    assert found.sentence.endswith(
        "); taken alone it would be, but the correction for the number of comparisons keeps it "
        "undecided."
    )
    # What stands in the way is not the number of replicates: that stands behind it.
    assert found.advice.startswith(
        "A study of fewer variants, such as of these two alone with another seed, is corrected for "
        "less. About "
    )
    assert "correction" not in judged(BASE, WIDE, BASE).sentence
    assert "fewer variants" not in judged(BASE, WIDE, BASE).advice


def test_zero_is_where_the_verdict_turns():
    at_zero = np.array([-0.02, 0.0, 0.02]) + HALF + 0.1

    assert judged(BASE, at_zero - 1e-6).verdict == "found"
    assert judged(BASE, at_zero + 1e-6).verdict == "not found"


def test_one_replicate_is_too_few():
    found = judged([0.1], [0.5])

    assert found.verdict == "found"
    assert found.evidence == {"replicates": 1}
    assert "b shares 1 sound replicate with a, too few for an interval" in found.sentence
    assert "at least 3" in found.advice


def test_equal_differences_give_no_interval():
    found = judged([0.1, 0.1, 0.1], [0.2, 0.2, 0.2])

    assert found.verdict == "found"
    assert "b differs from a by the same in all 3" in found.sentence
    # Three replicates are what is advised where there are fewer.
    assert "at least 3" not in found.advice
    assert found.advice.endswith("hold out more samples, or score by the loss.")


def test_models_that_differ_and_score_the_same_are_not_said_to_differ_in_score():
    study = study_of([BASE, BASE])
    first, other = study.variants
    found = RULE.judge(
        other := replace(other, valid_loss=2 * other.valid_loss),
        replace(study, variants=(first, other)),
    )
    assert found.verdict == "found"
    assert found.sentence == (
        "b scores the same as a in all 3 replicates, which tells nothing of more."
    )


def test_no_difference_at_all_is_seen_exactly():
    assert judged(BASE, BASE).verdict == "not found"


@pytest.mark.parametrize("other", [BASE, WIDE])
def test_with_a_margin_of_zero_no_replicates_are_promised_and_no_spread_is_blamed(other):
    found = judged(BASE, other, margin=0.0)
    assert found.verdict == "found"
    assert found.advice.startswith("Name a margin above 0: ")


def test_replicates_that_are_not_in_common_are_too_few():
    found = judged([0.1, 0.2, np.nan, np.nan], [np.nan, np.nan, 0.1, 0.2])

    assert found.verdict == "found"
    assert found.evidence == {"replicates": 0}
    assert "b shares 0 sound replicates with a, too few" in found.sentence


def test_equal_scores_are_no_interval_but_where_the_losses_agree():
    base, same = study_of([BASE, BASE]).variants
    other = replace(same, valid_loss=1.01 * same.valid_loss)

    assert judge(RULE, same, base).verdict == "not found"
    found = judge(RULE, other, base)
    assert found.verdict == "found"
    assert found.evidence == {"replicates": 3}


def test_a_diverged_replicate_among_sound_ones_counts_for_nothing():
    base, wide = study_of([BASE, WIDE], names=("base", "v")).variants
    gone = {"train_loss": np.nan, "valid_error": 0.9}

    for pair in ((adding(base), adding(wide, **gone)), (adding(base, **gone), adding(wide))):
        found = judge(RULE, pair[0], pair[1])
        assert_same(found, judge(RULE, base, wide))
    assert found.evidence["replicates"] == 3


def test_the_baseline_is_compared_with_the_best_other():
    found = judged(WIDE, [0.3, 0.3, 0.3], BASE, [0.4, 0.1, 0.4], number=0)

    assert (
        "a is not yet told from c by 3 replicates (c against a: 0.5 points (-4.5 to 5.5))"
        in found.sentence
    )
    assert found.evidence["difference"].mean == pytest.approx(0.005)


def test_the_best_other_is_chosen_by_all_of_its_replicates_and_lower_errors():
    lost = [0.09, 0.10, np.nan]  # the best, of two
    found = judged(WIDE, [0.3, 0.2, 0.3], lost, [0.4, 0.1, 0.4], number=0)

    assert "shares" not in found.sentence
    assert "a is not yet told from c by 2 replicates" in found.sentence


def test_an_unknown_error_is_nobodys_best():
    unknown = variant("b", train=[[0.5]] * 3, valid=[[0.5]] * 3, valid_error=[[np.nan]] * 3)
    wide, base = study_of([WIDE, BASE], names="ac").variants

    assert "not yet told from c" in judge(RULE, wide, unknown, base).sentence
    assert judge(RULE, unknown, wide, base).verdict == "not applicable"
    assert judge(RULE, wide, unknown).verdict == "not applicable"


def test_does_not_apply_to_a_variant_alone():
    assert judged(WIDE, number=0).verdict == "not applicable"


@pytest.mark.parametrize("number", [0, 1])
def test_does_not_apply_where_one_of_them_has_no_sound_replicate(number):
    assert judged(WIDE, [np.nan] * 3, number=number).verdict == "not applicable"
    assert judged([np.nan] * 3, WIDE, number=number).verdict == "not applicable"


def test_replicates_that_stopped_are_each_read_by_the_epochs_of_their_own():
    curves = variant(
        "b",
        train=[[0.5], [0.5, 0.4], [0.5, 0.4, 0.3]],
        valid=[[0.5], [0.5, 0.1], [0.5, 0.1, 0.1]],
        valid_error=[[0.085], [0.9, 0.105], [0.125, 0.0, 0.9]],
    )
    (base,) = study_of([BASE]).variants
    assert_same(RULE.judge(curves, StudyCurves((base, curves))), judged(BASE, WIDE))
    assert judge(RULE, base, curves).evidence["replicates needed"] == 34


def test_more_variants_need_more_replicates():
    # Bonferroni: alpha is halved where two variants are compared with the baseline.
    # (1.960 + 0.842)^2 / (2.241 + 0.842)^2 = 0.83 of as many, were they normal.
    needed = judged(BASE, WIDE, BASE).evidence["replicates needed"]
    assert needed == pytest.approx(34 / 0.83, abs=1)


def test_shared_samples_widen_the_interval_until_no_number_will_do():
    assert judged(BASE, WIDE, margin=0.04).verdict == "not found"
    found = judged(BASE, WIDE, margin=0.04, test_to_train=0.25)
    assert found.verdict == "found"
    assert found.evidence["replicates needed"] > 3


@pytest.mark.parametrize("kind", ["splits", "folds"])
def test_where_no_number_will_do_the_advice_is_for_the_kind_of_replicates(kind):
    found = judged(BASE, WIDE, test_to_train=0.25, kind=kind)
    assert "replicates needed" not in found.evidence
    # Nor does anything beside it say that there are too few of them.
    assert (found.code, found.title) == ("KH202", "margin out of reach")
    assert found.sentence.startswith("b is not told from a by 3 replicates (b against a: -0.5")
    assert found.advice == (
        "Even 1,000 replicates would not show a difference of 1 point between these two, though "
        f"they may show a larger one. The {kind} share training samples, so that they share their "
        "luck however many there are: get more data, or name a larger margin."
    )
    seeds = judged(BASE, [-1.9, 0.1, 2.1], kind="seeds")
    assert "Scores vary too much from seed to seed: steady the training" in seeds.advice


def test_where_the_correction_alone_asks_for_too_many_that_is_said():
    shared = {"test_to_train": 0.03, "kind": "splits"}
    alone = judged(BASE, WIDE, **shared).evidence["replicates needed"]
    assert alone > 3
    found = judged(BASE, WIDE, BASE, BASE, BASE, **shared)
    assert "replicates needed" not in found.evidence
    study = study_of((BASE, WIDE, BASE, BASE, BASE), **shared)
    assert found.advice == (
        "Even 1,000 replicates would not show a difference of 1 point between these two beside all "
        "others, for which it is corrected; in a study of the two alone about "
        f"{many(needed_by_a_pair_alone(families(study).baseline[0]), 'splits')} would."
    )
    # By the spread that the other variants help to estimate, about as many as by the pair's own.
    assert needed_by_a_pair_alone(families(study).baseline[0]) == pytest.approx(alone, rel=0.2)


def test_of_two_replicates_no_number_is_told_for_the_pair_alone():
    study = study_of((BASE[:2], WIDE[:2], BASE[:2]))
    assert needed_by_a_pair_alone(families(study).baseline[0]) is None


def test_two_replicates_are_told_to_be_too_few_whatever_their_spread():
    found = judged(BASE[:2], [0.105, 0.2051])
    assert found.verdict == "found"
    assert found.advice == "Run at least 3 replicates, better 5 or more."
    assert "replicates needed" not in found.evidence


@pytest.mark.parametrize("lost", [1, 2])
def test_where_replicates_diverged_more_of_them_are_not_what_is_missing(lost):
    gone = [BASE[0]] * (3 - lost) + [np.nan] * lost
    found = judged(BASE, [error + 0.01 * n for n, error in enumerate(gone)])
    assert found.verdict == "found"
    assert found.advice == (
        "Replicates that diverged are what is missing: lower the learning rate, or run more."
    )


def test_of_folds_there_are_more_by_repeats():
    found = judged(BASE, WIDE, kind="folds")
    assert found.advice.startswith("About 34 folds in all, by `repeats=`, would show a difference")


def test_what_is_no_proportion_is_told_in_its_own_unit():
    found = judged(BASE, WIDE, scale=percent_of(0.1))

    assert "(b against a: 0.005 (-0.0447 to 0.0547))" in found.sentence
    assert found.advice == "About 34 replicates would show a difference of 0.01."
    assert found.evidence["difference"].mean == pytest.approx(0.005)  # the loss itself


def test_never_contradicts_the_comparison_with_the_baseline():
    verdicts = set()

    @settings(derandomize=True)
    @given(study=scored_studies())
    def holds(study):
        for curves, compared in zip(study.variants[1:], families(study).baseline, strict=False):
            found = RULE.judge(curves, study)
            assert_in_accord(found, compared)
            assert (found.verdict == "not applicable") == (
                not np.isfinite(study.errors[[0, study.variants.index(curves)]]).any(axis=1).all()
            )
            verdicts.add(found.verdict)

    holds()
    assert verdicts >= {"found", "not found"}


def assert_in_accord(found, compared):
    told = compared.difference
    is_told = compared.is_decided or compared.is_equivalent
    needed = compared.replicates_needed or np.inf
    if found.verdict == "found":
        assert not is_told
        assert needed > told.n or not told.is_formed
    if found.verdict == "not found":
        assert told.is_formed
        assert is_told or needed <= told.n
        assert (" differ (" in found.sentence) == compared.is_decided
    assert found.evidence.get("replicates needed", needed) == needed
    assert found.evidence.get("difference", told) == told


@settings(derandomize=True, max_examples=50)
@given(study=scored_studies())
def test_the_baseline_is_judged_as_the_best_other_is(study):
    known = [n for n in range(1, len(study.variants)) if np.isfinite(study.errors[n]).any()]
    assume(known)
    best = min(known, key=lambda n: np.nanmean(study.errors[n]))

    found = RULE.judge(study.variants[0], study)
    assert_same(found, RULE.judge(study.variants[best], study))


@pytest.mark.parametrize(
    ("needed", "told"),
    [(7, "7"), (99, "99"), (100, "100"), (101, "110"), (1243, "1,300"), (10_000, "10,000")],
)
def test_forecasts_have_two_digits_and_promise_no_fewer_than_it_takes(needed, told):
    assert many(needed, "splits") == f"{told} replicates"
    assert many(needed, "folds").startswith(f"{told} folds in all")
