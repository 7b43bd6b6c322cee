"""Wilson's interval and McNemar's test against published numbers and their formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.statistics.proportion import (
    above_constant,
    apart,
    area_interval,
    mean_of_proportions,
    paired_counts,
    paired_proportions,
    proportion_interval,
    wilson_interval,
)
from tests.marks import long


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics
        # in Medicine 17, table I, method 3: the score method without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_newcombes_examples(successes, trials, low, high):
    found = proportion_interval(successes, trials)

    assert found.mean == successes / trials
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.n == trials
    assert np.isnan(found.p_value)


@st.composite
def counts(draw):
    trials = draw(st.integers(1, 100_000))
    return draw(st.integers(0, trials)), trials


@settings(derandomize=True)
@given(count=counts(), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilsons_formula(count, confidence):
    successes, trials = count
    p, z = successes / trials, stats.norm.ppf((1 + confidence) / 2)
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))

    found = proportion_interval(successes, trials, confidence)

    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert 0 <= found.low <= p <= found.high <= 1


@settings(derandomize=True)
@given(count=counts())
def test_right_and_wrong_answers_mirror_each_other(count):
    successes, trials = count
    right, wrong = (proportion_interval(n, trials) for n in (successes, trials - successes))

    assert (wrong.low, wrong.high) == pytest.approx((1 - right.high, 1 - right.low))


def answers(both, only_a, only_b, neither):
    """Two models' right answers, `[sample]` each, with these counts."""
    cells = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], cells), np.repeat(
        [True, False, True, False], cells
    )


def test_agrestis_approval_of_the_prime_minister():
    # Agresti, "Categorical Data Analysis", 2nd edition, table 10.1: 1600 asked twice; 944 approve
    # at first and 880 later. Section 10.1.1: Wald's interval is (-0.059, -0.021) and McNemar's
    # z^2 = 17.36; half a sample in each cell moves neither bound by a unit of the last digit.
    found = paired_proportions(*answers(794, 150, 86, 570))

    assert (found.only_a, found.only_b) == (150, 86)
    assert found.difference.mean == pytest.approx(-0.04)
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (-0.059, -0.021), abs=5e-4
    )
    assert found.difference.n == 1600
    # The normal test of the same counts, so close in so many discordant pairs.
    assert found.difference.p_value == pytest.approx(stats.chi2.sf(17.36, 1), rel=0.25)


def test_the_exact_test_of_airway_responses():
    # Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13:91: 21 children
    # before and after stem cell transplantation; exact conditional p = 0.070.
    assert paired_proportions(*answers(1, 1, 7, 12)).difference.p_value == pytest.approx(
        0.070, abs=5e-4
    )


def test_agresti_and_mins_formula_by_hand():
    # 10 samples; cells with half a sample more: 6.5, 0.5, 3.5, 1.5 of 12. Difference 3 / 12, its
    # variance (4 / 12 - (3 / 12)^2) / 12 = 13 / 576; 97.5 % of the normal: 1.959964.
    found = paired_proportions(*answers(6, 0, 3, 1)).difference
    half = 1.959964 * np.sqrt(13 / 576)

    assert (found.low, found.high) == pytest.approx((0.25 - half, 0.25 + half), rel=1e-6)
    assert found.p_value == pytest.approx(0.25)  # three tosses alike, either side


def test_models_that_never_differ():
    right = np.array([True, False, True])
    found = paired_proportions(right, right)

    assert (found.only_a, found.only_b) == (0, 0)
    assert (found.difference.mean, found.difference.p_value) == (0.0, 1.0)
    assert found.difference.low == -found.difference.high < 0


tables = st.tuples(*[st.integers(0, 200)] * 4).filter(any)


@settings(derandomize=True)
@given(table=tables, confidence=st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_holds_the_difference_and_mirrors(table, confidence):
    right_a, right_b = answers(*table)
    found = paired_proportions(right_a, right_b, confidence)
    mirrored = paired_proportions(right_b, right_a, confidence)

    assert found.difference.mean == pytest.approx(right_b.mean() - right_a.mean(), abs=1e-12)
    assert -1 <= found.difference.low <= found.difference.mean <= found.difference.high <= 1
    assert (mirrored.only_a, mirrored.only_b) == (found.only_b, found.only_a)
    assert mirrored.difference.p_value == found.difference.p_value
    assert mirrored.difference.low == pytest.approx(-found.difference.high)


@settings(derandomize=True)
@given(table=tables, data=st.data())
def test_the_order_of_samples_does_not_matter(table, data):
    right_a, right_b = answers(*table)
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(right_a))
    assert paired_proportions(right_a[order], right_b[order]) == paired_proportions(
        right_a, right_b
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("n", "only_a", "only_b"), [(100, 0.01, 0.04), (300, 0.01, 0.02), (1000, 0.001, 0.004)]
)
def test_the_paired_interval_covers_95_percent_where_models_seldom_differ(n, only_a, only_b):
    concordant = 1 - only_a - only_b
    draws = np.random.default_rng(30).multinomial(
        n, [0.9 * concordant, only_a, only_b, 0.1 * concordant], size=2000
    )
    found = [paired_proportions(*answers(*draw)).difference for draw in draws]

    assert 0.935 < np.mean([i.low <= only_b - only_a <= i.high for i in found]) < 0.985


@pytest.mark.long
def test_mcnemars_exact_test_keeps_its_level():
    draws = np.random.default_rng(31).multinomial(200, [0.8, 0.05, 0.05, 0.1], size=2000)
    found = [paired_proportions(*answers(*draw)).difference.p_value for draw in draws]

    assert np.mean(np.array(found) <= 0.05) < 0.05


@settings(derandomize=True)
@given(count=counts(), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilsons_interval_of_a_mean_is_scipys_where_samples_are_whole(count, confidence):
    successes, trials = count
    found = wilson_interval(successes / trials, trials, confidence)
    known = proportion_interval(successes, trials, confidence)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (known.mean, known.low, known.high), abs=1e-9
    )


def test_two_proportions_are_apart_by_newcombes_tenth_method():
    # Newcombe (1998), "Interval estimation for the difference between independent proportions",
    # Statistics in Medicine 17, table II: 56 / 70 and 48 / 80, method 10.
    found = apart(proportion_interval(56, 70), proportion_interval(48, 80))
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_another_part_widens_the_difference_to_both_sides():
    parts = proportion_interval(56, 70), proportion_interval(48, 80)
    plain, wider = apart(*parts), apart(*parts, more=0.1)
    assert plain.mean - wider.low == pytest.approx(np.hypot(plain.mean - plain.low, 0.1))
    assert wider.high - plain.mean == pytest.approx(np.hypot(plain.high - plain.mean, 0.1))


@pytest.mark.parametrize("recalls", [(0.98, 0.3), *long(((0.9, 0.9, 0.6, 1.0),), ((0.0, 0.5),))])
def test_the_interval_of_a_balanced_accuracy_covers(recalls):
    random, samples = np.random.default_rng(0), 30
    covered = 0
    for _ in range(1500):
        parts = [proportion_interval(int(random.binomial(samples, p)), samples) for p in recalls]
        found = mean_of_proportions(parts)
        assert found.low <= found.mean <= found.high
        covered += found.low <= np.mean(recalls) <= found.high
    assert 0.935 <= covered / 1500 <= 0.985


def test_a_mean_of_one_proportion_is_that_proportion():
    one = proportion_interval(7, 9)
    found = mean_of_proportions([one])
    assert (found.mean, found.low, found.high) == pytest.approx((one.mean, one.low, one.high))


def test_what_is_above_a_constant_is_so_at_the_most_discordant_samples():
    # Of 100 samples 80 are right, 70 are of the class; the wrong ones of both are others.
    right, constant = np.arange(100) < 80, np.arange(100) >= 30
    worst = paired_proportions(constant, right)
    assert worst.only_a + worst.only_b == 50
    found = above_constant(0.8, 0.7, 100)
    assert found.mean == pytest.approx(worst.difference.mean)
    assert (found.low, found.high) == pytest.approx((worst.difference.low, worst.difference.high))
    less_discordant = paired_proportions(np.arange(100) < 70, right)
    assert less_discordant.difference.low > found.low


def test_a_model_and_a_constant_cannot_both_be_wrong_more_often_than_always():
    found = above_constant(0.1, 0.2, 50)
    assert -1 <= found.low < found.mean < found.high <= 1


def test_known_discordant_samples_give_the_interval_of_pairs():
    exact = paired_counts(5, 15, 100).difference
    found = above_constant(0.8, 0.7, 100, discordant=0.2)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize(("given", "taken"), [(0.05, 0.1), (0.7, 0.5)])
def test_no_fewer_samples_are_discordant_than_the_difference_nor_more_than_can_be(given, taken):
    found, wanted = (above_constant(0.8, 0.7, 100, discordant=part) for part in (given, taken))
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_counts_are_as_good_as_samples():
    a, b = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 1, 1, 0], bool)
    assert paired_counts(1, 2, 5) == paired_proportions(a, b)


def test_the_interval_of_an_area_under_roc_covers_as_it_says():
    random = np.random.default_rng(3)
    draws, zeros, ones, apart = 400, 90, 10, 2.5
    true = stats.norm.cdf(apart / np.sqrt(2))
    held = 0
    for _ in range(draws):
        below, above = random.normal(size=zeros), random.normal(size=ones) + apart
        area = stats.mannwhitneyu(above, below).statistic / (zeros * ones)
        found = area_interval(area, zeros, ones)
        held += found.low <= true <= found.high
    assert stats.binomtest(held, draws, 0.95, alternative="less").pvalue > 0.01


@pytest.mark.parametrize("area", [0.0, 0.3, 1.0])
def test_the_bounds_of_an_area_are_where_its_error_is_one_of_so_many(area):
    found = area_interval(area, 20, 5)
    for bound in {found.low, found.high} - {0.0, 1.0}:
        # Hanley and McNeil (1982), for the mean of the two sizes.
        q1, q2 = bound / (2 - bound), 2 * bound**2 / (1 + bound)
        more = (12.5 - 1) * (q1 - bound**2 + q2 - bound**2)
        error = np.sqrt((bound * (1 - bound) + more) / 100)
        assert abs(bound - area) == pytest.approx(stats.norm.ppf(0.975) * error)
    assert found.low < 1
    assert found.high > 0
