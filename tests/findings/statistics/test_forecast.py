"""How far a training curve would still fall."""

import numpy as np
import pytest
from scipy import optimize

from kohort.findings.statistics.forecast import FARTHEST, forecast
from tests.findings.curve_builders import numbers

EPOCHS = 20


def curves(share, *, noise, replicates=5, seed=0, epochs=EPOCHS):
    """Replicates of a curve of times, 1 at the last epoch, with levels and noise of their own."""
    random = np.random.default_rng(seed)
    own = 0.01 * random.standard_normal((replicates, 1))
    times = np.arange(1, epochs + 1) / epochs
    return share(times) + own + noise * random.standard_normal((replicates, epochs))


def bounds(told):
    return told.gain.mean, told.gain.low, told.gain.high, told.most


SHAPES = {
    "line": lambda t: 1 - 0.2 * t,
    "logarithm": lambda t: -0.3 * np.log(t),
    **{f"power {a:g}": lambda t, a=a: (EPOCHS * t) ** -a for a in (0.17, 0.6, 1.3)},
    **{f"exponential {x:g}": lambda t, x=x: np.exp(-x * t) for x in (0.1, 0.7, 1.9, 3.3, 5.0)},
    "two exponentials": lambda t: 0.5 * np.exp(-t) + 0.5 * np.exp(-5 * t),
    "flat": lambda t: 0.3 + 0.0 * t,
}


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_the_interval_holds_the_truth_whatever_the_shape(shape, noise):
    share, draws = SHAPES[shape], 200
    truth = share(np.array(1.0)) - share(np.array(2.0))
    gains = [forecast(curves(share, noise=noise, seed=seed)).gain for seed in range(draws)]
    misses = np.mean([not gain.low <= truth <= gain.high for gain in gains])

    assert misses <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_the_best_shape_is_that_of_scipys_least_squares():
    values = curves(lambda t: 0.2 + 0.7 * np.exp(-2 * t), noise=1e-5)
    times = np.arange(10, 21) / 20

    def exponential(t, limit, scale, speed):
        return limit + scale * np.exp(-speed * t)

    fit, _ = optimize.curve_fit(exponential, times, values[:, 9:].mean(axis=0), p0=(0.1, 1.0, 1.0))
    told = forecast(values)

    expected = exponential(1.0, *fit) - exponential(2.0, *fit)
    assert told.gain.mean == pytest.approx(expected, rel=0.03)  # as near as speeds are tried
    assert told.gain.low < expected < told.gain.high


def test_a_curve_that_does_not_change_gains_exactly_nothing():
    told = forecast(np.tile([[0.3], [0.1], [7.0]], 12))

    assert (told.gain.mean, told.gain.low, told.gain.high, told.most) == (0.0, 0.0, 0.0, 0.0)


def test_noise_hides_a_curve_and_more_replicates_show_it():
    flat = SHAPES["flat"]
    few, many = (forecast(curves(flat, noise=0.01, replicates=n)).gain for n in (3, 30))

    assert few.low < 0 < few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_two_epochs_are_fitted_by_all_shapes():
    told = forecast(np.array([[1.0, 0.90], [1.0, 0.91], [1.0, 0.89]]))

    assert told.gain.mean == pytest.approx(0.2)  # the straight line
    assert 0 < told.gain.low < 0.1 < told.gain.high


def test_only_the_last_half_counts():
    values = curves(SHAPES["exponential 0.7"], noise=0.002)
    changed = values.copy()
    changed[:, :9] = np.nan

    assert bounds(forecast(changed)) == bounds(forecast(values))


def test_a_replicate_that_is_not_finite_does_not_count():
    values = curves(SHAPES["exponential 0.7"], noise=0.002)
    broken = np.vstack([values, np.full((1, EPOCHS), np.nan)])
    broken[-1, :5] = 1.0

    assert bounds(forecast(broken)) == bounds(forecast(values))
    target = np.append(np.full(5, 0.1), 0.1)
    assert forecast(broken).reaches(target) == forecast(values).reaches(target[:5])


@pytest.mark.parametrize("replicates", [0, 1])
def test_one_replicate_gives_no_interval(replicates):
    told = forecast(np.ones((replicates, 8)))

    assert not told.gain.is_formed
    assert np.isnan(told.reaches(np.zeros(replicates))).all()


def test_the_unit_and_the_zero_of_a_curve_do_not_matter():
    values = curves(SHAPES["power 0.6"], noise=0.002)
    one, other = forecast(values), forecast(1e-9 * values - 5e-9)

    assert 1e9 * np.array([other.gain.mean, other.gain.low, other.gain.high]) == pytest.approx(
        [one.gain.mean, one.gain.low, one.gain.high], rel=1e-6
    )
    assert other.reaches(np.full(5, 0.2e-9 - 5e-9)) == pytest.approx(one.reaches(np.full(5, 0.2)))


def test_splits_widen_the_interval():
    values = curves(SHAPES["exponential 0.7"], noise=0.002)
    seeds, splits = forecast(values).gain, forecast(values, test_to_train=0.25).gain

    assert splits.low < seeds.low < seeds.high < splits.high


@pytest.mark.parametrize("speed", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("noise", [1e-4, 2e-3, 1e-2])
def test_says_when_a_target_is_reached(speed, noise):
    target, draws, wrong = 0.02, 100, 0
    truth = EPOCHS * np.log(1 / target) / speed
    for seed in range(draws):
        values = curves(lambda t: np.exp(-speed * t), noise=noise, seed=seed)
        first, second = forecast(values).reaches(np.full(5, target))
        assert EPOCHS <= first <= second
        assert np.isinf(second) or second <= FARTHEST * EPOCHS
        wrong += not (first <= truth <= second or first == FARTHEST * EPOCHS < truth)
    assert wrong <= 5


def test_a_target_that_was_passed_is_reached_at_once():
    values = curves(SHAPES["exponential 1.9"], noise=0.002)
    assert forecast(values).reaches(np.full(5, 0.9)) == (EPOCHS, EPOCHS)


def test_a_limit_above_the_target_is_never_said_to_reach_it():
    values = curves(lambda t: 0.3 + np.exp(-6 * t), noise=1e-4)
    assert forecast(values).reaches(np.zeros(5)) == (pytest.approx(FARTHEST * EPOCHS), np.inf)


def test_shapes_that_would_end_below_the_lowest_value_do_not_count():
    values = curves(SHAPES["exponential 1.9"], noise=0.01)
    lowest = float(values[:, -1].mean()) - 0.2  # the truth falls by 0.13
    whole, cut = forecast(values), forecast(values, limits=(lowest, np.inf))

    assert whole.most > whole.gain.mean
    assert whole.gain.high > 0.2 >= cut.gain.high
    assert (cut.gain.mean, cut.gain.low) == (whole.gain.mean, whole.gain.low)
    assert cut.holds
    assert cut.most <= 0.2 < whole.most
    assert len(cut.shapes) < len(whole.shapes)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_where_the_best_shape_would_go_beyond_a_limit_only_the_way_is_sure(sign):
    """A fall that has not yet begun to slow down, from 0.9 to 0.4, has 0.4 left to zero."""
    values = curves(lambda t: 1.4 - t, noise=1e-3)
    told = forecast(sign * values, limits=(0.0, 2.0) if sign > 0 else (-2.0, 0.0))

    assert not told.holds
    assert np.isnan(numbers(told.told)[:3]).all()
    assert np.isnan(told.reaches(np.full(5, 0.2))).all()
    assert told.gain.lies_above(0.1) if sign > 0 else told.gain.negated().lies_above(0.1)
    assert forecast(sign * values).told.is_formed


@pytest.mark.parametrize("beyond", [0.0, 1.2e-7])
def test_a_curve_that_lies_at_its_lowest_value_holds(beyond):
    """Keras's areas under curves are up to 2.4e-7 above 1."""
    told = forecast(np.full((3, 8), -beyond), limits=(0.0, 1.0))

    assert told.holds
    assert numbers(told.told)[:3] == [0.0, 0.0, 0.0]


def test_nothing_is_said_of_when_a_curve_gets_there_that_quickens():
    told = forecast(curves(lambda t: 1 - 0.5 * t**3, noise=1e-3))

    assert told.quickens
    assert np.isnan(told.reaches(np.zeros(5))).all()
    assert not forecast(curves(SHAPES["exponential 0.7"], noise=1e-3)).quickens
