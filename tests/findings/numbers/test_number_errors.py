"""Errors of predictions of numbers, against scikit-learn's and SciPy's."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from kohort.findings.numbers.number_errors import number_errors

RANDOM = np.random.default_rng(1)
TARGETS = RANDOM.normal(50, 9, (40, 3))
PREDICTIONS = TARGETS + RANDOM.normal(1, [2.0, 9.0, 30.0], (40, 3))


def test_each_number_has_the_errors_of_scikit_learn():
    found = number_errors(TARGETS, PREDICTIONS)
    for name, error, function in (
        ("rmse", [one.rmse.mean for one in found], metrics.root_mean_squared_error),
        ("mae", [one.mae.mean for one in found], metrics.mean_absolute_error),
        ("r2", [one.r2.mean for one in found], metrics.r2_score),
    ):
        expected = function(TARGETS, PREDICTIONS, multioutput="raw_values")
        assert error == pytest.approx(expected), name
    assert found[2].r2.mean < 0
    assert repr(number_errors(TARGETS[:, 0], PREDICTIONS[:, 0])) == repr(found[:1])


def test_intervals_are_students_of_the_logarithm_and_of_rmse_the_roots_of_those_of_its_square():
    (found,) = number_errors(TARGETS[:, 1], PREDICTIONS[:, 1], 0.9)
    errors = PREDICTIONS[:, 1] - TARGETS[:, 1]

    def bounds(values):
        half = stats.t.ppf(0.95, 39) * stats.sem(values) / values.mean()
        return values.mean() * np.exp(np.array([-half, half]))

    assert (found.mae.low, found.mae.high) == pytest.approx(tuple(bounds(np.abs(errors))))
    assert (found.rmse.low, found.rmse.high) == pytest.approx(tuple(np.sqrt(bounds(errors**2))))


def test_no_bound_lies_below_zero_and_no_error_is_none():
    (found,) = number_errors(np.arange(4.0), np.array([0.0, 1.0, 2.0, 9.0]))
    assert 0 < found.rmse.low < 3 < found.rmse.high
    assert 0 < found.mae.low < 1.5 < found.mae.high
    (exact,) = number_errors(np.arange(4.0), np.arange(4.0))
    assert (exact.rmse.low, exact.rmse.mean, exact.rmse.high) == (0, 0, 0)
    assert (exact.r2.mean, exact.r2.is_formed) == (1.0, False)


def test_the_interval_of_r2_is_that_of_a_ratio_of_two_means_over_the_same_samples():
    (found,) = number_errors(TARGETS[:, 1], PREDICTIONS[:, 1], 0.9)
    errors = (PREDICTIONS[:, 1] - TARGETS[:, 1]) ** 2
    others = (TARGETS[:, 1] - TARGETS[:, 1].mean()) ** 2
    # The delta method, by the covariance matrix of the two means.
    covariance = np.cov(errors, others) / 40
    gradient = np.array([1 / errors.mean(), -1 / others.mean()])
    half = stats.t.ppf(0.95, 39) * np.sqrt(gradient @ covariance @ gradient)
    part = errors.mean() / others.mean()
    expected = 1 - part * np.exp([half, -half])
    assert (found.r2.low, found.r2.high) == pytest.approx(tuple(expected))


def test_groups_that_err_together_widen_the_interval_of_r2():
    groups = np.repeat(np.arange(10), 4)
    targets = np.repeat(RANDOM.normal(size=10), 4)
    predictions = targets + np.repeat(RANDOM.normal(0, 0.5, 10), 4)
    (alone,), (together,) = (number_errors(targets, predictions, 0.95, g) for g in (None, groups))
    assert together.r2.mean == alone.r2.mean
    assert together.r2.high - together.r2.low > 1.5 * (alone.r2.high - alone.r2.low)
    (few,) = number_errors(targets[:16], predictions[:16], 0.95, groups[:16])
    assert not few.r2.is_formed


@pytest.mark.parametrize("worth", [2.0, 1.0])
def test_noise_is_rarely_shown_to_be_better_than_the_mean(worth):
    random, better, worse = np.random.default_rng(8), 0, 0
    for known, unknown in random.laplace(size=(1000, 2, 30)):
        # Where it tells twice what it knows it is as bad as the mean; where it tells it, better.
        (found,) = number_errors(known + unknown, worth * known)
        better += not found.may_be_no_better_than_the_mean
        worse += found.is_no_better_than_the_mean
    assert better / 1000 < 0.05 if worth == 2 else better / 1000 > 0.5
    assert worse / 1000 < 0.1


def test_the_rmse_of_few_samples_with_large_errors_among_them_is_missed_less_often():
    random, missed = np.random.default_rng(6), 0
    for errors in random.laplace(size=(1000, 20)):
        (found,) = number_errors(np.zeros(20), errors)
        missed += not found.rmse.low <= np.sqrt(2) <= found.rmse.high
    assert missed / 1000 < 0.16  # Student's interval of the squares misses 19 % of them


def test_r2_is_not_defined_of_targets_that_are_all_the_same():
    (found,) = number_errors(np.ones(3), np.array([1.0, 1.0, 2.0]))
    assert np.isnan(found.r2.mean)
    assert found.no_r2 == "all targets are the same"
    assert found.mae.mean == pytest.approx(1 / 3)
    (one,) = number_errors(np.ones(1), np.zeros(1))
    assert (one.no_r2, one.rmse.mean, one.rmse.is_formed) == ("there is one sample", 1.0, False)


def test_a_prediction_that_is_no_number_is_not_left_out():
    (found,) = number_errors(np.arange(3.0), np.array([0.0, np.inf, 2.0]))
    assert np.isnan([found.rmse.mean, found.mae.mean, found.r2.mean]).all()
    assert found.no_r2 == "1 of 3 predictions are no finite numbers"
