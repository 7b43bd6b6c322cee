"""What one answer for all samples scores is what Keras's own metrics give to it."""

import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import class_labels
from kohort.data.simple_answers import constant_answers
from kohort.data.simple_answers.constant_answers import constant_answer, heaviest_class

RANDOM = np.random.default_rng(0)
ROWS = np.arange(200)
PARTS = [(ROWS[:150], ROWS[150:]), (ROWS[50:], ROWS[:50])]
LABELS = RANDOM.permutation(ROWS < 20).astype(int)
THREE = LABELS + (ROWS < 90)
ONE_HOT = np.eye(3)[THREE]
FLOATS = LABELS[:, None].astype(float)
TARGETS = RANDOM.gamma(2.0, size=200)
TWO = RANDOM.normal(size=(200, 2)) * [1.0, 5.0]


def data_of(targets):
    return kohort.Dataset(np.zeros((200, 1)), targets, np.zeros((200, 1)), targets)


@pytest.mark.parametrize(
    ("kind", "metric", "targets", "constant"),
    [
        ("roc", keras.metrics.AUC, LABELS, lambda _: 0.3),
        ("roc", keras.metrics.AUC, FLOATS, lambda _: 0.3),
        ("pr", lambda: keras.metrics.AUC(curve="PR"), LABELS, lambda _: 0.3),
        ("roc", keras.metrics.AUC, np.eye(2)[LABELS], lambda y: y.mean(axis=0)),
        ("roc", keras.metrics.AUC, ONE_HOT, lambda y: y.mean(axis=0)),
        ("crossentropy", keras.metrics.CategoricalCrossentropy, ONE_HOT, lambda y: y.mean(axis=0)),
        ("binary crossentropy", keras.metrics.BinaryCrossentropy, LABELS, np.mean),
        ("binary crossentropy", keras.metrics.BinaryCrossentropy, FLOATS, np.mean),
        (
            "binary crossentropy",
            keras.metrics.BinaryCrossentropy,
            ONE_HOT,
            lambda y: y.mean(axis=0),
        ),
        ("mse", keras.metrics.MeanSquaredError, TARGETS, np.mean),
        ("rmse", keras.metrics.RootMeanSquaredError, TARGETS, np.mean),
        ("mae", keras.metrics.MeanAbsoluteError, TARGETS, np.median),
        ("r2", keras.metrics.R2Score, TARGETS[:, None], np.mean),
        ("mse", keras.metrics.MeanSquaredError, TWO, lambda y: y.mean(axis=0)),
        ("rmse", keras.metrics.RootMeanSquaredError, TWO, lambda y: y.mean(axis=0)),
        ("mae", keras.metrics.MeanAbsoluteError, TWO, lambda y: np.median(y, axis=0)),
        ("r2", keras.metrics.R2Score, TWO, lambda y: y.mean(axis=0)),
    ],
)
def test_it_scores_what_keras_gives_to_it(kind, metric, targets, constant):
    answer = constant_answer(kind, data_of(targets), PARTS)
    for number, (train, valid) in enumerate(PARTS):
        for rows, score in ((train, answer.train), (valid, answer.valid)):
            kept = metric()
            given = np.broadcast_to(constant(targets[train]), targets[rows].shape)
            kept.update_state(targets[rows], given)
            assert score[number] == pytest.approx(float(kept.result()), abs=1e-4)


def test_it_scores_what_keras_gives_to_integers_that_are_classes():
    answer = constant_answer("crossentropy", data_of(THREE), PARTS)
    assert answer.name == "the share of each class"
    for (train, valid), score in zip(PARTS, answer.valid, strict=True):
        kept = keras.metrics.SparseCategoricalCrossentropy()
        kept.update_state(THREE[valid], np.tile(ONE_HOT[train].mean(axis=0), (len(valid), 1)))
        assert score == pytest.approx(float(kept.result()), abs=1e-5)


MASKS = RANDOM.random((200, 4, 5)) < np.linspace(0.1, 0.7, 5)
TAGS = RANDOM.choice(3, size=(200, 6), p=[0.2, 0.5, 0.3])


def most_common(targets):
    """In each place, by brute force."""
    flat = targets.reshape(len(targets), -1).astype(int)
    return np.array([np.bincount(column).argmax() for column in flat.T]).reshape(targets[0].shape)


@pytest.mark.parametrize(
    ("kind", "metric", "targets"),
    [
        ("binary accuracy", keras.metrics.BinaryAccuracy, MASKS[..., None].astype(int)),
        ("binary accuracy", keras.metrics.BinaryAccuracy, MASKS.astype("float32")),
        ("binary accuracy", keras.metrics.BinaryAccuracy, ONE_HOT),
        ("sparse accuracy", keras.metrics.SparseCategoricalAccuracy, TAGS),
        ("categorical accuracy", keras.metrics.CategoricalAccuracy, np.eye(3)[TAGS]),
    ],
    ids=["a mask", "floats", "one-hot rows", "tags", "one-hot tags"],
)
def test_of_several_places_it_is_what_is_most_common_in_each(kind, metric, targets, monkeypatch):
    monkeypatch.setattr(constant_answers, "_AT_ONCE", 50)  # counts of several blocks add up
    answer = constant_answer(kind, data_of(targets), PARTS)
    assert answer.name == "the most common value in each place"
    for number, (train, valid) in enumerate(PARTS):
        classes = TAGS if kind == "categorical accuracy" else targets
        constant = most_common(classes[train])
        for rows, score in ((train, answer.train), (valid, answer.valid)):
            given = np.broadcast_to(constant, classes[rows].shape)
            kept = metric()
            outputs = given if kind == "binary accuracy" else np.eye(3)[given]
            kept.update_state(targets[rows], outputs)
            assert score[number] == pytest.approx(float(kept.result()), abs=1e-6)


WEIGHTS = np.random.default_rng(1).integers(0, 5, 200)
COLUMN = TARGETS[:, None]


@pytest.mark.parametrize(
    ("kind", "metric", "targets", "constant"),
    [
        ("roc", keras.metrics.AUC, FLOATS, lambda _: 0.3),
        ("pr", lambda: keras.metrics.AUC(curve="PR"), FLOATS, lambda _: 0.3),
        ("roc", keras.metrics.AUC, ONE_HOT, lambda y: y.mean(axis=0)),
        ("crossentropy", keras.metrics.CategoricalCrossentropy, ONE_HOT, lambda y: y.mean(axis=0)),
        ("binary crossentropy", keras.metrics.BinaryCrossentropy, FLOATS, np.mean),
        ("mse", keras.metrics.MeanSquaredError, COLUMN, np.mean),
        ("rmse", keras.metrics.RootMeanSquaredError, TWO, lambda y: y.mean(axis=0)),
        ("mae", keras.metrics.MeanAbsoluteError, COLUMN, np.median),
        ("mae", keras.metrics.MeanAbsoluteError, TWO, lambda y: np.median(y, axis=0)),
        ("r2", keras.metrics.R2Score, TWO, lambda y: y.mean(axis=0)),
        ("binary accuracy", keras.metrics.BinaryAccuracy, ONE_HOT, most_common),
        ("binary accuracy", keras.metrics.BinaryAccuracy, MASKS.astype("float32"), most_common),
    ],
)
def test_of_weighted_samples_it_scores_what_keras_gives_to_the_answer_of_as_many_copies(
    kind, metric, targets, constant
):
    answer = constant_answer(kind, data_of(targets), PARTS, WEIGHTS.astype("float32"))
    assert answer.ones is None
    for number, (train, valid) in enumerate(PARTS):
        chosen = constant(np.repeat(targets[train], WEIGHTS[train], axis=0))
        for rows, score in ((train, answer.train), (valid, answer.valid)):
            kept = metric()
            given = np.broadcast_to(chosen, targets[rows].shape)
            kept.update_state(targets[rows], given, sample_weight=WEIGHTS[rows])
            assert score[number] == pytest.approx(float(kept.result()), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [0, 1, 0, 3], [2, 0, 1, 1], [1, 5, 1, 1]])
def test_a_weighted_median_is_that_of_as_many_copies(weights):
    targets = np.array([3.0, 1.0, 10.0, 2.0])
    data = kohort.Dataset(np.zeros((4, 1)), targets[:, None])
    rows = np.arange(4)
    answer = constant_answer("mae", data, [(rows, rows)], np.array(weights, "float32"))
    copies = np.repeat(targets, weights)
    assert answer.train == pytest.approx(np.abs(copies - np.median(copies)).mean())


def test_of_a_weighted_accuracy_it_is_the_class_of_the_most_weight():
    weights = np.where(LABELS == 1, 20.0, 1.0)
    answer = heaviest_class(class_labels(data_of(LABELS)), PARTS, weights)
    assert answer.name == "class 1"
    for (train, valid), *scores in zip(PARTS, answer.train, answer.valid, strict=True):
        expected = [np.average(LABELS[rows], weights=weights[rows]) for rows in (train, valid)]
        assert scores == pytest.approx(expected)


def test_of_samples_that_weigh_nothing_nothing_is_told():
    weights = np.where(ROWS < 50, 0.0, 1.0)
    assert constant_answer("mse", data_of(TARGETS), PARTS, weights) is None
    assert heaviest_class(class_labels(data_of(LABELS)), PARTS, weights) is None


def test_the_answer_has_a_name():
    names = [constant_answer(kind, data_of(TARGETS), PARTS).name for kind in ("mse", "mae")]
    assert names == ["the mean of the training targets", "the median of the training targets"]


def test_an_area_of_two_classes_knows_the_share_of_positives_that_validate():
    answer = constant_answer("roc", data_of(LABELS), PARTS)
    assert answer.ones == pytest.approx(np.mean([LABELS[150:].mean(), LABELS[:50].mean()]))
    assert constant_answer("pr", data_of(LABELS), PARTS).ones is None


def test_a_part_without_positives_has_the_area_that_keras_gives_it():
    none = np.flatnonzero(LABELS == 0)[:50]
    assert constant_answer("roc", data_of(LABELS), [(ROWS, none)]).valid == [0.0]


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("pr", np.eye(2)[LABELS]),
        ("roc", TARGETS),
        ("roc", THREE),
        ("mse", np.zeros((200, 3, 3))),
        ("r2", np.ones(200)),
        ("crossentropy", TARGETS),
        ("crossentropy", np.where(ROWS < 160, LABELS, 2)),
        ("crossentropy", np.zeros(200, int)),
        ("binary crossentropy", THREE),
        ("binary accuracy", LABELS),
        ("sparse accuracy", THREE),
        ("categorical accuracy", ONE_HOT),
        ("sparse accuracy", np.tile([[0, 2**23]], (200, 2)).reshape(200, 4)),
        ("sparse accuracy", np.tile([-1, 2], (200, 2))),
        ("binary accuracy", np.tile([0.0, 0.7], (200, 2))),
        ("binary accuracy", np.tile([0, 2], (200, 2))),
    ],
    ids=[
        *("columns of classes", "no classes", "three classes", "images", "targets that are alike"),
        *("numbers", "a class that does not train", "one class", "three classes of one output"),
        *("one label", "one of three labels", "one of three columns"),
        *("too many classes", "a class below zero", "grey levels", "three values for a threshold"),
    ],
)
def test_what_is_not_known_is_not_told(kind, targets):
    assert constant_answer(kind, data_of(targets), PARTS) is None
