"""What a search of many trials does beside training must not grow faster than they do."""

import cProfile
import pstats

import numpy as np
import pytest

import kohort
from kohort.design.scoring import Scoring
from kohort.evidence.store import open_store, rows
from kohort.evidence.store.database import Database
from kohort.evidence.trials import Facts, kept_name
from kohort.report.progress import Progress
from kohort.runs.searches.climbing import Climber
from kohort.runs.searches.keeping import keeping
from kohort.runs.searches.measure import Measure
from kohort.runs.searches.searching import search
from tests.runs.searches.searched import build

SPACE = {
    "units": kohort.Range(4, 1000),
    "rate": kohort.Range(1e-4, 0.3, log=True),
    "dropout": kohort.Range(0.0, 0.6),
}
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "val_data_loss", "eval_loss")
HOW = {"precision": None, "environment": {}}


@pytest.fixture(autouse=True)
def untrained(monkeypatch):
    """Trials measure random numbers, and no model is built."""

    def climb(climber, numbers, epochs, what):
        for number in numbers:
            random = np.random.default_rng(number)
            for epoch in range(len(climber._logs[number]), epochs):
                logs = {metric: float(random.random()) for metric in METRICS}
                climber._logs[number][epoch] = logs
                climber._keeper.measured(number, epoch, logs)
            climber._keeper.breathe()

    def choose(measure, numbers, planned):
        measure.scoring = Scoring("accuracy", True, is_proportion=True)

    monkeypatch.setattr(Climber, "climb", climb)
    monkeypatch.setattr(Climber, "_facts", lambda climber, draw: Facts(10, ""))
    monkeypatch.setattr(Climber, "_compare", lambda climber, numbers: None)
    monkeypatch.setattr(Climber, "_scored", lambda climber, number, fact: fact)
    monkeypatch.setattr(Measure, "choose", choose)


@pytest.fixture
def written(monkeypatch):
    """How often the store was written, and the letters of descriptions."""
    counts = {"writes": 0, "letters": 0}
    write, describe = Database.write, rows.describe

    def counted_write(database, *what, **how):
        counts["writes"] += 1
        return write(database, *what, **how)

    def counted_describe(connection, study, text):
        counts["letters"] += len(text)
        return describe(connection, study, text)

    monkeypatch.setattr(Database, "write", counted_write)
    monkeypatch.setattr(rows, "describe", counted_describe)
    return counts


def searched(blobs, place, trials, sampler="random"):
    spec = kohort.Search(
        "many", build, SPACE, blobs, trials=trials, epochs=27, sampler=sampler
    ).spec
    with (
        Progress(visible=False) as progress,
        open_store(place) as store,
        keeping(store, spec, HOW, 60.0, fresh=False, tell=print) as keeper,
    ):
        return search(spec, keeper, 1 << 30, progress, 5)


def calls(action):
    """How many calls of functions an action takes."""
    with cProfile.Profile() as profile:
        action()
    return pstats.Stats(profile).total_calls


@pytest.mark.long
def test_a_thousand_trials_take_as_much_for_each_as_some_hundred(blobs, tmp_path, written):
    spent, again = {}, {}
    for trials in (250, 1000):
        place = tmp_path / f"{trials}.db"
        written.update(writes=0, letters=0)
        count = calls(lambda place=place, trials=trials: searched(blobs, place, trials))
        spent[trials] = {**written, "calls": count}
        written.update(writes=0, letters=0)
        searched(blobs, place, trials)
        again[trials] = dict(written)
        with open_store(place) as store:
            kept = store.study(kept_name("many"))
            assert len(kept.members()) == trials
    for what, before in spent[250].items():
        assert spent[1000][what] < 1.2 * 4 * before, what
    assert again[1000]["writes"] == again[250]["writes"] < 10
    assert again[1000]["letters"] < 1.2 * 4 * again[250]["letters"]


@pytest.mark.long
def test_a_thousand_trials_of_a_sampler_that_learns_are_told_and_ranked(blobs, tmp_path):
    """How long drawing takes is up to Optuna, whose TPE looks at all trials for each."""
    record = searched(blobs, tmp_path / "k.db", 1000, "tpe")
    assert len(record.trials) == 1000
    assert len({repr(sorted(trial.arguments.items())) for trial in record.trials}) == 1000
    assert [len([t for t in record.trials if t.part == part]) for part in range(4)] == [250] * 4
    assert len(record.finalists) == 5
