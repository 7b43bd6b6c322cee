"""Wilson's interval against published numbers and its formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kohort.findings.proportion import proportion_interval


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


@settings(derandomize=True, deadline=None)
@given(count=counts(), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilsons_formula(count, confidence):
    successes, trials = count
    p, z = successes / trials, stats.norm.ppf((1 + confidence) / 2)
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))

    found = proportion_interval(successes, trials, confidence)

    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert 0 <= found.low <= p <= found.high <= 1


@settings(derandomize=True, deadline=None)
@given(count=counts())
def test_right_and_wrong_answers_mirror_each_other(count):
    successes, trials = count
    right, wrong = (proportion_interval(n, trials) for n in (successes, trials - successes))

    assert (wrong.low, wrong.high) == pytest.approx((1 - right.high, 1 - right.low))
