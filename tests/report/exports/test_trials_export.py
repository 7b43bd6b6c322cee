"""The trials of a search, read back by the programs that they are exported for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.errors import StoreError
from kohort.evidence.store import open_store
from kohort.evidence.trials import kept_name
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_search, of_stored
from tests.report.exports.test_event_files import hyperparameters, scalars
from tests.runs.searches.searched import at_breath, build, small


def failing(units=4, rate=0.01, dropout=0.1):
    if units == 8 and rate > 0.1:
        raise ValueError("never")
    return build(units, rate, dropout)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("searched") / "kohort.db"


@pytest.fixture(scope="module")
def result(blobs, place):
    return small(blobs, build=failing, trials=8).run(place, verbose=0, confirm=2)


def test_tensorboard_reads_arguments_and_scores(result, tmp_path):
    result.export_trials(tmp_path / "events", "tensorboard")
    trials = result.searched.trials
    written = {path.name for path in (tmp_path / "events").iterdir()}
    assert written == {f"trial {trial.number}" for trial in trials if trial.state != "failed"}
    for trial in trials:
        if trial.state == "failed":
            continue
        folder = tmp_path / "events" / f"trial {trial.number}" / "replicate-0"
        group, values, _ = hyperparameters(folder)
        assert group == f"trial {trial.number}"
        assert {name: values[name] for name in trial.arguments} == trial.arguments
        assert values["trial.state"] == trial.state
        found = scalars(folder / "validation")
        scores = {step: value for (tag, step), value in found.items() if tag == "epoch_score"}
        assert scores == pytest.approx({rung - 1: score for rung, score in trial.scores.items()})
        losses = [value for (tag, _), value in found.items() if tag == "epoch_data_loss"]
        assert len(losses) == trial.epochs
        assert min(losses) == pytest.approx(trial.loss)


@pytest.mark.long
def test_mlflow_reads_arguments_and_scores(result, tmp_path, monkeypatch):
    result.export_trials(tmp_path / "runs", "mlflow")
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'small (search)'")
    runs = client.search_runs([experiment.experiment_id])
    by_name = {run.info.run_name: run for run in runs}
    for trial in result.searched.trials:
        if trial.state == "failed":
            assert f"trial {trial.number}, replicate 0" not in by_name
            continue
        run = by_name[f"trial {trial.number}, replicate 0"]
        told = {name: str(value) for name, value in trial.arguments.items()}
        assert run.data.params.items() >= told.items()
        assert run.data.params["trial.finalist"] == str(trial.number in result.searched.finalists)
        assert run.data.metrics["val_score"] == pytest.approx(trial.score)
        assert run.info.status == "FINISHED"
    best = result.searched.ranked()[0]
    parent = by_name["small (search)"]
    assert parent.data.metrics == {"val_score": pytest.approx(best.score)}
    assert parent.data.tags["best"] == f"trial {best.number}"


def test_a_store_gives_the_same_as_the_result(blobs, result, place, tmp_path):
    result.export_trials(tmp_path / "a")
    kohort.open(place, "small").export_trials(tmp_path / "b")
    with open_store(place) as store:
        export(of_stored(store.study(kept_name("small"))), tmp_path / "c")
    for name in ("curves", "members"):
        first, second, third = (
            pd.read_csv(tmp_path / folder / f"{name}.csv").drop(columns="finished", errors="ignore")
            for folder in "abc"
        )
        pd.testing.assert_frame_equal(first, second)
        pd.testing.assert_frame_equal(first, third)
    members = pd.read_csv(tmp_path / "a" / "members.csv").set_index("variant")
    trials = result.trials()
    sound = trials[trials["state"] != "failed"]
    assert list(members.index) == [f"trial {number}" for number in sound.index]
    assert members["rate"].to_list() == sound["rate"].to_list()
    assert members["trial.state"].to_list() == sound["state"].to_list()
    np.testing.assert_array_equal(members["epochs"], sound["epochs"])


def test_what_a_killed_search_measured_is_exported_but_to_optuna(blobs, tmp_path, monkeypatch):
    def dies(keeper):
        raise RuntimeError("killed")

    at_breath(monkeypatch, 4, dies)
    with pytest.raises(RuntimeError):
        small(blobs).run(tmp_path / "kohort.db", verbose=0, checkpoint_seconds=0)
    with open_store(tmp_path / "kohort.db") as store:
        study = of_stored(store.study(kept_name("small")))
    export(study, tmp_path / "out")
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    members = pd.read_csv(tmp_path / "out" / "members.csv")
    assert members["epochs"].sum() == len(curves[curves["metric"] == "val_data_loss"]) > 0
    assert {"rate", "units", "dropout"} < set(members)
    assert set(members["trial.state"]) <= {"open", "left"}
    assert "open" in set(members["trial.state"])
    assert (curves["metric"] == "val_score").any()
    export(study, tmp_path / "events", "tensorboard")
    with pytest.raises(StoreError, match="search that was run to its end, for optuna, got"):
        export(study, tmp_path / "trials", "optuna")


def test_optuna_has_the_time_that_each_trial_trained(result):
    trials = result.to_optuna().trials
    assert len(trials) == len(result.searched.trials)
    for told, trial in zip(trials, result.searched.trials, strict=True):
        assert told.duration.total_seconds() == pytest.approx(trial.seconds, abs=1e-5)
        assert told.user_attrs["finalist"] == (trial.number in result.searched.finalists)


def test_a_metric_that_is_called_score_keeps_its_numbers(result):
    trials = tuple(
        replace(
            trial, logs={e: of_epoch | {"val_score": 7.0} for e, of_epoch in trial.logs.items()}
        )
        for trial in result.searched.trials
    )
    exported = of_search(replace(result.searched, trials=trials))
    kept = {trial.number: trial for trial in trials}
    for member in exported.members:
        trial = kept[int(member.key.variant.removeprefix("trial "))]
        assert {of_epoch["val_score"] for of_epoch in member.epochs.values()} == {7.0}
        scores = {
            epoch + 1: of_epoch["val_study.score"]
            for epoch, of_epoch in member.epochs.items()
            if "val_study.score" in of_epoch
        }
        assert scores == trial.scores


def test_trials_have_the_times_at_which_they_climbed_whatever_ran_later(blobs, place, result):
    def times(study):
        return {member.key: member.finished for member in study.members}, study.started

    before = times(of_search(result.searched))
    again = small(blobs, build=failing, trials=8).run(place, verbose=0, confirm=2)
    assert times(of_search(again.searched)) == before
    with open_store(place) as store:
        assert times(of_stored(store.study(kept_name("small")))) == before
    moments, begun = before
    assert all(begun < moment < result.settings.started for moment in moments.values())
    for told, trial in zip(again.to_optuna().trials, again.searched.trials, strict=True):
        assert told.datetime_complete.astimezone() == trial.finished
