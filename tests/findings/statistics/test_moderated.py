"""Moderated variances: by formulas, by limits that are known, and by simulation."""

import numpy as np
import pytest

from kohort.findings.statistics.moderated import moderate

VARIANTS, REPLICATES = 8, 5
EQUAL = np.ones(VARIANTS)
UNEQUAL = np.geomspace(0.25, 4, VARIANTS)


def drawn(seed, spreads, replicates=REPLICATES):
    """Variants that do not differ; each replicate does something to all."""
    random = np.random.default_rng(seed)
    individual = np.asarray(spreads)[:, None] * random.standard_normal((len(spreads), replicates))
    return individual + 3 * random.standard_normal(replicates)


def moderated(values):
    """Variances and their degrees of freedom, `[2, variant]`."""
    return np.array(moderate(values)[:2])


def kinds(seed, variance):
    """Two kinds of variants, which have a part of this variance in common."""
    random = np.random.default_rng(seed)
    shared = np.sqrt(variance) * random.standard_normal((2, REPLICATES))
    return drawn(seed, EQUAL) + shared[np.arange(VARIANTS) % 2]


def test_of_two_variants_or_replicates_nothing_is_borrowed():
    assert moderate(drawn(0, [1.0, 2.0])) is None
    assert moderate(drawn(0, EQUAL, 2)) is None
    assert moderate(drawn(0, EQUAL[:3], 3)) is not None


def test_what_a_replicate_does_to_all_does_not_count():
    values = drawn(1, EQUAL)
    changed = values + np.array([0.0, 100.0, -7.0, 3.0, 1.0])
    np.testing.assert_allclose(moderated(changed), moderated(values))


@pytest.mark.parametrize("factor", [1e-6, 7.0])
def test_variances_are_in_the_square_of_the_unit(factor):
    values = drawn(2, UNEQUAL)
    (variance, df), (scaled, same) = moderated(values), moderated(factor * values)

    np.testing.assert_allclose(scaled, factor**2 * variance)
    np.testing.assert_allclose(same, df)


def test_order_changes_nothing():
    values = drawn(3, UNEQUAL)
    turned = moderated(values[::-1, ::-1])
    np.testing.assert_allclose(turned[:, ::-1], moderated(values))


def test_of_very_many_replicates_each_variance_is_its_own():
    sizes = np.geomspace(0.5, 4, VARIANTS)
    variance = moderate(drawn(4, sizes, 300)).variance

    np.testing.assert_allclose(np.sqrt(variance), sizes, rtol=0.15)


@pytest.mark.long
def test_where_all_spreads_are_equal_each_lends_and_borrows():
    variance, df = np.moveaxis([moderated(drawn(seed, EQUAL)) for seed in range(400)], 1, 0)

    assert variance.mean() == pytest.approx(1.0, abs=0.05)
    assert np.median(df) > 1.5 * (REPLICATES - 1)
    # Of the variance that is pooled over all variants.
    assert df.max() < (VARIANTS - 1) * (REPLICATES - 1)


def test_what_varies_far_more_borrows_nothing():
    values = drawn(5, [100.0, *[1.0] * 7])
    variance, df = moderated(values)

    about = np.var(values[0] - values[1:].mean(axis=0), ddof=1)
    assert variance[0] == pytest.approx(about, rel=0.1)
    assert df[0] == pytest.approx(REPLICATES - 1, abs=0.1)


@pytest.mark.long
def test_variants_that_are_correlated_borrow_nothing():
    few = [moderate(kinds(seed, 0.0)).independence for seed in range(200)]
    many = [moderate(kinds(seed, 50.0)).independence for seed in range(200)]

    # Of a p-value that is uniform, three times it is 1 in two of three studies.
    assert np.mean(np.array(few) == 1.0) == pytest.approx(2 / 3, abs=0.1)
    assert np.mean(many) < 0.1
    assert moderate(kinds(1, 1e4)).df.max() < REPLICATES


def test_replicates_that_are_missing_are_left_out():
    values = drawn(8, np.ones(6), 7)
    values[2, 5], values[3, :5] = np.nan, np.inf
    values[4, 1:] = np.nan
    variance, df = moderated(values)

    assert np.isfinite(variance).tolist() == [True, True, True, True, False, True]
    assert df[3] < df[0]
    # One that has no value changes nothing.
    more = moderated(np.vstack([values, np.full(7, np.nan)]))
    np.testing.assert_allclose(more[:, :6], (variance, df))


def test_a_variant_alone_in_its_replicates_has_no_variance():
    values = np.full((4, 5), np.nan)
    values[:3, :3] = drawn(9, np.ones(3), 3)
    values[3, 2:] = 0.1, 0.2, 0.4

    assert np.isnan(moderate(values).variance).tolist() == [False, False, False, True]
    assert moderate(values[2:]) is None


def test_where_nothing_but_the_replicates_part_varies_nothing_is_known():
    assert moderate(np.tile([0.1, 0.3, 0.2], (4, 1))) is None
    assert moderate(np.full((4, 3), 0.1)) is None
    assert moderate(np.full((4, 3), np.nan)) is None


def test_order_changes_nothing_where_rounding_might_pass_for_a_rank():
    for seed in range(20):
        values = drawn(seed, EQUAL[:4], 12)
        assert moderated(values[::-1])[:, ::-1] == pytest.approx(moderated(values), rel=1e-9)
