"""`kohort run --clean`: one study on raw and on clean data."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from tests.cli.in_process import kohort
from tests.doors.refusals import held

STUDY = """
import keras, kohort

def build(units):
    layers = [keras.layers.Dense(units, "tanh")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def study(data):
    replicates = kohort.Holdout(0.25, repeats=3)
    variants = kohort.grid(build, units=[1, 8])
    return kohort.Study("clouds", variants, data, replicates=replicates, epochs=1, batch_size=30)
"""


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(5)
    y = np.arange(200) % 3
    x = random.normal(size=(200, 4)) + 4 * np.eye(3, 4)[y]
    x[150:160], y[150:160] = x[:10], y[:10]
    np.savez(tmp_path / "raw.npz", x_train=x[:150], y_train=y[:150], x_test=x[150:], y_test=y[150:])
    np.savez(tmp_path / "other.npz", x_train=x, y_train=y)
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["trainData"] = file["testData"] = np.column_stack([x, y])
    (tmp_path / "t.csv").write_text("a,ill\n1,yes\n2,no\n")
    (tmp_path / "study.py").write_text(STUDY)
    done = kohort("data", "clean", "raw.npz", "--out", "clean.h5", cwd=tmp_path)
    assert "kept: 190 (train: 150 of 150, test: 40 of 50)" in done.stdout
    return tmp_path


@pytest.mark.long
def test_both_run_and_the_outcome_and_the_report_say_whether_a_verdict_turns(folder):
    command = ("run", "study.py", "--data", "raw.npz", "--clean", "clean.h5")
    (folder / "kohort.db").touch()  # It becomes the store.
    done = kohort(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    read = [line for line in done.stderr.splitlines() if not line.startswith("cohort ")]
    assert read == [
        "raw: read 200 samples, 50 of them to test",
        "clean, cleaned from raw: read 190 samples, 40 of them to test",
    ]  # fmt: skip
    told = done.stdout.splitlines()
    assert [line for line in told if line.startswith("report: ")] == [
        "report: study-raw-report/report.html", "report: study-raw-report/clean/report.html",
    ]  # fmt: skip
    headings = ["On the raw data, raw", "On the clean data, clean.h5", "Raw and clean data"]
    assert [line for line in told if line in headings] == headings
    at = told.index("Raw and clean data")
    assert told[at + 1].startswith("No verdict turns where the data are cleaned")
    html = (folder / "study-raw-report" / "clean" / "report.html").read_text("utf-8")
    assert told[at + 1] in html
    assert "kohort run study.py --data raw.npz --clean clean.h5" in html
    listed = kohort("list", cwd=folder).stdout.splitlines()[1:]
    assert [line.split("  ")[0] for line in listed] == ["clouds", "clouds, clean data"]

    again = kohort(*command, "--json", cwd=folder)
    assert again.returncode == 0
    assert "cohort" not in again.stderr  # nothing is trained
    raw, clean = map(json.loads, again.stdout.splitlines())
    assert (raw["data"], clean["data"]) == ("raw", "clean")
    assert clean["told"][1] == told[at + 1]

    for data in ([], ["--data", "clean.h5"]):
        reported = kohort("report", "clouds, clean data", *data, "--out", "again.html", cwd=folder)
        assert reported.returncode == 0, reported.stderr
        assert told[at + 1] in (folder / "again.html").read_text("utf-8")

    # Cleaned anew, it is another study; that is told before the raw one trains on.
    (folder / "none.csv").write_text("sample,decision,new_label,checksum\n")
    kept = ("--decisions", "none.csv", "--out", "clean.h5")
    assert kohort("data", "clean", "raw.npz", *kept, cwd=folder).returncode == 0
    before = held(folder)
    longer = kohort(*command, "--epochs", "2", cwd=folder)
    assert (longer.returncode, longer.stdout) == (2, "")
    (line,) = longer.stderr.splitlines()
    assert "got data that were cleaned otherwise; name another --store, or train both" in line
    assert held(folder) == before

    # A raw study that has gone on is no longer the same study.
    assert kohort("run", "study.py", "--data", "raw.npz", "--epochs", "2", cwd=folder)
    reported = kohort("report", "clouds, clean data", "--out", "again.html", cwd=folder)
    assert reported.returncode == 0
    assert "the report says nothing of raw data: expected the same study" in reported.stderr
    assert "Raw and clean data" not in (folder / "again.html").read_text("utf-8")


BAD = {
    "other data": (["--data", "other.npz", "--clean", "clean.h5"], "what kohort data clean made"),
    "raw data": (["--data", "raw.npz", "--clean", "raw.h5"], "raw.h5, which is other data"),
    "no such file": (["--data", "raw.npz", "--clean", "t.csv"], "t.csv, which is no .h5 file"),
    "no file": (["--data", "raw.npz", "--clean", "none.h5"], "'none.h5': no such file"),
    "a race": (
        ["--data", "raw.npz", "--clean", "clean.h5", "--until-decided"], "got a race, which",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refuses_in_a_line_before_anything_is_trained(case, folder):
    options, told = BAD[case]
    before = held(folder)
    done = kohort("run", "study.py", *options, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line
    assert held(folder) == before


RATINGS = """
import keras, kohort

def build(units):
    layers = [keras.Input((4,)), keras.layers.Dense(units, "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model

def study(data):
    variants = kohort.grid(build, units=[1, 4])
    replicates = kohort.Holdout(0.25, repeats=2)
    return kohort.Study("stars", variants, data, replicates=replicates, epochs=1, batch_size=30)
"""


@pytest.mark.long
def test_ratings_as_numbers_run_on_raw_and_on_clean_data(tmp_path):
    random = np.random.default_rng(6)
    frame = pd.DataFrame(random.normal(size=(80, 4)), columns=[*"abcd"]).assign(
        stars=np.arange(80) % 5 + 1
    )
    pd.concat([frame, frame[:4]]).to_csv(tmp_path / "stars.csv", index=False)
    (tmp_path / "study.py").write_text(RATINGS)
    data = ("stars.csv", "--target", "stars")
    cleaned = kohort("data", "clean", *data, "--out", "clean.h5", cwd=tmp_path)
    assert "kept: 80 (" in cleaned.stdout, cleaned.stderr
    command = ("run", "study.py", "--data", *data, "--clean", "clean.h5")
    done = kohort(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No verdict turns where the data are cleaned" in done.stdout
    for name in ("stars", "stars, clean data"):
        told = kohort("show", name, "--json", cwd=tmp_path)
        assert json.loads(told.stdout)["recalls"] == []
