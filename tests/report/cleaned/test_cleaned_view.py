"""A study on raw and on clean data, in pairs, from the files to the report."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import kohort
from kohort.data.cleaning.applying import cleaned
from kohort.errors import DesignError
from tests.data.cleaning.test_decisions import decision

WRONG = np.arange(0, 240, 5)


@pytest.fixture(scope="module")
def raw():
    """Three clouds; a fifth of the labels of training samples is wrong."""
    random = np.random.default_rng(5)
    y = np.arange(300) % 3
    x = random.normal(size=(300, 4)) + 4 * np.eye(3, 4)[y]
    y[WRONG] = (y[WRONG] + 1) % 3
    return kohort.Dataset(x[:240], y[:240], x[240:], y[240:], class_names="abc", name="clouds")


@pytest.fixture(scope="module")
def clean(raw):
    names = raw.class_names
    right = [names[(raw.y_train[row] - 1) % 3] for row in WRONG]
    decisions = [
        decision(raw, int(row), *(("leave out",) if row % 2 else ("relabel", label)))
        for row, label in zip(WRONG, right, strict=True)
    ]
    return cleaned(raw, decisions)


def build(units, rate=0.03):
    layers = [keras.layers.Dense(units, "tanh")] * bool(units)
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "softmax")])
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def study_of(data, name="clouds"):
    variants = [
        kohort.Variant("slow", build, units=4, rate=1e-4), kohort.Variant("4", build, units=4),
    ]  # fmt: skip
    replicates = kohort.Holdout(0.25, repeats=4)
    return kohort.Study(name, variants, data, replicates=replicates, epochs=4, batch_size=30)


@pytest.fixture(scope="module")
def results(raw, clean):
    return study_of(raw).run(verbose=0), study_of(clean).run(verbose=0)


def test_both_have_the_same_splits(results, raw, clean):
    for one, other in zip(*(dict(r.members).values() for r in results), strict=True):
        rows = clean.raw.rows
        assert one.replicate.seed == other.replicate.seed
        assert set(rows[other.replicate.valid]) <= set(one.replicate.valid)
        assert set(rows[other.replicate.train]) <= set(one.replicate.train)


def test_the_table_and_the_sentences_tell_whether_a_verdict_turns(results):
    on_raw, on_clean = results
    table = on_clean.turns(on_raw)
    assert table[["variant", "against", "outcome"]].to_numpy().tolist() == [
        ["4", "slow", "the same"]
    ]
    first, second, *_, last = on_clean.turns_text(on_raw)
    assert first.startswith("No verdict turns where the data are cleaned: of 1 comparison 1 is dec")
    assert second == "4 is the winner on both."
    train, valid = on_clean.settings.samples
    assert train + valid < 216
    assert f"{train} of 180 samples train, and {valid} of 60 validate" in last


@pytest.mark.long
def test_the_report_says_it(results, tmp_path):
    on_raw, on_clean = results
    html = on_clean.report(tmp_path / "clean.html", raw=on_raw).read_text("utf-8")
    assert html.count("No verdict turns where the data are cleaned: of 1 comparison") == 2
    assert '<h2 id="turns">Raw and clean data</h2>' in html
    assert on_clean.turns(on_raw)["change"].iloc[0] in html
    assert "Raw and clean data" not in on_clean.report(tmp_path / "alone.html").read_text("utf-8")


@pytest.mark.long
def test_results_from_a_store_are_compared_too(raw, clean, results, tmp_path):
    store = tmp_path / "kohort.db"
    study_of(raw).run(store, verbose=0)
    study_of(clean, "cleaned").run(store, verbose=0)
    opened = kohort.open(store, "cleaned", clean)
    assert opened.turns_text(kohort.open(store, "clouds", raw)) == results[1].turns_text(results[0])
    rows = clean.raw.rows
    for place, member in opened.members.items():
        valid = results[1].members[place].replicate.valid
        np.testing.assert_array_equal(member.replicate.valid, valid)
        assert set(rows[valid]) <= set(results[0].members[place].replicate.valid)


def test_other_data_are_refused(results, raw):
    on_raw, on_clean = results
    for one, other in ((on_raw, on_clean), (on_raw, on_raw), (on_clean, on_clean)):
        with pytest.raises(DesignError, match="data clean made of the data of 'clouds'"):
            one.turns(other)


def with_settings(result, **changed):
    record = replace(result.record, settings=replace(result.record.settings, **changed))
    return kohort.Result(record, result.variants, result.data, result.members)


OTHERS = {
    "epochs": (
        {"epochs": {"slow": 4, "4": 9}},
        r"epochs \{'slow': 4, '4': 9\} on the raw data, and",
    ),
    "replicates": ({"replicates": "KFold(5)"}, "replicates KFold"),
    "seed": ({"seed": 3}, "seed 3 on the raw data, and 0 on the clean ones"),
    "metric": ({"metric": "auc"}, "metric auc on the raw data"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_study_is_refused(case, results):
    changed, told = OTHERS[case]
    with pytest.raises(DesignError, match=told):
        results[1].turns_text(with_settings(results[0], **changed))


def test_a_race_is_refused(results):
    on_raw, on_clean = (with_settings(result, looks=(2, 4)) for result in results)
    with pytest.raises(DesignError, match="a race, which compares them on other replicates"):
        on_clean.turns(on_raw)
