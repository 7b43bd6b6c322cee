"""How far predictions of a number are off: errors by quantile against NumPy's, and pictures."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn import metrics

import kohort
from kohort.evidence import readings
from kohort.findings.statistics.interval import Interval
from kohort.report import held_out, tested_scores
from kohort.report.study_page.residuals import (
    SHOWN,
    error_rows,
    observed_svg,
    residual_points,
    residual_svg,
    residuals_part,
)

NOTHING = Interval(0.0, np.nan, np.nan, 1, np.nan)


def scored(targets, predictions, name="v"):
    values = np.zeros(len(targets))
    return tested_scores.TestScore(
        name, "mse", NOTHING, values, "", np.asarray(targets), np.asarray(predictions)
    )


def test_errors_are_told_by_quantile_and_their_mean_with_its_sign():
    targets = np.arange(101.0)
    rows = error_rows([scored(targets, targets + targets), scored(targets, targets - 1)])
    assert [row["errors"] for row in rows] == [
        [50.0, 1.0], [90.0, 1.0], [pytest.approx(99.0), 1.0], [100.0, 1.0], [-50.0, 1.0],
    ]  # fmt: skip
    assert error_rows([]) == []


def test_of_many_samples_a_thousand_are_drawn_and_none_that_is_not_finite():
    many = np.arange(3.0 * SHOWN)
    assert len(residual_points(scored(many, many))) == SHOWN
    few = residual_points(scored([1.0, 2.0, 3.0], [0.5, np.nan, 4.0]))
    assert few["residual"].to_list() == [0.5, -1.0]


def test_pictures_have_a_dot_for_each_sample_and_a_line():
    points = residual_points(scored([1.0, 2.0, 3.0], [1.5, 2.5, 2.0]))
    for svg, title in (
        (observed_svg(points), "observed"),
        (residual_svg(points), "observed less predicted"),
    ):
        assert f">{title}</text>" in svg
        assert svg.count("fill-opacity") + svg.count('opacity="0.5"') >= 3


def test_without_predictions_there_is_nothing():
    part = residuals_part([tested_scores.TestScore("v", "mse", NOTHING, np.zeros(3))])
    assert part["observed"] == ""
    assert part["error_rows"] == []


def build_line(units=1):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.long
@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_a_regression_keeps_what_its_models_predict(tmp_path, shape):
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 2)).astype("float32")
    y = x.sum(axis=1).reshape(shape)
    data = kohort.Dataset(x[:40], y[:40], x[40:], y[40:])
    study = kohort.Study(
        "line", [kohort.Variant("line", build_line)], data,
        replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=16,
    )  # fmt: skip
    result = study.run(tmp_path / "kohort.db", verbose=0)
    (score,) = result.test_scores()
    predicted = result.best().model().predict(x[40:], verbose=0).reshape(-1)
    np.testing.assert_allclose(score.predictions, predicted, rtol=1e-5)
    np.testing.assert_array_equal(score.targets, y[40:].reshape(-1))
    text = (
        kohort.open(tmp_path / "kohort.db", "line").report(tmp_path / "r.html").read_text("utf-8")
    )
    assert "How far line is off" in text  # without the data: it was kept


def test_of_several_numbers_errors_are_told_of_each_and_none_is_drawn(tmp_path):
    x = np.random.default_rng(0).standard_normal((60, 2)).astype("float32")
    data = kohort.Dataset(x[:40], x[:40], x[40:], x[40:])
    study = kohort.Study(
        "two", [kohort.Variant("two", build_line, units=2)], data,
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=16,
    )  # fmt: skip
    result = study.run(tmp_path / "kohort.db", verbose=0)
    assert len(result.test_scores()) == 1
    (score,) = kohort.open(tmp_path / "kohort.db", "two").test_scores()  # kept, with its shape
    predicted = result.best().model().predict(x[40:], verbose=0)
    expected = metrics.r2_score(x[40:], predicted, multioutput="raw_values")
    assert [one.r2.mean for one in score.errors] == pytest.approx(expected, abs=1e-5)
    written = r"two has R2 of {:.3f} \(.* to .*\) and {:.3f} \(.* to .*\) for its 2 numbers".format(
        *expected
    )
    found = re.search(rf"{written}(.*?)\.(?: |$)", result.test_text())
    worth = " (one that may be 0 or less is not shown to be better than to answer the mean)"
    assert found[1] == worth * any(one.r2.low <= 0 for one in score.errors)
    page = result.report(tmp_path / "r.html").read_text("utf-8")
    assert page.count("RMSE of number ") == page.count("R2 of number ") == 2
    assert "observed over predicted" not in page


@pytest.mark.parametrize("lowest", [0, 1])
def test_counts_from_0_are_numbers_where_models_answer_with_one(lowest):
    random = np.random.default_rng(0)
    counts = random.integers(lowest, 6, 60)
    x = (counts[:, None] + random.normal(0, 0.1, (60, 2))).astype("float32")
    data = kohort.Dataset(x[:40], counts[:40], x[40:], counts[40:])
    study = kohort.Study(
        "counts", [kohort.Variant("line", build_line)], data,
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=16,
    )  # fmt: skip
    (score,) = study.run(verbose=0).test_scores()
    (errors,) = score.errors
    expected = metrics.root_mean_squared_error(counts[40:], score.predictions)
    assert errors.rmse.mean == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("targets", "outputs"),
    [
        (np.eye(4), np.eye(4)),  # questions of yes or no
        (np.ones((4, 3)), np.ones((4, 3, 7))),
        (np.ones((4, 17)), np.ones((4, 17))),
        (np.ones((4, 2)), [np.ones((4, 1))] * 2),
    ],
)
def test_of_what_are_no_few_numbers_no_predictions_are_kept(targets, outputs):
    tested = readings.Tested("v", 0, 1, "w", "mse")
    assert held_out._with_predictions(tested, outputs, targets) is tested


def test_errors_are_told_beside_the_score_but_not_where_they_are_the_score():
    random = np.random.default_rng(2)
    targets, noise = random.normal(size=(2, 50))
    tested = readings.Tested(
        "v", 0, 1, "w", "mae", score=np.abs(noise).mean(), values=np.abs(noise),
        targets=targets, predictions=targets + noise,
    )  # fmt: skip
    told = tested_scores.errors_text(tested_scores.test_score(tested, 0.95))
    rmse, r2 = np.sqrt((noise**2).mean()), metrics.r2_score(targets, targets + noise)
    assert re.fullmatch(rf"RMSE {rmse:.3g} \(.* to .*\) and R2 {r2:.3f} \(.* to .*\)", told)
    for times, worth in (
        (0.5, ""),
        (0.9, ": not shown to be better than to answer the mean of these targets"),
        (2.0, ": no better than to answer the mean of these targets"),
    ):
        off = replace(tested, predictions=targets + times * noise)
        told = tested_scores.errors_text(tested_scores.test_score(off, 0.95))
        r2 = metrics.r2_score(targets, targets + times * noise)
        assert re.search(rf" and R2 {r2:.3f} \([-.\d]+ to [-.\d]+{worth}\)$", told)
    two = replace(
        tested, values=np.array([1.0, 0.1]), targets=np.arange(2.0), predictions=np.array([1, 1.1])
    )
    told = tested_scores.errors_text(tested_scores.test_score(two, 0.95))
    assert "R2 -1.020 (below -100 to 1.000: not shown to be better than" in told
    flat = replace(tested, targets=np.ones(50, np.float32))
    told = tested_scores.errors_text(tested_scores.test_score(flat, 0.95))
    assert told.endswith("R2 not defined (all targets are the same)")
