"""Brier scores of two classes."""

import numpy as np
import pytest

from kohort.findings.probabilities.brier import brier

# Brier's own kind of forecast: rain with probabilities 0.7, 0.9, 0.8, 0.4, of which the last fails.
PROBABILITIES, RAIN = np.array([0.7, 0.9, 0.8, 0.4]), np.array([True, True, True, True])


def test_is_the_mean_square_of_what_the_probability_of_the_true_class_lacks():
    sure = np.maximum(PROBABILITIES, 1 - PROBABILITIES)
    found = brier(sure, (PROBABILITIES > 0.5) == RAIN, 1.0)
    squares = np.array([0.09, 0.01, 0.04, 0.36])
    # Student's t of three degrees of freedom, of the logarithm.
    half = 3.182446 * squares.std(ddof=1) / 2 / 0.125
    assert found.score.mean == pytest.approx(0.125)
    bounds = 0.125 * np.exp(-half), min(1.0, 0.125 * np.exp(half))
    assert (found.score.low, found.score.high) == pytest.approx(bounds)
    assert found.constant == 0.0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75])
def test_one_probability_for_all_has_the_least_where_it_is_the_share(share):
    is_second = np.arange(40) < 40 * share

    def of(probability):
        sure = np.full(40, max(probability, 1 - probability))
        return brier(sure, is_second == (probability > 0.5), share)

    assert of(share).score.mean == pytest.approx(of(share).constant) == share * (1 - share)
    assert min(of(share - 0.05).score.mean, of(share + 0.05).score.mean) > of(share).constant


def test_of_samples_in_groups_it_is_over_groups():
    sure, right = np.linspace(0.6, 0.99, 60), np.arange(60) % 4 > 0
    alone, grouped = (brier(sure, right, 0.5, groups=g).score for g in (None, np.arange(60) // 6))
    assert grouped.mean == alone.mean
    assert grouped.high - grouped.low > alone.high - alone.low
    assert not brier(sure, right, 0.5, groups=np.arange(60) // 20).score.is_formed
