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
