"""Intervals over groups of rows: they cover, agree with SciPy's, and few groups have none."""

import numpy as np
import pytest
from scipy import stats

from kohort.data.inspection.groups_of_rows import FEWEST_GROUPS, numbered
from kohort.findings.grouped.over_groups import (
    area_over,
    mean_over,
    paired_over,
    proportion_over,
)
from kohort.findings.probabilities.areas import areas

SIX = np.repeat(np.arange(6), 40)


def test_groups_are_numbered_and_rows_of_none_stand_for_themselves():
    assert numbered(None) is None
    assert numbered(np.array([7, 3, 9])) is None  # no two rows are of one
    found = numbered(np.array([7, 3, 7, -1, -1]))
    assert found[0] == found[2]
    assert len(np.unique(found)) == 4


def test_an_accuracy_of_six_patients_is_covered_over_patients_and_not_over_rows():
    random = np.random.default_rng(0)
    covered = {"groups": 0, "rows": 0}
    for _ in range(200):
        right = random.random(240) < np.repeat(random.beta(4, 2, 6), 40)
        for name, groups in (("groups", SIX), ("rows", None)):
            found = proportion_over(right, groups, 0.95)
            covered[name] += found.low <= 2 / 3 <= found.high
            assert found.n == 240
    assert covered["groups"] >= 184
    assert covered["rows"] < 120


def test_the_mean_of_equal_groups_is_that_of_their_means():
    values = np.random.default_rng(1).normal(size=240) + np.repeat(np.arange(6.0), 40)
    found = mean_over(values, SIX, 0.95)
    of_groups = stats.ttest_1samp(values.reshape(6, 40).mean(axis=1), 0)
    assert (found.low, found.high) == pytest.approx(tuple(of_groups.confidence_interval(0.95)))
    assert found.p_value == pytest.approx(of_groups.pvalue)
    alone = mean_over(values, None, 0.95)
    assert alone.high - alone.low < 0.3 * (found.high - found.low)


# A third of the rows in one group, the rest in 49 even ones.
UNEVEN = np.repeat(np.arange(50), [490, *[20] * 49])


def test_the_mean_of_uneven_groups_is_by_the_corrected_sums_and_as_many_even_groups():
    values = (
        np.random.default_rng(3).normal(size=1470)
        + np.random.default_rng(4).normal(size=50)[UNEVEN]
    )
    found = mean_over(values, UNEVEN, 0.95)
    sizes = np.array([490, *[20] * 49])
    sums = np.array([(values - values.mean())[group == UNEVEN].sum() for group in range(50)])
    error = np.sqrt((sums**2 / (1 - sizes / 1470)).sum()) / 1470
    freedom = 1470**2 / (490**2 + 49 * 20**2) - 1  # 7.3, and not 49
    half = stats.t.ppf(0.975, freedom) * error
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(values.mean()) / error, freedom))


def test_a_large_group_among_small_ones_makes_no_interval_too_short():
    """Samples of one group are alike: intraclass correlation 0.3."""
    random, draws = np.random.default_rng(5), 300
    held, alarms = {"accuracy": 0, "mean": 0, "area": 0}, 0
    for _ in range(draws):
        rates = random.beta(0.85 / 0.3 - 0.85, 0.15 / 0.3 - 0.15, (2, 50))
        first, second = random.random((2, 1470)) < rates[:, UNEVEN]
        values = np.sqrt(0.3) * random.normal(size=50)[UNEVEN] + np.sqrt(0.7) * random.normal(
            size=1470
        )
        is_second = random.random(1470) < 0.3
        accuracy, mean = proportion_over(first, UNEVEN, 0.95), mean_over(values, UNEVEN, 0.95)
        area = areas(values + 1.5 * is_second, is_second, 0.95, UNEVEN).roc
        held["accuracy"] += accuracy.low <= 0.85 <= accuracy.high
        held["mean"] += mean.low <= 0 <= mean.high
        held["area"] += area.low <= stats.norm.cdf(1.5 / np.sqrt(2)) <= area.high
        alarms += paired_over(first, second, UNEVEN, 0.95).difference.p_value <= 0.05
    worst = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert all(1 - count / draws <= 0.05 + worst for count in held.values()), held
    assert alarms / draws <= 0.05 + worst


def test_rows_that_are_all_right_are_known_as_well_as_their_groups():
    found = proportion_over(np.ones(240, bool), SIX, 0.95)
    over_rows = proportion_over(np.ones(240, bool), None, 0.95)
    of_six = proportion_over(np.ones(6, bool), None, 0.95)
    assert found.low < of_six.low < over_rows.low
    assert found.high == 1


def test_an_area_is_over_groups_of_both_classes():
    random = np.random.default_rng(2)
    scores = np.repeat(random.normal(size=12), 20) + random.normal(size=240)
    is_second, groups = random.random(240) < 0.3, np.repeat(np.arange(12), 20)
    rows = areas(scores, is_second).roc
    found = areas(scores, is_second, 0.95, groups).roc
    assert found.mean == rows.mean
    assert found.low < rows.low < rows.high < found.high
    few = is_second & (groups < FEWEST_GROUPS - 1)
    assert not area_over(0.5, scores, few, groups, 0.95).is_formed
    perfect = area_over(1.0, is_second.astype(float), is_second, groups, 0.95)
    assert 0.4 < perfect.low < perfect.high == 1


def test_two_models_differ_by_patients_and_not_by_rows():
    first, second = SIX == 0, (SIX == 1) | (SIX == 0)  # one patient more is all that differs
    over_rows = paired_over(first, second, None, 0.95)
    assert over_rows.difference.p_value < 1e-6
    found = paired_over(first, second, SIX, 0.95)
    assert (found.only_a, found.only_b, found.groups) == (0, 40, 6)
    assert found.difference.mean == over_rows.difference.mean
    assert found.difference.low < 0 < found.difference.p_value - 0.05
    every = paired_over(SIX < 0, SIX >= 0, SIX, 0.95)
    assert every.difference.p_value == pytest.approx(2 * 0.5**6)
    none = paired_over(first, first, SIX, 0.95).difference
    assert none.p_value == 1


@pytest.mark.parametrize("number", [1, FEWEST_GROUPS - 1])
def test_of_too_few_groups_nothing_has_an_interval(number):
    groups = np.repeat(np.arange(number), 40)
    right = np.arange(len(groups)) % 3 > 0
    found = [
        proportion_over(right, groups, 0.95),
        mean_over(right.astype(float), groups, 0.95),
        paired_over(right, ~right, groups, 0.95).difference,
    ]
    assert [each.is_formed for each in found] == [False] * 3
    assert found[0].mean == np.mean(right)
    more = np.repeat(np.arange(FEWEST_GROUPS), 40)
    assert proportion_over(np.arange(len(more)) % 3 > 0, more, 0.95).is_formed
