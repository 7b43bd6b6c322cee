"""Bands of what members measured, against NumPy's."""

import math

import numpy as np
import pytest

from kohort.serve.live_curves import LiveCurves, rounded, scored_metric


def logs_of(values, series):
    return dict(zip(series, values, strict=True))


def test_a_band_is_mean_lowest_and_highest_over_replicates():
    measured = LiveCurves("accuracy")
    random = np.random.default_rng(0)
    values = random.uniform(size=(3, 5, 7, 4))
    for variant, replicate, epoch in np.ndindex(3, 5, 7):
        logs = logs_of(values[variant, replicate, epoch], measured.series)
        measured.record(variant, replicate, epoch, logs)
    of = values[1, :, 4]
    wanted = np.stack([of.mean(axis=0), of.min(axis=0), of.max(axis=0)], axis=1).ravel()
    np.testing.assert_allclose(measured.bands([(2, 6), (1, 4)])[1], wanted, rtol=1e-4)
    assert (measured.lengths[:3, :5] == 7).all()


def test_what_is_not_finite_is_in_no_band():
    measured = LiveCurves("accuracy")
    for replicate, loss in enumerate([1.0, math.nan, math.inf]):
        measured.record(0, replicate, 0, {"val_data_loss": loss})
    at = 3 * measured.series.index("val_data_loss")
    assert measured.bands([(0, 0)])[0][at : at + 3] == [1.0, 1.0, 1.0]
    assert measured.bands([(0, 0)])[0][:at] == [None] * at
    assert measured.bands([]) == []


def test_a_member_that_starts_over_is_forgotten():
    measured = LiveCurves("accuracy")
    measured.record(0, 0, 2, {"val_accuracy": 0.5})
    measured.record(0, 1, 0, {"val_accuracy": 0.7})
    assert measured.forget(0, 0) == 3
    assert measured.bands([(0, 2)])[0] == [None] * 12
    assert measured.bands([(0, 0)])[0][-3:] == [0.7] * 3
    assert measured.forget(7, 0) == measured.forget(0, 7) == 0


def test_of_a_study_that_is_scored_by_loss_there_is_one_metric():
    assert LiveCurves("data_loss").series == ("eval_data_loss", "val_data_loss")


@pytest.mark.parametrize(
    ("number", "told"),
    [(1 / 3, 0.33333), (123456.7, 123460.0), (math.nan, None), (-math.inf, None), (0.0, 0.0)],
)
def test_numbers_are_told_in_few_digits(number, told):
    assert rounded(number) == told


@pytest.mark.parametrize(
    ("names", "metric"),
    [
        (["val_loss", "val_data_loss", "val_mae", "accuracy"], "mae"),
        (["val_loss", "val_data_loss"], "data_loss"),
    ],
)
def test_what_scores_is_guessed_where_a_study_does_not_tell(names, metric):
    assert scored_metric(dict.fromkeys(names, 0.0)) == metric
