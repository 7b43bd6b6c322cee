"""Corrections of p-values against worked examples, other software's, and by law."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.statistics.stepwise import hochberg, holm, simes

P_VALUES = st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12)


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


@settings(derandomize=True)
@given(p=P_VALUES.map(np.array))
def test_holm_is_between_the_raw_value_and_bonferronis(p):
    p = np.asarray(p, float)
    known = ~np.isnan(p)
    adjusted = holm(p)

    assert np.array_equal(np.isnan(adjusted), ~known)
    assert (adjusted[known] >= p[known]).all()
    assert (adjusted[known] <= np.minimum(1.0, known.sum() * p[known])).all()


@settings(derandomize=True)
@given(p=P_VALUES)
def test_holm_is_monotone_in_the_raw_value(p):
    adjusted = holm(p)
    order = np.argsort(p)  # NaN last
    known = adjusted[order][: np.count_nonzero(~np.isnan(adjusted))]

    assert (np.diff(known) >= 0).all()


@settings(derandomize=True)
@given(p=P_VALUES, data=st.data())
def test_holm_follows_the_order_of_its_input(p, data):
    order = data.draw(st.permutations(range(len(p))))
    shuffled = [p[i] for i in order]

    assert np.array_equal(holm(shuffled), holm(p)[list(order)], equal_nan=True)


def test_simes_by_hand():
    # 4 x 0.01 / 1, 4 x 0.02 / 2, 4 x 0.03 / 3, 4 x 0.5 / 4: Bonferroni has 0.04 as well.
    assert simes([0.03, 0.01, 0.5, 0.02]) == pytest.approx(0.04)
    # 3 x 0.02 / 1 = 0.06, 3 x 0.03 / 2 = 0.045, 3 x 0.04 / 3 = 0.04: Bonferroni has 0.06.
    assert simes([0.03, 0.02, 0.04]) == pytest.approx(0.04)


@pytest.mark.parametrize(("p", "expected"), [([], 0.0), ([np.nan], 0.0), ([np.nan, 0.2], 0.2)])
def test_simes_leaves_unknown_ones_out(p, expected):
    assert simes(p) == expected


@settings(derandomize=True)
@given(p=P_VALUES)
def test_simes_is_the_least_of_benjamini_and_hochbergs(p):
    known = [value for value in p if not np.isnan(value)]
    assume(known)

    by_hand = min(len(known) * value / rank for rank, value in enumerate(sorted(known), 1))
    assert simes(p) == pytest.approx(by_hand)
    assert simes(p) == stats.false_discovery_control(known).min()
    assert min(known) <= simes(p) <= np.nanmin(holm(p)) + 1e-15


def test_hochberg_by_hand():
    # Hochberg (1988): the largest times 1, the next times 2, and none above a larger one.
    assert hochberg([0.04, 0.01, 0.045]) == pytest.approx([0.045, 0.03, 0.045])
    assert hochberg([0.04, np.nan, 0.01, 0.045]) == pytest.approx(
        [0.045, np.nan, 0.03, 0.045], nan_ok=True
    )


@given(P_VALUES, st.integers(0, 5))
def test_hochberg_is_between_the_raw_value_and_holms(p, kept):
    adjusted, known = hochberg(p, kept), ~np.isnan(np.array(p, float))

    assert (adjusted[known] >= np.array(p)[known]).all()
    assert (adjusted[known] <= holm(p, kept)[known] + 1e-15).all()


@given(P_VALUES, st.integers(0, 5), st.sampled_from([holm, hochberg]))
def test_hypotheses_that_are_kept_count_as_if_their_p_values_were_1(p, kept, corrected):
    longer = corrected([*p, *[1.0] * kept])[: len(p)]

    assert corrected(p, kept) == pytest.approx(longer, nan_ok=True)
