"""KH203: the validation score lies far above the test score."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.data.labels import Majority
from kohort.findings.classes.counted_answers import Answers
from kohort.findings.grouped.right_by_group import RightByGroup
from kohort.findings.rules.above_test import FAR_POINTS, RULE, excess
from kohort.findings.statistics.proportion import proportion_interval
from tests.findings.curve_builders import percent_of, study_of

HALF = np.full(4, 0.5)


def study(errors, **more):
    given = {
        "majority": Majority("a", HALF, HALF, classes=2, share=0.5),
        "valid_samples": 200,
        "test_to_train": 0.25,
        "kind": "splits",
    }
    return study_of(errors, **(given | more))


def answers(name, right, of):
    return Answers(name, np.array([[right, of - right], [0, 0]]), ("a", "b"), 0)


LEAKY = study([[0.40, 0.39, 0.41, 0.40], [0.0, 0.0, 0.0, 0.0]])


def test_fires_where_all_is_right_on_validation_and_three_in_five_on_test():
    found = RULE.judge(LEAKY, [answers("b", 610, 1000), answers("a", 600, 1000)])

    assert (found.code, found.title) == ("KH203", "validation far better than test")
    assert (found.verdict, found.variant) == ("found", None)
    winner = found.evidence["validation minus test accuracy of the winner"]
    baseline = found.evidence["validation minus test accuracy of the baseline"]
    assert winner.mean == pytest.approx(0.39)
    assert baseline.mean == pytest.approx(0.0)
    assert found.sentence.startswith(
        "Validation lies above test by more than chance and choice explain: b is right for "
        "100.0 % on validation and 61.0 % on test, so validation is 39.0 points ("
    )
    for told in ("Believe the test score", "groups", "drift", "KH201"):
        assert told in found.advice


def test_fires_where_the_baseline_alone_is_far_above():
    assert RULE.judge(LEAKY, [answers("b", 990, 1000), answers("a", 300, 1000)]).verdict == "found"


def test_is_silent_where_many_samples_agree():
    many = study([[0.10, 0.101, 0.1, 0.1]], valid_samples=100_000)
    found = RULE.judge(many, [answers("a", 90_000, 100_000)])

    assert found.verdict == "not found"
    assert found.sentence.startswith(f"Validation does not lie above test by {FAR_POINTS:g} points")
    assert found.advice == ""


def test_is_silent_where_few_samples_explain_the_difference():
    few = study([[0.0, 0.0, 0.0, 0.0]], valid_samples=10)
    assert RULE.judge(few, [answers("a", 8, 10)]).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("given", "tested"),
    [
        ({"majority": None}, [answers("a", 5, 10)]),
        ({"majority": None, "scale": percent_of(0.3)}, []),
        ({"valid_samples": None}, [answers("a", 5, 10)]),
        ({}, []),
    ],
    ids=["no classes", "a loss", "unknown samples", "not read"],
)
def test_does_not_apply(given, tested):
    found = RULE.judge(study([[0.0, 0.0, 0.0, 0.0]], **given), tested)
    assert (found.verdict, found.evidence, found.advice) == ("not applicable", {}, "")


def test_the_threshold_is_where_the_verdict_turns():
    many = study([[0.10, 0.10, 0.10, 0.10]], valid_samples=10**9)
    assert FAR_POINTS == 2.0
    for right, verdict in ((0.8801, "not found"), (0.8799, "found")):
        tested = [answers("a", int(right * 10**9), 10**9)]
        assert RULE.judge(many, tested).verdict == verdict


def test_the_interval_of_one_model_on_both_sets_is_newcombes():
    one = study([[0.1]], kind="seeds", test_to_train=0.0)
    found = excess(one, answers("a", 150, 200))
    # Newcombe (1998), "Interval estimation for the difference between independent proportions",
    # Statistics in Medicine 17, method 10.
    valid, test = proportion_interval(180, 200), proportion_interval(150, 200)
    low = 0.15 - np.hypot(0.9 - valid.low, test.high - 0.75)
    high = 0.15 + np.hypot(valid.high - 0.9, 0.75 - test.low)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_each_variant_that_could_have_been_chosen_widens_the_interval():
    errors = [[0.1, 0.1, 0.1, 0.1]]
    alone, of_three = (excess(study(errors * k), answers("a", 150, 200)) for k in (1, 3))
    assert of_three.low < alone.low
    assert of_three.mean == alone.mean


def test_a_spread_of_trainings_widens_it_and_one_of_samples_does_not():
    p, n = 0.2, 200
    usual = np.sqrt(p * (1 - p) / n)
    steady, sampled, spread = (
        excess(study([p + s * np.array([-1.0, -1.0, 1.0, 1.0])]), answers("a", 150, 200))
        for s in (0.0, 0.8 * usual, 4 * usual)
    )
    assert sampled.low == pytest.approx(steady.low)
    assert spread.low < steady.low - 0.1


@pytest.mark.parametrize(
    ("kind", "replicates", "samples"),
    [
        ("seeds", 5, 100),
        ("folds", 5, 500),
        ("folds", 10, 500),
        ("folds", 2, 200),
        ("splits", 1, 100),
    ],
)
def test_samples_behind_a_mean(kind, replicates, samples):
    ratio = 0.0 if kind == "seeds" else 0.25
    some = study([[0.1]], kind=kind, valid_samples=100, test_to_train=ratio)
    assert some.samples_behind(replicates) == pytest.approx(samples)


def test_samples_behind_several_splits_are_those_that_a_drawn_mean_shows():
    random = np.random.default_rng(0)
    means = []
    for _ in range(4000):
        right = random.random(500) < 0.8
        drawn = [random.choice(500, 100, replace=False) for _ in range(5)]
        means.append(np.mean([right[rows].mean() for rows in drawn]))
    some = study([[0.1]], kind="splits", valid_samples=100, test_to_train=0.25)
    assert 0.8 * 0.2 / np.var(means) == pytest.approx(some.samples_behind(5), rel=0.08)


def test_a_replicate_that_diverged_does_not_count():
    whole = study([[0.0, 0.0, 0.0, 0.0]])
    broken = replace(study([[0.0, 0.0, 0.0, np.nan]]))
    tested = answers("a", 610, 1000)
    assert excess(broken, tested).mean == excess(whole, tested).mean


def test_groups_are_counted_in_the_place_of_samples_where_the_test_sets_are_not_known():
    tested = answers("a", 150, 200)
    apart, grouped = study([[0.1] * 4]), study([[0.1] * 4], group_size=10.0)
    assert grouped.samples_behind(4) == pytest.approx(apart.samples_behind(4) / 10)
    small = study([[0.1] * 4], valid_samples=20)
    assert excess(grouped, tested).low == pytest.approx(excess(small, answers("a", 15, 20)).low)


def in_groups(rights, size=20, name="a"):
    """Answers of groups of one size, with so many right in each."""
    rights = np.asarray(rights)
    groups = RightByGroup(np.full(len(rights), size), rights)
    return replace(answers(name, int(rights.sum()), size * len(rights)), by_group=groups)


def test_samples_of_groups_that_are_not_alike_tell_as_much_as_independent_ones():
    alike = in_groups([12, 13, 11, 12, 12, 12, 11, 13, 12, 12] * 3)
    grouped, alone = study([[0.1] * 4], group_size=20.0), study([[0.1] * 4])
    assert alike.by_group.effect == 1.0
    found, plain = excess(grouped, alike), excess(alone, answers("a", 360, 600))
    # Wider by Student's quantile and by what chance may hide; whole groups would be far wider.
    assert plain.low - 0.03 < found.low < plain.low
    assert excess(grouped, replace(alike, by_group=None)).low < 0.1
    assert RULE.judge(grouped, [alike]).verdict == "found"


def test_groups_that_err_as_a_whole_widen_it():
    whole = in_groups([20, 20, 20, 0, 20, 20, 0, 20, 20, 20])
    grouped = study([[0.0] * 4], group_size=20.0)
    assert whole.by_group.effect == pytest.approx(20.0)
    found = RULE.judge(grouped, [whole])
    assert found.verdict == "inconclusive"
    assert "which these groups of samples are too few to tell: a is right for" in found.sentence
    assert found.advice == "More groups of validation and test samples would tell."


def test_of_fewer_than_five_groups_nothing_is_told():
    grouped = study([[0.0] * 4], group_size=20.0)
    found = RULE.judge(grouped, [in_groups([10, 11, 10, 9])])
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(
        "so validation is 50.0 points higher (no interval of so few groups)."
    )
    assert RULE.judge(grouped, [in_groups([10, 11, 10, 9, 10])]).verdict == "found"


def test_where_samples_are_few_that_is_said_with_the_side_of_each_bound():
    few = study([[0.10, 0.12, 0.1, 0.11]], valid_samples=60)
    found = RULE.judge(few, [answers("a", 57, 60)])

    assert found.verdict == "inconclusive"
    assert found.sentence.startswith(
        "Validation may lie above test by 2 points, which these samples are too few to tell: a is "
        "right for 89.3 % on validation and 95.0 % on test, so validation is 5.8 points lower ("
    )
    assert re.search(r"\([\d.]+ higher to [\d.]+ lower\)\.$", found.sentence)
