"""A study as trials of Optuna's, read back by Optuna."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import make_url
from sqlalchemy.pool import NullPool

import kohort
from kohort.errors import StoreError
from kohort.findings.conclusions import Conclusions
from kohort.report.exports.export import export
from kohort.report.exports.frame_view import FrameView
from kohort.report.exports.study_export import of_conclusions
from tests.findings.factorial.records import grid_of, record_of
from tests.models import build_mlp
from tests.report.exports.cases import study
from tests.report.race.race_records import noisy, race_record
from tests.runs.searches.searched import small

SCORES = [[0.5, 0.6, 0.7], [0.8, 0.9, 0.7], [0.95, np.nan, 0.99], [np.nan] * 3]
ARGUMENTS = [
    {"units": "(2,)", "rate": "0.1", "act": "<function relu at 0x1>", "on": "None"},
    {"units": "(2, 3)", "rate": "0.2", "act": "<function tanh at 0x2>", "on": "True"},
    {"units": "(2,)", "rate": "0.2", "act": "'gelu'", "on": "1"},
    {"units": "(2,)", "rate": "0.3"},
]


def record(**changes):
    """A study of four variants: the second is best, one lost a replicate, one lost all."""
    plain = record_of(ARGUMENTS, SCORES, defaults=[{}, {}, {}, {"act": "None"}])
    seconds = {(variant, 0): 1.5 + variant for variant in range(4)}
    return replace(plain, seconds=seconds, **changes)


def storage_at(path):
    """A storage of Optuna's that leaves no file open."""
    url = make_url("sqlite://").set(database=str(path)).render_as_string()
    return optuna.storages.RDBStorage(url, engine_kwargs={"poolclass": NullPool})


def read(path, name="study"):
    """A study of Optuna's in a file, by Optuna."""
    return optuna.load_study(study_name=name, storage=storage_at(path))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "a b#c" / "out"
    assert export(of_conclusions(Conclusions(record())), folder, "optuna") == [folder / "optuna.db"]
    assert [path.name for path in folder.iterdir()] == ["optuna.db"]
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    return read(folder / "optuna.db")


def test_optuna_reads_a_trial_for_each_variant_with_its_mean_score(written):
    trials = written.trials
    assert written.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.user_attrs["variant"] for trial in trials] == ["v0", "v1", "v2", "v3"]
    assert [trial.value for trial in trials] == pytest.approx([0.6, 0.8, None, None])
    frame = written.trials_dataframe()
    assert frame["value"].to_list()[:2] == pytest.approx([0.6, 0.8])
    assert frame["params_rate"].to_list() == [0.1, 0.2, 0.2, 0.3]


def test_the_best_trial_is_the_winner_though_one_that_diverged_scored_higher(
    written,
):
    assert written.best_trial.user_attrs["variant"] == Conclusions(record()).winner_name == "v1"
    states = [trial.state for trial in written.trials]
    assert states == [TrialState.COMPLETE] * 2 + [TrialState.FAIL] * 2
    lost, none = (trial.user_attrs for trial in written.trials[2:])
    assert (lost["replicates"], lost["diverged"], none["replicates"]) == (2, 1, 0)
    assert lost["score"] == pytest.approx(0.97)
    assert "score" not in none


def test_where_all_lost_some_the_best_of_them_is_complete():
    scores = [[0.5, np.nan], [np.nan, 0.9]]
    told = FrameView(record_of(grid_of(units=[1, 2]), scores)).to_optuna()
    assert told.best_trial.user_attrs["variant"] == "v1"


def test_arguments_are_choices_and_equal_values_are_told_apart(written):
    _, second, third, last = written.trials
    assert second.params == {"units": "(2, 3)", "rate": 0.2, "act": "tanh", "on": "1: True"}
    assert (third.params["act"], third.params["on"]) == ("gelu", "2: 1")
    assert last.params == {"units": "(2,)", "rate": 0.3, "act": None}  # with what was not given
    assert second.distributions["rate"].choices == (0.1, 0.2, 0.3)


def test_attributes_have_what_belongs_to_the_score(written):
    told, found = Conclusions(record()), written.trials[1].user_attrs
    score = told.score(1)
    assert (found["low"], found["high"]) == pytest.approx((score.low, score.high))
    assert found["scores"] == pytest.approx([0.8, 0.9, 0.7])
    assert (found["best_epoch"], found["epochs"], found["parameters"]) == (1, 1, 1)
    verdicts = {f.code: f.verdict for f in told.findings if f.variant == "v1"}
    assert verdicts
    assert found.items() >= verdicts.items()
    trial = written.trials[1]
    assert trial.duration == timedelta(seconds=found["seconds"]) == timedelta(seconds=2.5)
    assert trial.datetime_complete.timestamp() == told.record.settings.finished.timestamp()
    assert written.user_attrs["winner"] == "v1"
    assert written.user_attrs["answer"].startswith("v1 does best on validation data")
    assert written.user_attrs["metric"] == "accuracy"


def test_what_left_a_race_is_pruned_and_cannot_be_the_best():
    scores = noisy(0.6, 0.8, 0.803)
    scores[0, :4], scores[0, 4:] = 0.6, np.nan
    conclusions = Conclusions(race_record(scores, (4, 8)))
    told = FrameView(conclusions.record).to_optuna()
    left = conclusions.race.left
    assert 0 in left
    for number, trial in enumerate(told.trials):
        assert trial.state == (TrialState.PRUNED if number in left else TrialState.COMPLETE)
        assert trial.value == pytest.approx(conclusions.score(number).mean)
    assert told.best_trial.user_attrs["variant"] == conclusions.winner_name


def test_a_lower_loss_is_better():
    settings = replace(
        record().settings, metric="data_loss", higher_is_better=False, is_proportion=False
    )
    told = FrameView(record(settings=settings)).to_optuna()
    assert told.direction == optuna.study.StudyDirection.MINIMIZE
    assert told.best_value == pytest.approx(0.2)
    assert told.best_trial.user_attrs["variant"] == "v1"


def test_another_study_of_the_name_is_refused(tmp_path):
    view, storage = FrameView(record()), storage_at(tmp_path / "optuna.db")
    view.to_optuna(storage)
    with pytest.raises(StoreError, match="without a study 'study', got one that has it; give"):
        view.to_optuna(storage)
    assert len(read(tmp_path / "optuna.db").trials) == 4


def test_a_study_that_has_not_ended_has_no_scores(tmp_path):
    with pytest.raises(StoreError, match="run to its end, for optuna, got 'how wide', which was"):
        export(study(), tmp_path / "out", "optuna")
    assert not list(tmp_path.iterdir())


def test_intermediate_values_are_means_over_replicates_while_all_of_them_train():
    plain = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.8, 0.7]])
    rise = np.array([0.1, 0.1, -0.1, -0.1])  # of two accuracies and two losses
    values = np.concatenate([plain.whole.values + rise * epoch for epoch in range(3)], axis=2)
    curves = replace(plain.whole, values=values, lengths=np.array([[3, 3], [3, 2]]))
    settings = replace(plain.settings, epochs={"v0": 3, "v1": 3})
    told = FrameView(replace(plain, curves={1.0: curves}, settings=settings)).to_optuna()
    first, second = (trial.intermediate_values for trial in told.trials)
    assert first == pytest.approx({1: 0.55, 2: 0.65, 3: 0.75})
    assert second == pytest.approx({1: 0.75, 2: 0.85})


@pytest.mark.long
def test_a_result_exports_what_it_measured(blobs, tmp_path):
    result = kohort.Study(
        *("epochs", kohort.grid(build_mlp, learning_rate=[0.01, 0.1]), blobs),
        replicates=kohort.Holdout(0.2, 2), epochs=3, batch_size=50,
    ).run(verbose=0)  # fmt: skip
    (path,) = result.export(tmp_path / "out", "optuna")
    told, curves = read(path, "epochs"), result.curves()
    for trial in told.trials:
        chosen = curves[curves["variant"] == trial.user_attrs["variant"]]
        means = chosen[chosen["metric"] == "val_accuracy"].groupby("epoch")["value"].mean()
        assert trial.intermediate_values == pytest.approx(means.to_dict())
        assert trial.value == pytest.approx(
            result.table()["val_accuracy"][trial.user_attrs["variant"]]
        )
    assert told.best_trial.user_attrs["variant"] == result.winner


@pytest.mark.long
def test_a_searchs_trials_are_those_of_its_own_and_export_writes_the_race(blobs, tmp_path):
    found = small(blobs).run(tmp_path / "kohort.db", verbose=0, confirm=2)
    (trials,) = found.export_trials(tmp_path / "trials", "optuna")
    (race,) = found.export(tmp_path / "race", "optuna")
    own = found.to_optuna()
    assert [t.params for t in read(trials, "small").trials] == [t.params for t in own.trials]
    assert [t.values for t in read(trials, "small").trials] == [t.values for t in own.trials]
    raced = read(race, "small")
    assert [t.user_attrs["variant"] for t in raced.trials] == list(found.record.variant_names)
    assert raced.best_trial.user_attrs["variant"] == found.winner
