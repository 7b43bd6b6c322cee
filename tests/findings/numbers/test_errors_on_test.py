"""KH203 of errors: an error on the test set that lies far above that on validation."""

import numpy as np
import pytest
from scipy import stats

from kohort.findings.numbers.errors_on_test import ErrorsOnTest, times_above
from kohort.findings.rules.above_test import FAR_TIMES, RULE
from kohort.findings.statistics.scale import Scale
from tests.findings.curve_builders import study_of

LOSS = Scale("loss", higher_is_better=False, reference=0.1)


def study(errors, **more):
    given = {"valid_samples": 200, "test_to_train": 0.25, "kind": "splits", "scale": LOSS}
    return study_of(errors, **(given | more))


def squares(mean, count=400, seed=0):
    """Squares of normal errors of this mean."""
    values = np.random.default_rng(seed).standard_normal(count) ** 2
    return values * mean / values.mean()


def judge(some, *errors):
    return RULE.judge(some, (), errors)


def test_fires_where_errors_are_many_times_as_large_on_test():
    leaky = study([[0.40, 0.39, 0.41, 0.40], [0.12, 0.11, 0.13, 0.12]])
    found = judge(leaky, ErrorsOnTest("b", squares(6.8)), ErrorsOnTest("a", squares(0.4)))
    assert (found.code, found.verdict, found.variant) == ("KH203", "found", None)
    winner = found.evidence["test error of the winner over its validation error"]
    baseline = found.evidence["test error of the baseline over its validation error"]
    assert winner.mean == pytest.approx(6.8 / 0.12)
    assert baseline.mean == pytest.approx(1.0)
    assert found.sentence.startswith(
        "Errors on test are more than 1.25 times those on validation, which neither chance nor "
        "choice explains: b has loss 0.12 on validation and 6.8 on test, 56.7 times that ("
    )
    for told in ("Believe the test score", "groups", "drift", "KH201", "other units"):
        assert told in found.advice


def test_is_silent_where_many_samples_agree():
    many = study([[0.10, 0.1001, 0.1, 0.1]], valid_samples=100_000)
    found = judge(many, ErrorsOnTest("a", squares(0.1, 100_000)))
    assert (found.verdict, found.advice) == ("not found", "")
    assert found.sentence.startswith(
        "Errors on test are less than 1.25 times those on validation: a has loss"
    )


def test_is_inconclusive_where_few_samples_explain_the_difference():
    few = study([[0.1, 0.1, 0.1, 0.1]], valid_samples=10)
    found = judge(few, ErrorsOnTest("a", squares(0.2, 10)))
    assert found.verdict == "inconclusive"
    assert "which these samples are too few to tell: a has loss 0.1 on" in found.sentence
    assert found.advice == "More validation and test samples would tell."


def test_the_threshold_is_where_the_verdict_turns():
    assert FAR_TIMES == 1.25
    many = study([[0.1, 0.1, 0.1, 0.1]], valid_samples=10**9)
    nearly_alike = 1 + 1e-3 * np.tile([-1.0, 1.0], 5000)
    for mean, verdict in ((0.12499, "not found"), (0.12501, "found")):
        assert judge(many, ErrorsOnTest("a", mean * nearly_alike)).verdict == verdict


@pytest.mark.parametrize("is_root", [False, True])
def test_the_interval_is_students_of_both_logarithms_joined(is_root):
    one = study([[0.5]], kind="seeds", test_to_train=0.0)
    values = squares(0.3, 150)
    found = times_above(one, ErrorsOnTest("a", values, is_root))
    spread = values.std(ddof=1) / values.mean()
    half = stats.t.ppf(0.975, 149) * spread * np.sqrt(1 / 150 + 1 / 200)
    power = 2 if is_root else 1
    expected = (0.3 / 0.5**power * np.exp([0.0, -half, half])) ** (1 / power)
    assert (found.mean, found.low, found.high) == pytest.approx(tuple(expected))


def test_each_variant_that_could_have_been_chosen_widens_the_interval():
    tested = ErrorsOnTest("a", squares(0.2))
    alone, of_three = (times_above(study([[0.1] * 4] * k), tested) for k in (1, 3))
    assert of_three.low < alone.low
    assert of_three.mean == alone.mean


def test_a_spread_of_trainings_widens_it_and_one_of_samples_does_not():
    values = squares(0.2)
    usual = values.std() / values.mean() / np.sqrt(200)
    steady, sampled, spread = (
        times_above(study([0.1 * np.exp(s * np.array([-1, -1, 1, 1]))]), ErrorsOnTest("a", values))
        for s in (1e-9, 0.8 * usual, 4 * usual)
    )
    assert sampled.low == pytest.approx(steady.low, rel=0.01)
    assert spread.low < 0.7 * steady.low


def test_seeds_on_one_split_share_its_samples_so_that_their_spread_is_of_trainings_alone():
    values = squares(0.2)
    usual = values.std() / values.mean() / np.sqrt(200)
    errors = [0.1 * np.exp(0.8 * usual * np.array([-1, -1, 1, 1]))]
    alone = times_above(study([[0.1] * 4], kind="seeds"), ErrorsOnTest("a", values))
    assert times_above(study(errors, kind="seeds"), ErrorsOnTest("a", values)).low < 0.9 * alone.low


def test_roots_are_as_sure_as_what_they_are_the_roots_of():
    roots, values = 0.5 * np.exp(0.3 * np.array([-1, -1, 1, 1])), squares(0.5)
    of_root = times_above(study([roots]), ErrorsOnTest("a", values, is_root=True))
    same = roots**2 * roots.mean() ** 2 / (roots**2).mean()
    of_squares = times_above(study([same]), ErrorsOnTest("a", values))
    assert of_root.low**2 == pytest.approx(of_squares.low)
    assert of_root.high**2 == pytest.approx(of_squares.high)


def test_groups_are_counted_in_the_place_of_samples_where_the_test_sets_are_not_known():
    tested = ErrorsOnTest("a", squares(0.2))
    apart, grouped = study([[0.1] * 4]), study([[0.1] * 4], group_size=4.0)
    alone, together = (times_above(each, tested) for each in (apart, grouped))
    halves = [np.log(times.mean / times.low) for times in (alone, together)]
    assert halves[1] == pytest.approx(2 * halves[0])


def in_groups(of_group, size=20):
    """Errors that are alike in a group as a whole, and the groups."""
    groups = np.repeat(np.arange(len(of_group)), size)
    return ErrorsOnTest("a", np.repeat(of_group, size).astype(float), groups=groups)


def test_groups_that_err_as_a_whole_widen_it():
    grouped = study([[0.1] * 4], group_size=20.0)
    whole = in_groups(squares(1.0, 40, seed=1))
    random = np.random.default_rng(0)
    mixed = ErrorsOnTest("a", random.permutation(whole.values), groups=whole.groups)
    low = [times_above(grouped, errors).low for errors in (whole, mixed)]
    assert low[0] < 0.7 * low[1]
    # Of validation, too: by how large its groups are.
    of_single_rows = times_above(study([[0.1] * 4]), whole)
    assert low[0] < 0.9 * of_single_rows.low
    found = judge(grouped, in_groups(squares(0.13, 10, seed=1)))
    assert found.verdict == "inconclusive"
    assert found.advice == "More groups of validation and test samples would tell."


def test_of_fewer_than_five_groups_nothing_is_told():
    found = judge(study([[0.1] * 4], group_size=20.0), in_groups([1.0, 2.0, 3.0, 1.5]))
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith("on test, 18.8 times that (no interval).")
    one = ErrorsOnTest("a", squares(0.2, 20), groups=np.zeros(20, np.int64))
    assert not times_above(study([[0.1] * 4], group_size=20.0), one).is_formed


def test_a_replicate_without_an_error_leaves_the_ratio_without_bounds():
    found = times_above(study([[0.1, 0.1, 0.0, 0.1]]), ErrorsOnTest("a", squares(1.0)))
    assert found.mean == pytest.approx(1.0 / 0.075)
    assert not found.is_formed


def test_what_samples_explain_of_a_spread_is_as_much_as_groups_that_are_not_alike_let_them():
    random = np.random.default_rng(3)
    tested = ErrorsOnTest("a", random.permutation(squares(0.2)), groups=np.arange(400) // 20)
    spread = [0.1 * np.exp(0.3 * np.array([-1, -1, 1, 1]))]
    wide, steady = (
        times_above(study(errors, group_size=20.0), tested) for errors in (spread, [[0.1] * 4])
    )
    assert wide.low < 0.6 * steady.low


def test_it_is_open_where_one_of_two_lies_below_and_the_other_may_not():
    two = study([[0.1, 0.1001, 0.1, 0.1], [0.1, 0.3, 0.05, 0.1]], valid_samples=100_000)
    sure, unsure = ErrorsOnTest("a", squares(0.1, 100_000)), ErrorsOnTest("b", squares(0.14, 400))
    assert judge(two, sure).verdict == "not found"
    assert judge(two, unsure, sure).verdict == "inconclusive"


def test_who_has_a_ratio_is_judged_alone():
    two = study([[0.4] * 4, [0.0] * 4])
    tested = ErrorsOnTest("b", squares(0.4)), ErrorsOnTest("a", squares(40.0))
    found = judge(two, *tested)
    assert found.verdict == "found"
    assert list(found.evidence) == ["test error of the baseline over its validation error"]
    assert "b has" not in found.sentence


@pytest.mark.parametrize(
    ("given", "errors", "why"),
    [
        ({"valid_samples": None}, [[0.1] * 4], "validation samples are not known"),
        ({}, [[0.0] * 4], "errors are zero, or no finite numbers"),
        ({}, [[np.nan] * 4], "errors are zero, or no finite numbers"),
    ],
)
@pytest.mark.parametrize("on_test", [squares(1.0), np.zeros(9), np.array([1.0, np.inf, 2.0])])
def test_does_not_apply(given, errors, why, on_test):
    found = judge(study(errors, **given), ErrorsOnTest("a", on_test))
    assert (found.verdict, found.evidence, found.advice) == ("not applicable", {}, "")
    assert why in found.sentence
