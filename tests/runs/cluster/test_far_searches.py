"""Searches on a Ray cluster: the bits that they have here, whatever dies."""

import os
import signal

import keras
import pytest

import kohort
from kohort.errors import Interrupted
from kohort.evidence.trials import kept_name
from kohort.runs.searches.keeping import SearchKeeper
from tests.runs.cluster.killing import Killing
from tests.runs.searches.searched import small, without_times

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def here(blobs):
    return without_times(small(blobs).run(verbose=0, confirm=2))


def far(search, store, **options):
    given = {"verbose": 0, "confirm": 2, "checkpoint_seconds": 0.0, "executor": "ray"}
    return without_times(search.run(store, **given | options))


def test_a_search_and_its_race_have_the_bits_that_they_have_here(blobs, here, loopback, tmp_path):
    assert far(small(blobs), tmp_path / "far.db") == here
    opened = kohort.open(tmp_path / "far.db", "small")
    assert opened.curves().to_csv() == here[2]


def test_trials_with_callbacks_climb_there(blobs, loopback):
    options = {"trials": 6, "callbacks": [keras.callbacks.ReduceLROnPlateau(patience=1)]}
    alone = without_times(small(blobs, **options).run(verbose=0, confirm=2))
    assert far(small(blobs, **options), None) == alone


def test_what_was_asked_to_end_goes_on_there_and_here(blobs, here, loopback, tmp_path, monkeypatch):
    for number, executors in enumerate([("local", "ray"), ("ray", "local")]):
        measured, real = [], SearchKeeper.measured

        def ends(keeper, *what, measured=measured, real=real):
            measured.append(what)
            if len(measured) == 13:
                keeper.ask_to_end()
            real(keeper, *what)

        store = tmp_path / f"{number}.db"
        with monkeypatch.context() as inside:
            inside.setattr(SearchKeeper, "measured", ends)
            with pytest.raises(Interrupted):
                far(small(blobs), store, executor=executors[0])
        assert far(small(blobs), store, executor=executors[1]) == here


def test_trials_go_on_where_their_worker_was_killed(blobs, loopback, tmp_path):
    def kill_worker():
        victims = list(loopback.workers())
        for process in victims[:1]:
            os.kill(process, signal.SIGKILL)
        return len(victims[:1])

    long = {"trials": 6, "epochs": 60, "rungs": 2}
    wanted = without_times(small(blobs, **long).run(verbose=0, confirm=2))
    store = tmp_path / "killed.db"
    killing = Killing(kill_worker, store, kept_name("small"))
    killing.start()
    found = far(small(blobs, **long), store)
    killing.join()
    assert killing.killed == 1
    assert found == wanted
