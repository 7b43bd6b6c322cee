"""Intervals against SciPy, against published numbers and formulas by hand, and by simulation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.statistics.interval import (
    Interval,
    half_of_one_more,
    mean_interval,
    rounded,
    spread_interval,
    standard_error,
)

DRAWS = 2000
SIGNS = st.floats(-1e3, 1e3, allow_subnormal=False)


def some_values(least=2, most=12):
    return st.lists(SIGNS, min_size=least, max_size=most).map(np.array)


def spread_out(values):
    # SciPy warns of lost precision where values are nearly equal.
    return values.std() > 1e-6 * max(1.0, np.abs(values).max())


@settings(derandomize=True)
@given(values=some_values(), confidence=st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_is_students_interval_where_replicates_are_independent(values, confidence):
    assume(spread_out(values))
    expected = stats.ttest_1samp(values, 0.0)
    bounds = expected.confidence_interval(confidence)

    found = mean_interval(values, confidence=confidence, test_to_train=0.0)

    assert found.mean == pytest.approx(values.mean())
    tolerance = 1e-9 * np.abs(values).max()
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), abs=tolerance)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.n == len(values)


def fixed(bound, digits):
    return f"{bound:.{digits}f}"


@pytest.mark.parametrize(
    ("bounds", "thresholds", "words"),
    [
        ((4.7, 36.0), [5.0], ("20.0", "4.7", "36.0")),  # "5" would lie on the border
        ((4.7, 36.0), [], ("20", "5", "36")),
        ((5.3, 36.0), [5.0], ("20.0", "5.3", "36.0")),
        ((6.3, 36.0), [5.0], ("20", "6", "36")),
        ((4.996, 36.0), [5.0], ("20.000", "4.996", "36.000")),
        ((5.0, 36.0), [5.0], ("20", "5", "36")),  # where it lies on it
        ((4.7, 36.0), [5.0, np.nan], ("20.0", "4.7", "36.0")),
        ((4.7, 36.2), [36.0], ("20.0", "4.7", "36.2")),
        ((4.99999, 36.0), [5.0], ("20", "5", "36")),  # no number of digits that anybody reads
        ((np.nan, np.nan), [5.0], ("20", "nan", "nan")),
    ],
)
def test_no_bound_is_rounded_onto_a_border_or_across_it(bounds, thresholds, words):
    assert rounded(Interval(20.0, *bounds, 3, 0.1), fixed, 0, thresholds) == words


def test_default_is_95_percent_and_independent():
    values = np.array([1.0, 2.0, 4.0])
    assert mean_interval(values) == mean_interval(values, confidence=0.95, test_to_train=0.0)


def test_nadeau_and_bengios_factor_by_hand():
    # n = 5, mean 3, s^2 = 2.5; 1 validation sample to 9 training samples: the variance of the
    # mean is (1/5 + 1/9) 2.5 = 7/9. Student's t of 4 degrees of freedom at 97.5 %: 2.776445
    # (any printed table).
    found = mean_interval(np.arange(1.0, 6.0), test_to_train=1 / 9)
    half = 2.776445 * np.sqrt(7 / 9)

    assert found.low == pytest.approx(3 - half, rel=1e-6)
    assert found.high == pytest.approx(3 + half, rel=1e-6)
    assert found.p_value == pytest.approx(2 * stats.t.sf(3 / np.sqrt(7 / 9), 4))


@settings(derandomize=True)
@given(values=some_values(), ratio=st.floats(0.0, 2.0))
def test_the_correction_widens_by_the_root_of_one_plus_n_times_the_ratio(values, ratio):
    assume(spread_out(values))
    plain, corrected = mean_interval(values), mean_interval(values, test_to_train=ratio)

    widening = (corrected.high - corrected.low) / (plain.high - plain.low)
    assert widening == pytest.approx(np.sqrt(1 + len(values) * ratio), rel=1e-6)
    assert corrected.p_value >= plain.p_value


@settings(derandomize=True)
@given(values=some_values(), data=st.data())
def test_order_of_replicates_does_not_matter(values, data):
    assume(spread_out(values))
    shuffled = np.array(data.draw(st.permutations(list(values))))
    one, other = (mean_interval(v, test_to_train=0.2) for v in (values, shuffled))

    tolerance = 1e-9 * np.abs(values).max()
    assert (one.mean, one.low, one.high) == pytest.approx(
        (other.mean, other.low, other.high), abs=tolerance
    )
    assert one.p_value == pytest.approx(other.p_value, abs=1e-9)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_left_out(missing):
    with_gap = np.array([1.0, missing, 2.0, 4.0])
    assert mean_interval(with_gap) == mean_interval(np.array([1.0, 2.0, 4.0]))


@pytest.mark.parametrize(
    ("values", "mean", "n"),
    [([], np.nan, 0), ([np.nan, np.inf], np.nan, 0), ([0.25], 0.25, 1), ([np.nan, 0.25], 0.25, 1)],
)
def test_fewer_than_two_values_give_no_bounds(values, mean, n):
    found = mean_interval(np.array(values))

    assert found.mean == pytest.approx(mean, nan_ok=True)
    assert found.n == n
    assert np.isnan([found.low, found.high, found.p_value]).all()
    assert not found.is_formed
    assert not found.lies_above(-1.0)
    assert not found.lies_below(1.0)


def test_no_difference_at_all_is_known_exactly():
    assert mean_interval(np.zeros(4)) == Interval(0.0, 0.0, 0.0, 4, 1.0)


@pytest.mark.parametrize(
    "values",
    [
        np.full(4, 0.25),
        np.full(3, 0.1),
        np.array([0.93 - 0.91, 0.95 - 0.93]),
    ],
    ids=["a quarter", "a tenth", "differences"],
)
def test_equal_values_other_than_zero_give_no_bounds(values):
    found = mean_interval(values)

    assert found.mean == pytest.approx(values[0])
    assert not found.is_formed
    assert np.isnan(found.p_value)


def test_a_score_that_is_zero_everywhere_has_no_bounds_but_a_difference_has():
    nothing = mean_interval(np.zeros(4))
    assert (nothing.low, nothing.high, nothing.p_value) == (0.0, 0.0, 1.0)

    score = nothing.of_a_score
    assert (score.mean, score.n) == (0.0, 4)
    assert not score.is_formed
    assert np.isnan(score.p_value)
    some = mean_interval(np.array([0.0, 0.1]))
    assert some.of_a_score == some


def test_integers_are_taken_as_numbers():
    assert mean_interval(np.array([1, 2, 4])) == mean_interval(np.array([1.0, 2.0, 4.0]))


def test_lies_above_and_below_take_the_whole_interval():
    interval = Interval(mean=2.0, low=1.0, high=3.0, n=5, p_value=0.01)

    assert interval.is_formed
    assert interval.lies_above(0.9)
    assert not interval.lies_above(1.0)
    assert not interval.lies_above(2.0)
    assert interval.lies_below(3.0)
    assert not interval.lies_below(2.9)
    assert not interval.lies_below(2.0)


def coverage(draws, mean, **settings_):
    """How often the interval holds the mean, over `[draw, replicate]`."""
    intervals = [mean_interval(values, **settings_) for values in draws]
    return np.mean([i.low <= mean <= i.high for i in intervals])


@pytest.mark.parametrize("n", [3, 10])
def test_covers_95_percent_where_replicates_are_independent(n):
    draws = np.random.default_rng(20).normal(0.7, 0.1, (DRAWS, n))
    assert 0.93 < coverage(draws, 0.7) < 0.97


def test_covers_80_percent_where_80_are_asked_for():
    draws = np.random.default_rng(21).normal(0.7, 0.1, (DRAWS, 5))
    assert 0.77 < coverage(draws, 0.7, confidence=0.8) < 0.83


@pytest.mark.parametrize("ratio", [1 / 9, 0.5])
def test_covers_95_percent_only_when_corrected_where_replicates_share_samples(ratio):
    # Nadeau and Bengio take the correlation of two replicates as n_test / (n_test + n_train).
    rho, n = ratio / (1 + ratio), 10
    random = np.random.default_rng(22)
    shared, individual = random.normal(size=(DRAWS, 1)), random.normal(size=(DRAWS, n))
    draws = 0.7 + np.sqrt(rho) * shared + np.sqrt(1 - rho) * individual

    assert 0.93 < coverage(draws, 0.7, test_to_train=ratio) < 0.97
    assert coverage(draws, 0.7, test_to_train=0.0) < 0.88


def test_an_interval_is_cut_at_what_is_possible():
    assert Interval(0.9, 0.7, 1.1, 5, 0.01).within(0.0, 1.0) == Interval(0.9, 0.7, 1.0, 5, 0.01)
    assert Interval(0.1, -0.1, 0.3, 5, 0.2).within(0.0, 1.0) == Interval(0.1, 0.0, 0.3, 5, 0.2)
    assert not Interval(0.1, np.nan, np.nan, 1, np.nan).within(0.0, 1.0).is_formed


def test_standard_error_by_hand():
    # s^2 = 2.5.
    assert standard_error(np.arange(1.0, 6.0), 0.0) == pytest.approx(np.sqrt(0.5))
    assert standard_error(np.arange(1.0, 6.0), 0.2) == pytest.approx(1.0)


def with_spread(spread, n):
    values = np.arange(float(n))
    return 7.0 + values * spread / values.std(ddof=1)


def test_spread_of_a_published_example():
    # Diameters of 100 gears (NIST/SEMATECH e-Handbook, GEAR.DAT), worked out in the documentation
    # of Boost.Math, "Confidence Intervals on the Standard Deviation".
    found = spread_interval(with_spread(0.006278908, 100))

    assert found.mean == pytest.approx(0.006278908)
    assert (found.low, found.high) == pytest.approx((0.00551, 0.00729), abs=5e-6)
    assert found.n == 100
    assert np.isnan(found.p_value)


@pytest.mark.parametrize(
    ("n", "low", "high"),
    # From the table there, for a deviation of one.
    [(2, 0.4461, 31.9102), (3, 0.5207, 6.2847), (5, 0.5991, 2.8736), (10, 0.6878, 1.8256)],
)
def test_spread_of_a_published_table(n, low, high):
    found = spread_interval(with_spread(1.0, n))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@settings(derandomize=True)
@given(values=some_values(), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_spread_holds_what_the_chi_squared_test_does_not_reject(values, confidence):
    assume(spread_out(values))
    found = spread_interval(values, confidence=confidence)
    n = len(values)

    assert found.mean == pytest.approx(values.std(ddof=1))
    for bound, tail in ((found.low, stats.chi2.sf), (found.high, stats.chi2.cdf)):
        assert tail((n - 1) * values.var(ddof=1) / bound**2, n - 1) == pytest.approx(
            (1 - confidence) / 2
        )


@pytest.mark.parametrize("values", [[], [0.25], [np.nan, 0.25], [np.inf, np.nan, 1.0]])
def test_spread_of_fewer_than_two_values_has_no_bounds(values):
    found = spread_interval(np.array(values))

    assert not found.is_formed
    assert np.isnan(found.mean)


@pytest.mark.parametrize("value", [0.05, 0.0, 1e6])
def test_spread_of_values_that_differ_by_rounding_alone_has_no_bounds(value):
    found = spread_interval(value * np.array([1, 1 + 1e-7, 1 - 1e-7]))

    assert not found.is_formed
    assert (found.mean, found.n) == (pytest.approx(value * 1e-7), 3)


def test_spread_leaves_out_what_is_not_finite():
    with_gap = spread_interval(np.array([1.0, np.nan, 2.0, 4.0, np.inf]))
    without = spread_interval(np.array([1.0, 2.0, 4.0]))

    assert (with_gap.low, with_gap.high, with_gap.n) == (without.low, without.high, 3)


def test_spread_covers_as_often_as_it_says():
    draws = np.random.default_rng(23).normal(0.7, 0.1, (DRAWS, 5))
    intervals = [spread_interval(values) for values in draws]
    covered = np.mean([i.low <= 0.1 <= i.high for i in intervals])

    assert (
        0.95 - 4 * np.sqrt(0.05 * 0.95 / DRAWS) < covered < 0.95 + 4 * np.sqrt(0.05 * 0.95 / DRAWS)
    )


@settings(derandomize=True)
@given(some_values(), st.floats(0.5, 0.99))
def test_one_more_value_lies_as_far_off_as_least_squares_predict(values, confidence):
    # The error of a forecast is that of the mean, and beside it the spread of a value.
    error = np.hypot(stats.sem(values), values.std(ddof=1))
    expected = stats.t.interval(confidence, len(values) - 1, scale=error)[1] if error else 0.0
    assert half_of_one_more(values, confidence) == pytest.approx(expected, abs=1e-12)


def test_of_its_spread_a_part_may_be_explained_and_of_one_value_none_is_known():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    whole, variance = half_of_one_more(values, 0.9), values.var(ddof=1)
    assert half_of_one_more(values, 0.9, 0.75 * variance) == pytest.approx(whole / 2)
    assert half_of_one_more(values, 0.9, 2 * variance) == 0
    assert half_of_one_more(values[:1], 0.9) == 0
