"""Paired comparisons against SciPy and Fisher; corrections against worked examples and by law."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.statistics.comparison import (
    SIGN_FLIPS,
    Comparison,
    compare,
    correct,
)
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.spreads import Spread
from tests.findings.curve_builders import numbers

SCORES = st.lists(
    st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=2, max_size=10
)


def compared(a, b, confidence=0.95, test_to_train=0.0, margin=0.01, **how):
    return compare(
        "a",
        "b",
        a,
        b,
        measure="score",
        margin=margin,
        confidence=confidence,
        test_to_train=test_to_train,
        **how,
    )


def differing(*differences, **how):
    """A comparison of the given differences."""
    return compared(np.zeros(len(differences)), np.array(differences, float), **how)


def with_p(p, equivalence=np.nan, name="b"):
    """A comparison that is its p-values."""
    # Not NaN, which would not be equal to itself.
    interval = Interval(1.0, 0.5, 1.5, 5, p)
    return Comparison(
        "a", name, "score", interval, (), True, 0.1, 0.0, equivalence, 0.05, 1, p, equivalence
    )


def test_an_equivalence_is_shown_by_the_interval_of_its_tests():
    # Mean 0.002, standard error 0.01 / sqrt(5); Student's t of 4 degrees of freedom at 95 %.
    values = 0.002 + 0.01 * np.array([-1, 1, 0, 1, -1])
    half = 2.131847 * 0.01 / np.sqrt(5)
    shown = differing(*values, margin=0.0126)
    assert shown.is_equivalent
    assert shown.difference.high > 0.0126
    assert (shown.shown_interval.low, shown.shown_interval.high) == pytest.approx(
        (0.002 - half, 0.002 + half)
    )
    assert shown.shown_interval.high < 0.0126
    assert shown.shown_interval_name == "the 90 % interval of two one-sided tests"
    # Where its own interval lies within the margin, and where nothing is decided, it is that.
    for margin in (0.02, 0.001):
        other = differing(*values, margin=margin)
        assert other.shown_interval is other.difference
        assert other.shown_interval_name == ""
    assert not other.is_equivalent
    assert differing(*(values + 0.1)).shown_interval_name == ""
    assert differing(0.01).shown_interval_name == ""


@settings(derandomize=True)
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


@settings(derandomize=True)
@given(pairs=SCORES, data=st.data())
def test_a_constant_on_both_sides_of_a_pair_changes_nothing(pairs, data):
    # Multiples of 1/64 add without rounding.
    a, b = np.round(64 * np.array(pairs).T) / 64
    eights = st.lists(st.integers(-512, 512), min_size=len(a), max_size=len(a))
    constants = np.array(data.draw(eights)) / 64

    one, other = compared(a, b), compared(a + constants, b + constants)
    assert numbers(other.difference) == pytest.approx(numbers(one.difference), nan_ok=True)
    assert other.differences == one.differences
    assert other.p_equivalence == pytest.approx(one.p_equivalence, nan_ok=True)
    assert other.p_sign_flip == one.p_sign_flip
    assert other.replicates_needed == one.replicates_needed


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
    assert with_p(p).is_decided is is_decided
    assert with_p(0.5, p).is_equivalent is is_decided


@pytest.mark.parametrize(
    ("differences", "higher_is_better", "better"),
    [
        ((0.10, 0.11, 0.12), True, "b"),
        ((0.10, 0.11, 0.12), False, "a"),
        ((-0.10, -0.11, -0.12), True, "a"),
        ((-0.10, -0.11, -0.12), False, "b"),
        ((0.10, -0.11, 0.12), True, None),  # undecided
        ((0.10, -0.11, 0.12), False, None),
        ((0.0, 0.0, 0.0), True, None),
        ((0.1, 0.1, 0.1), True, None),  # no interval
        ((0.5,), True, None),
    ],
)
def test_the_better_one_is_told_by_name(differences, higher_is_better, better):
    found = differing(*differences, higher_is_better=higher_is_better)

    assert found.higher_is_better is higher_is_better
    assert found.better == better
    (corrected,) = correct([found], gate=0.051)
    assert corrected.better is None


def test_a_higher_value_is_the_better_one_but_where_told():
    assert differing(0.10, 0.11, 0.12).better == "b"


def test_error_rate_follows_from_the_confidence():
    a, b = np.zeros(4), np.array([1.0, 2.0, 3.0, 4.0])  # p = 0.03
    assert compared(a, b, confidence=0.95).is_decided
    assert not compared(a, b, confidence=0.99).is_decided


def test_correct_adjusts_the_family_and_changes_nothing_else():
    p_values = (0.01, 0.04, 0.03, 0.005)
    family = [
        with_p(p, q, str(n)) for n, (p, q) in enumerate(zip(p_values, p_values[::-1], strict=True))
    ]

    corrected = correct(family)

    assert [c.p_adjusted for c in corrected] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [c.is_decided for c in corrected] == [True, False, False, True]
    assert [c.p_equivalence_adjusted for c in corrected] == pytest.approx([0.02, 0.06, 0.06, 0.03])
    assert [c.is_equivalent for c in corrected] == [True, False, False, True]
    assert [c.difference for c in corrected] == [c.difference for c in family]
    assert [c.p_equivalence for c in corrected] == [c.p_equivalence for c in family]
    assert [c.family for c in corrected] == [4] * 4
    assert [c.b for c in corrected] == ["0", "1", "2", "3"]
    assert correct([]) == []


def test_no_adjusted_p_value_is_below_the_gate():
    p_values = (0.01, np.nan, 0.001, 0.5)
    corrected = correct([with_p(p, 0.001) for p in p_values], gate=0.02)

    assert [c.p_adjusted for c in corrected] == pytest.approx(
        [0.02, np.nan, 0.02, 0.5], nan_ok=True
    )
    assert all(c.is_equivalent for c in corrected)  # the gate is none of equivalence
    closed = correct([with_p(0.001)], gate=0.051)
    assert not closed[0].is_decided


def test_false_alarms_of_a_family_stay_under_its_error_rate():
    # Six variants of equal quality, the first the baseline of all others.
    draws, n, others = 1000, 5, 5
    random = np.random.default_rng(30)
    baseline, scores = random.normal(size=(draws, n)), random.normal(size=(draws, others, n))
    families = [
        [compared(b, s) for s in of_study] for b, of_study in zip(baseline, scores, strict=True)
    ]

    raw = np.mean([any(c.is_decided for c in family) for family in families])
    held = np.mean([any(c.is_decided for c in correct(family)) for family in families])

    assert raw > 0.1  # so there is something to correct
    assert held < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


@settings(derandomize=True)
@given(pairs=SCORES, margin=st.floats(0.001, 1.0))
def test_equivalence_is_two_one_sided_t_tests(pairs, margin):
    a, b = np.array(pairs).T
    assume((b - a).std() > 1e-4)
    not_below = stats.ttest_1samp(b - a, -margin, alternative="greater").pvalue
    not_above = stats.ttest_1samp(b - a, margin, alternative="less").pvalue

    found = compared(a, b, margin=margin)

    assert found.p_equivalence == pytest.approx(max(not_below, not_above), abs=1e-9)
    assert found.p_equivalence_adjusted == found.p_equivalence


def test_equivalence_by_hand():
    # Mean 1, s = 1, n = 4: s / sqrt(n) = 0.5, so that a margin of 2.176682 is 2.353363 errors away:
    # Student's t of 3 degrees of freedom at 95 %, any printed table.
    margin = 1 + 0.5 * 2.353363
    differences = 1 + np.array([-1.0, -1.0, 1.0, 1.0]) * np.sqrt(3 / 4)

    for sign in (1, -1):
        found = differing(*sign * differences, margin=margin)
        assert found.p_equivalence == pytest.approx(0.05, abs=1e-6)
    assert differing(*differences, margin=margin + 0.01).is_equivalent
    assert not differing(*differences, margin=margin - 0.01).is_equivalent


def test_equivalence_is_where_the_90_percent_interval_lies_within_the_margin():
    random = np.random.default_rng(31)
    for differences in random.normal(0.3, 0.5, (50, 6)):
        interval = differing(*differences, confidence=0.9).difference
        reach = max(abs(interval.low), abs(interval.high))

        assert differing(*differences, margin=1.0001 * reach).is_equivalent
        assert not differing(*differences, margin=0.9999 * reach).is_equivalent


def test_equivalence_knows_of_shared_samples():
    # sqrt(1 / 4 + 1 / 4) is sqrt(2) times sqrt(1 / 4): the margin must be as much further away.
    differences = np.array([-1.0, -1.0, 1.0, 1.0])
    plain = differing(*differences, margin=1.0)
    shared = differing(*differences, margin=np.sqrt(2), test_to_train=0.25)

    assert shared.p_equivalence == pytest.approx(plain.p_equivalence)


def test_a_difference_beyond_the_margin_is_not_equivalent():
    assert differing(0.1, 0.11, 0.12, margin=0.05).p_equivalence > 0.95


@pytest.mark.parametrize("differences", [[], [0.001], [0.001, 0.001, 0.001]])
def test_what_gives_no_interval_is_not_equivalent(differences):
    found = differing(*differences)

    assert np.isnan(found.p_equivalence)
    assert not found.is_equivalent


def test_no_difference_at_all_is_equivalent_where_there_is_a_margin():
    assert differing(0.0, 0.0, 0.0).is_equivalent
    assert np.isnan(differing(0.0, 0.0, 0.0, margin=0.0).p_equivalence)
    assert not differing(0.0, 0.0, 0.0, margin=np.nan).is_equivalent
    assert not differing(0.1, 0.0, -0.1, margin=np.nan).is_equivalent


def test_ties_of_two_that_are_not_the_same_form_no_interval():
    tied = differing(0.0, 0.0, 0.0, are_same=False)

    assert (tied.difference.mean, tied.difference.n, tied.differences) == (0.0, 3, (0.0,) * 3)
    assert not tied.difference.is_formed
    assert np.isnan([tied.difference.low, tied.difference.high, tied.difference.p_value]).all()
    assert np.isnan([tied.p_adjusted, tied.p_equivalence, tied.p_equivalence_adjusted]).all()
    assert not tied.is_decided
    assert not tied.is_equivalent


def test_a_tie_in_some_replicates_forms_one():
    assert numbers(differing(0.0, 0.0, 0.001, are_same=False).difference) == (
        numbers(differing(0.0, 0.0, 0.001).difference)
    )
    assert differing(0.0, 0.0, 0.001, are_same=False).is_equivalent


def test_false_equivalence_is_as_rare_as_the_confidence_says():
    # The true difference is the margin.
    draws = 2000
    differences = np.random.default_rng(32).normal(0.1, 0.1, (draws, 5))
    called = np.mean([differing(*row, margin=0.1).is_equivalent for row in differences])

    assert 0.03 < called < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


# Darwin's maize: heights of cross-fertilised plants above self-fertilised ones, in eighths of an
# inch (Fisher 1935, The Design of Experiments, sections 17 and 21).
DARWIN = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)


def flips(n):
    """All signs `[2 ** n, n]`."""
    return np.array(list(itertools.product([1, -1], repeat=n)))


def test_fishers_t_test_of_darwins_maize():
    found = differing(*DARWIN).difference
    error = found.mean / stats.t.isf(found.p_value / 2, 14)

    assert found.mean == pytest.approx(20.93, abs=0.005)
    assert found.mean / error == pytest.approx(2.148, abs=0.0005)
    assert found.p_value == pytest.approx(0.0497, abs=5e-5)


def test_fishers_sign_flips_of_darwins_maize():
    # Of 2^15 as many differ as much or more; 4096 random ones tell that up to chance.
    exact = 1726 / 2**15
    assert np.sum(abs(flips(15) @ DARWIN) >= sum(DARWIN)) == 1726

    chance = 2 * np.sqrt(exact / 2 * (1 - exact / 2) / SIGN_FLIPS)
    assert differing(*DARWIN).p_sign_flip == pytest.approx(exact, abs=3 * chance)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ((1, 2, 3), 2 / 8),  # 6 and -6 of 8
        ((1, -2, 5), 6 / 8),  # sums 8, 6, 4 and 2, either sign; the observed is 4
        ((1, -1), 1.0),
        ((1, 1, 1, 1, 1), 2 / 32),  # which five cannot fall below
        ((1, 1, 1, 1, 1, 1), 2 / 64),
        ((0, 0, 0), 1.0),
        ((0.1 + 0.2, 0.3), 2 / 4),  # equal but for rounding
    ],
)
def test_sign_flips_by_hand(differences, p):
    assert differing(*differences).p_sign_flip == pytest.approx(p)


@settings(derandomize=True, max_examples=50)
@given(differences=st.lists(st.integers(-20, 20), min_size=2, max_size=8))
def test_sign_flips_against_all_of_them(differences):
    sums = abs(flips(len(differences)) @ differences)
    expected = np.mean(sums >= abs(sum(differences)))

    assert differing(*np.array(differences) / 64).p_sign_flip == pytest.approx(expected)


@pytest.mark.parametrize("differences", [[], [0.5], [0.5, np.nan]])
def test_sign_flips_need_two(differences):
    assert np.isnan(differing(*differences).p_sign_flip)


@settings(derandomize=True, max_examples=20)
@given(order=st.permutations(range(15)))
def test_random_sign_flips_do_not_depend_on_the_order_of_replicates(order):
    shuffled = np.array(DARWIN)[list(order)]
    assert differing(*shuffled).p_sign_flip == differing(*DARWIN).p_sign_flip


def test_replicates_needed_of_a_published_example():
    # A margin of half a deviation, alpha 0.05: G*Power's 34. In a family of two alpha is halved.
    found = differing(0.08, 0.10, 0.12, margin=0.01)

    assert found.replicates_needed == 34
    (corrected, _) = correct([found, found])
    assert corrected.replicates_needed == pytest.approx(34 / 0.83, abs=1)
    assert differing(0.08, 0.10, 0.12, margin=0.01, test_to_train=0.25).replicates_needed is None


@pytest.mark.parametrize("differences", [[], [0.5]])
def test_nobody_knows_what_is_needed_from_one_replicate(differences):
    assert differing(*differences).replicates_needed is None


def test_errors_per_thousand():
    assert differing(0.01, 0.02, 0.03).errors_per_thousand == pytest.approx(20)


SHIFTED = np.array([0.1, 0.3, 0.2, 0.25, 0.15])
HELPED = Spread(0.06, 20.0)


def at_a_look(share, moderated=HELPED):
    """A pair of a race of which a look may spend a share of 5 %."""
    return compared(np.zeros(5), SHIFTED, margin=0.5, moderated=moderated, share=share)


def test_at_a_look_moderated_p_values_are_divided_by_what_it_may_spend():
    one, usual = at_a_look(0.3), at_a_look(1.0)

    assert one.p_moderated == pytest.approx(usual.p_moderated / 0.3)
    assert one.p_equivalence_moderated == pytest.approx(usual.p_equivalence_moderated / 0.3)
    assert one.difference.p_value == usual.difference.p_value
    assert at_a_look(1e-9).p_moderated == 1.0


def test_at_a_look_a_pair_without_help_has_what_the_look_may_spend():
    one = at_a_look(0.3, None)
    by_scipy = stats.ttest_1samp(SHIFTED, 0.0).confidence_interval(1 - 0.3 * 0.05)

    assert one.p_moderated == pytest.approx(stats.ttest_1samp(SHIFTED, 0.0).pvalue / 0.3)
    assert (one.difference.low, one.difference.high) == pytest.approx(tuple(by_scipy))


def test_the_interval_of_a_look_reaches_as_far_as_the_wider_of_two():
    usual = stats.ttest_1samp(SHIFTED, 0.0).confidence_interval(0.95)
    one, spent = at_a_look(0.3), at_a_look(0.001)
    half = stats.t.isf(0.001 * 0.05 / 2, 20) * 0.06 / np.sqrt(5)

    assert (one.difference.low, one.difference.high) == pytest.approx(tuple(usual))
    assert spent.difference.high == pytest.approx(0.2 + half)
    assert spent.difference.low == pytest.approx(0.2 - half)
    assert one.shown_interval_name == "the 98.5 % interval of a look"
    assert at_a_look(1.0).shown_interval_name == ""


@pytest.mark.parametrize("share", [0.3, 0.1, 0.01])
@pytest.mark.parametrize("ahead", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_alone_a_pair_of_a_look_is_decided_where_its_interval_excludes_zero(share, ahead):
    one = compared(np.zeros(5), SHIFTED - 0.2 + ahead, moderated=HELPED, share=share)

    assert one.alone.is_decided == one.excludes_zero


@given(SCORES, st.sampled_from([1.0, 0.3]))
def test_turned_is_the_difference_in_the_other_direction(pairs, share):
    a, b = np.array(pairs).T
    one, other = compared(a, b, share=share), compared(b, a, share=share)

    assert (one.turned.a, one.turned.b) == ("b", "a")
    assert numbers(one.turned.difference) == pytest.approx(numbers(other.difference), nan_ok=True)
    assert one.turned.differences == pytest.approx(other.differences)
    assert one.turned.turned == one or np.isnan(one.p_adjusted)


def test_a_family_counts_those_that_are_kept():
    family = [at_a_look(1.0)]
    (kept,) = correct(family, kept=(3, 1))

    assert kept.p_adjusted == pytest.approx(max(4 * family[0].p_moderated, family[0].p_adjusted))
    assert kept.p_equivalence_adjusted == pytest.approx(
        max(2 * family[0].p_equivalence_moderated, family[0].p_equivalence)
    )
