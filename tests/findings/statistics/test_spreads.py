"""Spreads of differences: by formulas, and what tests decide by them, by simulation."""

import numpy as np
import pytest
from scipy import stats

from kohort.findings.statistics.comparison import compare, correct
from kohort.findings.statistics.moderated import moderate
from kohort.findings.statistics.spreads import DOUBT, Spread, spreads, together
from tests.findings.statistics.test_moderated import EQUAL, REPLICATES, UNEQUAL, VARIANTS, drawn
from tests.marks import long

ALPHA = 0.05
WILD = np.array([5.0, *[1.0] * 7])


def against_the_first(values):
    """The family of comparisons with the first variant, corrected."""
    found = spreads(values)
    return correct(
        [
            compare(
                "0",
                f"{number}",
                values[0],
                values[number],
                measure="value",
                margin=0.1,
                confidence=1 - ALPHA,
                test_to_train=0.0,
                moderated=found.between(0, number),
            )
            for number in range(1, len(values))
        ]
    )


def test_of_two_variants_there_is_none_but_their_own():
    assert spreads(drawn(0, [1.0, 2.0])).between(0, 1) is None


def test_degrees_are_satterthwaites_together_with_the_differences_own():
    values = drawn(6, EQUAL)
    variance, df, independence, alike = moderate(values)
    both = variance[0] + variance[1]
    of_both = both**2 / (variance[0] ** 2 / df[0] + variance[1] ** 2 / df[1])
    fewer = min(df[:2])
    drawn_in = fewer + alike / (alike + DOUBT) * (of_both - fewer)
    alone = np.var(values[1] - values[0], ddof=1)
    expected = together(both, drawn_in, alone, 4.0, independence)

    found = spreads(values).between(1, 0)
    assert (found.deviation, found.df) == pytest.approx(expected)


def test_where_spreads_differ_two_small_variances_have_hardly_more_degrees_than_one():
    # Satterthwaite's would be twice as many where two variances look alike.
    values = drawn(0, np.geomspace(0.01, 100, 40))
    variance, df, *_ = moderate(values)
    ratio = variance[:, None] / variance
    alike = (ratio > 0.8) & (ratio < 1.25) & ~np.eye(len(values), dtype=bool)
    degrees = spreads(values).df[alike] / np.minimum(df[:, None], df)[alike]

    assert alike.sum() > 20
    assert np.median(degrees) < 1.3  # 1.46 by Satterthwaite alone


def test_what_agrees_is_weighted_by_its_degrees():
    deviation, df = together(np.array(2.0), np.array(12.0), np.array(2.0), np.array(4.0))

    assert deviation == pytest.approx(np.sqrt(2.0))
    # A quarter of the weight; Var = (1 - 1/16) 2 V^2 / 12 + 1/16 2 V^2 / 4.
    assert df == pytest.approx(1 / (15 / 16 / 12 + 1 / 16 / 4))


def test_differences_that_hardly_vary_are_believed():
    deviation, df = together(np.array(2.0), np.array(12.0), np.array(1e-6), np.array(4.0))

    assert deviation == pytest.approx(1e-3, rel=0.1)
    assert df == pytest.approx(4.0, rel=0.01)


def test_where_variants_are_correlated_differences_have_their_own():
    deviation, df = together(np.array(2.0), np.array(12.0), np.array(3.0), np.array(4.0), 0.0)

    assert (deviation**2, df) == pytest.approx((3.0, 4.0))


def test_a_pair_without_two_replicates_in_common_has_none():
    values = drawn(7, EQUAL, 6)
    values[0, :3], values[1, 3:] = np.nan, np.nan
    found = spreads(values)

    assert found.between(0, 1) is None
    assert found.between(0, 2) is not None


def test_it_is_the_standard_error_of_a_mean():
    differences = np.array([0.1, 0.3, 0.2, 0.0])
    alone = Spread.of(differences)

    assert alone.error(4, 0.0) == pytest.approx(stats.sem(differences))
    assert alone.error(4, 0.25) == pytest.approx(stats.sem(differences) * np.sqrt(2))


@pytest.mark.parametrize("sizes", [EQUAL, *long(UNEQUAL, UNEQUAL[::-1]), WILD, *long(WILD[::-1])])
def test_it_seldom_decides_what_is_not_so(sizes):
    studies = 300
    false = sum(
        any(c.is_decided for c in against_the_first(drawn(seed, sizes))) for seed in range(studies)
    )
    assert false <= stats.binom.isf(1e-3, studies, ALPHA)


@pytest.mark.long
def test_it_decides_twice_as_often_what_is_so():
    found, alone = 0, 0
    for seed in range(300):
        values = drawn(seed, EQUAL)
        values[3] += 2.0
        found += against_the_first(values)[2].is_decided
        alone += stats.ttest_rel(values[3], values[0]).pvalue <= ALPHA / (VARIANTS - 1)
    assert found > 1.7 * alone


def test_nothing_is_decided_that_the_pair_alone_does_not_show():
    values = drawn(11, EQUAL)
    values[3] += 5 * np.array([1.0, -1.0, 1.0, 1.0, 1.0])
    family = against_the_first(values)

    assert len(family[0].differences) == REPLICATES
    assert any(c.p_moderated < c.difference.p_value for c in family)
    assert all(c.p_adjusted >= c.difference.p_value for c in family)
