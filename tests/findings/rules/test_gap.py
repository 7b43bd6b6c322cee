"""KH102: validation error is above train error."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.findings.judged import StudyCurves
from kohort.findings.rules.gap import GAP_PERCENT, GAP_POINTS, RULE
from tests.findings.curve_builders import (
    assert_same,
    judge,
    numbers,
    percent_of,
    reordered,
    turns,
    variant,
    variants,
)
from tests.findings.curve_builders import with_replicate as adding

THRESHOLD = GAP_POINTS / 100


def with_gaps(*gaps, train_error=0.1):
    """Replicates of three epochs, the second the best; errors elsewhere would tell otherwise."""
    n = len(gaps)
    return variant(
        train=[[1.0, 0.5, 0.4]] * n,
        valid=[[1.0, 0.5, 0.6]] * n,
        train_error=[[0.0, train_error, 0.9]] * n,
        valid_error=[[0.9, train_error + gap, 0.0] for gap in gaps],
    )


FIRES = with_gaps(0.05, 0.06, 0.07)
SILENT = with_gaps(0.005, 0.006, 0.007)
UNDECIDED = with_gaps(0.01, 0.06, 0.03)


def test_fires_with_the_numbers_that_it_stands_on():
    found = judge(RULE, FIRES)

    assert (found.code, found.title, found.verdict) == ("KH102", "gap", "found")
    assert found.evidence["best epoch"] == 2
    # Mean 0.06, s = 0.01, n = 3; Student's t of 2 degrees of freedom at 97.5 %: 4.302653.
    half = 4.302653 * 0.01 / np.sqrt(3)
    gap = found.evidence["validation minus train error"]
    assert (gap.mean, gap.low, gap.high) == pytest.approx((0.06, 0.06 - half, 0.06 + half))
    assert found.sentence == (
        "v has a generalisation gap: at its best epoch (2 by the mean curve) validation accuracy "
        "is 6.0 points (3.5 to 8.5) worse than on training data."
    )
    assert found.advice


def study_with(other, **facts):
    """The firing variant beside another one, of which it is the second."""
    fires = replace(FIRES, name="v", **facts)
    return StudyCurves((replace(other, name="other"), fires), additions=((0, 1),))


def test_who_learns_too_little_is_not_told_to_regularise():
    """Its train error of 0.1 is above the validation error of the other one."""
    study = study_with(with_gaps(0.01, 0.02, 0.03, train_error=0.05))
    found = RULE.judge(study.variants[1], study)
    assert found.verdict == "found"
    assert found.advice == (
        "First see why it learns so little (KH103, KH107): on its training data it scores worse "
        "than other on validation, so that no gap is what holds it back."
    )


def test_who_does_worse_with_a_regulariser_is_not_told_to_add_another():
    better = with_gaps(0.02, 0.03, 0.04)
    study = study_with(better, regularizer_count=1)
    assert RULE.judge(study.variants[1], study).advice == (
        "More data would narrow it. Do not regularise it more: other, which has a regulariser "
        "less, scores better here."
    )
    usual = "More data or regularisation would narrow it; a smaller model may."
    study = study_with(better)
    assert RULE.judge(study.variants[1], study).advice == usual
    study = study_with(FIRES, regularizer_count=1)
    assert RULE.judge(study.variants[1], study).advice == usual


def test_is_silent_where_the_gap_is_small():
    found = judge(RULE, SILENT)

    assert found.verdict == "not found"
    assert found.evidence["validation minus train error"].high < THRESHOLD


def test_is_silent_where_validation_does_better():
    found = judge(RULE, with_gaps(-0.05, -0.06, -0.07))

    assert found.verdict == "not found"
    assert "is 6.0 points (3.5 to 8.5) better than on training data." in found.sentence


def test_is_inconclusive_where_the_interval_holds_the_threshold():
    gap = judge(RULE, UNDECIDED).evidence["validation minus train error"]

    assert judge(RULE, UNDECIDED).verdict == "inconclusive"
    assert gap.low < THRESHOLD < gap.high


def test_the_threshold_is_where_the_verdict_turns():
    assert judge(RULE, with_gaps(0.01901, 0.01899)).verdict == "not found"
    assert judge(RULE, with_gaps(0.02101, 0.02099)).verdict == "found"


def test_an_interval_that_barely_holds_the_threshold_is_inconclusive():
    # Half a width is 4.302653 x 0.005 / sqrt(3) = 0.0124.
    for shift, verdict in [
        (0.013, "found"),
        (0.012, "inconclusive"),
        (-0.012, "inconclusive"),
        (-0.013, "not found"),
    ]:
        assert judge(RULE, with_gaps(*np.array([0.015, 0.020, 0.025]) + shift)).verdict == verdict


def test_shared_samples_widen_the_interval():
    # Mean 0.05, s = 0.01: half a width of 4.302653 s sqrt(1 / 3 + 1 / 4) = 0.033.
    curves = with_gaps(0.04, 0.05, 0.06)

    assert judge(RULE, curves).verdict == "found"
    assert judge(RULE, curves, test_to_train=0.25).verdict == "inconclusive"


def test_where_the_metric_is_no_proportion_the_threshold_is_a_part_of_the_best_score():
    # 10 % of a reference of 0.5: 0.05 in the unit of the errors.
    below, above = with_gaps(0.04901, 0.04899), with_gaps(0.05101, 0.05099)

    assert GAP_PERCENT == 10.0
    assert judge(RULE, below, scale=percent_of(0.5)).verdict == "not found"
    assert judge(RULE, above, scale=percent_of(0.5)).verdict == "found"
    assert judge(RULE, below).verdict == "found"
    told = judge(RULE, FIRES, scale=percent_of(0.5)).sentence
    assert "(2 by the mean curve) validation loss is 0.06 (0.0352 to 0.0848) worse than" in told


def test_each_replicate_is_read_where_the_others_are_best():
    # The other one's best epoch is 1 for the first, 3 for the second; that of all is 2.
    curves = variant(
        train=[[1.0, 0.5, 0.4]] * 2,
        valid=[[0.8, 0.55, 0.5], [0.5, 0.55, 0.8]],
        train_error=[[0.0] * 3] * 2,
        valid_error=[[0.1, 0.9, 0.9], [0.9, 0.9, 0.3]],
    )
    found = judge(RULE, curves)

    assert found.evidence["best epoch"] == 2
    assert found.evidence["validation minus train error"].mean == pytest.approx(0.2)


def test_an_error_that_is_not_known_is_left_out():
    curves = with_gaps(0.05, 0.06, 0.07, np.nan)
    assert_same(judge(RULE, curves), judge(RULE, FIRES))


def test_does_not_apply_where_no_replicate_is_sound():
    curves = variant(
        train=[[1.0, np.nan]] * 2,
        valid=[[1.0, 1.0]] * 2,
        train_error=[[0.1, 0.1]] * 2,
        valid_error=[[0.9, 0.9]] * 2,
    )
    assert judge(RULE, curves).verdict == "not applicable"


def test_one_replicate_is_inconclusive():
    assert judge(RULE, with_gaps(0.5)).verdict == "inconclusive"


def test_replicates_that_stopped_are_each_read_by_the_epochs_of_their_own():
    # The third epoch is the best; the first replicate, which chooses for the third one, had stopped
    # before it.
    curves = variant(
        train=[[1.0, 0.5], [1.0, 0.5, 0.1], [1.0, 0.5, 0.1, 0.1]],
        valid=[[1.0, 0.5], [1.0, 0.5, 0.1], [1.0, 0.5, 0.1, 0.1]],
        train_error=[[0.3, 0.1], [0.3, 0.9, 0.1], [0.3, 0.1, 0.9, 0.9]],
        valid_error=[[0.3, 0.15], [0.3, 0.9, 0.16], [0.3, 0.17, 0.9, 0.9]],
    )
    found, expected = judge(RULE, curves), judge(RULE, FIRES)
    assert found.verdict == expected.verdict
    gap = "validation minus train error"
    assert numbers(found.evidence[gap]) == pytest.approx(numbers(expected.evidence[gap]))
    assert found.evidence["best epoch"] == 3


@pytest.mark.parametrize("curves", [FIRES, SILENT, UNDECIDED], ids=["fires", "silent", "undecided"])
@pytest.mark.parametrize(
    "bad", [{"valid_loss": [1.0, np.nan, np.nan]}, {"train_loss": [1.0, 0.5, 1.5]}]
)
def test_a_diverged_replicate_among_sound_ones_counts_for_nothing(curves, bad):
    worse = adding(curves, train_error=0.0, valid_error=1.0, **bad)
    assert_same(judge(RULE, worse), judge(RULE, curves))


@settings(derandomize=True)
@given(curves=variants(), data=st.data())
def test_which_replicate_of_the_circle_is_first_does_not_matter(curves, data):
    order = data.draw(turns(len(curves.lengths)))
    assert_same(judge(RULE, reordered(curves, order)), judge(RULE, curves))


def test_false_alarms_at_the_threshold_are_as_rare_as_the_confidence_says():
    draws, n = 1000, 5
    gaps = np.random.default_rng(41).normal(THRESHOLD, 0.01, (draws, n))
    found = np.mean([judge(RULE, with_gaps(*row)).verdict == "found" for row in gaps])

    assert 0 < found < 0.025 + 3 * np.sqrt(0.025 * 0.975 / draws)


def level_at(part, *, replicates=5):
    """The same accuracy on training and validation data, in every replicate."""
    return with_gaps(*[0.0] * replicates, train_error=part)


@pytest.mark.parametrize(
    ("kind", "held_out", "verdict", "high"),
    [
        # z^2 / (n + z^2) of n samples: on one split 40 and 400, of 5 folds all 200.
        ("seeds", 40, "inconclusive", 0.0876),
        ("seeds", 400, "not found", 0.0095),
        ("folds", 40, "not found", 0.0188),
    ],
)
def test_that_all_is_right_on_both_is_as_sure_as_the_samples_make_it(kind, held_out, verdict, high):
    ratio = {"seeds": 0.0, "folds": 0.25}[kind]
    design = {"kind": kind, "valid_samples": held_out, "test_to_train": ratio}
    found = judge(RULE, level_at(0.0), **design)

    assert found.verdict == verdict
    gap = found.evidence["validation minus train error"]
    assert (gap.mean, gap.low, gap.high) == pytest.approx((0.0, 0.0, high), abs=1e-4)
    assert gap.n == 5
    in_groups = judge(RULE, level_at(0.0), **design, group_size=20.0)
    assert in_groups.verdict == "inconclusive"


def test_that_both_are_level_tells_nothing_where_no_samples_are_counted():
    assert judge(RULE, level_at(0.0)).verdict == "inconclusive"
    loss = judge(RULE, level_at(0.1), scale=percent_of(0.5), valid_samples=1000)
    assert loss.verdict == "inconclusive"
    assert not loss.evidence["validation minus train error"].is_formed
    told = judge(RULE, level_at(0.0), valid_samples=40)
    assert told.sentence == (
        "v may or may not have a gap: at its best epoch (2 by the mean curve) validation accuracy "
        "is neither worse nor better (0.0 points; 0.0 better to 8.8 worse) than on training data. "
        "It has one if the true difference is above 2 points."
    )
