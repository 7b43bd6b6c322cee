"""Replicates needed, against published numbers, by simulation, and by law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.statistics.power import (
    MOST,
    POWER,
    chance_of_a_verdict,
    half_width,
    replicates_needed,
)


@pytest.mark.parametrize(
    ("effect", "replicates"),
    [
        # Cohen's small, medium and large effect, as G*Power (Faul et al. 2007) has them for "means:
        # difference between two dependent means", two tails, alpha 0.05, power 0.8.
        (0.2, 199),
        (0.5, 34),
        (0.8, 15),
    ],
)
def test_published_numbers(effect, replicates):
    assert replicates_needed(1.0, effect, alpha=0.05) == replicates
    assert replicates_needed(0.02, 0.02 * effect, alpha=0.05) == replicates


def share_seen(n, effect, rho=0.0, draws=20_000):
    random = np.random.default_rng(70)
    shared, individual = random.normal(size=(draws, 1)), random.normal(size=(draws, n))
    values = effect + np.sqrt(rho) * shared + np.sqrt(1 - rho) * individual
    error = np.sqrt((1 / n + rho / (1 - rho)) * values.var(axis=1, ddof=1))
    p_values = 2 * stats.t.sf(np.abs(values.mean(axis=1)) / error, n - 1)
    return np.mean(p_values <= 0.05)


def test_as_many_see_the_difference_as_often_as_told_and_one_less_does_not():
    assert share_seen(15, 0.8) > POWER
    assert share_seen(14, 0.8) < POWER


def test_as_many_see_it_where_replicates_share_samples():
    # Correlated by rho = ratio / (1 + ratio), as Nadeau and Bengio take them; the deviation over
    # replicates is what remains of one, sqrt(1 - rho).
    ratio = 1 / 9
    rho = ratio / (1 + ratio)
    needed = replicates_needed(np.sqrt(1 - rho), 1.2, alpha=0.05, test_to_train=ratio)

    assert needed > replicates_needed(np.sqrt(1 - rho), 1.2, alpha=0.05)
    assert share_seen(needed, 1.2, rho) == pytest.approx(POWER, abs=0.03)
    assert share_seen(needed - 3, 1.2, rho) < POWER


def test_no_number_does_where_shared_samples_leave_the_mean_uncertain():
    # However many: margin / (spread sqrt(1 / 4)) = 2 < 1.96 + 0.84.
    assert replicates_needed(1.0, 1.0, alpha=0.05, test_to_train=0.25) is None
    assert replicates_needed(1.0, 2.0, alpha=0.05, test_to_train=0.25) is not None


def test_no_number_does_where_it_is_more_than_anybody_runs():
    # (1.96 + 0.84)^2 / effect^2 = 1000 at an effect of 0.0886.
    assert replicates_needed(1.0, 0.088, alpha=0.05) is None
    assert MOST - 10 < replicates_needed(1.0, 0.089, alpha=0.05) <= MOST


@pytest.mark.parametrize("spread", [0.0, 1e-300, 1e-17, 1e-12, 1e-9, 1e-7])
def test_hardly_any_spread_needs_two(spread):
    assert replicates_needed(spread, 0.01, alpha=0.05) == 2


@pytest.mark.parametrize(("spread", "margin"), [(np.nan, 1.0), (1.0, np.nan), (0.0, np.nan)])
def test_what_is_unknown_needs_no_number(spread, margin):
    assert replicates_needed(spread, margin, alpha=0.05) is None


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_no_margin_is_never_seen(spread):
    assert replicates_needed(spread, 0.0, alpha=0.05) is None


@settings(derandomize=True, max_examples=40)
@given(
    effect=st.floats(0.2, 50.0),
    more=st.floats(1.0, 10.0),
    alpha=st.sampled_from([0.05, 0.01, 0.05 / 28]),
)
def test_a_larger_difference_or_a_weaker_test_never_needs_more(effect, more, alpha):
    needed = replicates_needed(1.0, effect, alpha=alpha)

    assert 2 <= needed <= MOST
    assert replicates_needed(1.0, more * effect, alpha=alpha) <= needed
    assert replicates_needed(1.0, effect, alpha=2 * alpha) <= needed
    assert (replicates_needed(1.0, effect, alpha=alpha, test_to_train=0.1) or MOST) >= needed


def chance(difference, n=8, margin=0.0, deviation=1.0):
    return chance_of_a_verdict(
        difference, deviation, n, margin=margin, level=0.05, test_to_train=0.25
    )


@pytest.mark.parametrize(("difference", "margin"), [(0.0, 0.0), (0.8, 0.0), (0.3, 1.5), (0.9, 1.5)])
def test_the_chance_of_a_verdict_is_that_of_the_mean_of_endless_repeats(difference, margin):
    random = np.random.default_rng(3)
    ends = difference + random.normal(0, 1 / np.sqrt(8), 200_000)
    # With endless repeats the standard error is sqrt(0.25) of a deviation, and known.
    differs = np.abs(ends) > 1.959964 * 0.5
    alike = np.abs(ends) < margin - 1.644854 * 0.5

    assert chance(difference, margin=margin) == pytest.approx((differs | alike).mean(), abs=0.004)


def test_a_chance_is_what_further_repeats_can_change():
    assert chance(0.0, n=10_000) == pytest.approx(0.0, abs=1e-9)
    assert chance(2.0, n=10_000) == pytest.approx(1.0)
    assert chance(0.0, n=10_000, margin=1.0) == pytest.approx(1.0)
    assert chance(-2.0) == pytest.approx(chance(2.0))


@pytest.mark.parametrize(("difference", "deviation"), [(np.nan, 1.0), (1.0, np.nan), (0.0, 0.0)])
def test_what_is_not_known_has_its_chance(difference, deviation):
    assert chance(difference, deviation=deviation) == 1.0


def test_the_chance_of_a_verdict_by_so_many_replicates_is_that_of_their_mean():
    random = np.random.default_rng(4)
    # Eight values are known; twelve more make the mean of twenty.
    ends = (8 * 0.5 + random.normal(0.5, 1, (100_000, 12)).sum(axis=1)) / 20
    error = np.sqrt(1 / 20 + 0.25)
    found = chance_of_a_verdict(0.5, 1.0, 8, margin=1.2, level=0.05, test_to_train=0.25, most=20)
    # What is to come is not known to be about 0.5 itself: the spread is larger by sqrt(20 / 8).
    wider = 0.5 + (ends - 0.5) * np.sqrt(20 / 8)
    told = (np.abs(wider) > 1.959964 * error) | (np.abs(wider) < 1.2 - 1.644854 * error)
    assert found == pytest.approx(told.mean(), abs=0.01)


def test_a_width_is_that_of_so_many_repeats_or_of_endless_ones():
    error = 0.02 * np.sqrt(1 / 16 + 0.25)

    assert half_width(0.02, 0.05, 0.25, 16) == pytest.approx(1.959964 * error)
    assert half_width(0.02, 0.05, 0.25) == pytest.approx(1.959964 * 0.01)
    assert half_width(0.02, 0.05, 0.0) == 0.0
