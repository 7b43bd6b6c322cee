"""How often samples of groups are right, and how alike those of one group are."""

import numpy as np
import pytest
from scipy import stats

from kohort.findings.grouped.over_groups import proportion_over
from kohort.findings.grouped.right_by_group import RightByGroup, right_by_group


def drawn(random, groups, size, alike):
    """Groups of which the part `alike` of the variance is between them; 80 % are right."""
    more = 1 / alike - 1
    rates = (
        random.beta(0.8 * more, 0.2 * more, groups) if alike < 1 else random.random(groups) < 0.8
    )
    return random.binomial(size, rates)


def test_even_groups_have_the_interval_of_the_test_set():
    right = np.random.default_rng(0).random((12, 10)) < np.linspace(0.4, 1, 12)[:, None]
    groups = np.repeat(np.arange(12), 10)
    found = right_by_group(right.ravel(), groups)
    assert found.right.tolist() == right.sum(axis=1).tolist()
    interval, same = found.interval(0.95), proportion_over(right.ravel(), groups, 0.95)
    assert (interval.mean, interval.low, interval.high) == pytest.approx(
        (same.mean, same.low, same.high)
    )


def test_a_large_group_makes_it_less_sure():
    sizes = np.array([100, *[10] * 10])
    uneven = RightByGroup(sizes, sizes * 8 // 10)
    even = RightByGroup(np.full(20, 10), np.full(20, 8))
    assert (uneven.effect, even.effect) == (1.0, 1.0)
    assert uneven.interval(0.95).low < even.interval(0.95).low


@pytest.mark.parametrize("alike", [0.1, 0.3, 0.7, 1.0])
def test_the_effect_on_other_groups_is_seldom_below_the_true_one(alike):
    random, low = np.random.default_rng(3), 0
    for _ in range(300):
        found = RightByGroup(np.full(30, 20), drawn(random, 30, 20, alike))
        low += found.effect_on(5.0) < 0.6 * (1 + 4 * alike)
        assert found.effect_on(1.0) == 1.0
    assert low <= 15


def test_where_nothing_differs_or_next_to_no_samples_are_in_groups_these_may_be_wholly_alike():
    every = RightByGroup(np.full(10, 20), np.full(10, 20))
    assert (every.effect, every.effect_on(5.0)) == (20.0, 5.0)
    pairs = RightByGroup(np.array([2, 2, *[1] * 100]), np.array([2, 1, *[1] * 50, *[0] * 50]))
    assert pairs.effect_on(20.0) > 10


def test_too_few_groups_have_no_interval():
    four = RightByGroup(np.full(4, 20), np.full(4, 15))
    assert four.are_too_few
    assert four.interval(0.95).mean == 0.75
    assert not four.interval(0.95).is_formed


@pytest.mark.parametrize("alike", [0.1, 0.3, 0.7])
def test_it_holds_the_truth(alike):
    random, held = np.random.default_rng(5), 0
    for _ in range(400):
        found = RightByGroup(np.full(20, 20), drawn(random, 20, 20, alike)).interval(0.95)
        held += found.low <= 0.8 <= found.high
    assert stats.binomtest(held, 400, 0.95).pvalue > 0.001
