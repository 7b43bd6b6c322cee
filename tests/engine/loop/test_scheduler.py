"""Blocks that train at once: the same numbers as one after another, and nothing lost."""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Future
from types import SimpleNamespace

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.data.system import cores
from kohort.engine.feed.runner import ReadyEpoch
from kohort.engine.loop import cohort, scheduler
from kohort.evidence.store import open_store
from tests.faults.studies import Death, calling, numbers, run, study
from tests.marks import long
from tests.models import build_mlp, seeded

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu" or cores() < 2, reason="for CPUs of several cores"
)


def trained(data, count=3, *, epochs=4, callbacks=None, **options):
    """Weights and histories of members that train one by one."""
    models = [seeded(seed, units=(16,)) for seed in range(count)]
    histories = kohort.fit(
        models,
        data.x_train,
        data.y_train,
        epochs=epochs,
        validation_split=0.2,
        chunk_size=1,
        verbose=0,
        callbacks=callbacks,
        **options,
    )
    return [(model.get_weights(), h.history) for model, h in zip(models, histories, strict=True)]


@pytest.fixture
def calls(monkeypatch):
    """How many calls ran at once, as each of them ended."""
    running, seen, lock = [], [], threading.Lock()
    real = cohort.ResidentRunner.call

    def call(self, *arguments):
        ready = real(self, *arguments)

        def run():
            with lock:
                running.append(None)
            time.sleep(0.05)
            result = ready.run()
            with lock:
                seen.append(len(running))
                running.pop()
            return result

        return ready._replace(run=run)

    monkeypatch.setattr(cohort.ResidentRunner, "call", call)
    return seen


@pytest.mark.long
def test_a_member_does_not_depend_on_what_trains_at_once(blobs, calls, monkeypatch):
    together = trained(blobs)
    assert max(calls) == 3, "the third was left to train alone"
    monkeypatch.setattr(cohort, "_AT_ONCE", 1)
    calls.clear()
    for one, other in zip(together, trained(blobs), strict=True):
        assert one[1] == other[1]
        for mine, yours in zip(one[0], other[0], strict=True):
            np.testing.assert_array_equal(mine, yours)
    assert max(calls) == 1


def test_two_train_at_once_where_there_are_many(blobs, calls):
    trained(blobs, 4, epochs=2)
    assert max(calls) == 2


def test_members_that_stop_make_room_for_others(blobs, calls):
    patient = [keras.callbacks.EarlyStopping("loss", min_delta=9, patience=p) for p in (3, 0, 2, 9)]
    found = trained(blobs, 4, callbacks=lambda number: [patient[number]])
    assert [len(history["loss"]) for _, history in found] == [4, 2, 3, 4]
    assert max(calls) == 3


@pytest.mark.long
def test_calls_that_memory_does_not_hold_together_run_one_by_one(blobs, calls, monkeypatch):
    needed = []
    real = scheduler.run_all

    def run_all(ready, memory):
        needed.extend(epoch.needed for epoch in ready)
        return real(ready, memory)

    monkeypatch.setattr(scheduler, "run_all", run_all)
    wanted = trained(blobs, 4)
    assert max(calls) == 2
    calls.clear()
    # Bytes of one epoch, as of the first ones; later ones count with those that start ahead.
    found = trained(blobs, 4, memory=f"{int(1.5 * min(needed))} B")
    assert max(calls) == 1
    assert [history for _, history in found] == [history for _, history in wanted]


@pytest.mark.long
@pytest.mark.parametrize("fail", ["all", "the last"])
@pytest.mark.parametrize("epoch", [0, 2])
def test_where_the_device_is_full_they_train_alone(blobs, monkeypatch, fail, epoch):
    wanted, real, seen = trained(blobs), scheduler.run_all, []

    def run_all(ready, memory):
        found = real(ready, memory)
        seen.append(len(ready))
        if len(ready) > 1 and len(seen) > epoch:
            full = Future()
            full.set_exception(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
            return [full] * len(ready) if fail == "all" else [*found[:-1], full]
        return found

    monkeypatch.setattr(scheduler, "run_all", run_all)
    for one, other in zip(trained(blobs), wanted, strict=True):
        assert one[1] == other[1]
        for mine, yours in zip(one[0], other[0], strict=True):
            np.testing.assert_array_equal(mine, yours)
    assert max(seen) == 3
    assert seen[-1] == 1


@pytest.mark.parametrize("function", [lambda a: a, np.abs], ids=["a lambda", "a ufunc"])
def test_what_calls_back_into_python_runs_alone(blobs, calls, function):
    class Told(keras.layers.Layer):
        def call(self, x):
            shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
            return jax.pure_callback(function, shape, x, vmap_method="sequential")

    models = []
    for _ in range(2):
        layers = [Told(), keras.layers.Dense(3, "softmax")]
        models.append(keras.Sequential([keras.Input(blobs.x_train.shape[1:]), *layers]))
        models[-1].trainable = False
        models[-1].compile("sgd", "sparse_categorical_crossentropy")
    kohort.fit(models, blobs.x_train, blobs.y_train, chunk_size=1, verbose=0)
    assert max(calls) == 1


def test_time_is_shared(monkeypatch):
    now = iter([0.0, 4.0, 10.0])
    monkeypatch.setattr(scheduler.time, "perf_counter", lambda: next(now))
    first, second = SimpleNamespace(seconds=0.0), SimpleNamespace(seconds=0.0)
    running = [first]
    clock = scheduler.Clock(running)
    clock.tick()
    running.append(second)
    clock.tick()
    assert (first.seconds, second.seconds) == (7.0, 3.0)


def two(data, callback):
    return study(data, units=[8], callbacks=[callback], epochs=6)


@pytest.mark.long
@pytest.mark.parametrize("moment", [4, *long(3, 7, 8)])
def test_a_study_that_ends_amid_two_blocks_goes_on(blobs, tmp_path, calls, moment):
    wanted = numbers(run(two(blobs, calling(int)), chunk_size=1))
    store = tmp_path / "kohort.db"

    def die():
        raise Death

    with pytest.raises(Death):
        run(two(blobs, calling(die, moment)), store, chunk_size=1)
    assert max(calls) == 2
    assert numbers(run(two(blobs, calling(int)), store, chunk_size=1)) == wanted


@pytest.mark.long
@pytest.mark.parametrize("moment", [4, *long(3, 7, 8)])
@pytest.mark.parametrize("cadence", [0.0, 3600.0])
def test_a_study_that_is_interrupted_amid_two_blocks_trains_no_epoch_twice(
    blobs, tmp_path, moment, cadence
):
    store, trained_again = tmp_path / "kohort.db", []
    interrupted = two(blobs, calling(lambda: os.kill(os.getpid(), signal.SIGINT), moment))
    with pytest.raises(kohort.Interrupted):
        run(interrupted, store, chunk_size=1, checkpoint_seconds=cadence)
    with open_store(store) as opened:
        kept = Counter(record.member for record in opened.study("struck").epochs())
    assert len(set(kept.values())) == 1, "one block was kept at another epoch than the other"

    def schedule(_, rate):
        trained_again.append(None)
        return rate

    counting = keras.callbacks.LearningRateScheduler(schedule)
    result = run(two(blobs, counting), store, chunk_size=1)
    assert len(trained_again) == 12 - sum(kept.values())
    assert numbers(result) == numbers(run(two(blobs, calling(int)), chunk_size=1))


def test_an_interrupt_waits_for_the_epochs_that_run():
    done = []

    def run():
        time.sleep(0.6)
        done.append(1)

    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        scheduler.run_all([ReadyEpoch(run, 0)] * 2, memory=1)
    assert len(done) == 2, "the state that they change was still in use"


def test_what_blocks_measured_before_one_raised_is_reported(blobs, tmp_path):
    store = tmp_path / "kohort.db"

    class Fails(keras.callbacks.Callback):
        def __init__(self, fails):
            super().__init__()
            self.fails = fails

        def on_epoch_end(self, epoch, logs=None):
            if self.fails and epoch == 1:
                raise RuntimeError("mine")

    study = kohort.Study(
        "struck", [kohort.Variant("plain", build_mlp)], blobs, replicates=kohort.Holdout(0.2, 2),
        epochs=3, callbacks=lambda _, replicate: [Fails(replicate == 1)],
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="mine"):
        study.run(store, chunk_size=1, checkpoint_seconds=0, verbose=0)
    with open_store(store) as opened:
        kept = Counter(record.member.replicate for record in opened.study("struck").epochs())
    assert kept == {0: 2, 1: 1}
