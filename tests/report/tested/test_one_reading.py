"""One reading of the test set tells the study's metric, and how right the classes are."""

from html import unescape

import keras
import numpy as np
import pytest
from scipy import stats

import kohort
from kohort.findings.statistics.interval import Interval
from kohort.keras_api.samples import measured
from kohort.report import tested_scores

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(500, 4)).astype(np.float32)
RARE = (X @ [1.0, -1.0, 0.5, 0.0] + 0.5 * RANDOM.normal(size=500) > 2.2).astype(np.int32)
METRICS = {
    "auc": keras.metrics.AUC,
    "precision": keras.metrics.Precision,
    "recall": keras.metrics.Recall,
    "pr": lambda name: keras.metrics.AUC(curve="PR", name=name),
    "coarse": lambda name: keras.metrics.AUC(num_thresholds=3, name=name),
}


def build(l2=0.0, metric="auc"):
    penalty = keras.regularizers.L2(l2)
    layers = [keras.Input((4,)), keras.layers.Dense(1, "sigmoid", kernel_regularizer=penalty)]
    model = keras.Sequential(layers)
    metrics = ["accuracy", METRICS[metric](name=metric)]
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=metrics)
    return model


def data():
    return kohort.Dataset(X[:300], RARE[:300], X[300:], RARE[300:])


def run(place=None, metric="auc"):
    return kohort.Study(
        "rare", kohort.grid(build, l2=[0.5, 0.0], metric=metric), data(), metric=metric,
        replicates=kohort.Holdout(0.25, 3), epochs=6, batch_size=30,
    ).run(place, verbose=0)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("one") / "kohort.db"


@pytest.fixture(scope="module")
def result(place):
    return run(place)


@pytest.mark.long
def test_the_metric_of_the_study_and_accuracy_are_told_of_one_reading(result, tmp_path):
    page = unescape(result.report(tmp_path / "report.html").read_text("utf-8"))
    (winner, _), held = result.test_scores(), result.test()[0]
    told = result.test_text()
    assert told.startswith(f"by auc, over 200 samples, {result.winner} scores ")
    assert f"{result.winner} is right for {100 * held.accuracy.mean:.1f} % (" in told
    assert f"On the test set, read once and never to choose, {told}" in page
    assert len(result.readings()) == 1
    assert winner.score.is_formed
    # Replicates compare areas: nothing is said of whether McNemar's test agrees with them.
    assert "the replicates can tell" not in page
    assert "seem to be of different kinds" not in page


@pytest.mark.long
def test_without_the_data_the_same_is_told(result, place, tmp_path):
    told = result.test_text()
    opened = kohort.open(place, "rare")
    assert opened.test_text() == told
    assert told in unescape(opened.report(tmp_path / "report.html").read_text("utf-8"))
    assert [repr(one) for one in opened.test()] == [repr(one) for one in result.test()]
    assert repr(opened.test_difference()) == repr(result.test_difference())
    assert len(opened.readings()) == 1


def test_what_was_not_read_needs_the_data(tmp_path):
    run(tmp_path / "kohort.db")
    opened = kohort.open(tmp_path / "kohort.db", "rare")
    for needs in (opened.test, opened.test_scores):
        with pytest.raises(kohort.DesignError, match="open it with them"):
            needs()
    assert opened.test_text() == ""


def test_an_area_under_roc_is_that_of_the_ranks(result):
    winner = result.test_scores()[0]
    outputs = result.best().model().predict(X[300:], verbose=0)[:, 0]
    ones = RARE[300:] == 1
    found = stats.mannwhitneyu(outputs[ones], outputs[~ones]).statistic
    assert winner.score.mean == pytest.approx(found / (ones.sum() * (~ones).sum()), abs=0.005)
    assert winner.score.n == 200
    assert 0 < winner.score.low < winner.score.mean < winner.score.high < 1


@pytest.mark.parametrize("metric", ["precision", "recall"])
def test_of_what_a_metric_counts_each_is_right_or_wrong(metric):
    model = build(metric=metric)
    model.fit(X[:300], RARE[:300], epochs=6, batch_size=30, verbose=0)
    value, values, *_ = measured(model, metric, X[300:], RARE[300:])
    answers = model.predict(X[300:], verbose=0)[:, 0] > 0.5
    truth = RARE[300:] == 1
    counted = answers if metric == "precision" else truth
    assert (np.isfinite(values) == counted).all()
    assert value == pytest.approx(np.nanmean(values))
    assert value == pytest.approx((answers & truth).sum() / counted.sum())


WHY = {
    "pr": "is an area under precision and recall, of which none is known here",
    "coarse": "is counted by thresholds too few for one",
}


@pytest.mark.parametrize("metric", WHY)
def test_areas_of_which_no_interval_is_known_have_none(metric):
    model = build(metric=metric)
    model.fit(X[:300], RARE[:300], epochs=6, batch_size=30, verbose=0)
    found = measured(model, metric, X[300:], RARE[300:])
    assert np.isnan(found.values).all()
    assert found.ranked is None
    assert found.no_interval == WHY[metric]


def test_the_area_by_ranks_is_told_where_that_by_thresholds_is_off():
    model = build(metric="coarse")
    model.fit(X[:300], RARE[:300], epochs=6, batch_size=30, verbose=0)
    told = measured(model, "coarse", X[300:], RARE[300:])
    outputs, ones = model.predict(X[300:], verbose=0)[:, 0], RARE[300:] == 1
    ranks = stats.mannwhitneyu(outputs[ones], outputs[~ones]).statistic
    assert told.by_ranks == pytest.approx(ranks / (ones.sum() * (~ones).sum()))
    assert told.thresholds == 3
    assert measured(build(), "accuracy", X[300:], RARE[300:]).by_ranks is None


def test_answer_and_sentences_tell_areas_that_are_off_by_their_thresholds(tmp_path):
    found = run(tmp_path / "kohort.db", metric="coarse")
    assert "By ranks" not in found.answer()  # which reads nothing
    winner, baseline = found.test_scores()
    more = [100 * (score.by_ranks - score.score.mean) for score in (winner, baseline)]
    told = (
        f"By ranks coarse on the test set is {more[0]:.1f} points higher for {winner.variant} and "
        f"{more[1]:.1f} points higher for {baseline.variant} than by Keras's 3 thresholds, which "
        "score validation too (keras.metrics.AUC(num_thresholds=...) takes more)."
    )
    assert min(more) > 1
    opened = kohort.open(tmp_path / "kohort.db", "rare")
    for text in (found.answer(), found.test_text(), opened.answer(), opened.test_text()):
        assert text.count(told) == 1


def area(name, by_thresholds, by_ranks):
    lacks = Interval(by_thresholds, np.nan, np.nan, 9, np.nan)
    return tested_scores.TestScore(
        name, "auc", lacks, np.full(9, np.nan), by_ranks=by_ranks, thresholds=200
    )


def test_areas_that_are_off_by_less_than_tables_show_are_not_told():
    scores = [area("a", 0.91, 0.9109), area("b", 0.91, 0.9034), area("c", 0.91, None)]
    assert tested_scores.by_thresholds(scores[::2]) == ""
    assert tested_scores.by_thresholds(scores).startswith(
        "By ranks auc on the test set is 0.7 points lower for b than by Keras's 200 thresholds, "
    )


def test_samples_of_one_class_have_no_area_and_those_of_no_answer_no_precision():
    model = build()
    zeros = np.flatnonzero(RARE == 0)[:50]
    found = measured(model, "auc", X[zeros], RARE[zeros])
    assert found.no_interval == "takes samples of two classes, and these are of one"
    model = build(metric="recall")
    found = measured(model, "recall", X[zeros], RARE[zeros])
    assert found.no_interval == "counts none of these samples"


@pytest.mark.long
def test_a_score_without_an_interval_is_told_to_have_none(tmp_path):
    told = run(tmp_path / "kohort.db", metric="pr").test_text()
    assert told.startswith("by pr of class 1, over 200 samples, ")
    assert " % (no interval)" in told
    assert f". There is no interval: pr of class 1 {WHY['pr']}. " in told
    assert kohort.open(tmp_path / "kohort.db", "rare").test_text() == told


def test_one_of_two_scores_without_an_interval_says_why():
    values, scores = np.full(9, np.nan), []
    for name, low, why in (("wide", 0.8, ""), ("narrow", np.nan, "is off")):
        score = Interval(0.9, low, 0.95, 9, np.nan)
        scores.append(tested_scores.TestScore(name, "auc", score, values, why))
    expected = ["narrow has no interval: there auc is off."]
    assert tested_scores.without_intervals(scores, "auc") == expected


def test_beside_another_model_both_are_told(result):
    tested = result.ensemble().test()
    table = tested.table()
    assert table.columns.to_list()[:4] == ["test_auc", "low", "high", "test_accuracy"]
    assert " by auc, the single model, " in str(tested)
    assert " is right for " in str(tested)
    assert tested.scores.mean == pytest.approx(table["test_auc"].diff().iloc[1])
