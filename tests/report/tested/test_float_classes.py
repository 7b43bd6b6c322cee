"""Two classes as floats 0 and 1 in a column, scored by an area: told as whole numbers are."""

import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import class_labels

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(300, 3)).astype(np.float32)
ONES = (X[:, 0] + 0.7 * RANDOM.normal(size=300) > 0).astype(np.int32)
METRICS = {
    "auc": lambda: keras.metrics.AUC(name="auc"),
    "pr": lambda: keras.metrics.AUC(curve="PR", name="pr"),
}


def net(metric):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    given = [METRICS[metric]()] if metric else []
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=given)
    return model


def run(targets, metric):
    data = kohort.Dataset(X[:200], targets[:200], X[200:], targets[200:])
    return kohort.Study(
        "ones", [kohort.Variant("net", net, metric=metric)], data, metric=metric,
        replicates=kohort.Holdout(0.25, 2, stratify=False), epochs=2, batch_size=25,
    ).run(verbose=0)  # fmt: skip


@pytest.mark.parametrize("metric", ["auc", "pr", None])
def test_a_column_of_floats_that_are_0_and_1_has_what_labels_have(metric, tmp_path):
    labels, floats = run(ONES, metric), run(ONES.astype(np.float32)[:, None], metric)
    assert floats.data.classes is None
    (told,), (same,) = floats.test(), labels.test()
    assert told.confusion.tolist() == same.confusion.tolist()
    assert np.unique(told.confusion).size > 1
    assert floats.recalls()["recall"].tolist() == labels.recalls()["recall"].tolist()
    page = floats.report(tmp_path / "report.html").read_text("utf-8")
    assert 'class="confusion"' in page
    assert floats.test_text() == labels.test_text()


def test_a_column_of_floats_has_the_names_that_its_classes_are_given():
    named = kohort.Dataset(X, ONES.astype(np.float32)[:, None], class_names=["no", "yes"])
    labels = class_labels(named, floats_are_labels=True)
    assert labels.names == ("no", "yes")
    assert labels.train.tolist() == ONES.tolist()
    assert (class_labels(named), named.classes) == (None, None)


def test_numbers_to_predict_stay_numbers(tmp_path):
    def squares():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        return model

    column = ONES.astype(np.float32)[:, None]
    data = kohort.Dataset(X[:200], column[:200], X[200:], column[200:])
    result = kohort.Study(
        "numbers", [kohort.Variant("net", squares)], data, metric="mae",
        replicates=kohort.Holdout(0.25, 2), epochs=1, batch_size=25,
    ).run(verbose=0)  # fmt: skip
    with pytest.raises(kohort.DesignError, match="class labels"):
        result.test()
    assert result.test_scores()[0].errors is not None
