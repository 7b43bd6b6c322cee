"""Studies that are opened from a store: the results that their runs gave."""

from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

import kohort
from kohort.evidence.record import from_json, to_json
from kohort.evidence.store import open_store
from kohort.report import store_tables
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_conclusions, of_stored
from kohort.runs.training import Training
from tests.models import build_mlp


@pytest.fixture(scope="module")
def study(blobs):
    return kohort.Study(
        "kept",
        [
            kohort.Variant("plain", build_mlp),
            kohort.Variant("l2", build_mlp, l2=0.01),
            kohort.Variant("wide", build_mlp, units=(16,)),
        ],
        blobs,
        replicates=kohort.Holdout(0.2, 3),
        epochs={"plain": 8, "l2": 8, "wide": 6},
        batch_size=50,
        sizes={"plain": [0.5]},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "kohort.db"


@pytest.fixture(scope="module")
def result(study, place):
    return study.run(place, verbose=0)


def same(one, other):
    assert one.table().equals(other.table())
    assert one.curves().equals(other.curves())
    assert [f.sentence for f in one.findings()] == [f.sentence for f in other.findings()]
    assert one.answer() == other.answer()
    assert one.additions() == other.additions()
    assert one.additions()
    assert one.settings == other.settings
    assert [s.sentence for s in one.next_steps()] == [s.sentence for s in other.next_steps()]
    assert set(one.learning_curves()) == set(other.learning_curves()) == {"plain"}


def test_an_opened_study_says_what_its_run_said(result, place):
    opened = kohort.open(place, "kept")
    same(opened, result)
    assert repr(opened.compare("plain", "wide")) == repr(result.compare("plain", "wide"))


@pytest.mark.long
def test_with_its_data_it_has_models_and_a_report(result, place, blobs, tmp_path):
    opened = kohort.open(place, "kept", blobs)
    same(opened, result)
    x = blobs.inputs(blobs.x_test)
    one, other = (study.best().model().predict(x, verbose=0) for study in (opened, result))
    np.testing.assert_array_equal(one, other)
    assert opened.best().model().optimizer.name == "adam"
    assert opened.best().replicate.train.tolist() == result.best().replicate.train.tolist()
    saved = keras.saving.load_model(opened.best().save(tmp_path / "winner.keras"))
    np.testing.assert_allclose(saved.predict(x, verbose=0), one, rtol=1e-5)
    assert [t.accuracy.mean for t in opened.test()] == [t.accuracy.mean for t in result.test()]
    assert "does best" in opened.report(tmp_path / "report.html").read_text("utf-8")


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("to", [None, "tensorboard"])
def test_an_opened_study_exports_what_its_run_exports(result, place, tmp_path, to):
    result.export(tmp_path / "run", to)
    kohort.open(place, "kept").export(str(tmp_path / "opened"), to)
    assert files(tmp_path / "run") == files(tmp_path / "opened")
    assert len(files(tmp_path / "run")) == (4 if to is None else 3 * (9 + 3))


def test_a_result_exports_what_its_store_does(result, place, tmp_path):
    result.export(tmp_path / "result")
    with open_store(place) as store:
        export(of_stored(store.study("kept")), tmp_path / "store")
    one, other = (
        {
            name: pd.read_csv(tmp_path / of / f"{name}.csv")
            for name in ("curves", "members", "findings", "recalls")
        }
        for of in ("result", "store")
    )
    for name, table in one.items():
        keys = [c for c in table if c not in ("value", "seconds", "evidence", "epochs")]
        pd.testing.assert_frame_equal(
            table.sort_values(keys, ignore_index=True),
            other[name].sort_values(keys, ignore_index=True),
        )
    curves = one["curves"]
    told = curves[curves["share"] == 1].drop(columns="share")
    wanted = result.curves().astype({"variant": str, "metric": str})
    keys = ["variant", "replicate", "epoch", "metric"]
    pd.testing.assert_frame_equal(
        told.sort_values(keys, ignore_index=True), wanted.sort_values(keys, ignore_index=True)
    )
    assert set(curves["share"]) == {0.5, 1.0}


def test_an_opened_study_knows_its_parameters(result, place):
    with open_store(place) as store:
        kept = of_stored(store.study("kept"))
    opened = kohort.open(place, "kept")
    for other in (result, opened):
        exported = of_conclusions(other.conclusions)
        assert exported.parameters("wide") == kept.parameters("wide")
    assert kept.parameters("l2") == {
        "l2": 0.01,
        "units": "(8,)",  # by default
        "study.replicates": repr(kohort.Holdout(0.2, 3, stratify=False)),  # as was decided
        "study.batch_size": 50,
        "study.seed": 0,
        "study.engine": "fused",
        "study.epochs": 8,
    }


def test_what_needs_data_asks_for_them(result, place, blobs):
    opened = kohort.open(place, "kept")
    for needs in (opened.best, opened.refit, lambda: opened.test("wide")):
        with pytest.raises(kohort.DesignError, match="open it with them"):
            needs()
    other = kohort.Dataset(blobs.x_train + 1, blobs.y_train, blobs.x_test, blobs.y_test)
    with pytest.raises(kohort.StoreError, match="give those that it was run with"):
        kohort.open(place, "kept", other)


@pytest.mark.long
def test_a_report_without_the_data_tells_of_the_test_set_what_was_read(
    result, place, blobs, tmp_path
):
    tested = kohort.open(place, "kept", blobs).test_text()
    opened = kohort.open(place, "kept")
    assert opened.test_text() == tested
    text = opened.report(tmp_path / "without.html").read_text("utf-8")
    assert str(escape(opened.answer())) in text
    for told in ("The variants", "Curves", "Findings", "Comparisons", "How it was run"):
        assert told in text
    assert "<dt>data</dt><dd>not given to this report" in text
    assert "<dt>test set read</dt><dd>once, on " in text
    assert f"On the test set, read once and never to choose, {tested}" in text
    assert "gets wrong" in text
    assert "ms for 1,000 rows" not in text
    for untold in ("<dt>model to ship</dt>", "None", "SHA-256"):
        assert untold not in text


@pytest.mark.long
def test_what_is_not_there_or_not_finished_is_refused(study, result, place, tmp_path):
    with pytest.raises(kohort.StoreError, match="no file"):
        kohort.open(tmp_path / "none.db", "kept")
    assert not list(tmp_path.iterdir())
    with pytest.raises(kohort.StoreError, match="'kept'"):
        kohort.open(place, "kapt")

    def end(_variant, _replicate):
        raise KeyboardInterrupt

    broken = kohort.Study(
        "broken",
        study.variants,
        study.data,
        replicates=study.spec.replicates,
        epochs=1,
        callbacks=end,
    )
    with pytest.raises(KeyboardInterrupt):
        broken.run(place, verbose=0)
    with pytest.raises(
        kohort.StoreError, match="'broken', of which 0 of 9 members have finished; run it again"
    ):
        kohort.open(place, "broken")


@keras.saving.register_keras_serializable("test")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def build_own(registered):
    layer = Doubled() if registered else type("Unknown", (Doubled,), {})()
    model = keras.Sequential([keras.Input((5,)), layer, keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.long
@pytest.mark.parametrize("registered", [True, False])
def test_models_of_ones_own_code_need_it_registered(blobs, tmp_path, registered):
    study = kohort.Study(
        "own", [kohort.Variant("own", build_own, registered=registered)], blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50,
    )  # fmt: skip
    result = study.run(tmp_path / "kohort.db", verbose=0)
    opened = kohort.open(tmp_path / "kohort.db", "own", blobs)
    if not registered:
        with pytest.raises(kohort.KohortError, match="register_keras_serializable"):
            opened.best().model()
        return
    x = blobs.inputs(blobs.x_test)
    np.testing.assert_array_equal(
        opened.best().model().predict(x, verbose=0), result.best().model().predict(x, verbose=0)
    )


def test_a_record_from_before_classes_were_counted_is_read(result):
    stored = to_json(result.record)
    del stored["majority"], stored["settings"]["group_size"]
    arguments = {variant.name: variant.arguments for variant in result.record.variants}
    record = from_json(stored, arguments, result.record.curves, result.record.seconds)
    assert record.majority is None
    assert record.settings == result.record.settings
    again = from_json(to_json(result.record), arguments, record.curves, record.seconds)
    assert again.majority.valid.tolist() == result.record.majority.valid.tolist()


@pytest.mark.long
def test_effects_follow_from_the_store_alone(result, tmp_path, blobs):
    variants = kohort.grid(build_mlp, learning_rate=[0.01, 0.03], dropout=[0.0, 0.5])
    variants.append(kohort.Variant("without", build_mlp, learning_rate=0.1))
    study = kohort.Study(
        "axes", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=2, batch_size=50
    )
    found = study.run(tmp_path / "kohort.db", verbose=0)
    opened = kohort.open(tmp_path / "kohort.db", "axes")
    effects = opened.effects()
    pd.testing.assert_frame_equal(effects, found.effects())
    # What is not given has the default of the function, as the first level of `dropout`.
    levels = effects[effects["kind"] == "level"]
    assert levels[["axis", "level", "reference", "contexts"]].to_numpy().tolist() == [
        ["learning_rate", "0.03", "0.01", 2],
        ["learning_rate", "0.1", "0.01", 1],
        ["dropout", "0.5", "0.0", 2],
    ]
    table = opened.table()
    pd.testing.assert_frame_equal(table, found.table())
    assert table["dropout"]["without"] == 0.0
    assert table["learning_rate"]["learning_rate=0.03, dropout=0.5"] == 0.03
    assert np.isnan(table["learning_rate"].iloc[-1])  # the majority class
    assert opened.effects_text() == found.effects_text() != []
    assert "What each axis does" in opened.report(tmp_path / "report.html").read_text("utf-8")


def test_a_record_from_before_build_functions_were_kept_is_read(result):
    stored = to_json(result.record)
    del stored["builds"], stored["defaults"]
    arguments = {variant.name: variant.arguments for variant in result.record.variants}
    record = from_json(stored, arguments, result.record.curves, result.record.seconds)
    old = kohort.Result(record, result.variants, None, {})
    assert old.answer() == result.answer()
    assert old.effects_text() == []
    with pytest.raises(kohort.DesignError, match="run it again with the same store"):
        old.effects()


@pytest.mark.long
def test_the_cheapest_that_is_as_good_as_the_winner_is_smaller(blobs):
    variants = kohort.grid(build_mlp, units=[(1,), (16,)])
    study = kohort.Study(
        *("cheap", variants, blobs),
        replicates=kohort.Holdout(0.2, 4), epochs=3, batch_size=50, margin=0.95,
    )  # fmt: skip
    result = study.run(verbose=0)
    assert result.winner == result.best().variant.name == "units=(16,)"
    assert result.best(cheapest=True).variant.name == "units=(1,)"
    assert "units=(1,) is as good within 95 points and " in result.answer()


@pytest.mark.long
def test_a_study_that_grows_says_that_its_findings_are_those_of_before(blobs, tmp_path):
    place = tmp_path / "kohort.db"

    def grown(repeats):
        return kohort.Study(
            "grows", [kohort.Variant("net", build_mlp)], blobs, epochs=2, batch_size=100,
            replicates=kohort.Holdout(0.2, repeats),
        ).run(place, verbose=0)  # fmt: skip

    def pending():
        with open_store(place) as store:
            return store_tables.pending(store, store.study("grows"))

    grown(2)
    assert pending() == ""

    with (
        mock.patch.object(Training, "train", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        grown(4)
    assert pending().startswith("More was asked of it than it has trained: the findings are those")
    with pytest.raises(kohort.StoreError, match="of which 2 of 4 members have finished"):
        kohort.open(place, "grows")
    grown(4)
    assert pending() == ""
