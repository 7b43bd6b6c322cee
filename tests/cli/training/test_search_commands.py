"""`kohort search` as a user runs it."""

import json

import numpy as np
import pytest

from tests.cli.in_process import kohort

FILE = """
import keras
import kohort

def build(units, rate):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model

def search(data):
    return kohort.Search("tiny", build, {SPACE}, data, trials=6, epochs=2, batch_size=50)

def tuned(hp):
    return build(hp.Int("units", 4, 8), 0.01)

def study(data):
    return kohort.Study("tiny", kohort.grid(build, units=[2, 4], rate=0.01), data,
                        replicates=kohort.Holdout(0.2, 3), epochs=1)
"""
SPACE = '{"units": [4, 8], "rate": kohort.Range(1e-4, 1e-1, log=True)}'


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(3)
    y = random.integers(0, 3, 240)
    x = random.normal(size=(240, 6)) + 2 * np.eye(3, 6)[y]
    np.savez(
        tmp_path / "data.npz",
        x_train=x[:200].astype("float32"), y_train=y[:200],
        x_test=x[200:].astype("float32"), y_test=y[200:],
    )  # fmt: skip
    (tmp_path / "search.py").write_text(FILE.replace("{SPACE}", SPACE))
    return tmp_path


@pytest.mark.long
def test_a_search_is_run_told_and_kept(folder):
    command = ("search", "search.py", "--data", "data.npz", "--confirm", "2")
    done = kohort(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "The search\ntrial " in done.stdout
    assert "It tried 6 trials (sampler tpe): " in done.stdout
    assert "On its own split the search gave trial " in done.stdout
    assert "The race\n" in done.stdout
    assert (folder / "search-data-report" / "winner.keras").is_file()
    page = (folder / "search-data-report" / "report.html").read_text()
    assert "<pre>kohort search search.py --data data.npz --confirm 2</pre>" in page
    again = kohort(*command, "--json", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "epoch" not in again.stderr, "trained again"
    told = json.loads(again.stdout)
    assert "The search" in told["told"]
    assert told["answer"] in done.stdout
    assert set(told["winner_arguments"]) == {"units", "rate"}
    assert sorted(trial["trial"] for trial in told["trials"]) == list(range(6))
    best = told["trials"][0]
    assert best["finalist"]
    assert best["state"] == "finished"
    assert set(best["arguments"]) == {"units", "rate"}
    listed = kohort("list", cwd=folder).stdout
    assert "tiny (search)" in listed
    shown = kohort("show", "tiny (search)", cwd=folder)
    assert shown.returncode == 0
    assert shown.stdout.startswith("6 trials: ")
    (row,) = [row for row in shown.stdout.splitlines() if row.split()[:1] == [str(best["trial"])]]
    assert f"{best['score']:.4g}" in row
    assert f"rate={best['arguments']['rate']}" in row
    parts = json.loads(kohort("show", "tiny (search)", "--json", cwd=folder).stdout)
    assert parts["trials"] == told["trials"]
    assert parts["search"][0]["metric"] == "accuracy"
    assert kohort("show", "tiny", cwd=folder).returncode == 0
    assert kohort("report", "tiny", cwd=folder).returncode == 0
    for sentence in ("It tried 6 trials (sampler tpe): ", "What the finalists are worth"):
        assert sentence in (folder / "tiny.html").read_text()
    done = kohort("report", "tiny (search)", cwd=folder)
    assert done.returncode == 2
    assert "name the race: 'tiny'" in done.stderr
    assert kohort("export", "tiny (search)", "out", cwd=folder).returncode == 0
    assert (folder / "out" / "members.csv").read_text().count("trial ") == 6


@pytest.mark.long
def test_trials_and_epochs_are_those_of_the_command(folder):
    done = kohort(
        "search", "search.py::search", "--data", "data.npz", "--trials", "4", "--epochs", "1",
        "--confirm", "2", "--out", "here", "--store", "other.db", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "It tried 4 trials" in done.stdout
    assert (folder / "here" / "report.html").is_file()
    assert (folder / "other.db").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["search.py"], "data for 'search' of search.py"),
        (["none.py"], "the path of a Python file"),
        (["search.py::study", "--data", "data.npz"], "a kohort.Search from 'study' of search.py"),
        (["search.py::nobody", "--data", "data.npz"], "nothing of that name"),
        (["search.py::tuned"], "got a build(hp), which builds a model; wrap it: search = kohort.S"),
        (["search.py::tuned", "--data", "data.npz"], "a kohort.Search from 'tuned' of search.py"),
        (["search.py", "--data", "data.npz", "--trials", "1"], "--trials"),
        (["search.py", "--data", "none.npz"], "none.npz"),
    ],
)
def test_bad_input_is_one_line_and_code_2(folder, arguments, told):
    done = kohort("search", *arguments, cwd=folder)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(folder.glob("search*-report"))


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ("{}", "a space with an axis at least"),
        ('{"rate": kohort.Range(1, 0)}', "whose first bound is the lower one"),
        ('{"rate": kohort.Range(0.0, 1.0, log=True)}', "a range above 0 where log=True"),
        ('{"wrong": [1, 2]}', "takes (units, rate), got 'wrong' in the space"),
        ('{"units": [-1, -2], "rate": 0.1}', "a trial of 'tiny' that can be built and trained"),
    ],
)
def test_a_bad_space_is_one_line_and_code_2(folder, space, told):
    (folder / "search.py").write_text(FILE.replace("{SPACE}", space))
    done = kohort("search", "search.py", "--data", "data.npz", cwd=folder)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
