"""Scores on the test set: of regression and other targets that are no classes, and without one."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from scipy import stats

import kohort
from kohort.evidence import readings
from kohort.findings.statistics.scale import Scale, significant
from kohort.keras_api.samples import measured
from kohort.report.tested_scores import errors_of
from kohort.report.tested_scores import test_score as scored

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(160, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * RANDOM.normal(size=160)).astype(np.float32)


def build(units, loss="mse", metrics=("mae",), outputs=1, activation=None, l2=0.0):
    penalty = keras.regularizers.L2(l2) if l2 else None
    layers = [keras.layers.Dense(units, "relu", kernel_regularizer=penalty)] if units else []
    last = keras.layers.Dense(outputs, activation)
    model = keras.Sequential([keras.Input((4,)), *layers, last])
    model.compile(keras.optimizers.Adam(0.03), loss, metrics=list(metrics))
    return model


def own_loss(y, outputs):
    return keras.ops.square(y - outputs)


def run(data, store=None, name="scores", **arguments):
    variants = kohort.grid(build, units=[0, 8], **arguments)
    return kohort.Study(
        name, variants, data, replicates=kohort.Holdout(0.25, 3), epochs=4, batch_size=20
    ).run(store, verbose=0)


def split(x, y):
    return kohort.Dataset(x[:120], y[:120], x[120:], y[120:])


@pytest.fixture(scope="module")
def result():
    return run(split(X, Y), l2=0.01)


@pytest.mark.long
def test_regression_is_scored_on_the_test_set_once(result, monkeypatch, tmp_path):
    winner, baseline = result.test_scores()
    assert (winner.variant, baseline.variant) == (result.winner, "units=0")
    assert winner.metric == "data_loss"
    # What NumPy and SciPy say of the model's outputs.
    outputs = result.best().model().predict(X[120:], verbose=0)[:, 0]
    errors = (outputs - Y[120:]) ** 2
    assert winner.values == pytest.approx(errors, rel=1e-4)
    assert winner.score.mean == pytest.approx(errors.mean(), rel=1e-4)
    half = stats.t.ppf(0.975, 39) * stats.sem(errors) / errors.mean()
    interval = errors.mean() * np.exp([-half, half])
    assert (winner.score.low, winner.score.high) == pytest.approx(tuple(interval), rel=1e-3)
    less = winner.less(baseline, 0.95)
    expected = stats.ttest_rel(winner.values, baseline.values)
    assert less.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert (less.low, less.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))

    monkeypatch.setattr(keras.Model, "evaluate", None)
    assert result.test_scores()[0].values is winner.values
    assert [reading.variants for reading in result.readings()] == [("units=8", "units=0")]
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    told = re.search(r"On the test set, read once and never to choose, (by .*)</p>", page)[1]
    assert told.startswith(
        f"by loss, over 40 samples, units=8 scores {winner.score.mean:.3g} ({winner.score.low:.3g} "
        f"to {winner.score.high:.3g}), and the baseline, units=0, {baseline.score.mean:.3g} ("
    )
    assert f"Sample by sample units=8 is {-less.mean:.3g} (" in told
    assert f" to {-less.low:.3g}) better." in told
    assert told.split(" These are scores")[0] == result.test_text()  # as commands tell it


@pytest.mark.parametrize(
    ("metrics", "metric"),
    [
        ((), None),
        (("mae",), "mae"),
        (("root_mean_squared_error",), "root_mean_squared_error"),
    ],
)
def test_errors_far_above_those_on_validation_are_told(metrics, metric):
    off = kohort.Dataset(X[:120], Y[:120], X[120:], Y[120:] + 20)  # as in another unit
    named = {} if metric is None else {"metric": metric}
    net = kohort.Variant("net", build, units=8, metrics=metrics)
    settings = {"replicates": kohort.Holdout(0.25, 3), "epochs": 4, "batch_size": 20, **named}
    near, far = (
        kohort.Study("far", [net], data, **settings).run(verbose=0) for data in (split(X, Y), off)
    )
    told = far.test_text()
    assert "Errors on test are more than 1.25 times those on validation, which neither" in told
    valid = far.table()[f"val_{far.metric}"].iloc[0]
    (score,) = far.test_scores()
    on_valid, on_test = (significant(part, 3) for part in (valid, score.score.mean))
    assert f" {on_valid} on validation and {on_test} on test" in told
    assert "Errors on test" not in near.test_text()
    verdicts = {f.code: f.verdict for f in near.findings()}
    assert verdicts["KH203"] in ("not found", "inconclusive")
    assert "KH205" not in verdicts


def test_errors_of_weighted_samples_are_not_compared(result):
    scores, scale = result.test_scores(), Scale(is_best_at_zero=True)
    weighing = dataclasses.replace(result.settings, weighs_samples=True)
    assert errors_of(scores, scale, result.settings)
    assert errors_of(scores, scale, weighing) == []


@pytest.mark.parametrize(
    ("loss", "is_compared"), [("mse", True), ("huber", True), ("poisson", False), (own_loss, False)]
)
def test_errors_are_compared_where_zero_is_the_best_of_them(loss, is_compared):
    counts = np.random.default_rng(1).poisson(2.0, 160).astype(np.float32)
    net = kohort.Variant("net", build, units=8, loss=loss, metrics=(), activation="softplus")
    result = kohort.Study(
        "counts", [net], split(X, counts), replicates=kohort.Holdout(0.25, 3), epochs=2,
        batch_size=20,
    ).run(verbose=0)  # fmt: skip
    result.test_scores()
    assert ("KH203" in {finding.code for finding in result.findings()}) == is_compared


def test_an_infinite_error_is_not_left_out(result):
    values = np.array([0.1, np.inf, 0.2, 0.1])
    tested = readings.Tested("v", 0, 1, "w", "mse", score=np.inf, values=values)
    score = scored(tested, 0.95)
    assert (score.score.mean, score.score.is_formed) == (np.inf, False)
    assert score.no_interval == "is infinite of 1 sample"
    (errors,) = errors_of([score], Scale(is_best_at_zero=True), result.settings)
    assert errors.score == np.inf
    finite = scored(dataclasses.replace(tested, score=0.1, values=np.full(4, 0.1)), 0.95)
    assert not finite.less(score, 0.95).is_formed


@pytest.mark.long
def test_a_score_is_kept_with_the_study(tmp_path):
    data, place = split(X, Y), tmp_path / "kohort.db"
    scored = run(data, place).test_scores()
    opened = kohort.open(place, "scores", data)
    again = opened.test_scores()
    assert [repr(one.score) for one in again] == [repr(one.score) for one in scored]
    assert [one.values.tolist() for one in again] == [one.values.tolist() for one in scored]
    assert len(opened.readings()) == 1
    # Another metric of the same weights is another reading.
    by_mae = kohort.Study(
        "scores", kohort.grid(build, units=[0, 8]), data, replicates=kohort.Holdout(0.25, 3),
        epochs=4, batch_size=20, metric="mae",
    ).run(place, verbose=0)  # fmt: skip
    assert by_mae.test_scores()[0].metric == "mae"
    outputs = by_mae.best().model().predict(X[120:], verbose=0)[:, 0]
    assert by_mae.test_scores()[0].score.mean == pytest.approx(np.abs(outputs - Y[120:]).mean())
    assert len(by_mae.readings()) == 2


LABELS = ((Y > 0).astype(int) + (Y > 2)).astype(np.int32)

METRICS = {
    "a loss with a penalty": ("data_loss", Y, {"l2": 0.1}),
    "a loss of outputs in a column": ("data_loss", Y[:, None], {"loss": keras.losses.Huber()}),
    "a loss of several outputs": ("data_loss", np.stack([Y, -Y], 1), {"outputs": 2}),
    "a loss of classes": (
        "data_loss",
        LABELS,
        {"loss": "sparse_categorical_crossentropy", "outputs": 3, "metrics": ("accuracy",),
         "activation": "softmax"},
    ),
    "mae": ("mae", Y, {}),
    "one-hot accuracy": (
        "accuracy",
        np.eye(3)[LABELS],
        {"loss": "categorical_crossentropy", "outputs": 3, "metrics": ("accuracy",)},
    ),
    "several labels": (
        "binary_accuracy",
        np.stack([Y > 0, Y > 1], 1).astype("float32"),
        {"loss": "binary_crossentropy", "outputs": 2, "metrics": ("binary_accuracy",),
         "activation": "sigmoid"},
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("case", METRICS)
def test_the_values_of_samples_have_kerass_metric_for_their_mean(case):
    metric, y, arguments = METRICS[case]
    model = build(8, **arguments)
    value, values, *_ = measured(model, metric, X, y)
    assert value == pytest.approx(values.mean(), rel=1e-4)
    penalty = float(sum(model.losses))
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    expected = logs["loss"] - penalty if metric == "data_loss" else logs[metric]
    assert value == pytest.approx(expected, rel=1e-5)
    # Of one sample alone Keras says what it adds.
    alone = model.evaluate(X[7:8], y[7:8], verbose=0, return_dict=True)
    expected = alone["loss"] - penalty if metric == "data_loss" else alone[metric]
    assert values[7] == pytest.approx(expected, rel=1e-4)


def off_by_its_batch(y, outputs):
    """Where y is a row and outputs are a column, it depends on who else is in a batch."""
    return keras.ops.abs(y - outputs)


@pytest.mark.parametrize(
    ("metric", "given", "y"),
    [
        ("r2", keras.metrics.R2Score(name="r2"), Y[:, None]),
        ("rmse", keras.metrics.RootMeanSquaredError(name="rmse"), Y),
        ("off_by_its_batch", off_by_its_batch, Y),
    ],
)
def test_what_is_no_mean_over_samples_has_no_interval(metric, given, y):
    model = build(8, metrics=[given])
    value, values, *_ = measured(model, metric, X, y)
    expected = model.evaluate(X, y, batch_size=1024, verbose=0, return_dict=True)[metric]
    assert value == pytest.approx(expected, rel=1e-5)
    assert np.isnan(values).all()


@pytest.mark.long
def test_whole_numbers_that_are_no_classes_are_scored(tmp_path):
    counts = np.rint(np.exp(np.clip(Y, -2, 2))).astype(int)
    result = run(split(X, counts), loss="poisson")
    assert result.data.classes is not None
    winner = result.test_scores()[0]
    assert winner.score.is_formed
    assert "On the test set, read once and never" in result.report(tmp_path / "r.html").read_text()
    assert len(result.readings()) == 1


@pytest.mark.long
def test_of_one_hot_targets_the_accuracy_has_wilsons_interval():
    arguments = {"loss": "categorical_crossentropy", "outputs": 3, "metrics": ("accuracy",)}
    result = run(split(X, np.eye(3)[LABELS]), activation="softmax", **arguments)
    winner = result.test_scores()[0]
    right = result.best().model().predict(X[120:], verbose=0).argmax(1) == LABELS[120:]
    expected = stats.binomtest(int(right.sum()), 40).proportion_ci(method="wilson")
    assert (winner.score.low, winner.score.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.long
@pytest.mark.parametrize("y", [Y, LABELS])
def test_a_study_without_a_test_set_says_so(y, tmp_path):
    arguments = {} if y is Y else METRICS["a loss of classes"][2]
    result = run(kohort.Dataset(X, y), tmp_path / "kohort.db", **arguments)
    for read in (result.test, result.test_scores):
        with pytest.raises(kohort.DesignError, match=r"a test set, got Dataset.*no test samples"):
            read()
    assert result.readings() == ()
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert "<dt>test set</dt><dd>none</dd>" in page
    assert "On the test set" not in page
    leak = next(finding for finding in result.findings() if finding.code == "KH201")
    assert "test samples" not in leak.sentence
    assert kohort.open(tmp_path / "kohort.db", "scores", result.data).winner == result.winner


@pytest.mark.long
def test_labels_in_floats_whose_classes_have_weights_are_classes_by_any_metric():
    data = split(X, (Y > 0).astype(np.float32))
    assert data.classes == 2
    column = kohort.Dataset(*(a[:, None] if a.ndim == 1 else a for a in arrays(data)))
    arguments = {"loss": "mse", "metrics": ("mae",), "activation": "sigmoid"}
    plain, weighted = (
        kohort.Study(
            "floats", kohort.grid(build, units=[0], **arguments), column, epochs=2, batch_size=20,
            replicates=kohort.Holdout(0.25, 2), metric="mae", **given,
        ).run(verbose=0)
        for given in ({}, {"class_weight": {1: 3}})
    )  # fmt: skip
    assert plain.test_text().startswith("by mae, over 40 samples, ")
    assert " is right for " not in plain.test_text()
    assert " is right for " in weighted.test_text()
    assert weighted.test()[0].confusion.shape == (2, 2)


def arrays(data):
    return data.x_train, data.y_train.astype(np.float32), data.x_test, data.y_test.astype(float)


def poisson_of_log(y, outputs):
    """The loss of outputs that are logarithms of rates."""
    return keras.ops.mean(keras.ops.exp(outputs) - y * outputs, axis=-1)


class OfLogarithms(keras.losses.MeanSquaredError):
    def call(self, y_true, y_pred):
        return super().call(keras.ops.log1p(y_true), y_pred)


class OwnStep(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(keras.ops.exp(y_pred) - y))


@pytest.mark.parametrize(
    ("loss", "metrics", "known"),
    [
        *((loss, (), True) for loss in ("mse", "mae", "mape", "msle", "log_cosh", "poisson")),
        (keras.losses.Huber(2.0), (), True),
        (keras.losses.mean_squared_error, (), True),
        (["mse"], (), True),
        ("binary_crossentropy", (), True),
        (keras.losses.BinaryCrossentropy(from_logits=True), (), False),
        ("cosine_similarity", (), False),
        ("hinge", (), False),
        (poisson_of_log, (), False),
        (OfLogarithms(), (), False),
        (poisson_of_log, ("mae",), True),
        (poisson_of_log, (keras.metrics.R2Score(),), True),
        (poisson_of_log, (off_by_its_batch,), False),
        (poisson_of_log, ("cosine_similarity",), False),
    ],
)
def test_which_losses_tell_that_outputs_are_on_the_scale_of_targets(loss, metrics, known):
    model = build(0, loss, metrics)
    found = measured(model, "data_loss", X, np.abs(Y)[:, None])
    assert found.of_targets == known


def test_of_a_step_of_its_own_it_is_not_known_what_outputs_are():
    model = OwnStep([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert not measured(model, "data_loss", X, Y[:, None]).of_targets


def test_errors_of_outputs_on_another_scale_are_not_told(tmp_path):
    rates = RANDOM.poisson(np.exp(0.5 * X[:, 0])).astype(np.float32)[:, None]
    place = tmp_path / "kohort.db"
    result = run(split(X, rates), place, loss=poisson_of_log, metrics=())
    assert [score.errors for score in result.test_scores()] == [(), ()]
    told = result.test_text()
    assert told.endswith(
        "RMSE, MAE and R2 are not told: the loss does not say that outputs are on the scale of the "
        "target, as a metric of Keras such as metrics=['mae'] would."
    )
    assert kohort.open(place, "scores", split(X, rates)).test_text() == told
    variants = [kohort.Variant("own", build, units=0, loss=poisson_of_log)]
    study = kohort.Study(
        "s", variants, split(X, rates), replicates=kohort.Holdout(0.25, 2), epochs=1, metric="mae"
    )
    assert " has RMSE " in study.run(verbose=0).test_text()
