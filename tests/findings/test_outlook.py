"""Whom a variant is held against, and where the curves end that a forecast is of."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kohort.findings.curves.ends import stretched
from kohort.findings.judged import StudyCurves
from kohort.findings.outlook import behind_of, outlook_of, rivals_of
from tests.findings.curve_builders import learner, numbers, study_of, variant


def test_a_curve_is_read_at_equal_parts_of_its_own_epochs():
    curve = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 3.0, np.nan, np.nan], [5.0, 6.0, 9.0, np.nan]])
    lengths = np.array([4, 2, 3])

    # Of two parts the first ends after 2, 1 and 1.5 epochs.
    read = stretched(curve, np.arange(3), lengths)
    assert read.tolist() == [[2.0, 8.0], [1.0, 3.0], [5.5, 9.0]]
    assert stretched(curve, np.array([0, 2]), lengths).tolist() == [
        [pytest.approx(1 + 1 / 3), pytest.approx(2 + 2 * 2 / 3), 8.0],
        [5.0, 6.0, 9.0],
    ]
    assert stretched(curve, np.array([0]), lengths).tolist() == [curve[0].tolist()]


def test_a_forecast_of_unequal_epochs_is_of_as_many_again_as_each_trained():
    """Straight lines that fall by 0.01 an epoch, 10 and 20 epochs long."""
    errors = [(1 - 0.01 * np.arange(1, length + 1)).tolist() for length in (10, 20)]
    curves = variant(train=errors, valid=errors)
    gain = outlook_of(curves, StudyCurves((curves,))).train_error.gain
    assert gain.mean == pytest.approx((0.10 + 0.20) / 2)


def test_a_forecast_of_equal_epochs_is_of_the_curves_as_they_are():
    curves = learner("v", lambda t: np.exp(-3 * t))
    longer = replace(
        curves,
        **{
            name: np.pad(getattr(curves, name), ((0, 0), (0, 5)), constant_values=np.nan)
            for name in ("train_loss", "valid_loss", "train_error", "valid_error")
        },
    )
    one, other = (outlook_of(c, StudyCurves((c,))) for c in (curves, longer))
    assert numbers(one.valid_loss.gain) == pytest.approx(
        numbers(other.valid_loss.gain), rel=0, abs=0, nan_ok=True
    )


def test_those_that_share_no_replicate_neither_choose_nor_are_chosen_for():
    nan = np.nan
    errors = np.array([
        [0.5, 0.5, 0.5, 0.5, nan, 0.5],
        [0.1, 0.2, 0.3, nan, 0.0, nan],
        [0.2, 0.1, nan, nan, 0.0, 0.1],
    ])  # fmt: skip
    rivals = rivals_of(study_of(errors), errors, 0)

    # Each of four in a circle is chosen for by the next: 0, 1, 2 and 5 by 1, 2, 5 and 0.
    assert rivals.replicates.tolist() == [0, 1, 2, 5]
    assert rivals.chosen.tolist() == [2, 1, 2, 1]
    expected = [0.2, 0.2, nan, nan, nan, nan]
    assert rivals.of(errors).tolist() == pytest.approx(expected, nan_ok=True)
    assert rivals.names(0) == "b or c"


@pytest.mark.parametrize("replicates", [5, 10, 20])
def test_noisy_ends_of_equal_rivals_make_no_excess_surer_than_it_is(replicates):
    """At the threshold 2.5 % of intervals lie above it. All others choosing: 5, 8 and 11 %."""
    random, above, studies = np.random.default_rng(5), 0, 800
    for _ in range(studies):
        ends = 0.1 + 0.01 * random.standard_normal((8, replicates))
        ends[0] = 0.12 + 0.002 * random.standard_normal(replicates)
        study = study_of(ends + 0.1, train_errors=ends)
        behind = behind_of(study.variants[0], study)
        above += behind is not None and behind.is_clear
    assert above <= stats.binom.ppf(0.999, studies, 0.025)
