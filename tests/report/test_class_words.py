"""What an accuracy hides is told: in the answer, the table, on the test set and in the report."""

import re

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.evidence import readings
from kohort.evidence.store import open_store
from kohort.keras_api.metrics import metric_kinds
from kohort.report.class_words import against_majority
from kohort.report.held_out import score

LOSSES = {
    "binary": "binary_crossentropy",
    "integers": "sparse_categorical_crossentropy",
    "one-hot": "categorical_crossentropy",
}


def constant(form, lean=3.0, classes=2):
    """A model that looks at nothing, and always answers class 0."""
    units = 1 if form == "binary" else classes
    bias = [-lean] if form == "binary" else [lean, *[0.0] * (classes - 1)]
    metrics = [keras.metrics.BinaryAccuracy()] if form == "binary" else ["accuracy"]
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(
                units,
                "sigmoid" if form == "binary" else "softmax",
                kernel_initializer="zeros",
                bias_initializer=lambda shape, dtype=None: keras.ops.array(bias, dtype),
            ),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), LOSSES[form], metrics=metrics)
    return model


def learning(form, classes=2):
    """A model that learns."""
    units = 1 if form == "binary" else classes
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
    model.compile(keras.optimizers.Adam(0.1), LOSSES[form], metrics=["accuracy"])
    return model


def rare(labels=int):
    """500 training samples with 10 positives, and 615 test samples with 11."""
    random = np.random.default_rng(0)
    y_train, y_test = np.arange(500) < 10, np.arange(615) < 11
    y_train = random.permutation(y_train)
    as_given = {
        "one-hot": lambda y: np.eye(2)[y.astype(int)],
        "column": lambda y: y[:, None].astype(float),
    }.get(labels, lambda y: y.astype(labels))
    x = random.normal(size=(1115, 4))
    return kohort.Dataset(x[:500], as_given(y_train), x[500:], as_given(y_test), name="rare")


def run(data, *variants, **changes):
    splits = kohort.Holdout(0.2, 3, stratify=False)
    arguments = {"replicates": splits, "epochs": 1, "batch_size": 100} | changes
    return kohort.Study("classes", variants, data, **arguments).run(verbose=0)


def verdicts(result):
    return {f.code: f.verdict for f in result.findings() if f.variant is None}


FORMS = [
    ("binary", int),
    ("binary", float),
    ("binary", "column"),
    ("integers", int),
    ("integers", float),
    ("one-hot", "one-hot"),
]


@pytest.mark.long
@pytest.mark.parametrize(("form", "labels"), FORMS)
def test_a_model_that_never_finds_the_rare_class_is_no_success(form, labels):
    result = run(rare(labels), kohort.Variant("net", constant, form=form))

    assert result.answer().startswith(
        "No variant is shown to beat always answering class 0, right for 96.7 % of "
        "validation samples. net scores on validation data: "
    )
    assert result.test_text() == (
        "net is right for 98.2 % (96.8 to 99.0) of 615 samples, as often as always answering "
        "class 0; it finds none of the 11 of class 1."
    )
    (held,) = result.test()
    assert held.recalls[0].mean == 1
    assert held.recalls[1].mean == 0
    assert held.balanced_accuracy.mean == 0.5
    assert verdicts(result)["KH204"] == verdicts(result)["KH205"] == "found"


@pytest.mark.long
def test_the_majority_class_is_a_reference_on_the_same_validation_parts():
    data = rare()
    result = run(
        data,
        kohort.Variant("net", constant, form="binary"),
        kohort.Variant("other", constant, form="integers"),
        metric="loss",
    )
    assert "always class 0" not in result.table().index, "a loss scores"
    result = run(data, kohort.Variant("net", constant, form="binary"))
    table = result.table()
    assert list(table.index) == ["net", "always class 0"]
    parts = kohort.Holdout(0.2, 3, stratify=False).replicates(data, 0)
    shares = [(data.y_train[part.valid] == 0).mean() for part in parts]
    reference = table.loc["always class 0"]
    assert reference["val_binary_accuracy"] == pytest.approx(np.mean(shares))
    net = table.loc["net"]
    for column in ("val_binary_accuracy", "train_binary_accuracy", "low", "high", "gap"):
        assert reference[column] == pytest.approx(net[column], abs=1e-6), column
    assert reference["parameters"] == 0
    assert result.winner == "net"
    assert {c.b for family in result.comparisons().values() for c in family} == set()


def test_where_all_parts_hold_as_many_of_a_class_it_is_found_as_well():
    """Stratified unasked, a model that answers one class everywhere scores alike in all parts."""
    result = run(
        rare(),
        kohort.Variant("net", constant, form="binary"),
        replicates=kohort.Holdout(0.2, 3),
    )
    assert "stratify=True" in result.settings.replicates
    assert "none of the 11 of class 1" in result.test_text()
    assert verdicts(result)["KH204"] == verdicts(result)["KH205"] == "found"
    assert result.answer().startswith("No variant is shown to beat always answering class 0")


def test_one_and_two_outputs_of_one_study_are_held_against_one_reference():
    def binary():
        model = constant("binary")
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        return model

    two = kohort.Variant("two", constant, form="integers")
    result = run(rare(), kohort.Variant("one", binary), two)
    assert result.metric == "accuracy"
    assert "always class 0" in result.table().index


class Counted(keras.metrics.SparseCategoricalAccuracy):
    """Nobody knows what it counts."""


@pytest.mark.long
@pytest.mark.parametrize(
    "metric",
    [Counted(name="accuracy"), keras.metrics.SparseTopKCategoricalAccuracy(1, name="top_acc")],
    ids=["a subclass", "top k"],
)
def test_what_is_not_known_to_count_right_answers_has_no_reference(metric):
    def build():
        model = constant("integers")
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
        return model

    result = run(rare(), kohort.Variant("net", build), metric=metric.name)
    assert result.record.majority is None
    assert result.answer().startswith("net scores on validation data: ")
    assert verdicts(result)["KH204"] == "not applicable"


@pytest.mark.parametrize("threshold", [0.9, 1e-6])
def test_a_threshold_of_its_own_counts_other_answers(threshold):
    def build():
        model = constant("binary")
        metrics = [keras.metrics.BinaryAccuracy(threshold=threshold)]
        model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=metrics)
        return model

    result = run(rare(), kohort.Variant("net", build))
    assert result.record.majority is None
    # Where the two accuracies of one model differ, it is told why.
    why = "binary accuracy counts by a rule of its own, such as another threshold."
    assert result.test_text().endswith(why) == (threshold < 0.5)


@pytest.mark.parametrize(
    ("named", "weights", "is_weighted"),
    [
        ("weighted_metrics", True, True),
        ("metrics", True, False),
        ("weighted_metrics", False, False),
    ],
)
@pytest.mark.parametrize("labels", [int, "column"])
def test_a_weighted_score_has_no_reference_that_counts_samples(named, weights, is_weighted, labels):
    def build():
        model = constant("binary")
        metrics = {named: [keras.metrics.BinaryAccuracy("accuracy")]}
        model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", **metrics)
        return model

    data = rare(labels)
    weight = np.where(data.y_train.ravel() == 1, 6.0, 1.0) if weights else None
    result = run(data, kohort.Variant("net", build), sample_weight=weight, metric="accuracy")
    assert (result.record.majority is None) == is_weighted
    assert result.record.settings.weighs_answers == is_weighted
    reference = (
        "always answering class 0, whose accuracy is "
        if is_weighted
        else ("always answering class 0, right for ")
    )
    assert reference in result.answer()
    (of_all,) = (f for f in result.findings() if f.code == "KH207")
    assert (of_all.verdict == "not applicable") != is_weighted
    result.test()
    told = {f.code: f for f in result.findings() if f.variant is None}
    assert (told["KH204"].verdict == "not applicable") == is_weighted
    assert (told["KH203"].verdict == "not applicable") == is_weighted
    if is_weighted:
        assert told["KH204"].sentence.endswith("(KH207 has the class of the most weight).")
        assert "weighs the samples, and that on test counts each once" in told["KH203"].sentence


def test_of_two_accuracies_of_one_name_that_which_weighs_samples_is_known():
    model = constant("binary")
    model.compile("sgd", "mse", metrics=["accuracy"], weighted_metrics=["accuracy", "mae"])
    model.evaluate(np.ones((4, 4)), np.array([0, 1, 1, 0], np.int32), verbose=0)
    kinds = {kind.name: kind.is_weighted for kind in metric_kinds(model)}
    assert kinds == {"accuracy": False, "weighted_accuracy": True, "mae": True}


def several_labels(rate):
    outputs = keras.layers.Dense(3, "sigmoid")
    model = keras.Sequential([keras.Input((3,)), outputs])
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=[keras.metrics.BinaryAccuracy()])
    return model


def test_points_of_several_labels_are_no_errors_in_1000_samples():
    x = np.random.default_rng(0).normal(size=(300, 3)).astype("float32")
    data = kohort.Dataset(x, (x > 0).astype("float32"))
    variants = kohort.grid(several_labels, rate=[0.0, 20.0])
    result = run(data, *variants, epochs=3)
    assert result.metric == "binary_accuracy"
    assert re.search(r"better than the baseline, rate=0.0: \+[\d.]+ points", result.answer())
    assert "in 1,000" not in result.answer()


@pytest.mark.long
def test_chance_is_told(tmp_path):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(400, 4)), random.permutation(400) % 2
    data = kohort.Dataset(x[:200], y[:200], x[200:], y[200:])
    result = run(data, kohort.Variant("net", learning, form="integers"), epochs=2)
    assert result.answer().startswith("No variant is shown to beat always answering class ")
    assert "(chance among 2 classes: 50 %). net scores on validation data: " in result.answer()
    assert verdicts(result)["KH204"] in ("found", "inconclusive")
    told = "which is not shown to differ from always answering class"
    assert told in result.test_text()
    # In the report's opening too: a reader in a hurry takes the number for a good one.
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert f"), {told} " in re.search(r"<p>(On the test set, read once .*?)</p>", page)[1]


def easy(classes, test_classes=None, in_validation=None):
    """Classes that lie far apart."""
    random = np.random.default_rng(2)
    y = np.concatenate([np.arange(300) % classes, np.arange(200) % (test_classes or classes)])
    if in_validation is not None:
        y[:300][np.arange(300) % 50 != 0] %= in_validation
    x = random.normal(size=(500, 4)) / 20 + random.normal(size=(classes, 4))[y]
    return kohort.Dataset(x[:300], y[:300], x[300:], y[300:])


@pytest.mark.long
def test_ten_classes_that_are_learned_are_a_success():
    net = kohort.Variant("net", learning, form="integers", classes=10)
    result = run(easy(10), net, epochs=30)
    assert result.answer().startswith("net scores on validation data: ")
    assert "always answering" not in result.test_text()
    assert verdicts(result)["KH204"] == "not found"
    (held,) = result.test()
    recalls = np.diag(held.confusion) / held.confusion.sum(axis=1)
    assert [recall.mean for recall in held.recalls] == pytest.approx(list(recalls))
    assert held.balanced_accuracy.mean == pytest.approx(recalls.mean())


@pytest.mark.long
def test_a_class_that_is_missing_from_the_test_set_has_no_recall(tmp_path):
    net = kohort.Variant("net", learning, form="integers", classes=3)
    result = run(easy(3, test_classes=2), net, epochs=3)
    (held,) = result.test()
    assert held.recalls[2] is None
    present = [recall.mean for recall in held.recalls[:2]]
    assert held.balanced_accuracy.mean == pytest.approx(np.mean(present))
    text = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    assert "looks at nothing has 50.0 %" in text


def test_a_class_that_is_missing_from_validation_changes_nothing():
    data = easy(3, in_validation=2)
    parts = kohort.Holdout(0.2, 3, stratify=False).replicates(data, 0)
    assert min((data.y_train[part.valid] == 2).sum() for part in parts) == 0
    net = kohort.Variant("net", learning, form="integers", classes=3)
    result = run(data, net, epochs=3)
    shares = [(data.y_train[part.valid] == 0).mean() for part in parts]
    row = result.table().loc["always class 0"]
    assert row["val_accuracy"] == pytest.approx(np.mean(shares))


def test_regression_is_silent_of_classes(tmp_path):
    def build():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    random = np.random.default_rng(3)
    x = random.normal(size=(200, 4))
    # Whole numbers, such as counts, are no classes where no accuracy scores.
    y = np.rint(random.normal(size=200)) + 9
    data = kohort.Dataset(x[:150], y[:150], x[150:], y[150:])
    result = run(data, kohort.Variant("net", build), kohort.Variant("other", build))
    text = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    assert list(result.table().index)[2:] == ["always the mean of the training targets"]
    assert result.test_text().startswith("by loss, over 50 samples, net scores ")
    told, _, same = result.answer().partition("validation. ")
    assert told.startswith("No variant is shown to beat always answering the mean of the training")
    assert same.startswith("All variants score the same in every replicate: loss ")
    for unsaid in ("always answering class", "Class by class", "(KH204)", "(KH205)"):
        assert unsaid not in text
    assert verdicts(result) == {
        "KH201": "not found",
        "KH203": "inconclusive",
        "KH204": "not applicable",
        "KH206": "not applicable",
        "KH207": "found",
        "KH208": "not found",
    }


@pytest.mark.long
def test_rules_about_the_test_set_read_nothing_and_know_what_was_read(tmp_path):
    result = run(
        rare(),
        kohort.Variant("net", constant, form="binary"),
        kohort.Variant("other", constant, form="binary", lean=2.0),
    )
    assert set(verdicts(result)) == {"KH201", "KH204", "KH206", "KH207", "KH208"}
    assert result.readings() == ()
    result.report(tmp_path / "r.html")
    assert verdicts(result)["KH205"] == "found"
    assert verdicts(result)["KH203"] in ("not found", "inconclusive")
    assert len(result.readings()) == 1


def test_a_kept_reading_is_known_and_not_read_again(tmp_path):
    def once():
        return kohort.Study(
            "kept", [kohort.Variant("net", constant, form="binary")], rare(),
            replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=100,
        ).run(tmp_path / "k.db", verbose=0)  # fmt: skip

    once().test()
    again = once()
    assert verdicts(again)["KH205"] == "found"
    opened = kohort.open(tmp_path / "k.db", "kept", rare())
    assert verdicts(opened)["KH205"] == "found"
    assert opened.record.majority.name == "0"
    assert opened.table().equals(again.table())
    assert len(opened.readings()) == 1
    # What a store keeps and what is exported follows from the record, whoever reads when.
    again.export(tmp_path / "tables")
    assert "KH205" not in (tmp_path / "tables" / "findings.csv").read_text("utf-8")
    with open_store(tmp_path / "k.db") as store:
        assert {f.code for f in store.study("kept").findings() if f.variant is None} == {
            *("KH201", "KH204", "KH206", "KH207", "KH208")
        }


@pytest.mark.long
def test_the_report_shows_the_reference_and_recalls(tmp_path):
    result = run(rare(), kohort.Variant("net", constant, form="binary"))
    text = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    for told in (
        '<tr class="reference"><th scope="row">always class 0</th>',
        "reference, not a variant",
        "The last row is a reference: the answer that it names, made of the training data alone",
        "read once and never to choose, net is right for 98.2 %",
        "it finds none of the 11 of class 1",
        "<h3>Class by class</h3>",
        "net 50.0 %",
        '<th scope="row">1</th><td>11</td><td>0.0 % (0.0 to 25.9)</td>',
        "Class never found (KH205) found: The winner, net, finds none of the 11 of class 1.",
        "nobody has said which samples belong together",
    ):
        assert told in text, told


@pytest.mark.parametrize(
    ("counts", "only_model", "only_constant"),
    [
        ([[90, 0], [10, 0]], 0, 0),
        ([[80, 10], [4, 6]], 6, 10),
        ([[0, 50], [0, 50]], 50, 50),
    ],
)
def test_a_model_is_held_against_the_constant_answer_sample_by_sample(
    counts, only_model, only_constant
):
    cells = np.repeat(np.arange(4), np.ravel(counts))
    truth, classes = cells // 2, cells % 2
    tested = readings.Tested(
        "v", 0, 1, "", "accuracy", ("a", "b"), 0, truth=truth, classes=classes,
        probabilities=np.full(100, 0.9), losses=np.zeros(100),
    )  # fmt: skip
    found = against_majority(score(tested, 0.95), 0.95)
    assert (found.only_b, found.only_a) == (only_model, only_constant)
    assert found.difference.n == 100


def test_findings_need_no_store(tmp_path):
    study = kohort.Study(
        "kept", [kohort.Variant("net", constant, form="binary")], rare(),
        replicates=kohort.Holdout(0.2, 2), epochs=1, batch_size=100,
    )  # fmt: skip
    result = study.run(tmp_path / "k.db", verbose=0)
    for path in tmp_path.glob("k.db*"):
        path.rename(tmp_path / f"moved {path.name}")
    assert verdicts(result) == {
        "KH201": "not found",
        "KH204": "found",
        "KH206": "not applicable",
        "KH207": "not applicable",
        "KH208": "not found",
    }


def test_validation_far_above_test_is_told():
    data = easy(3)
    drifted = kohort.Dataset(data.x_train, data.y_train, data.x_test, (data.y_test + 1) % 3)
    net = kohort.Variant("net", learning, form="integers", classes=3)
    result = run(drifted, net, epochs=20)
    told = result.test_text()
    assert "Validation lies above test by more than chance and choice explain: net is right" in told
    assert verdicts(result)["KH203"] == "found"
    assert "Validation lies above" not in run(data, net, epochs=20).test_text()


def test_a_study_of_groups_knows_their_size():
    data = rare()
    grouped = kohort.Dataset(
        data.x_train, data.y_train, data.x_test, data.y_test, groups=np.arange(500) // 4
    )
    result = run(grouped, kohort.Variant("net", constant, form="binary"))
    assert result.settings.group_size == 4.0
    result.test()
    assert verdicts(result)["KH205"] == "inconclusive"


def test_models_of_numbers_are_compared_with_a_straight_line(tmp_path):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    y = pd.Series(np.random.default_rng(0).normal(size=400).cumsum())
    frame = pd.DataFrame({"last": y.shift(1), "drawn": y.sample(frac=1, random_state=0).values})
    frame = frame.assign(y=y, day=pd.date_range("2020-01-01", periods=400)).dropna()
    data = kohort.Dataset.from_frame(frame, target="y", time="day")
    result = run(data, kohort.Variant("net", build))
    assert list(result.table().index) == ["net", "a straight line of last"]
    assert "a straight line of last, whose loss is " in result.answer()
    assert verdicts(result)["KH207"] == "found"
    text = " ".join(result.report(tmp_path / "r.html").read_text("utf-8").split())
    assert "beat a straight line of last, whose loss is " in text
    assert "made of the training data alone" in text
