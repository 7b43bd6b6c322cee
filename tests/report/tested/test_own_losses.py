"""A loss of the user's own takes outputs for anything: no classes and no verdict are made of it."""

import json
import zipfile

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import kohort
from kohort.cli.main import app
from kohort.keras_api.class_outputs import output_kind

RANDOM = np.random.default_rng(6)
SAME = RANDOM.integers(0, 2, 400)
FIRST = RANDOM.normal(size=(400, 4))
SECOND = np.where(SAME[:, None] == 1, FIRST, 0) + RANDOM.normal(size=(400, 4)) * np.where(
    SAME[:, None] == 1, 0.2, 1.0
)
X = np.concatenate([FIRST, SECOND], axis=1).astype(np.float32)
TOLD = "Right answers and recalls are not told: the loss does not say that outputs are scores"


def contrastive(truth, distance):
    is_same = keras.ops.reshape(keras.ops.cast(truth, distance.dtype), (-1,))
    far = keras.ops.maximum(0.0, 2.0 - keras.ops.reshape(distance, (-1,)))
    return is_same * keras.ops.reshape(distance, (-1,)) ** 2 + (1 - is_same) * far**2


def near(truth, distance):
    is_same = keras.ops.reshape(truth, (-1,)) > 0.5
    return keras.ops.cast(
        keras.ops.equal(is_same, keras.ops.reshape(distance, (-1,)) < 1.0), "float32"
    )


class Distance(keras.layers.Layer):
    def call(self, apart):
        squares = keras.ops.sum(keras.ops.square(apart), axis=-1, keepdims=True)
        return keras.ops.sqrt(squares + 1e-6)


def pairs(rate):
    inputs = keras.Input((8,))
    embed = keras.layers.Dense(4, kernel_initializer="identity")
    model = keras.Model(inputs, Distance()(embed(inputs[:, :4]) - embed(inputs[:, 4:])))
    model.compile(keras.optimizers.Adam(rate), contrastive, metrics=[near])
    return model


@pytest.fixture(scope="module")
def siamese():
    data = kohort.Dataset(X[:300], SAME[:300], X[300:], SAME[300:], class_names=["other", "same"])
    return kohort.Study(
        "pairs", kohort.grid(pairs, rate=[0.01, 0.02]), data, epochs=3, metric="near", mode="max",
        replicates=kohort.Holdout(0.2, 2),
    ).run(verbose=0)  # fmt: skip


def test_distances_are_no_scores_of_classes(siamese, tmp_path):
    told = siamese.test_text()
    assert TOLD in told
    assert not any(word in told + siamese.answer() for word in ("right for", "finds none", "ROC"))
    assert [finding for finding in siamese.findings() if finding.code == "KH205"] == []
    with pytest.raises(kohort.DesignError, match="has no recalls"):
        siamese.recalls()
    assert "balanced_accuracy" not in siamese.table()
    page = siamese.report(tmp_path / "report.html").read_text("utf-8")
    assert "finds none" not in page
    assert 'class="confusion"' not in page
    with pytest.raises(kohort.DesignError, match="a score for each class"):
        siamese.test()
    score = siamese.test_scores()[0]
    outputs = siamese.best().model().predict(X[300:], verbose=0).ravel()
    assert score.score.mean == pytest.approx(np.mean((outputs < 1) == SAME[300:]))


def test_prediction_tells_the_distance(siamese, tmp_path):
    model = siamese.best().model()
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    path = tmp_path / "model.keras"
    inner.save(path)
    about = {"class_names": ["other", "same"], "outputs": output_kind(model)}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("kohort.json", json.dumps(about))
    (tmp_path / "rows.csv").write_text("1,2\n")
    shown = CliRunner().invoke(app, ["predict", str(path), str(tmp_path / "rows.csv"), "--json"])
    (told,) = json.loads(shown.stdout)
    wanted = inner.predict(np.array([[1.0, 2.0]]), verbose=0)[0].tolist()
    assert told["outputs"] == pytest.approx(wanted, abs=1e-5)
    assert "class" not in told


def own(truth, given):
    return keras.ops.mean(keras.ops.square(keras.ops.cast(truth, given.dtype) - given), axis=-1)


class OfKeras(keras.losses.SparseCategoricalCrossentropy):
    pass


@pytest.mark.parametrize(
    ("units", "activation", "loss", "metrics", "kind"),
    [
        (1, None, own, [], "other"),
        (1, None, own, [near], "other"),
        (2, None, own, [], "other"),
        (2, None, [own], [], "other"),
        (2, None, OfKeras(), [], "other"),
        (2, "elu", OfKeras(), [], "unknown"),
        (2, None, OfKeras(from_logits=True), [], "softmax logits"),
        (2, None, own, ["bce"], "unknown"),
        (
            *(2, None, own),
            [keras.metrics.MeanMetricWrapper(keras.metrics.sparse_categorical_accuracy)],
            "unknown",
        ),
        (1, None, own, [keras.metrics.Precision(thresholds=0.5)], "numbers"),
        (1, "sigmoid", own, [], "probabilities"),
        (1, None, own, ["accuracy"], "numbers"),
        (1, None, own, ["precision"], "numbers"),
        (1, None, own, [keras.metrics.Recall()], "numbers"),
        (2, None, own, ["accuracy"], "unknown"),
        (2, None, own, [keras.metrics.AUC()], "unknown"),
        (2, None, own, ["sparse_categorical_accuracy"], "unknown"),
        (2, None, own, [keras.metrics.sparse_categorical_accuracy], "unknown"),
        (2, None, "sparse_categorical_crossentropy", [], "unknown"),
        (2, None, "mse", [], "unknown"),
        (2, None, keras.losses.CategoricalCrossentropy(from_logits=True), [], "softmax logits"),
        (1, None, keras.losses.BinaryCrossentropy(from_logits=True), [], "logits"),
    ],
)
def test_what_outputs_are(units, activation, loss, metrics, kind):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])
    model.compile("adam", loss, metrics=metrics)
    assert output_kind(model) == kind


class OwnStep(keras.Model):
    def __init__(self, metric):
        super().__init__()
        self.end = keras.layers.Dense(3)
        self.kept = metric

    def call(self, x):
        return self.end(x)

    def train_step(self, *arguments):
        return super().train_step(*arguments)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        (keras.metrics.SparseCategoricalAccuracy(), "unknown"),
        (keras.metrics.Mean(), "other"),
        (keras.metrics.Accuracy(), "other"),
    ],
)
def test_a_metric_that_a_model_keeps_for_its_own_step_tells_too(metric, kind):
    model = OwnStep(metric)
    model.compile("adam")
    model(np.zeros((1, 4)))
    assert output_kind(model) == kind


def test_of_a_model_that_was_not_compiled_nothing_is_known():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert output_kind(model) == "unknown"


def pinball(truth, given):
    off = keras.ops.reshape(keras.ops.cast(truth, given.dtype), keras.ops.shape(given)) - given
    return keras.ops.mean(keras.ops.maximum(0.9 * off, -0.1 * off), axis=-1)


@pytest.mark.parametrize(("loss", "is_judged"), [(pinball, False), ("mse", True)])
def test_a_quantile_is_not_judged_as_a_mean(loss, is_judged):
    y = RANDOM.normal(size=400).astype(np.float32)[:, None]

    def build():
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.05), loss, metrics=["mae"])
        return model

    data = kohort.Dataset(X[:300], y[:300], X[300:], y[300:])
    result = kohort.Study(
        "quantile", [kohort.Variant("net", build)], data,
        metric="loss", epochs=3, replicates=kohort.Holdout(0.2, 2),
    ).run(verbose=0)  # fmt: skip
    (score,) = result.test_scores()
    assert score.errors[0].may_be_no_better_than_the_mean
    told = result.test_text()
    assert "R2" in told
    assert ("answer the mean" in told) == is_judged


def test_counts_under_a_loss_of_ones_own_have_errors():
    y = RANDOM.integers(0, 8, 400)

    def build():
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.05), pinball, metrics=["mae"])
        return model

    data = kohort.Dataset(X[:300], y[:300], X[300:], y[300:])
    result = kohort.Study(
        "counts", [kohort.Variant("net", build)], data, metric="mae", epochs=2,
        replicates=kohort.Holdout(0.2, 2),
    ).run(verbose=0)  # fmt: skip
    (score,) = result.test_scores()
    outputs = result.best().model().predict(X[300:], verbose=0).ravel()
    assert score.errors[0].mae.mean == pytest.approx(np.abs(outputs - y[300:]).mean(), rel=1e-5)
    assert "not told" not in result.test_text()
