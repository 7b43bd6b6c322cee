"""Models with inputs by name, from a table to its report and to `kohort predict`."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.cli.study_files import adjusted
from kohort.design.training_part import TrainingPart
from tests.cli.in_process import kohort as kohort_command
from tests.marks import long

random = np.random.default_rng(0)
PETS = pd.DataFrame(
    {
        "kg": random.normal(10, 4, 150),
        "fur": random.choice(["long", "short", "curly"], 150),
        "zeal": random.normal(size=150),
    }
)
PETS["species"] = np.where(PETS.kg + 4 * (PETS.fur == "short") > 11, "dog", "cat")
PETS.loc[::7, "kg"] = np.nan
PETS.loc[::11, "fur"] = None


@pytest.fixture(scope="module")
def data():
    return kohort.Dataset.from_frame(PETS, target="species", name="pets").by_name()


def build(data, form="list", scaled="part", names=("kg", "kg is missing", "fur", "zeal")):
    kinds = {"fur": "int32"}
    taken = {name: keras.Input((1,), name=name, dtype=kinds.get(name)) for name in names}
    known = data.vocabularies["fur"]
    layers = [keras.layers.CategoryEncoding(len(known), output_mode="one_hot")(taken["fur"])]
    for name in ("kg", "zeal"):
        scaling = keras.layers.Normalization(name=f"scaled_{name}")
        whole = data.dataset
        scaling.adapt(data.x[name] if scaled == "part" else whole.inputs(whole.x_train)[name])
        layers += [scaling(taken[name])]
    outputs = keras.layers.Dense(2, "softmax")(keras.layers.concatenate(layers))
    model = keras.Model(list(taken.values()) if form == "list" else taken, outputs)
    optimizer = keras.optimizers.Adam(0.05)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study_of(data, variants):
    splits = kohort.Holdout(0.25, repeats=2)
    return kohort.Study("pets", variants, data, replicates=splits, epochs=3, batch_size=30)


@pytest.fixture(scope="module")
def study(data):
    return study_of(data, kohort.grid(build, form=["list", "dict"]))


@pytest.fixture(scope="module")
def result(study):
    return study.run(verbose=0)


def by_pandas(frame):
    """The inputs of rows, without kohort."""
    codes = frame["fur"].map({"curly": 1, "long": 2, "short": 3}).fillna(0)
    columns = {
        "kg": frame["kg"].fillna(0),
        "kg is missing": frame["kg"].isna(),
        "fur": codes,
        "zeal": frame["zeal"],
    }
    return {name: np.asarray(column, np.float32)[:, None] for name, column in columns.items()}


@pytest.mark.long
def test_both_forms_are_one_program(study):
    assert len(study.plan().cohorts) == 1
    assert len(study.plan().every_member) == 4


@pytest.mark.long
def test_curves_are_what_keras_measures_with_the_weights_that_are_kept(data, study, result):
    best = result.best()
    rows = PETS.iloc[data.source_rows[best.replicate.valid]]
    loss, accuracy = best.model().evaluate(by_pandas(rows), data.y_train[best.replicate.valid])
    curves = result.curves().query(
        "variant == @best.variant.name and replicate == @best.replicate.number "
        "and epoch == @best.epoch"
    )
    measured = curves.set_index("metric")["value"]
    assert measured["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert measured["val_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    fused = result.curves().query("metric == 'val_loss'")
    alone = study.run(verbose=0, engine="keras").curves().query("metric == 'val_loss'")
    np.testing.assert_allclose(fused["value"], alone["value"], rtol=1e-4)


@pytest.mark.parametrize("which", ["best", *long("refit", "ensemble")])
def test_what_is_saved_takes_rows_as_they_were(result, tmp_path, which):
    rows = PETS.drop(columns="species").head(9).assign(fur=["wavy", *PETS["fur"][1:9]])
    rows.to_csv(tmp_path / "new.csv", index=False)
    model = getattr(result, which)()
    model.save(tmp_path / "model.keras")
    done = kohort_command("predict", "model.keras", "new.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no training row had, and so none of those known: fur=wavy" in done.stderr
    scores = model.deployable().predict(by_pandas(rows), verbose=0)
    told = [answer["class"] for answer in json.loads(done.stdout)]
    assert told == ["cat" if row[0] > row[1] else "dog" for row in scores]


@pytest.mark.long
def test_the_report_tells_the_names_and_an_ensemble_is_tested(result, tmp_path):
    page = result.report(tmp_path / "report.html").read_text("utf-8")
    assert "models take 4 inputs by name: kg, kg is missing, fur, zeal" in page
    assert len(result.ensemble().test().table()) == 2


@pytest.mark.long
def test_what_a_layer_learned_from_is_found_by_name(data):
    variants = kohort.grid(build, form=["list", "dict"], scaled=["part", "all"])
    findings = study_of(data, variants).run(verbose=0).findings()
    (found,) = (finding for finding in findings if finding.code == "KH206")
    assert found.verdict == "found"
    assert found.sentence.count("scaled='all'") == 2
    assert "scaled='part'" not in found.sentence.partition("learned from all")[0]


def test_a_dictionary_of_some_inputs_is_refused_as_keras_would_mix_them_up(data):
    some = ("fur", "kg", "zeal")
    told = r"all inputs \(kg, kg is missing, fur, zeal\) in its dictionary, got fur, kg, zeal; give"
    with pytest.raises(kohort.errors.DesignError, match=told):
        study_of(data, [kohort.Variant("some", build, form="dict", names=some)]).plan()
    assert study_of(data, [kohort.Variant("some", build, names=some)]).plan().cohorts


def test_a_model_of_one_matrix_is_told_to_take_inputs_by_name(data):
    def rows():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(kohort.errors.DesignError, match=r"keras.Input\(\(1,\), name=NAME\)"):
        study_of(data, [kohort.Variant("rows", rows)]).plan()


def test_other_data_of_a_study_by_name_come_by_name(study, data):
    plain = kohort.Dataset.from_frame(PETS, target="species", name="pets")
    assert adjusted(study, data=plain).data.fingerprint == data.fingerprint


def test_fit_takes_inputs_by_name(data):
    model = build(TrainingPart(data, np.arange(100)))
    history = kohort.fit(model, data.inputs(data.x_train), data.y_train, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.long
def test_a_search_takes_inputs_by_name(data):
    space = {"form": ["list", "dict"], "scaled": ["part"]}
    splits = kohort.Holdout(0.25, repeats=2)
    search = kohort.Search(
        "pets", build, space, data, trials=2, epochs=3, batch_size=30, replicates=splits
    )
    best = search.run(verbose=0, confirm=2).best().model()
    assert {part.name for part in best.inputs} == set(data.feature_names)
