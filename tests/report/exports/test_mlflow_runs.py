"""Runs of MLflow, read back by its client, against the curves."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kohort
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_conclusions
from tests.findings.factorial.records import record_of
from tests.report.exports.cases import FINISHED, SLASHED, STARTED, study

ROOT = Path(__file__).parents[2]

EXPORT = """
import os, socket, sys
from pathlib import Path

reached = []

def refuse(*to, **_):
    reached.append(to)
    raise OSError("tests reach no network")

socket.getaddrinfo = refuse

from kohort.report.exports.export import export
from tests.report.exports.cases import study

environment = dict(os.environ)
assert export(study(), Path(sys.argv[1]), "mlflow") == [Path(sys.argv[1], "mlflow.db")]
assert dict(os.environ) == environment
print(reached)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of an export, and what its process said.

    In a process of its own, which does not know that it is in a test: MLflow sends no usage data
    from those that do.
    """
    folder = tmp_path_factory.mktemp("exports") / "a?b #c" / "runs"
    measured = {k: v for k, v in os.environ.items() if k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, folder],
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | measured,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def client(exported, tmp_path_factory):
    # At a place whose name a URL of SQLAlchemy can hold.
    place = tmp_path_factory.mktemp("read") / "mlflow.db"
    place.write_bytes((exported[0] / "mlflow.db").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
        from mlflow.tracking import MlflowClient

        yield MlflowClient(tracking_uri=f"sqlite:///{place}")


@pytest.fixture(scope="module")
def runs(client):
    """The runs of the study by name."""
    (experiment,) = client.search_experiments(filter_string="name = 'how wide'")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def milliseconds(moment):
    return int(1000 * moment.timestamp())


@pytest.mark.long
def test_each_member_that_trained_is_a_run_in_that_of_the_study(runs):
    assert set(runs) == {
        "how wide",
        "plain, replicate 0",
        "plain, replicate 1",
        f"{SLASHED}, replicate 0",
        "plain, replicate 0, share 0.5",
    }
    parent = runs["how wide"]
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()}
    assert parents == dict.fromkeys(runs, parent.info.run_id) | {"how wide": None}
    # A member has not begun, and one has not finished.
    assert (parent.info.status, parent.info.start_time) == ("RUNNING", milliseconds(STARTED))
    ended = runs["plain, replicate 0"].info
    assert (ended.status, ended.end_time) == ("FINISHED", milliseconds(FINISHED))
    assert ended.end_time - ended.start_time == 30_000
    assert runs["plain, replicate 0, share 0.5"].info.status == "RUNNING"


@pytest.mark.long
def test_every_number_comes_back(client, runs):
    for member in study().measured:
        part = "" if member.key.share == 1 else f", share {member.key.share}"
        name = f"{member.key.variant}, replicate {member.key.replicate}{part}"
        history = {
            (metric, point.step): (point.value, point.timestamp)
            for metric in ("loss", "accuracy", "val_loss", "eval_accuracy")
            for point in client.get_metric_history(runs[name].info.run_id, metric)
        }
        at = milliseconds(member.finished or STARTED)
        # MLflow keeps infinity as the largest number.
        wanted = {
            (metric, epoch): (np.minimum(value, np.finfo(float).max), at)
            for epoch, logs in member.epochs.items()
            for metric, value in logs.items()
        }
        np.testing.assert_equal(history, wanted)


@pytest.mark.long
def test_parameters_and_verdicts_are_told(runs):
    settings = {
        "study.replicates": "Holdout(fraction=0.1, repeats=2)",
        "study.batch_size": "32",
        "study.seed": "0",
        "study.engine": "fused",
    }
    parent, plain = runs["how wide"], runs["plain, replicate 1"]
    assert parent.data.params == settings
    expected = {"units": "(2,)", "l2": "0.0", "name": "tanh", "on": "True", "study.epochs": "3"}
    assert plain.data.params == expected | settings
    assert parent.data.tags["KH201"] == "not found"
    tags = plain.data.tags
    assert (tags["KH101"], tags["KH105"]) == ("found", "inconclusive")
    assert "KH101 found: plain: rises." in tags["mlflow.note.content"]
    assert (tags["variant"], tags["replicate"], tags["share"]) == ("plain", "1", "1.0")
    assert "KH101" not in runs[f"{SLASHED}, replicate 0"].data.tags


@pytest.mark.long
def test_nobody_is_told_and_nothing_is_left_beside(exported, client):
    folder, done = exported
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert [path.name for path in folder.iterdir()] == ["mlflow.db"]
    assert [path.name for path in folder.parent.iterdir()] == ["runs"]
    (experiment,) = client.search_experiments(filter_string="name = 'how wide'")
    assert experiment.artifact_location == f"{folder.as_uri()}/artifacts"


@pytest.mark.long
def test_a_study_that_mlflow_does_not_take_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(kohort.StoreError, match=r"a study that MLflow takes, got .*500"):
        export(study(name="n" * 501), tmp_path / "runs", "mlflow")
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_study_that_has_ended_has_scores_its_answer_and_failures(tmp_path, monkeypatch):
    told = Conclusions(record_of([{"units": "1"}, {"units": "2"}], [[0.5, 0.6], [np.nan, 0.9]]))
    export(of_conclusions(told), tmp_path / "runs", "mlflow")
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'study'")
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    parent = found.pop("study")
    assert parent.data.tags["answer"] == answer(told)
    assert parent.data.tags["winner"] == told.winner_name
    assert parent.data.metrics == {"score": pytest.approx(told.score(told.winner).mean)}
    assert {name: run.data.metrics.get("score") for name, run in found.items()} == {
        "v0, replicate 0": 0.5,
        "v0, replicate 1": 0.6,
        "v1, replicate 0": None,
        "v1, replicate 1": 0.9,
    }
    assert {name for name, run in found.items() if run.info.status == "FAILED"} == {
        "v1, replicate 0"
    }


@pytest.mark.long
def test_scores_and_metrics_of_like_names_stay_apart(tmp_path, monkeypatch):
    ended = of_conclusions(Conclusions(record_of([{"units": "1"}], [[0.5]])))
    measured = {
        "score": 0.1, "top@1": 0.2, "top#1": 0.3, "m/a:b, c": 0.4, "m:a/b, c": 0.5,
        "a//b": 0.6, "a/b:c": 0.7, "top_1": 0.8,
    }  # fmt: skip
    member = replace(ended.members[0], epochs={0: measured})
    export(replace(ended, members=[member]), tmp_path / "runs", "mlflow")
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'study'")
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert found["study"].data.metrics == {"study.score": 0.5}
    assert found["v0, replicate 0"].data.metrics == {
        "score": 0.1, "top_1": 0.8, "top_1 2": 0.3, "top_1 3": 0.2, "m/a:b_ c": 0.4,
        "m:a/b_ c": 0.5, "a__b": 0.6, "a/b:c": 0.7, "study.score": 0.5,
    }  # fmt: skip
