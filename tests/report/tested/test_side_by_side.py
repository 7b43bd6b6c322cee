"""Two models beside each other: numbers of their definitions, and sentences that hold."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from kohort.evidence import readings
from kohort.findings.probabilities.calibration import Calibration
from kohort.findings.statistics.scale import Scale
from kohort.keras_api.cost import Cost
from kohort.report import tested_scores
from kohort.report.held_out import score
from kohort.report.tested import on_test, side_by_side
from kohort.report.tested_scores import test_score as scored

COSTS = Cost(10, 2.0, 0.5), Cost(30, 5.0, 1.25)


def held(name, guesses, sure, truth):
    losses = -np.log(np.where(guesses == truth, sure, 1 - sure))
    right = (guesses == truth).astype(float)
    tested = readings.Tested(
        name, 0, 1, "", "accuracy", ("a", "b"), 0, np.array(right.mean()), right,
        truth=truth, classes=guesses, probabilities=sure, losses=losses,
    )  # fmt: skip
    return scored(tested, 0.95), score(tested, 0.95)


@pytest.fixture
def classes():
    random = np.random.default_rng(0)
    truth = np.arange(100) % 2
    single, other = truth.copy(), truth.copy()
    single[:30] = 1 - single[:30]
    other[20:40] = 1 - other[20:40]
    both = [
        held(name, guesses, random.uniform(0.6, 0.9, 100), truth)
        for name, guesses in (("single", single), ("other", other))
    ]
    models = [
        side_by_side.TestedModel(found[0].variant, *found, cost)
        for found, cost in zip(both, COSTS, strict=True)
    ]
    return side_by_side.SideBySide(*models, Scale(), 0.95, "Mind this.")


def test_differences_are_paired_over_samples(classes):
    paired = classes.accuracies
    assert (paired.only_a, paired.only_b) == (10, 20)
    assert paired.difference.mean == pytest.approx(0.1)
    assert paired.difference.p_value == stats.binomtest(20, 30).pvalue
    single, other = (model.held.losses for model in (classes.single, classes.other))
    low, high = stats.ttest_rel(other, single).confidence_interval(0.95)
    assert (classes.losses.low, classes.losses.high) == (pytest.approx(low), pytest.approx(high))
    assert classes.scores.mean == pytest.approx(0.1)


def test_it_is_told_in_sentences(classes):
    told = str(classes)
    assert told.startswith("Of 100 test samples other is right for 80.0 % (")
    assert "the single model, single, for 70.0 % (" in told
    assert ": +10.0 points (" in told
    assert "right about 20 of which the single model is not, and wrong about 10 of which" in told
    assert "30 parameters against 10, takes 5 ms for 1,000 rows against 2 ms here" in told
    assert "its file has 1.25 MB against 500 KB. Mind this." in told


def test_the_table_has_a_row_for_each(classes):
    table = classes.table()
    assert table.index.to_list() == ["single", "other"]
    assert table["test_accuracy"].to_list() == [0.7, 0.8]
    assert table["parameters"].to_list() == [10, 30]
    assert isinstance(table, pd.DataFrame)
    losses = [model.held.losses.mean() for model in (classes.single, classes.other)]
    assert table["log_loss"].to_list() == pytest.approx(losses)


def test_a_score_of_one_of_two_classes_says_of_which(classes):
    recall, models = Scale("recall", of_class="ill"), []
    for model in (classes.single, classes.other):
        found = replace(model.score, metric="recall", values=model.score.values[::2])
        lacking = replace(found, no_interval="has no interval here")
        models.append(replace(model, score=lacking, held=None))
    scores = [model.score for model in models]
    settings = SimpleNamespace(baseline="the baseline", confidence=0.95)
    for told in (
        str(side_by_side.SideBySide(*models, recall, 0.95, "")),
        tested_scores.told(scores, recall, settings),
        on_test.single_models([on_test.Picked("net", 1, 0.5, 0.6)], recall),
    ):
        assert told.count("recall of class ill") == told.count("recall") >= 1


def test_scores_of_a_regression():
    single, other = np.arange(10.0), np.arange(10.0) - 0.5 - 0.1 * (np.arange(10) % 2)
    models = [
        side_by_side.TestedModel(
            name,
            scored(
                readings.Tested(name, 0, 1, "", metric="mae", score=np.array(v.mean()), values=v),
                0.95,
            ),
            None,
            cost,
        )
        for name, v, cost in (("single", single, COSTS[0]), ("other", other, COSTS[1]))
    ]
    both = side_by_side.SideBySide(
        *models, Scale("mae", higher_is_better=False, reference=1.0), 0.95, ""
    )
    low, high = stats.ttest_rel(other, single).confidence_interval(0.95)
    assert (both.scores.low, both.scores.high) == (pytest.approx(low), pytest.approx(high))
    assert both.accuracies is both.losses is None
    assert both.table().columns.to_list()[:3] == ["test_mae", "low", "high"]
    assert "by mae, the single model, single, 4.5 (" in str(both)
    assert ": -0.55 (-0.588 to -0.512)." in str(both)


def test_the_table_has_areas_of_two_classes_and_errors_of_numbers(classes):
    held_out = classes.single.held
    second = np.where(held_out.truth == 1, held_out.right, ~held_out.right)
    second = np.where(second, held_out.sure, 1 - held_out.sure)
    row = classes.table().loc["single"]
    assert row["roc_auc"] == pytest.approx(metrics.roc_auc_score(held_out.truth, second))
    expected = metrics.average_precision_score(held_out.truth, second)
    assert row["average_precision"] == pytest.approx(expected)
    targets, given = np.arange(10.0), np.arange(10.0) ** 1.1
    tested = readings.Tested(
        "v", 0, 1, "", metric="mae", score=np.array(0.0), values=given - targets,
        targets=targets, predictions=given,
    )  # fmt: skip
    number = side_by_side.TestedModel("v", scored(tested, 0.95), None, COSTS[0])
    table = side_by_side.SideBySide(number, number, Scale(reference=1.0), 0.95, "").table()
    assert table["r2"].to_list() == pytest.approx([metrics.r2_score(targets, given)] * 2)
    rmse = metrics.root_mean_squared_error(targets, given)
    assert table["rmse"].to_list() == pytest.approx([rmse] * 2)


def test_a_score_that_is_the_rmse_has_its_interval():
    targets, given = np.arange(10.0), np.arange(10.0) ** 1.1
    rmse = metrics.root_mean_squared_error(targets, given)
    about = {"targets": targets, "predictions": given, "values": np.full(10, np.nan)}
    about |= {"metric": "rmse", "no_interval": "is no mean over samples"}
    found = scored(readings.Tested("v", 0, 1, "", score=np.array(rmse), **about), 0.95)
    squared = (given - targets) ** 2
    half = stats.t.ppf(0.975, 9) * stats.sem(squared) / squared.mean()
    assert found.score.high == pytest.approx(np.sqrt(squared.mean() * np.exp(half)))
    assert found.no_interval == ""
    other = scored(readings.Tested("v", 0, 1, "", score=np.array(1.1 * rmse), **about), 0.95)
    assert not other.score.is_formed
    assert other.no_interval == "is no mean over samples"


def test_a_difference_of_areas_is_in_points():
    def model(name, area):
        none, ranked = np.full(40, np.nan), np.array([9, 31])
        tested = readings.Tested(
            name,
            0,
            1,
            "",
            metric="auc",
            score=np.array(area),
            values=none,
            ranked=ranked,
        )
        return side_by_side.TestedModel(name, scored(tested, 0.95), None, COSTS[0])

    both = side_by_side.SideBySide(model("one", 0.85), model("two", 0.9), Scale("auc"), 0.95, "")
    assert ": +5 points." in str(both)


def test_a_calibration_error_that_is_more_than_chance_reads_as_more():
    assert side_by_side.calibrated(Calibration(0.0449, 0.0446)) == (
        "4.49 % (more than the 4.46 % of chance)"
    )
    assert side_by_side.calibrated(Calibration(0.01, 0.02)) == "1.0 % (within the 2.0 % of chance)"
