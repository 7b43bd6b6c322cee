"""Studies that the command line keeps: real files, and for signals real processes."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from kohort import open as kohort_open
from kohort.cli.store_commands import Format
from kohort.evidence.store import MemberKey, VariantRecord, open_store
from kohort.report.exports.export import FORMATS
from tests.cli.in_process import kohort
from tests.report.exports.test_optuna_trials import read

STUDY = """
import time
from contextlib import closing
from unittest import mock
import keras, kohort

def build(units):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def study(data):
    return kohort.Study("tiny", kohort.grid(build, units=[2, 16]), data,
                        replicates=kohort.Holdout(0.2, 3), epochs=4, batch_size=20)

def slowly(epoch, rate):
    time.sleep(0.05)
    return rate

def slow(data):
    return kohort.Study("slow", kohort.grid(build, units=[2, 16]), data,
                        replicates=kohort.Holdout(0.2, 1), epochs=24, batch_size=20,
                        callbacks=[keras.callbacks.LearningRateScheduler(slowly)])
"""


def refused(done, *told):
    assert done.returncode == 2, done.stderr
    *progress, line = done.stderr.splitlines()
    assert line.startswith("kohort: ")
    assert all(said.startswith("data: ") for said in progress)
    for words in told:
        assert words in line


def answer(done):
    """What is told below the table, which holds seconds."""
    return done.stdout.partition("\n\n")[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    (folder / "study.py").write_text(STUDY)
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 150)
    x = (random.normal(size=(150, 6)) + 2 * np.eye(3, 6)[y]).astype("float32")
    parts = {"x_train": x[:120], "y_train": y[:120], "x_test": x[120:], "y_test": y[120:]}
    np.savez(folder / "data.npz", **parts)
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    return kohort("run", "study.py", "--data", "data.npz", cwd=folder)


@pytest.mark.long
def test_a_study_that_is_run_again_is_told_again_and_trained_no_more(folder, ran):
    assert ran.returncode == 0, ran.stderr
    assert "cohort 1/2" in ran.stderr
    again = kohort("run", "study.py", "--data", "data.npz", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert again.stdout == ran.stdout
    assert "cohort" not in again.stderr
    assert "replaced" not in again.stderr


@pytest.mark.long
def test_what_is_added_is_trained_and_what_is_taken_away_refused(folder, ran):
    more = kohort("run", "study.py", "--data", "data.npz", "--epochs", 5, cwd=folder)
    assert more.returncode == 0, more.stderr
    fewer = kohort("run", "study.py", "--data", "data.npz", "--epochs", 3, cwd=folder)
    refused(fewer, "'tiny'", "5 before, 3 now", "--fresh")
    anew = kohort("run", "study.py", "--data", "data.npz", "--fresh", cwd=folder)
    assert anew.returncode == 0, anew.stderr
    assert answer(anew) == answer(ran)
    (told,) = (line for line in anew.stderr.splitlines() if "replaced" in line)
    assert re.fullmatch(
        r"replaced report\.html and winner\.keras of an earlier run: 'tiny', which ran "
        r"[-\d]+ [:\d]+ UTC, in study-data-report",
        told,
    )


@pytest.mark.long
def test_run_and_show_tell_programs_their_numbers(folder, ran):
    done = kohort("run", "study.py", "--data", "data.npz", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    result = kohort_open(folder / "kohort.db", "tiny")
    assert (told["study"], told["winner"]) == ("tiny", result.winner)
    assert told["answer"] == result.answer()
    table = result.table()
    assert [row["variant"] for row in told["table"]] == list(table.index)
    assert told["table"][0]["val_accuracy"] == pytest.approx(table["val_accuracy"].iloc[0])
    assert {row["best_epoch"] for row in told["table"]} >= {None}, "of the reference"
    assert {finding["code"] for finding in told["findings"]} >= {"KH101", "KH204"}
    best, *_ = told["test"]
    held, *_ = result.test()
    assert best["variant"] == result.winner
    assert best["accuracy"]["mean"] == best["score"]["mean"] == pytest.approx(held.accuracy.mean)
    assert best["samples"] == 30
    for what in ("report", "model"):
        assert (folder / told[what]).is_file()
    shown = json.loads(kohort("show", "tiny", "--json", cwd=folder).stdout)
    assert shown["test_scores"] == told["test"]


def test_plan_tells_programs_what_trains_together(folder):
    plan = ("plan", "study.py", "--data", "data.npz")
    told = json.loads(kohort(*plan, "--json", cwd=folder).stdout)
    assert (told["study"], told["members"], told["member_epochs"]) == ("tiny", 6, 24)
    assert told["programs"] == len(told["cohorts"]) == 2
    assert [(part["variants"], part["members"]) for part in told["cohorts"]] == [
        (["units=2"], 3),
        (["units=16"], 3),
    ]
    assert told["alone"] == []
    assert told["told"] == kohort(*plan, cwd=folder).stdout.strip()


def test_list_has_a_line_for_each_study(folder, ran):
    listed = kohort("list", cwd=folder)
    assert listed.returncode == 0, listed.stderr
    head, *rows = listed.stdout.splitlines()
    assert " ".join(head.split()) == "study created finished members member epochs last run"
    assert [row.split()[0] for row in rows] == ["tiny"]
    (told,) = json.loads(kohort("list", "--json", cwd=folder).stdout)
    assert (told["study"], told["finished"], told["members"]) == ("tiny", 6, 6)
    assert told["last run"] == "done"


def test_show_tells_members_runs_and_findings(folder, ran):
    shown = kohort("show", "tiny", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    told = ("units=16", "runs", "done", "process ", "what each axis does", "units 2 to 16: ")
    for words in (*told, "findings"):
        assert words in shown.stdout
    # As the run told it, of one reading.
    tested = ran.stdout.partition("On the test set, ")[2].splitlines()[0]
    assert "test set\nThe test set was read once, on " in shown.stdout
    assert f"\nOn the test set, {tested}\n" in shown.stdout
    parts = json.loads(kohort("show", "tiny", "--json", cwd=folder).stdout)
    assert [(row["variant"], row["finished"]) for row in parts["variants"]] == [
        ("units=2", 3),
        ("units=16", 3),
    ]
    assert [row["told"].split(":")[0] for row in parts["axes"]] == ["units 2 to 16"]
    answer = parts["answer"][0]["told"]
    assert "units=16 does best on validation data: accuracy " in answer
    assert shown.stdout.startswith(f"{answer}\n\nvariant")
    assert parts["test"][1]["told"] == f"On the test set, {tested}"
    # What the report finds, on the test set too.
    found = [
        (one.variant, one.sentence)
        for one in kohort_open(folder / "kohort.db", "tiny").findings()
        if one.verdict in ("found", "inconclusive")
    ]
    assert [(row["variant"], row["told"]) for row in parts["findings"]] == found
    refused(kohort("show", "tine", cwd=folder), "'tine'", "'tiny'")


def test_show_tells_the_rest_of_a_study_whose_epochs_are_damaged(folder, ran, tmp_path):
    copy = tmp_path / "kohort.db"
    databases = map(sqlite3.connect, (folder / "kohort.db", copy))
    with closing(next(databases)) as whole, closing(next(databases)) as damaged:
        whole.backup(damaged)
        damaged.execute("UPDATE epoch SET logs = '{}' WHERE epoch = 1")
        damaged.commit()
    shown = kohort("show", "tiny", "--store", copy, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    axes = shown.stdout.partition("what each axis does\n")[2]
    assert axes.startswith("expected the rows of the store as they were written")
    assert "findings" in axes


def test_a_store_in_the_place_of_a_name_is_told_how_to_be_named(folder, ran, tmp_path):
    store = folder / "kohort.db"
    refused(kohort("list", store, cwd=tmp_path), str(store), "a store is named by --store")
    for verb, *more in (("show",), ("report",), ("compare", "a", "b"), ("export", "out")):
        done = kohort(verb, store, *more, cwd=tmp_path)
        refused(done, "which is a store", f"kohort {verb} NAME --store {store}")
    assert not list(tmp_path.iterdir())


def test_export_writes_tables(folder, ran):
    done = kohort("export", "tiny", "tables", cwd=folder)
    assert done.stdout.split() == [
        f"tables/{name}.csv" for name in ("curves", "members", "findings", "recalls")
    ]
    with (folder / "tables" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(r["variant"], r["replicate"], r["epoch"]) for r in rows} == {
        (v, str(r), str(e))
        for v in ("units=2", "units=16")
        for r in range(3)
        for e in range(1, 1 + max(int(r["epoch"]) for r in rows))
    }
    members = pd.read_csv(folder / "tables" / "members.csv")
    assert members.groupby("variant")["units"].unique().map(list).to_dict() == {
        "units=16": [16],
        "units=2": [2],
    }
    assert kohort("export", "tiny", "tables", "--to", "parquet", cwd=folder).returncode == 0
    curves = pd.read_parquet(folder / "tables" / "curves.parquet")
    assert len(curves) == len(rows)
    assert float(rows[5]["value"]) == curves["value"][5]
    refused(kohort("export", "tiny", "study.py", cwd=folder), "a folder to write to")


def test_export_takes_every_format_that_there_is():
    assert tuple(Format) == FORMATS


def test_export_writes_one_table_where_a_file_is_named(folder, ran):
    done = kohort("export", "tiny", "one.csv", cwd=folder)
    assert done.stdout == "one.csv\n", done.stderr
    kohort("export", "tiny", "three", cwd=folder)
    assert (folder / "one.csv").read_text() == (folder / "three" / "curves.csv").read_text()


def test_export_writes_event_files_once(folder, ran):
    export = ("export", "tiny", "logs", "--to", "tensorboard")
    done = kohort(*export, cwd=folder)
    assert done.stdout == "logs\n", done.stderr
    kohort("export", "tiny", "curves.csv", cwd=folder)
    curves = pd.read_csv(folder / "curves.csv", index_col=["variant", "replicate", "metric"])
    for key, values in curves.sort_index().groupby(level=[0, 1, 2])["value"]:
        variant, replicate, metric = key
        run = "validation" if metric.startswith("val_") else "train"
        events = EventAccumulator(str(folder / "logs" / variant / f"replicate-{replicate}" / run))
        events.Reload()
        written = events.Tensors(f"epoch_{metric.removeprefix('val_')}")
        assert [event.step for event in written] == list(range(len(values)))
        np.testing.assert_array_equal(
            [make_ndarray(event.tensor_proto) for event in written], values.astype("float32")
        )
    before = sorted(path.name for path in folder.iterdir())
    refused(kohort(*export, cwd=folder), "a folder to make, for tensorboard", "logs, which is")
    assert sorted(path.name for path in folder.iterdir()) == before


def test_export_writes_a_storage_that_optuna_reads(folder, ran):
    done = kohort("export", "tiny", "trials", "--to", "optuna", cwd=folder)
    assert done.stdout == "trials/optuna.db\n", done.stderr
    told = read(folder / "trials" / "optuna.db", "tiny")
    table = kohort_open(folder / "kohort.db", "tiny").table()
    for trial in told.trials:
        assert trial.value == table["val_accuracy"][trial.user_attrs["variant"]]
    assert told.best_params == {"units": int(table["units"].iloc[0])}


@pytest.mark.parametrize("to", ["tensorboard", "mlflow"])
def test_export_tells_what_to_install(folder, ran, monkeypatch, to):
    for name in [to, *(name for name in sys.modules if name.startswith(f"{to}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    done = kohort("export", "tiny", "none", "--to", to, cwd=folder)
    refused(done, f'pip install "kohort[{to}]"')
    assert len(done.stderr.splitlines()) == 1
    assert not (folder / "none").exists()


def test_compare_tells_two_variants_apart_or_not(folder, ran):
    done = kohort("compare", "tiny", "units=16", "units=2", cwd=folder)
    assert done.stdout.startswith("units=16 against units=2, validation accuracy"), done.stderr
    assert re.search(r" points \(.*\).*(undecided|differ|no difference)", done.stdout)
    told = json.loads(kohort("compare", "tiny", "units=16", "units=2", "--json", cwd=folder).stdout)
    assert (told["a"], told["b"], told["replicates"]) == ("units=16", "units=2", 3)
    assert told["told"] == done.stdout.strip()
    found = kohort_open(folder / "kohort.db", "tiny").compare("units=16", "units=2")
    assert (told["difference"], told["p_adjusted"]) == (found.difference.mean, found.p_adjusted)
    scores = kohort_open(folder / "kohort.db", "tiny").table()["val_accuracy"]
    assert told["difference"] == pytest.approx(scores["units=16"] - scores["units=2"])
    refused(kohort("compare", "tiny", "units=2", "units=3", cwd=folder), "'units=3'")


@pytest.mark.long
def test_report_is_written_from_the_store(folder, ran):
    done = kohort("report", "tiny", "--data", "data.npz", cwd=folder)
    assert done.stdout == "tiny.html\n", done.stderr
    assert "does best on validation data" in (folder / "tiny.html").read_text("utf-8")
    without = kohort("report", "tiny", "--out", "without.html", cwd=folder)
    assert without.stdout == "without.html\n", without.stderr
    assert "not given to this report" in (folder / "without.html").read_text("utf-8")
    beside = ("report", "tiny", "--data", "data.npz", "--out", "study.py/x.html")
    refused(kohort(*beside, cwd=folder), "to write study.py/x.html")


def test_a_store_that_is_none_is_refused(folder, tmp_path):
    refused(kohort("list", cwd=tmp_path), "no file kohort.db")
    refused(kohort("list", "--store", "sqlite:///none.db", cwd=tmp_path), "no file sqlite:///none")
    assert not list(tmp_path.iterdir())
    (tmp_path / "empty.db").touch()
    for command in (["list"], ["show", "x"], ["delete", "x"]):
        refused(kohort(*command, "--store", "empty.db", cwd=tmp_path), "empty.db, an empty file")
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("empty.db", 0)]
    refused(kohort("list", "--store", "study.py", cwd=folder), "not SQLite's")
    refused(
        kohort("run", "study.py", "--data", "data.npz", "--store", "study.py", cwd=folder),
        "not SQLite's",
    )
    assert (folder / "study.py").read_text() == STUDY


@pytest.fixture
def started(folder, tmp_path):
    """A slow study that runs in a process and has measured something."""
    store = tmp_path / "kohort.db"
    arguments = ["run", "study.py::slow", "--data", "data.npz", "--store", store]
    process = subprocess.Popen(
        [sys.executable, "-m", "kohort", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None and not epochs_in(store):
        time.sleep(0.05)
    yield process, arguments, store
    process.kill()
    process.communicate()


def epochs_in(store):
    if not store.is_file():
        return 0
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM epoch").fetchone()[0]
    except sqlite3.OperationalError:  # The tables are being made.
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="int"),
        pytest.param(signal.SIGTERM, id="term", marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_a_run_after_the_epoch_and_the_same_command_goes_on(folder, started, number):
    process, arguments, store = started
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted; what was done is kept: the same command goes on" in told
    assert "Traceback" not in told
    kept = epochs_in(store)
    assert 0 < kept < 48
    (listed,) = json.loads(kohort("list", "--json", "--store", store, cwd=folder).stdout)
    assert (listed["last run"], listed["finished"]) == ("interrupted", kept // 24)
    on = kohort(*arguments, cwd=folder)
    assert on.returncode == 0, on.stderr
    assert epochs_in(store) == 48


@pytest.mark.long
def test_two_runs_of_one_study_do_not_hurt_each_other(folder, started):
    process, arguments, store = started
    refused(kohort(*arguments, cwd=folder), f"process {process.pid}")

    def last_run():
        told = kohort("list", "--json", "--store", store, cwd=folder).stdout
        return json.loads(told)[0]["last run"]

    assert last_run() == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert last_run() == "killed"
    with mock.patch("filelock.FileLock.acquire", side_effect=PermissionError):
        assert last_run() == "running, or killed"  # of a folder that others may not write to
    on = kohort(*arguments, cwd=folder)
    assert on.returncode == 0, on.stderr
    assert epochs_in(store) == 48


class Terminal(io.StringIO):
    """A terminal at which somebody has typed."""

    def isatty(self):
        return True


def keep(folder, *names):
    """A store with races of one member each, and searches."""
    about = {"data": "d", "batch size": 32}
    with open_store(folder / "kohort.db") as store:
        for name in names:
            if name.endswith("(search)"):
                store.create(name, about | {"kind": "search", "seed": 0}, [], [])
                continue
            trial = VariantRecord("trial 0", "", {}, "")
            store.create(name, about | {"seed": 1}, [trial], [MemberKey(trial.name, 0)])


def kept(folder):
    with open_store(folder / "kohort.db") as store:
        return [summary.name for summary in store.studies()]


def test_delete_forgets_a_study_its_rows_and_files(tmp_path):
    keep(tmp_path, "one", "two")
    with open_store(tmp_path / "kohort.db") as store:
        one = store.study("one")
        with one.claim():
            one.begin_run({})
            one.finish(MemberKey("trial 0", 0), [np.zeros(3, "float32")], seconds=1.0)
        assert list((tmp_path / "kohort.files" / one.folder).iterdir())

    done = kohort("delete", "one", "--yes", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "deleted 'one' (1 member)\n")
    assert kept(tmp_path) == ["two"]
    assert not (tmp_path / "kohort.files" / one.folder).exists()


@pytest.mark.parametrize("name", ["letters", "letters (search)"])
def test_delete_forgets_a_search_with_its_race(tmp_path, name):
    keep(tmp_path, "letters (search)", "letters", "other")

    done = kohort("delete", name, "--yes", cwd=tmp_path)

    assert done.stdout == "deleted 'letters (search)'; 'letters' (1 member)\n"
    assert kept(tmp_path) == ["other"]


def test_delete_forgets_a_search_that_has_not_raced(tmp_path):
    keep(tmp_path, "letters (search)")
    assert kohort("delete", "letters", "--yes", cwd=tmp_path).returncode == 0
    assert kept(tmp_path) == []


@pytest.mark.parametrize(("name", "other"), [("x", "x (search)"), ("x (search)", "x")])
@pytest.mark.parametrize(
    ("about", "variant"),
    [({}, "a"), ({"seed": 0}, "trial 0"), ({"data": "e"}, "trial 0")],
)
def test_delete_keeps_a_study_that_is_no_race_of_the_search_of_its_name(
    tmp_path, name, other, about, variant
):
    keep(tmp_path, "x (search)")
    with open_store(tmp_path / "kohort.db") as store:
        description = {"data": "d", "batch size": 32, "seed": 1} | about
        store.create("x", description, [VariantRecord(variant, "", {}, "")], [])

    done = kohort("delete", name, "--yes", cwd=tmp_path)

    assert done.stdout == f"deleted {name!r}\n"
    assert kept(tmp_path) == [other]


def test_delete_asks_and_takes_no_for_an_answer(tmp_path):
    keep(tmp_path, "one")
    with mock.patch.object(sys, "stdin", Terminal("n\n")):
        no = kohort("delete", "one", cwd=tmp_path)
    assert (no.returncode, no.stdout.strip()) == (0, "")
    assert "Delete 'one' (1 member)?" in no.stderr
    assert no.stderr.endswith("nothing was deleted\n")
    assert kept(tmp_path) == ["one"]
    with mock.patch.object(sys, "stdin", Terminal("y\n")):
        assert kohort("delete", "one", cwd=tmp_path).returncode == 0
    assert kept(tmp_path) == []


def test_delete_refuses_what_it_may_not_delete_and_loses_nothing(tmp_path):
    keep(tmp_path, "letters (search)", "letters")
    with mock.patch.object(sys, "stdin", io.StringIO()):
        refused(kohort("delete", "letters", cwd=tmp_path), "--yes", "'letters' (1 member)")
    refused(kohort("delete", "leters", "--yes", cwd=tmp_path), "'leters'", "'letters'")
    refused(kohort("delete", "kohort.db", "--yes", cwd=tmp_path), "kohort delete NAME --store")
    with open_store(tmp_path / "kohort.db") as store, store.study("letters").claim():
        running = kohort("delete", "letters", "--yes", cwd=tmp_path)
    refused(running, "nobody else runs the study 'letters'")
    assert kept(tmp_path) == ["letters (search)", "letters"]
