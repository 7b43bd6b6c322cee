"""Refits on a Ray cluster: the bits that they have here, whatever dies."""

import os
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path

import keras
import pytest

import kohort
from kohort.errors import Interrupted
from kohort.evidence.store import open_store
from tests.runs.cluster.killing import Killing
from tests.runs.searches.searched import small
from tests.runs.test_refitting import same
from tests.runs.test_resume import study

pytestmark = pytest.mark.long


def falling(log, epoch, rate):
    """A rate that falls; where there is a file for them epochs are written to it, and take long."""
    if Path(log).exists():
        with Path(log).open("a") as file:
            file.write(f"{epoch}\n")
        time.sleep(0.3)
    return rate * 0.95


def callbacks_of(log, variant, replicate):
    """They tell of refits alone, whose replicate is -1."""
    known = log if replicate == -1 else "nowhere"
    return [keras.callbacks.LearningRateScheduler(partial(falling, str(known)))]


def logged(folder, epochs=15):
    """A study that is kept; the file in which its refits tell of their epochs, if it is there."""
    log = folder / "refits.log"
    of = {"callbacks": partial(callbacks_of, log), "class_weight": "balanced"}
    return partial(study, names=["dropout"], epochs=epochs, **of), log


def run(of, store=None, **options):
    return of.run(store, **{"verbose": 0, "checkpoint_seconds": 0.0} | options)


def epochs_of_refits(store):
    with open_store(store, make=False) as opened:
        return [r.epoch for r in opened.study("kept").epochs() if r.member.is_refit]


def test_what_is_no_cluster_is_told_before_anything_trains(blobs, tmp_path, monkeypatch):
    """Of all tests here the first: no process of this one has joined a cluster yet."""
    result = run(study(blobs, ["plain"]), tmp_path / "kept.db")
    with pytest.raises(kohort.DesignError, match=r"expected executor in .*, got 'slurm'"):
        result.refit(executor="slurm")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # It does not listen.
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(kohort.DesignError, match=f"a Ray cluster at {address}, got none"):
            result.refit(executor=kohort.Ray(address))
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ray", None)
        with pytest.raises(kohort.DesignError, match=r"pip install 'kohort\[ray\]'"):
            result.refit(executor="ray")
    assert epochs_of_refits(tmp_path / "kept.db") == []
    result.refit(verbose=0)  # Nobody has it.


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_a_refit_has_the_bits_that_it_has_here(blobs, loopback, tmp_path, engine):
    of, _ = logged(tmp_path, epochs=3)
    wanted = run(of(blobs), engine=engine).refit(verbose=0)
    assert same(run(of(blobs), engine=engine).refit(verbose=0, executor="ray"), wanted)
    kept = run(of(blobs), tmp_path / "kept.db", engine=engine)
    assert same(kept.refit(verbose=0, executor=kohort.Ray(loopback.address)), wanted)
    opened = kohort.open(tmp_path / "kept.db", "kept", blobs)
    assert same(opened.refit(executor="ray"), wanted)  # loaded: nothing trains
    assert epochs_of_refits(tmp_path / "kept.db") == list(range(wanted.epoch))
    with open_store(tmp_path / "kept.db", make=False) as store:
        assert [run.places for run in store.study("kept").runs()] == [{}], "it is no run"


def test_so_has_that_of_a_search(blobs, loopback):
    wanted = small(blobs).run(verbose=0, confirm=2).refit(verbose=0)
    far = small(blobs).run(verbose=0, confirm=2, executor="ray")
    assert same(far.refit(verbose=0, executor="ray"), wanted)


def test_it_goes_on_from_its_checkpoint_where_its_worker_was_killed(
    blobs, loopback, tmp_path, capfd
):
    of, log = logged(tmp_path)
    store = tmp_path / "kept.db"
    wanted = run(of(blobs)).refit(verbose=0)
    log.write_text("")

    def kill_worker():
        victims = list(loopback.workers()) if len(epochs_of_refits(store)) > 2 else []
        for process in victims:
            os.kill(process, signal.SIGKILL)
        return len(victims)

    result = run(of(blobs), store)
    killing = Killing(kill_worker, store)
    killing.start()
    refitted = result.refit(executor="ray")
    killing.join()
    assert killing.killed == 1
    assert capfd.readouterr().err.count("a worker died") == 1
    assert same(refitted, wanted)
    trained = [int(epoch) for epoch in log.read_text().split()]
    assert sorted({*trained}) == list(range(refitted.epoch))
    assert trained.count(0) == 1


def test_what_was_asked_to_end_there_goes_on_here_and_the_other_way_round(
    blobs, loopback, tmp_path
):
    of, log = logged(tmp_path)
    wanted = run(of(blobs)).refit(verbose=0)
    for number, executors in enumerate([("ray", "local"), ("local", "ray")]):
        store = tmp_path / f"{number}.db"
        result = run(of(blobs), store)
        log.write_text("")

        def ask(store=store):
            is_begun = len(epochs_of_refits(store)) > 2
            if is_begun:
                os.kill(os.getpid(), signal.SIGINT)
            return int(is_begun)

        asking = Killing(ask, store)
        asking.start()
        with pytest.raises(Interrupted):
            result.refit(verbose=0, executor=executors[0])
        asking.join()
        assert same(result.refit(verbose=0, executor=executors[1]), wanted)
        assert [int(epoch) for epoch in log.read_text().split()] == list(range(wanted.epoch))
