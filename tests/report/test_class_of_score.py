"""A recall of one output is that of class 1: which class that is, is told wherever it scores."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import CountedClass, class_labels, counted_class
from kohort.evidence.record import settings_from_json
from kohort.findings.conclusions import Conclusions
from kohort.keras_api.metrics import metric_kinds
from kohort.report.answers import answer
from kohort.report.class_words import of_the_class
from kohort.report.study_page.opening import headline

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3)).astype("float32")
RARE = RANDOM.permutation(np.arange(300) < 30)
NAMES = np.where(RARE, "event", "none")
OF_SECOND = {
    "recall": keras.metrics.Recall,
    "precision": keras.metrics.Precision,
    "tp": keras.metrics.TruePositives,
    "pr": lambda name: keras.metrics.AUC(curve="PR", name=name),
    "at": lambda name: keras.metrics.PrecisionAtRecall(0.5, name=name),
}
OF_BOTH = {
    "auc": keras.metrics.AUC,
    "accuracy": keras.metrics.BinaryAccuracy,
    "mse": keras.metrics.MeanSquaredError,
}


def net(metrics=("recall",), outputs=1):
    loss = "binary_crossentropy" if outputs == 1 else "categorical_crossentropy"
    end = "sigmoid" if outputs == 1 else "softmax"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(outputs, end)])
    known = OF_SECOND | OF_BOTH
    model.compile("adam", loss, metrics=[known[name](name=name) for name in metrics])
    return model


def study(data, metric="recall", **arguments):
    variants = [kohort.Variant("net", net, metrics=(metric,), **arguments)]
    more = {"replicates": kohort.Holdout(0.2, 3), "epochs": 2, "batch_size": 48}
    return kohort.Study("one", variants, data, metric=metric, **more)


def test_which_metrics_are_those_of_class_1():
    one, two = (net(tuple(OF_SECOND | OF_BOTH), outputs) for outputs in (1, 2))
    one.evaluate(X[:4], RARE[:4, None].astype("float32"), verbose=0)
    two.evaluate(X[:4], np.eye(2, dtype="float32")[RARE[:4].astype(int)], verbose=0)
    assert {kind.name for kind in metric_kinds(one) if kind.is_of_second} == set(OF_SECOND)
    assert not any(kind.is_of_second for kind in metric_kinds(two))


@pytest.mark.parametrize(
    ("targets", "name", "other", "samples"),
    [
        (NAMES, "none", "event", 270),
        (RARE.astype(int), "1", "0", 30),
        (RARE.astype("float32")[:, None], "1", "0", 30),
    ],
    ids=["text", "numbers", "a column"],
)
def test_the_plan_tells_the_class_that_scores(targets, name, other, samples):
    told = (
        f"\n  recall is that of class {name} (label 1), {samples} of the 300 training samples; "
        f"to score by class {other}, give it the label 1\n"
    )
    assert told in str(study(kohort.Dataset(X, targets)).plan())


@pytest.mark.parametrize("metric", ["auc", "accuracy"])
def test_a_metric_of_both_classes_is_of_none(metric):
    assert "label 1" not in str(study(kohort.Dataset(X, NAMES), metric).plan())


def test_a_class_is_counted_of_two_numbered_ones_alone():
    three = kohort.Dataset(X, np.arange(300) % 3)
    assert counted_class(class_labels(three)) is None
    assert counted_class(class_labels(kohort.Dataset(X, np.eye(2)[RARE.astype(int)]))) is None
    assert counted_class(None) is None


def test_names_in_the_order_of_labels_make_the_rare_class_score():
    data = kohort.Dataset(X, NAMES, class_names=["none", "event"])
    plan = str(study(data).plan())
    assert "recall is that of class event (label 1), 30 of the 300 training samples" in plan


COMMON = int((~RARE[:240]).sum())
WARNED = (
    f"Recall is that of class none (label 1), {COMMON} of the 240 training samples: the more "
    "common class. To score by class event, give it the label 1."
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A study by the recall of the common class, opened from its store without data."""
    path = tmp_path_factory.mktemp("kept") / "k.db"
    data = kohort.Dataset(X[:240], NAMES[:240], X[240:], NAMES[240:])
    told = study(data).run(path, verbose=0).answer()
    opened = kohort.open(path, "one")
    assert opened.answer() == told
    return opened


def test_the_answer_and_the_settings_tell_the_class_that_scores(kept):
    assert kept.answer().startswith("net scores on validation data: recall (of class none) ")
    assert kept.answer().endswith(WARNED)
    assert headline(kept.conclusions).endswith(WARNED)
    told = f"recall is that of class none (label 1), {COMMON} of the 240 training samples; to score"
    assert dict(kept.record.settings.facts())["class that the score is of"].startswith(told)


def test_the_rare_class_is_told_without_a_warning(kept):
    counted = CountedClass("event", "none", 30, 270)
    settings = replace(kept.record.settings, counted=counted)
    told = answer(Conclusions(replace(kept.record, settings=settings)))
    assert told.startswith("net scores on validation data: recall (of class event) ")
    assert "label 1" not in told


@pytest.mark.parametrize(
    ("metric", "weights", "told"),
    [
        ("recall", False, "Always answering class event has a recall of 100 %."),
        ("recall_2", True, "Always answering class event has a recall of 100 %."),
        (
            "precision", False,
            "Always answering class event has a precision of 11.1 % on the training samples.",
        ),
        ("precision", True, ""),
        ("precision_at_recall", False, ""),
        ("f1_score", False, ""),
    ],
)  # fmt: skip
def test_what_always_answering_the_class_has_is_told(kept, metric, weights, told):
    settings = replace(
        kept.record.settings,
        counted=CountedClass("event", "none", 30, 270),
        metric=metric,
        has_sample_weights=weights,
    )
    assert of_the_class(settings) == told
    assert "Always answering class none has a recall of 100 %. Recall is" in kept.answer()
    assert of_the_class(replace(settings, counted=None)) == ""


@pytest.mark.long
def test_the_report_opens_with_the_class_that_scores(kept, tmp_path):
    page = " ".join(kept.report(tmp_path / "r.html").read_text("utf-8").split())
    assert page.index(WARNED) < page.index("How training went")
    assert "validation recall (of class none)" in page


def test_settings_that_were_kept_before_have_no_such_class():
    result_settings = {
        "samples": [1, 1], "shares": {}, "started": "2026-01-01", "finished": "2026-01-01",
        "study": "s", "replicates": "", "kind": "splits", "epochs": {}, "batch_size": 1, "seed": 0,
        "confidence": 0.95, "metric": "recall", "higher_is_better": True, "is_proportion": True,
        "margin": None, "engine": "fused", "side_by_side": {}, "environment": {},
    }  # fmt: skip
    assert settings_from_json(result_settings).counted is None


def test_the_page_on_data_gives_the_rare_class_label_1(capsys):
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    part = page.partition("\n### Label 1\n")[2]
    code, shown = (part.split(f"```{kind}\n")[1].split("```")[0] for kind in ("python", "text"))
    made = {}
    exec(code, made)
    assert capsys.readouterr().out == shown
    for name in ("data", "turned"):
        counted = counted_class(class_labels(made[name]))
        assert (counted.name, counted.is_common) == ("event", False)
    assert counted_class(class_labels(made["read"])).is_common


@pytest.mark.parametrize(("samples", "is_common"), [(199, False), (200, True)])
def test_a_class_twice_as_common_as_the_other_is_warned_of(samples, is_common):
    assert CountedClass("none", "event", samples, 300).is_common is is_common
