"""Calibration errors, and what chance makes of them."""

import numpy as np
import pytest
from scipy import special

from kohort.findings.probabilities.calibration import BINS, calibration, log_losses


def by_hand(sure, right):
    """Guo et al.'s definition, bin by bin."""
    total = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = (sure >= low) & ((sure < high) | (number == BINS - 1))
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_that_of_its_definition(seed):
    random = np.random.default_rng(seed)
    sure, right = random.uniform(0.1, 1, 200), random.random(200) < 0.7
    assert calibration(sure, right).error == pytest.approx(by_hand(sure, right))


def test_sure_and_right_is_no_error_and_sure_and_wrong_is_all_of_it():
    assert calibration(np.ones(5), np.ones(5, bool)).error == 0
    wrong = calibration(np.ones(5), np.zeros(5, bool))
    assert (wrong.error, wrong.by_chance, wrong.is_shown) == (1, 0, True)


def test_the_numbers_are_the_same_each_time():
    sure, right = np.linspace(0.3, 1, 50), np.arange(50) % 3 > 0
    assert calibration(sure, right) == calibration(sure, right)


@pytest.mark.long
def test_a_calibrated_model_is_above_chance_in_five_percent():
    random = np.random.default_rng(3)
    shown = []
    for _ in range(400):
        sure = special.expit(random.normal(1.5, 1.0, 250))
        shown.append(calibration(sure, random.random(250) < sure).is_shown)
    assert 0.02 <= np.mean(shown) <= 0.085  # 400 studies: 5 % within three standard errors


def test_too_sure_a_model_is_found():
    random = np.random.default_rng(4)
    sure = special.expit(random.normal(1.5, 1.0, 1000))
    assert calibration(sure**0.3, random.random(1000) < sure).is_shown


def test_log_losses_are_those_of_the_true_class_and_finite():
    probabilities = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)
    found = log_losses(probabilities, np.array([1, 1]))
    np.testing.assert_allclose(found, [-np.log(0.75), -np.log(1e-7)])
