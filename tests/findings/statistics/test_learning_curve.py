"""`learning_curve` on power laws known exactly, against SciPy's own fit, and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from kohort.findings.statistics.interval import mean_interval
from kohort.findings.statistics.learning_curve import PowerLaw, fit_power_law, learning_curve

SIZES = np.array([1000, 2000, 4000, 8000, 16_000])
FLAT = PowerLaw(limit=0.1, scale=0.0, exponent=1.0)
STEEP = PowerLaw(limit=0.0, scale=0.1 * 16_000**0.5, exponent=0.5)  # 0.40 down to 0.10


def law_through(at_largest, limit, exponent):
    """The law whose error at the largest size is the limit and so much more."""
    return PowerLaw(limit, at_largest * float(SIZES[-1]) ** exponent, exponent)


def gain_of(law):
    return float(law.error(SIZES[-1]) - law.error(2 * SIZES[-1]))


def drawn(law, seed=0, *, sizes=SIZES, replicates=5, individual=0.004, shared=0.007):
    """Errors `[size, replicate]` of a law; a replicate is easier or harder at all sizes alike."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, shared, replicates) + random.normal(
        0, individual, (len(sizes), replicates)
    )
    return law.error(sizes)[:, None] + noise


laws = st.builds(
    law_through,
    at_largest=st.floats(0.01, 0.5),
    limit=st.sampled_from([0.0, 0.05, 0.3]),
    exponent=st.floats(0.05, 1.9),
)


@settings(derandomize=True, max_examples=60)
@given(law=laws, count=st.integers(4, 6))
def test_a_law_without_noise_is_found_exactly(law, count):
    sizes = SIZES[-1] // 2 ** np.arange(count)[::-1]
    found = fit_power_law(sizes, law.error(sizes))

    assert found.exponent == pytest.approx(law.exponent, rel=1e-3)
    assert found.error(sizes) == pytest.approx(law.error(sizes), rel=1e-5)
    assert found.error(2 * sizes[-1]) == pytest.approx(law.error(2 * sizes[-1]), rel=1e-4)


@pytest.mark.parametrize("law", [law_through(0.04, 0.06, 0.6), law_through(0.08, 0.02, 0.3)])
def test_the_fit_is_that_of_scipys_curve_fit(law):
    errors = drawn(law, seed=1).mean(axis=1)
    expected, _ = optimize.curve_fit(
        lambda n, limit, scale, exponent: limit + scale * (n / SIZES[-1]) ** -exponent,
        SIZES.astype(float),
        errors,
        p0=[0.05, 0.05, 0.5],
        bounds=([0, 0, 0.02], [1, 1, 2]),
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    found = fit_power_law(SIZES, errors)

    assert found.exponent == pytest.approx(expected[2], rel=1e-3)
    assert found.limit == pytest.approx(expected[0], abs=1e-4)
    scale = found.scale * float(SIZES[-1]) ** -found.exponent
    assert scale == pytest.approx(expected[1], abs=1e-4)


def test_limit_and_scale_stay_above_zero():
    rising = fit_power_law(SIZES, np.linspace(0.1, 0.2, 5))
    bent_down = fit_power_law(SIZES, np.array([0.4, 0.39, 0.36, 0.3, 0.1]))

    assert (rising.limit, rising.scale) == pytest.approx((0.15, 0.0))
    assert bent_down.limit == 0.0
    assert bent_down.scale > 0


def test_without_a_lowest_error_the_limit_may_be_below_zero():
    law = law_through(0.08, -0.9, 0.6)
    found = fit_power_law(SIZES, law.error(SIZES), -np.inf)

    assert (found.limit, found.exponent) == pytest.approx((-0.9, 0.6), rel=1e-3)
    assert fit_power_law(SIZES, np.linspace(-0.2, -0.1, 5), -np.inf).scale == 0.0


@pytest.mark.parametrize("law", [law_through(0.06, 0.1, 0.3), STEEP, FLAT])
@pytest.mark.parametrize("lowest", [-np.inf, 0.0])
def test_errors_below_zero_as_of_r2_have_the_gain_of_the_same_errors_above(law, lowest):
    errors = drawn(law)
    above = learning_curve(SIZES, errors, margin=0.01, lowest=lowest)
    below = learning_curve(SIZES, errors - 1, margin=0.01, lowest=lowest - 1)

    assert (below.verdict, below.reason) == (above.verdict, above.reason)
    assert below.gain.mean == pytest.approx(above.gain.mean)
    assert (below.gain.low, below.gain.high) == pytest.approx((above.gain.low, above.gain.high))
    assert below.law is not None
    assert below.law.error(2 * SIZES[-1]) == pytest.approx(above.law.error(2 * SIZES[-1]) - 1)


@pytest.mark.parametrize("seed", range(3))
def test_data_help_where_error_falls_steeply(seed):
    errors = drawn(STEEP, seed)
    found = learning_curve(SIZES, errors, margin=0.01)

    assert (found.verdict, found.reason) == ("helps", "")
    assert found.gain.low < gain_of(STEEP) < found.gain.high
    assert found.gain.low < found.gain.mean < found.gain.high
    assert found.law is not None
    assert found.law.error(SIZES) == pytest.approx(errors.mean(axis=1), abs=0.01)
    assert found.errors == tuple(mean_interval(values) for values in errors)


@pytest.mark.parametrize("seed", range(3))
def test_data_do_not_help_where_error_is_flat(seed):
    found = learning_curve(SIZES, drawn(FLAT, seed), margin=0.01)

    assert (found.verdict, found.reason) == ("does not help", "")
    assert found.gain.low < 0 < found.gain.high < 0.01


def test_errors_that_are_all_equal_do_not_fall():
    found = learning_curve(SIZES, np.full((5, 4), 0.1), margin=0.01)

    assert found.verdict == "does not help"
    assert (found.gain.low, found.gain.high) == (0.0, 0.0)


def test_a_gain_near_the_margin_cannot_be_told():
    law = law_through(0.05, 0.05, 0.4)
    found = learning_curve(SIZES, drawn(law), margin=gain_of(law))

    assert found.verdict == "cannot tell"
    assert "too wide" in found.reason
    assert found.gain.is_formed
    assert found.law is not None


def says_nothing_of_more_data(found, because):
    assert found.verdict == "cannot tell"
    assert because in found.reason
    assert found.law is None
    assert np.isnan([found.gain.mean, found.gain.low, found.gain.high]).all()
    return True


def test_error_that_rises_with_samples_is_not_extrapolated():
    errors = drawn(STEEP) + np.array([0, 0, 0, 0.1, 0])[:, None]

    found = learning_curve(SIZES, errors, margin=0.01)
    assert says_nothing_of_more_data(found, "error rises from 4000 to 8000 samples")


def test_a_slow_rise_over_many_sizes_is_not_extrapolated():
    # No single step is sure: 0.4 points each, in steps with a standard error of 0.25.
    errors = drawn(FLAT, seed=4) + 0.004 * np.arange(5)[:, None]

    found = learning_curve(SIZES, errors, margin=0.01)
    assert says_nothing_of_more_data(found, "error rises with more samples")


def test_a_curve_that_is_no_power_law_is_not_extrapolated():
    errors = drawn(FLAT) + np.array([0.1, 0.1, 0.1, 0.02, 0.0])[:, None]

    found = learning_curve(SIZES, errors, margin=0.01)
    assert says_nothing_of_more_data(found, "no power law fits")


def test_error_that_falls_ever_faster_is_not_extrapolated():
    # Over the logarithm of the size no power law bends down, and this would soon fall below zero.
    errors = drawn(FLAT) + np.array([0.3, 0.28, 0.24, 0.16, 0.0])[:, None]

    found = learning_curve(SIZES, errors, margin=0.01)
    assert says_nothing_of_more_data(found, "no power law fits")


def test_replicates_that_fall_alike_tell_no_interval():
    errors = STEEP.error(SIZES)[:, None] + np.array([0.0, 0.01, 0.02])

    found = learning_curve(SIZES, errors, margin=0.01)
    assert says_nothing_of_more_data(found, "do not differ")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_sizes_cannot_tell(count):
    found = learning_curve(SIZES[-count:], drawn(STEEP)[-count:], margin=0.01)

    assert says_nothing_of_more_data(
        found, f"5 sizes or more, 4 parts and the whole, and there are {count}"
    )
    assert len(found.errors) == count


@pytest.mark.parametrize(("count", "told"), [(0, "0 are"), (1, "1 is"), (2, "2 are")])
def test_few_replicates_cannot_tell(count, told):
    found = learning_curve(SIZES, drawn(STEEP)[:, :count], margin=0.01)

    assert says_nothing_of_more_data(found, told)
    assert [interval.n for interval in found.errors] == [count] * 5


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_replicate_that_diverged_at_one_size_is_left_out(missing):
    errors = drawn(STEEP, replicates=6)
    with_gap = errors.copy()
    with_gap[1, 2] = missing
    found, expected = (
        learning_curve(SIZES, values, margin=0.01)
        for values in (with_gap, np.delete(errors, 2, axis=1))
    )

    assert same(found, expected)
    assert [interval.n for interval in found.errors] == [5] * 5


def same(one, other, factor=1.0):
    """Whether two curves say the same, the second in units so many times as small."""
    bounds, others = ((g.mean, g.low, g.high) for g in (one.gain, other.gain))
    assert np.multiply(bounds, factor) == pytest.approx(others, nan_ok=True, rel=1e-6)
    assert [factor * i.mean for i in one.errors] == pytest.approx([i.mean for i in other.errors])
    assert (one.verdict, one.reason) == (other.verdict, other.reason)
    return True


CURVES = [
    drawn(FLAT, 5),
    drawn(STEEP, 6),
    drawn(law_through(0.05, 0.05, 0.4), 7),
    drawn(FLAT, 8) + 0.004 * np.arange(5)[:, None],
    drawn(FLAT, 9) + np.array([0.1, 0.1, 0.1, 0.02, 0.0])[:, None],
]


@pytest.mark.parametrize("errors", CURVES)
def test_the_same_errors_give_the_same_curve(errors):
    one, other = (learning_curve(SIZES, errors.copy(), margin=0.01) for _ in range(2))

    assert repr(one) == repr(other)


@settings(derandomize=True, max_examples=20)
@given(errors=st.sampled_from(CURVES), order=st.permutations(range(5)))
def test_the_order_of_replicates_does_not_matter(errors, order):
    assert same(
        learning_curve(SIZES, errors, margin=0.01),
        learning_curve(SIZES, errors[:, order], margin=0.01),
    )


@settings(derandomize=True, max_examples=20)
@given(errors=st.sampled_from(CURVES), factor=st.floats(1e-3, 1e3))
def test_the_unit_of_errors_does_not_matter(errors, factor):
    assert same(
        learning_curve(SIZES, errors, margin=0.01),
        learning_curve(SIZES, factor * errors, margin=factor * 0.01),
        factor,
    )


def test_a_replicate_harder_at_all_sizes_alike_changes_no_gain():
    law = law_through(0.05, 0.3, 0.4)  # so far from zero that no limit is ruled out
    calm, uneven = (
        learning_curve(SIZES, drawn(law, shared=shared), margin=0.01).gain for shared in (0, 0.02)
    )

    assert (calm.mean, calm.low, calm.high) == pytest.approx((uneven.mean, uneven.low, uneven.high))


def test_replicates_that_share_samples_widen_the_interval():
    errors = drawn(STEEP)
    plain, corrected = (
        learning_curve(SIZES, errors, margin=0.01, test_to_train=ratio).gain for ratio in (0, 0.25)
    )

    assert corrected.low < plain.low < plain.high < corrected.high


def test_more_confidence_widens_the_interval():
    errors = drawn(STEEP, seed=1)
    narrow, wide = (
        learning_curve(SIZES, errors, margin=0.01, confidence=confidence).gain
        for confidence in (0.8, 0.99)
    )

    assert wide.low < narrow.low < narrow.high < wide.high


TRUTHS = {
    "flat": FLAT,
    "nearly a line over the logarithm": law_through(0.1, 0.0, 0.1),
    "with a limit": law_through(0.0333, 0.0667, 0.5),  # 0.20 down to 0.10
}


@pytest.mark.parametrize("law", TRUTHS.values(), ids=TRUTHS)
def test_the_gain_is_covered_and_the_verdict_right_in_95_percent(law):
    gain, draws = gain_of(law), 100
    curves = [learning_curve(SIZES, drawn(law, seed), margin=0.005) for seed in range(draws)]
    formed = [curve.gain for curve in curves if curve.gain.is_formed]
    wrong = "does not help" if gain > 0.005 else "helps"

    assert len(formed) > 0.85 * draws  # the rest were turned away for their fit
    assert np.mean([i.low <= gain <= i.high for i in formed]) > 0.92
    assert np.mean([curve.verdict == wrong for curve in curves]) < 0.05
