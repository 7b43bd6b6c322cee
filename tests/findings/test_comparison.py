"""Paired comparisons against SciPy; Holm's correction against a worked example and by law."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.comparison import Comparison, compare, correct, holm
from kohort.findings.interval import Interval
from tests.findings.curve_builders import numbers

SCORES = st.lists(
    st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=2, max_size=10
)
P_VALUES = st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12)


def compared(a, b, confidence=0.95, test_to_train=0.0):
    return compare(
        "a", "b", a, b, measure="score", confidence=confidence, test_to_train=test_to_train
    )


@settings(derandomize=True, deadline=None)
@given(pairs=SCORES)
def test_is_the_paired_t_test(pairs):
    a, b = np.array(pairs).T
    assume((b - a).std() > 1e-4)
    expected = stats.ttest_rel(b, a)
    bounds = expected.confidence_interval(0.95)

    found = compared(a, b)

    assert found.difference.mean == pytest.approx((b - a).mean(), abs=1e-12)
    assert found.difference.low == pytest.approx(bounds.low, abs=1e-9)
    assert found.difference.high == pytest.approx(bounds.high, abs=1e-9)
    assert found.difference.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    assert found.p_adjusted == found.difference.p_value


def test_is_the_second_minus_the_first_and_names_them():
    found = compared(np.array([0.5, 0.6]), np.array([0.75, 0.85]))

    assert (found.a, found.b, found.measure) == ("a", "b", "score")
    assert found.difference.mean == pytest.approx(0.25)


@settings(derandomize=True, deadline=None)
@given(pairs=SCORES, data=st.data())
def test_a_constant_on_both_sides_of_a_pair_changes_nothing(pairs, data):
    # Multiples of 1/64 add without rounding.
    a, b = np.round(64 * np.array(pairs).T) / 64
    eights = st.lists(st.integers(-512, 512), min_size=len(a), max_size=len(a))
    constants = np.array(data.draw(eights)) / 64

    one, other = compared(a, b), compared(a + constants, b + constants)
    assert numbers(other.difference) == pytest.approx(numbers(one.difference), nan_ok=True)


def test_the_correction_for_shared_samples_reaches_the_difference():
    a, b = np.zeros(5), np.arange(1.0, 6.0)
    plain, corrected = compared(a, b), compared(a, b, test_to_train=0.2)
    width = [c.difference.high - c.difference.low for c in (plain, corrected)]

    # sqrt(1 / 5 + 0.2) is sqrt(2) times sqrt(1 / 5).
    assert width[1] == pytest.approx(np.sqrt(2) * width[0])


def test_a_replicate_that_one_side_lacks_is_left_out_of_both():
    a = np.array([0.5, np.nan, 0.6, 0.7, 0.9])
    b = np.array([0.75, 0.1, np.nan, 0.8, 0.95])
    kept = [0, 3, 4]

    assert compared(a, b) == compared(a[kept], b[kept])
    assert compared(a, b).difference.n == 3


def test_one_pair_decides_nothing():
    found = compared(np.array([0.1]), np.array([0.9]))

    assert np.isnan(found.p_adjusted)
    assert not found.is_decided


@pytest.mark.parametrize(
    ("p", "is_decided"), [(0.04, True), (0.05, True), (0.051, False), (np.nan, False)]
)
def test_is_decided_at_or_below_the_error_rate(p, is_decided):
    nothing = Interval(0.0, 0.0, 0.0, 5, p)
    assert Comparison("a", "b", "score", nothing, p, alpha=0.05).is_decided is is_decided


def test_error_rate_follows_from_the_confidence():
    a, b = np.zeros(4), np.array([1.0, 2.0, 3.0, 4.0])  # p = 0.03
    assert compared(a, b, confidence=0.95).is_decided
    assert not compared(a, b, confidence=0.99).is_decided


def test_holm_on_a_published_example():
    # Wikipedia, "Holm-Bonferroni method", section "Example": of p = 0.01, 0.04, 0.03, 0.005 the
    # first and the last are rejected at 0.05. Adjusted by hand: 4 x 0.005, 3 x 0.01, 2 x 0.03,
    # and for 0.04 what stands before it.
    adjusted = holm([0.01, 0.04, 0.03, 0.005])

    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert list(adjusted <= 0.05) == [True, False, False, True]


def test_holm_leaves_unknown_ones_out_of_the_count():
    adjusted = holm([0.01, np.nan, 0.04, 0.03, np.nan, 0.005])

    assert adjusted[[0, 2, 3, 5]] == pytest.approx(holm([0.01, 0.04, 0.03, 0.005]))
    assert np.isnan(adjusted[[1, 4]]).all()


@pytest.mark.parametrize("p", [[], [np.nan], [0.2]])
def test_holm_changes_nothing_where_there_is_one_or_none(p):
    assert np.array_equal(holm(p), np.array(p, float), equal_nan=True)


@settings(derandomize=True, deadline=None)
@given(p=P_VALUES.map(np.array))
def test_holm_is_between_the_raw_value_and_bonferronis(p):
    p = np.asarray(p, float)
    known = ~np.isnan(p)
    adjusted = holm(p)

    assert np.array_equal(np.isnan(adjusted), ~known)
    assert (adjusted[known] >= p[known]).all()
    assert (adjusted[known] <= np.minimum(1.0, known.sum() * p[known])).all()


@settings(derandomize=True, deadline=None)
@given(p=P_VALUES)
def test_holm_is_monotone_in_the_raw_value(p):
    adjusted = holm(p)
    order = np.argsort(p)  # NaN last
    known = adjusted[order][: np.count_nonzero(~np.isnan(adjusted))]

    assert (np.diff(known) >= 0).all()


@settings(derandomize=True, deadline=None)
@given(p=P_VALUES, data=st.data())
def test_holm_follows_the_order_of_its_input(p, data):
    order = data.draw(st.permutations(range(len(p))))
    shuffled = [p[i] for i in order]

    assert np.array_equal(holm(shuffled), holm(p)[list(order)], equal_nan=True)


def test_correct_adjusts_the_family_and_changes_nothing_else():
    # Not NaN, which would not be equal to itself.
    intervals = [Interval(1.0, 0.5, 1.5, 5, p) for p in (0.01, 0.04, 0.03, 0.005)]
    family = [Comparison("a", str(n), "score", i, i.p_value, 0.05) for n, i in enumerate(intervals)]

    corrected = correct(family)

    assert [c.p_adjusted for c in corrected] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [c.is_decided for c in corrected] == [True, False, False, True]
    assert [c.difference for c in corrected] == intervals
    assert [c.b for c in corrected] == ["0", "1", "2", "3"]
    assert correct([]) == []


def test_false_alarms_of_a_family_stay_under_its_error_rate():
    # Six variants of equal quality, the first the baseline of all others.
    draws, n, others = 2000, 5, 5
    random = np.random.default_rng(30)
    baseline, scores = random.normal(size=(draws, n)), random.normal(size=(draws, others, n))
    families = [[compared(b, s) for s in own] for b, own in zip(baseline, scores, strict=True)]

    raw = np.mean([any(c.is_decided for c in family) for family in families])
    held = np.mean([any(c.is_decided for c in correct(family)) for family in families])

    assert raw > 0.1  # so there is something to correct
    assert held < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
