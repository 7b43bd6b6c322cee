"""KH202: too few replicates to see a difference of practical interest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.replicates import RULE
from tests.findings.curve_builders import (
    assert_same,
    judge,
    percent_of,
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
    assert (difference.mean, difference.low, difference.high) == pytest.approx(
        (0.005, 0.005 - HALF, 0.005 + HALF), rel=1e-6
    )
    assert (found.evidence["margin"], found.evidence["replicates"]) == (0.01, 3)
    # The margin is half a deviation: Cohen's medium effect, G*Power's 34.
    assert found.evidence["replicates needed"] == 34
    assert "differs from that of a by 0.5 points (-4.5 to 5.5)" in found.sentence
    assert "1 points either way cannot be seen" in found.sentence
    assert found.advice == "About 34 replicates would."


def test_is_silent_where_the_interval_is_narrow():
    found = judged(BASE, WIDE, margin=0.05)

    assert found.verdict == "not found"
    assert "b has replicates enough" in found.sentence
    assert found.advice == ""


def test_is_silent_where_a_difference_is_seen():
    found = judged(BASE, [0.485, 0.505, 0.525])

    assert found.verdict == "not found"
    assert found.evidence["difference"].low > 0


def test_the_margin_is_where_the_verdict_turns():
    assert judged(BASE, WIDE, margin=HALF - 1e-6).verdict == "found"
    assert judged(BASE, WIDE, margin=HALF + 1e-6).verdict == "not found"


def test_zero_is_where_the_verdict_turns():
    at_zero = np.array([-0.02, 0.0, 0.02]) + HALF + 0.1

    assert judged(BASE, at_zero - 1e-6).verdict == "found"
    assert judged(BASE, at_zero + 1e-6).verdict == "not found"


def test_one_replicate_is_too_few():
    found = judged([0.1], [0.5])

    assert found.verdict == "found"
    assert found.evidence == {"replicates": 1}
    assert "1 in common with a give no interval" in found.sentence
    assert "at least 3" in found.advice


def test_equal_differences_give_no_interval():
    assert judged(BASE, [0.2, 0.2, 0.2]).verdict == "found"


def test_no_difference_at_all_is_seen_exactly():
    assert judged(BASE, BASE).verdict == "not found"


def test_replicates_that_are_not_in_common_are_too_few():
    found = judged([0.1, 0.2, np.nan, np.nan], [np.nan, np.nan, 0.1, 0.2])

    assert found.verdict == "found"
    assert found.evidence == {"replicates": 0}


def test_a_diverged_replicate_among_sound_ones_counts_for_nothing():
    base, wide = study_of([BASE, WIDE], names=("base", "v")).variants
    gone = {"train_loss": np.nan, "valid_error": 0.9}

    for pair in ((adding(base), adding(wide, **gone)), (adding(base, **gone), adding(wide))):
        found = judge(RULE, pair[0], pair[1])
        assert_same(found, judge(RULE, base, wide))
    assert found.evidence["replicates"] == 3


def test_the_baseline_is_compared_with_the_best_other():
    found = judged(WIDE, [0.3, 0.3, 0.3], BASE, [0.4, 0.1, 0.4], number=0)

    assert "that of c" in found.sentence
    assert found.evidence["difference"].mean == pytest.approx(0.005)


def test_an_unknown_error_is_nobodys_best():
    unknown = variant("b", train=[[0.5]] * 3, valid=[[0.5]] * 3, valid_error=[[np.nan]] * 3)
    wide, base = study_of([WIDE, BASE], names="ac").variants

    assert "that of c" in judge(RULE, wide, unknown, base).sentence
    assert judge(RULE, wide, unknown).verdict == "not applicable"


def test_does_not_apply_to_a_variant_alone():
    assert judged(WIDE, number=0).verdict == "not applicable"


@pytest.mark.parametrize("number", [0, 1])
def test_does_not_apply_where_one_of_them_has_no_sound_replicate(number):
    assert judged(WIDE, [np.nan] * 3, number=number).verdict == "not applicable"
    assert judged([np.nan] * 3, WIDE, number=number).verdict == "not applicable"


def test_unequal_lengths_are_read_up_to_the_shortest():
    curves = variant(
        "b",
        train=[[0.5], [0.5, 0.4], [0.5, 0.4, 0.3]],
        valid=[[0.5], [0.5, 0.1], [0.5, 0.1, 0.1]],
        valid_error=[[0.085], [0.105, 0.9], [0.125, 0.0, 0.9]],
    )
    (base,) = study_of([BASE]).variants

    assert_same(RULE.judge(curves, study_of([BASE])), judged(BASE, WIDE))
    assert judge(RULE, base, curves).evidence["replicates needed"] == 34


def test_more_variants_need_more_replicates():
    # Bonferroni: alpha is halved where two variants are compared with the baseline.
    # (1.960 + 0.842)^2 / (2.241 + 0.842)^2 = 0.83 of as many, were they normal.
    needed = judged(BASE, WIDE, BASE).evidence["replicates needed"]
    assert needed == pytest.approx(34 / 0.83, abs=1)


def test_shared_samples_widen_the_interval_until_no_number_will_do():
    assert judged(BASE, WIDE, margin=0.06).verdict == "not found"
    found = judged(BASE, WIDE, margin=0.06, test_to_train=0.25)
    assert found.verdict == "found"
    assert found.evidence["replicates needed"] > 3

    found = judged(BASE, WIDE, test_to_train=0.25)
    assert "replicates needed" not in found.evidence
    assert "hold out a larger part" in found.advice


def test_another_scale_is_told_in_its_unit():
    found = judged(BASE, WIDE, scale=percent_of(0.1))

    assert "by 5.0 % (-44.7 to 54.7), so that 10 % either way" in found.sentence
    assert_same(found, judged(BASE, WIDE))


ERRORS = st.lists(
    st.tuples(st.integers(0, 64), st.integers(0, 64), st.integers(0, 64)), min_size=2, max_size=8
).map(lambda rows: np.array(rows).T / 64)


@settings(derandomize=True, deadline=None)
@given(errors=ERRORS, ratio=st.sampled_from([0.0, 1 / 9]), margin=st.floats(0.001, 0.5))
def test_more_are_needed_than_there_are(errors, ratio, margin):
    found = judged(*errors, margin=margin, test_to_train=ratio)
    assert found.evidence.get("replicates needed", np.inf) > errors.shape[1]
