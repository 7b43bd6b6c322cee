"""Samples with several labels: what is found of each on the test set, and told."""

import json

import keras
import numpy as np
import pytest
import scipy
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from typer.testing import CliRunner

import kohort
from kohort.cli.main import app
from kohort.cli.told_as_json import of_test
from kohort.keras_api.class_outputs import border_of_labels
from kohort.report.classes.found_labels import has_labels

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(500, 3)).astype(np.float32)
HAS = np.stack([X[:, 0] > 0, X[:, 1] > 0.5, np.arange(500) % 20 == 0], axis=1)
Y = HAS.astype(np.float32)
NAMES = ["sun", "rain", "fog"]


def net(logits):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(3, None if logits else "sigmoid")]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=logits)
    metrics = [keras.metrics.BinaryAccuracy(threshold=0.0 if logits else 0.5)]
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=metrics)
    return model


def run(place=None, *, logits=False, groups=None):
    test_groups = None if groups is None else groups[300:]
    data = kohort.Dataset(
        X[:300], Y[:300], X[300:], Y[300:], class_names=NAMES,
        groups=None if groups is None else groups[:300], test_groups=test_groups,
    )  # fmt: skip
    return kohort.Study(
        "weather", kohort.grid(net, logits=[logits]), data, epochs=6, batch_size=20,
        replicates=kohort.Holdout(0.2, 2),
    ).run(place, verbose=0)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return str(tmp_path_factory.mktemp("labels") / "kohort.db")


@pytest.fixture(scope="module")
def result(place):
    return run(place)


@pytest.mark.parametrize("logits", [False, True])
def test_each_label_has_the_numbers_of_scikit_learn(result, logits):
    found = run(logits=True) if logits else result
    outputs = found.best().model().predict(X[300:], verbose=0)
    given, truth = outputs > (0 if logits else 0.5), HAS[300:]
    (score,) = found.test_scores()
    assert [label.name for label in score.labels] == NAMES
    precision, recall, _, samples = precision_recall_fscore_support(
        truth, given, zero_division=np.nan
    )
    assert [label.samples for label in score.labels] == samples.tolist()
    assert [label.recall.mean for label in score.labels] == pytest.approx(recall.tolist())
    assert score.labels[2].precision is None
    assert np.isnan(precision[2])
    assert [one.precision.mean for one in score.labels[:2]] == pytest.approx(precision[:2].tolist())
    areas = roc_auc_score(truth, outputs, average=None)
    assert [one.areas.roc.mean for one in score.labels] == pytest.approx(areas.tolist())
    wilson = scipy.stats.binomtest(score.labels[0].found, int(samples[0])).proportion_ci(
        method="wilson"
    )
    interval = score.labels[0].recall
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high))


def test_a_label_that_is_never_found_is_told_everywhere(result, tmp_path):
    missed = "finds none of the 10 with label fog."
    assert f"logits=False {missed}" in result.test_text()
    (finding,) = [f for f in result.findings() if f.code == "KH205"]
    assert (finding.verdict, finding.sentence) == ("found", f"The winner, logits=False, {missed}")
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert "Label by label" in page
    assert '<th scope="row">fog</th><td>10</td><td class="loose">0.0 % (' in page


def test_a_store_and_programs_are_told_the_same(result, place):
    opened = kohort.open(place, "weather")
    assert opened.test_text() == result.test_text()
    (test,) = of_test(opened)
    fog = test["labels"][2]
    assert (fog["name"], fog["samples"], fog["found"], fog["precision"]) == ("fog", 10, 0, None)
    assert json.loads(json.dumps(test)) == of_test(result)[0]


def test_of_groups_intervals_are_over_groups(result):
    grouped = run(groups=np.arange(500) // 10)
    whole, over = result.test_scores()[0].labels[0], grouped.test_scores()[0].labels[0]
    assert over.groups == 20
    assert over.recall.n == whole.recall.n
    assert over.recall.high - over.recall.low != whole.recall.high - whole.recall.low


def test_prediction_tells_each_label_by_itself(result, tmp_path):
    model = str(result.best().save(tmp_path / "winner.keras"))
    (tmp_path / "rows.csv").write_text("9,9,0\n-9,-9,0\n")
    rows = str(tmp_path / "rows.csv")
    both, neither = CliRunner().invoke(app, ["predict", model, rows]).stdout.splitlines()
    assert sorted(both.split("row 0: ")[1].split(", ")) == ["rain (100.0 %)", "sun (100.0 %)"]
    assert "row 1: no label (the likeliest is fog" in neither
    told = json.loads(CliRunner().invoke(app, ["predict", model, rows, "--json"]).stdout)
    outputs = result.best().model().predict(np.array([[9, 9, 0], [-9, -9, 0]]), verbose=0)
    assert sorted(told[0]["labels"]) == ["rain", "sun"]
    assert told[1]["labels"] == []
    for row, wanted in zip(told, outputs, strict=True):
        assert [row["probabilities"][n] for n in NAMES] == pytest.approx(wanted.tolist(), abs=1e-5)
        assert "class" not in row


def test_one_hot_rows_have_names_too():
    data = kohort.Dataset(X[:9], np.eye(3)[np.arange(9) % 3], class_names=NAMES)
    assert (data.class_names, data.classes) == (tuple(NAMES), None)


@pytest.mark.parametrize(
    ("targets", "names", "told"),
    [
        (Y, ["sun", "rain"], "a name for each of the 3 columns of the targets, got 2"),
        (X, NAMES, "labels, or rows of zeros and ones"),
        (X[:, 0], NAMES, "labels, or rows of zeros and ones"),
        (X[:, :1], NAMES, "labels, or rows of zeros and ones"),
        (3 * HAS[:, :1].astype(np.float32), NAMES, "labels, or rows of zeros and ones"),
        (Y, ["sun", "sun", "fog"], "each another"),
    ],
)
def test_names_that_are_of_nothing_are_refused(targets, names, told):
    with pytest.raises(kohort.DataError, match=told):
        kohort.Dataset(X, targets, class_names=names)


@pytest.mark.parametrize(
    ("targets", "names", "is_told"),
    [
        (np.tile(Y, (1, 10)), None, True),
        (np.tile(Y, (1, 50)), None, False),
        (np.tile(Y, (1, 50)), [f"label {n}" for n in range(150)], True),
        (Y[:, :3], None, False),  # as many as there are inputs
        (Y[:, :3], NAMES, True),
        (np.eye(3)[np.arange(500) % 3], NAMES, False),
    ],
)
def test_pixels_are_no_labels(targets, names, is_told):
    data = kohort.Dataset(X, targets, X, targets, class_names=names)
    assert has_labels(data) == is_told
    assert not has_labels(kohort.Dataset(X, targets, X, targets / 2))


@pytest.mark.parametrize(
    ("outputs", "kind", "border"),
    [
        ([[0.2, 0.9]], "probabilities", 0.5),
        ([[-2.0, 3.0]], "logits", 0.0),
        ([[-2.0, 3.0]], "softmax logits", None),
        ([[-2.0, 3.0]], "margins", None),
        ([[-2.0, 3.0]], "unknown", None),
        ([[0.2, 0.9]], "unknown", 0.5),
        ([[0.2, 0.9]], "other", None),
    ],
)
def test_a_label_is_given_only_where_outputs_tell(outputs, kind, border):
    assert border_of_labels(np.array(outputs), kind) == border


def test_outputs_that_tell_no_labels_are_said_to(tmp_path):
    def build():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.05), loss)
        return model

    data = kohort.Dataset(X[:300], Y[:300], X[300:], Y[300:], class_names=NAMES)
    result = kohort.Study(
        "softmax", [kohort.Variant("net", build)], data, metric="loss", epochs=1, batch_size=20,
        replicates=kohort.Holdout(0.2, 2),
    ).run(verbose=0)  # fmt: skip
    assert result.test_scores()[0].labels == ()
    assert "Right answers and recalls are not told" in result.test_text()
    model = str(result.best().save(tmp_path / "winner.keras"))
    (tmp_path / "rows.csv").write_text("9,9,0\n")
    shown = CliRunner().invoke(app, ["predict", model, str(tmp_path / "rows.csv"), "--json"])
    assert set(json.loads(shown.stdout)[0]) == {"sample", "outputs"}
