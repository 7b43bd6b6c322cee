"""A table's column of weights: no input, checked, and the `sample_weight` of a study."""

import numpy as np
import pandas as pd
import pytest

import kohort as library
from tests.cli.in_process import kohort

STUDY = """
import keras, kohort

def build(inputs, rate=0.1):
    model = keras.Sequential([keras.Input(inputs), keras.layers.Dense(2, "softmax")])
    adam = keras.optimizers.Adam(rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def study(data, **options):
    variant = kohort.Variant("softmax", build, inputs=data.input_shape)
    return kohort.Study("weighted", [variant], data, replicates=kohort.Holdout(0.2, repeats=2),
                        epochs=2, batch_size=16, **options)

def balanced(data):
    return study(data, class_weight="balanced")

def search(data):
    space = {"inputs": data.input_shape, "rate": [0.05, 0.1, 0.2]}
    return kohort.Search("weighed", build, space, data, trials=2, epochs=1, batch_size=16)
"""
OPTIONS = ("--data", "rows.csv", "--target", "y", "--test", "0.2", "--sample-weight", "w")


def table():
    random = np.random.default_rng(3)
    y = random.integers(0, 2, 100)
    columns = {"a": y + random.normal(size=100), "b": random.normal(size=100)}
    return pd.DataFrame(columns | {"w": random.integers(0, 5, 100) / 2, "y": y})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weighted")
    (folder / "study.py").write_text(STUDY)
    table().to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    return kohort("run", "study.py", *OPTIONS, cwd=folder)


def by_hand(folder):
    """The same study of the table without the column, which is given as `sample_weight`."""
    scope: dict[str, object] = {}
    exec(STUDY, scope)
    plain = library.Dataset.from_frame(table().drop(columns="w"), target="y", test=0.2)
    weights = table()["w"].to_numpy()[plain.source_rows[: len(plain.x_train)]]
    return scope["study"](plain, sample_weight=weights).run(verbose=0)


def test_it_is_the_sample_weight_of_the_study_and_no_input(folder, ran):
    assert ran.returncode == 0, ran.stderr
    assert "w weighs the rows in the loss, from 0 to 2, and is no input" in ran.stderr.splitlines()
    data = library.load(folder / "rows.csv", target="y", test=0.2, sample_weight="w")
    assert data.feature_names == ("a", "b")
    kept = library.open(folder / "kohort.db", "weighted", data)
    same = by_hand(folder)
    assert kept.best().fingerprint == same.best().fingerprint
    assert kept.settings.has_sample_weights
    assert kept.curves().equals(same.curves())
    report = (folder / "study-rows-report" / "report.html").read_text("utf-8")
    assert "--test 0.2 --sample-weight w" in report


def test_other_commands_take_it_too(folder, ran):
    planned = kohort("plan", "study.py", *OPTIONS, cwd=folder)
    assert "sample weights, in training and in what losses measure" in planned.stdout
    again = kohort("report", "weighted", *OPTIONS, "--out", "again.html", cwd=folder)
    assert again.returncode == 0, again.stderr
    info = kohort("data", "info", "rows.csv", *OPTIONS[2:], cwd=folder)
    assert "2 columns of inputs: a, b" in info.stdout + info.stderr


@pytest.mark.long
def test_a_search_weighs_by_it(folder):
    done = kohort("search", "study.py", *OPTIONS, "--confirm", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert library.open(folder / "kohort.db", "weighed").settings.has_sample_weights


def test_clean_data_keep_them_in_their_file(folder):
    table().iloc[[*range(100), *range(10)]].to_csv(folder / "copies.csv", index=False)
    done = kohort("data", "clean", "copies.csv", *OPTIONS[2:], "--out", "kept.h5", cwd=folder)
    assert "left out in all: 10" in done.stdout, done.stderr
    raw = library.load(folder / "copies.csv", target="y", test=0.2, sample_weight="w")
    clean = library.load(folder / "kept.h5")
    assert len(clean.x_train) < len(raw.x_train)
    assert clean.sample_weight.tolist() == raw.sample_weight[clean.raw.rows].tolist()
    planned = kohort("plan", "study.py", "--data", "kept.h5", cwd=folder)
    assert "sample weights, in training and in what losses measure" in planned.stdout

    # The same table without the column is the same data, which a study weighs otherwise.
    frame = pd.read_csv(folder / "copies.csv").drop(columns="w")
    frame.to_csv(folder / "plain.csv", index=False)
    plain = ("--data", "plain.csv", "--target", "y", "--test", "0.2")
    refused = kohort("run", "study.py", *plain, "--clean", "kept.h5", cwd=folder)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "got other weights in kept.h5; read both with the same options" in refused.stderr


@pytest.mark.long
def test_clean_data_have_the_weights_of_the_raw_ones(folder):
    cleaned = kohort("data", "clean", "rows.csv", *OPTIONS[2:], "--out", "clean.h5", cwd=folder)
    assert cleaned.returncode == 0, cleaned.stderr
    store = ("--store", "clean.db", "--out", "clean")
    done = kohort("run", "study.py", *OPTIONS, "--clean", "clean.h5", *store, cwd=folder)
    assert done.returncode == 0, done.stderr
    on_clean = library.open(folder / "clean.db", "weighted, clean data")
    assert on_clean.settings.has_sample_weights


def negative(frame):
    frame.loc[7, "w"] = -0.5


def empty(frame):
    frame.loc[7, "w"] = np.nan


def zero(frame):
    frame["w"] = 0


def text(frame):
    frame["w"] = frame["w"].astype(str)
    frame.loc[7, "w"] = "heavy"


def absent(frame):
    del frame["w"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (negative, "weights of 0 or more, and finite, in --sample-weight w, got -0.5 in row 7"),
        (empty, "a weight in each row of --sample-weight w, got 1 without one, such as row 7"),
        (zero, "a weight above 0 in --sample-weight w, got 0 for all"),
        (text, "numbers in --sample-weight w, got 'heavy' in row 7 (from 0)"),
        (absent, "--sample-weight one of the columns a, b, y, got 'w'; name another column"),
    ],
    ids=["negative", "empty", "zero", "text", "absent"],
)
def test_columns_that_are_no_weights_are_refused_in_a_line(folder, change, told):
    frame = table()
    change(frame)
    frame.to_csv(folder / "bad.csv", index=False)
    done = kohort("run", "study.py", "--data", "bad.csv", *OPTIONS[2:], cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("study.py", "--sample-weight", "w"), "--data beside --sample-weight, got none"),
        (("study.py", "--data", "letters", "--sample-weight", "w"), "no --sample-weight for the"),
        (("study.py", *OPTIONS[:-1], "y"), "--sample-weight one of the columns a, b, w, y, got"),
        (("study.py::balanced", *OPTIONS), "both sample_weight and class_weight"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_line(folder, arguments, told):
    done = kohort("run", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr.strip().splitlines()[-1]


def test_weights_of_a_dataset_are_those_of_a_study_that_is_given_none():
    x, y = np.zeros((30, 2), np.float32), np.arange(30) % 2
    data = library.Dataset(x, y, sample_weight=np.arange(30))
    assert data.sample_weight.dtype == np.float32
    scope: dict[str, object] = {}
    exec(STUDY, scope)
    study = scope["study"]
    assert study(data).spec.sample_weights.tolist() == list(range(30))
    assert study(data, sample_weight=np.ones(30)).spec.sample_weights.tolist() == [1] * 30
    for bad, told in ((np.ones(3), "a number for each of the 30"), (-np.ones(30), "0 or more")):
        with pytest.raises(library.DataError, match=told):
            library.Dataset(x, y, sample_weight=bad)
