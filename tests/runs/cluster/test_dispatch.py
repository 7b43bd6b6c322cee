"""Studies on a Ray cluster: the bits that they have here, whatever dies."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.engine.program.compilation import PROGRAMS, compiled_program
from kohort.errors import StoreError
from kohort.evidence.store import open_store
from kohort.report import store_tables
from kohort.runs.cluster import listening, shipping
from tests.models import build_mlp
from tests.runs.cluster.killing import Killing, alive
from tests.runs.test_resume import STEADY, numbers, study

pytestmark = pytest.mark.long


def run(of, store=None, **options):
    return of.run(store, **{"verbose": 0, "checkpoint_seconds": 0.0, "chunk_size": 1} | options)


def kept(store, name="kept"):
    """What a store has: curves and weights by member, to the last bit."""
    with open_store(store, make=False) as opened:
        of = opened.study(name)
        curves = {(r.member, r.epoch): repr(sorted(r.logs.items())) for r in of.epochs()}
        ended = [member.key for member in of.members() if member.finished]
        return curves, {key: [array.tobytes() for array in of.weights(key)] for key in ended}


@pytest.mark.parametrize("chunk_size", [1, 2])
def test_a_study_has_the_bits_that_it_has_here(blobs, loopback, tmp_path, chunk_size):
    arguments = {"callbacks": STEADY, "sizes": [0.5]}
    options = {"chunk_size": chunk_size, "keep": "all"}  # those on half of the data too
    here = run(study(blobs, **arguments), tmp_path / "here.db", **options)
    far = run(study(blobs, **arguments), tmp_path / "far.db", executor="ray", **options)
    assert numbers(far) == numbers(here)
    assert kept(tmp_path / "far.db") == kept(tmp_path / "here.db")
    assert kohort.open(tmp_path / "far.db", "kept").winner == here.winner


def test_members_that_are_not_built_have_them_too(blobs, loopback, tmp_path):
    of = study(blobs, ("plain", "dropout"), repeats=7)
    here, far = run(of, chunk_size=7), run(of, tmp_path / "far.db", executor="ray", chunk_size=7)
    assert numbers(far) == numbers(here)


def test_variants_that_follow_from_others_have_them_too(blobs, loopback):
    variants = [kohort.Variant(str(n), build_mlp, learning_rate=0.01 + n / 1e3) for n in range(26)]
    of = kohort.Study(
        "kin", variants, blobs, replicates=kohort.Holdout(0.2, 1), epochs=1, batch_size=50
    )
    assert numbers(run(of, executor="ray", chunk_size=13)) == numbers(run(of, chunk_size=13))


def test_what_was_begun_here_goes_on_there_and_the_other_way_round(blobs, loopback, tmp_path):
    wanted = numbers(run(study(blobs, epochs=6)))
    for executors in (("local", "ray"), ("ray", "local")):
        store = tmp_path / f"{executors[0]}.db"
        for epochs, executor in zip((3, 6), executors, strict=True):
            result = run(study(blobs, epochs=epochs), store, executor=executor)
        assert numbers(result) == wanted


def test_data_of_a_shared_place_give_the_bits_of_data_that_are_sent(
    blobs, loopback, tmp_path, monkeypatch
):
    monkeypatch.setattr(shipping, "LARGE", 1)
    shared = kohort.Ray(shared=tmp_path / "data")
    far = run(study(blobs, ["dropout"]), executor=shared)
    assert numbers(far) == numbers(run(study(blobs, ["dropout"])))
    kept_there = [np.load(file) for file in (tmp_path / "data").iterdir()]
    assert any(np.array_equal(array, blobs.x_train) for array in kept_there)
    # A node reads them, and has them from nowhere else.
    monkeypatch.setattr(shipping, "_kept", lambda place, array: "missing.npy")
    with pytest.raises(kohort.DesignError, match=r"can be read on .*FileNotFoundError"):
        run(study(blobs, ["dropout"]), executor=shared)


def test_members_of_keras_and_what_is_built_from_data_train_there(blobs, loopback):
    def build(data, units=4):
        norm = keras.layers.Normalization()
        norm.adapt(data.x)
        model = keras.Sequential([keras.Input((5,)), norm, keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def build_eagerly():
        model = build_mlp()
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
        return model

    both = kohort.Study(
        "both",
        [kohort.Variant("scaled", build), kohort.Variant("eager", build_eagerly)],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=2,
        batch_size=100,
        class_weight={"scaled": "balanced"},
    )
    assert numbers(run(both, executor="ray")) == numbers(run(both))
    by_keras = {"engine": "keras", "precision": "float32"}
    assert numbers(run(both, executor="ray", **by_keras)) == numbers(run(both, **by_keras))


def test_a_race_has_the_bits_that_it_has_here(blobs, loopback, tmp_path):
    race = kohort.Race(kohort.Holdout(0.2, 8), first=2, looks=3)
    here = run(study(blobs, replicates=race), chunk_size=2)
    far = run(study(blobs, replicates=race), tmp_path / "far.db", chunk_size=2, executor="ray")
    assert numbers(far) == numbers(here)
    assert far.race_text() == here.race_text()


def test_a_study_on_a_cluster_is_kept_in_postgresql(blobs, loopback, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the weights are kept
    store = server.new_database()
    far = run(study(blobs, ["dropout"]), store, executor="ray")
    assert numbers(far) == numbers(run(study(blobs, ["dropout"])))
    assert numbers(kohort.open(store, "kept", blobs)) == numbers(far)


def test_without_a_told_chunk_all_nodes_have_work(blobs, loopback):
    result = run(study(blobs, ["dropout"], repeats=4), chunk_size=None, executor="ray")
    assert set(result.record.settings.side_by_side.values()) == {2}


def test_a_block_goes_on_where_its_worker_or_its_node_was_killed(blobs, loopback, tmp_path, capfd):
    def kill_worker():
        victims = list(loopback.workers())
        for process in victims[:1]:
            os.kill(process, signal.SIGKILL)
        return len(victims[:1])

    def kill_node():
        loopback.kill_node()
        return 1

    wanted = numbers(run(study(blobs, epochs=60)))
    for kill in (kill_worker, kill_node):
        store = tmp_path / f"{kill.__name__}.db"
        killing = Killing(kill, store)
        killing.start()
        result = run(study(blobs, epochs=60), store, executor="ray", verbose=1)
        killing.join()
        assert killing.killed == 1
        assert numbers(result) == wanted
    loopback.join()
    # A worker that wrote nothing has left what Ray writes there for itself.
    assert re.search(r"a worker died \([A-Z]", capfd.readouterr().err)


def test_who_looks_at_the_store_sees_where_members_train(blobs, loopback, tmp_path):
    store, seen = tmp_path / "kept.db", []

    def look():
        with open_store(store, make=False) as opened:
            if places := store_tables.study(opened.study("kept"))["places"]:
                seen.append((store_tables.studies(opened)[0]["last run"], places))
        return len(seen)

    looking = Killing(look, store)
    looking.start()
    run(study(blobs, ["dropout"], epochs=80), store, executor="ray")
    looking.join()
    ((listed, places),) = seen
    known = {node.node_ip_address for node in loopback.nodes()}
    assert {row["node"] for row in places} <= known
    assert listed == f"running on {', '.join(row['node'] for row in places)}"
    assert "dropout, replicate" in places[0]["train there"]
    with open_store(store, make=False) as opened:
        assert opened.study("kept").runs()[0].places == {}


def test_a_block_goes_on_where_its_worker_hangs(blobs, loopback, tmp_path, monkeypatch, capfd):
    def stop_worker():
        victims = list(loopback.workers())
        for process in victims[:1]:
            os.kill(process, signal.SIGSTOP)
            stopped.append(process)
        return len(victims[:1])

    monkeypatch.setattr(listening, "FLOOR", 6.0)
    monkeypatch.setattr(listening, "PATIENCE", 3.0)
    stopped = []
    wanted = numbers(run(study(blobs, epochs=60)))
    stopping = Killing(stop_worker, tmp_path / "kept.db")
    stopping.start()
    result = run(study(blobs, epochs=60), tmp_path / "kept.db", executor="ray", verbose=1)
    stopping.join()
    assert numbers(result) == wanted
    # Ray may find first that a worker does not answer, and tells that it died.
    told = r"a worker (hangs \(nothing of it was heard for \d+ s|died \([A-Z])"
    assert re.search(told, capfd.readouterr().err)
    until = time.monotonic() + 60
    while Path(f"/proc/{stopped[0]}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{stopped[0]}").exists()


def build_deadly(deadly=0):
    if deadly and "KOHORT_SHIPPED" in os.environ:
        os.write(2, b"the last words\n")
        time.sleep(0.5)  # Ray loses what a worker sends as it dies: where it wrote them.
        os.kill(os.getpid(), signal.SIGKILL)
    return build_mlp()


def build_counted(log):
    """A model of a program that nobody has compiled; on workers it is told who compiles it."""
    if "KOHORT_SHIPPED" in os.environ and PROGRAMS._compiled is compiled_program:

        def counted(lowered):
            seen = []
            jax.monitoring.register_event_listener(lambda event, **_: seen.append(event))
            program = compiled_program(lowered)
            with Path(log).open("a") as file:
                file.write("".join(f"{event.rpartition('_')[2]}\n" for event in seen[-1:]))
            return program

        PROGRAMS._compiled = counted
    return build_mlp(units=(int(Path(log).stem),))


def test_of_workers_that_begin_at_the_same_time_one_compiles(blobs, loopback, tmp_path):
    log = tmp_path / f"{1000 + uuid4().int % 9000}.log"
    counted = kohort.Study(
        "counted",
        [kohort.Variant("one", build_counted, log=str(log))],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=1,
    )
    run(counted, executor="ray")
    assert sorted(log.read_text().split()) == ["hits", "misses"]


def test_a_block_that_kills_its_workers_is_told_and_the_rest_goes_on(
    blobs, loopback, tmp_path, capfd
):
    variants = [kohort.Variant("fine", build_mlp), kohort.Variant("deadly", build_deadly, deadly=1)]
    deadly = kohort.Study(
        "kept", variants, blobs, replicates=kohort.Holdout(0.2, 1), epochs=2, batch_size=100
    )
    with pytest.raises(kohort.DesignError, match=r"of which 3 workers died, .* 'the last words'"):
        run(deadly, tmp_path / "kept.db", executor="ray", verbose=1)
    assert capfd.readouterr().err.count("a worker died (the last words)") == 3
    with open_store(tmp_path / "kept.db", make=False) as opened:
        ended = {member.key.variant for member in opened.study("kept").members() if member.finished}
    assert ended == {"fine"}


class Failing(keras.callbacks.Callback):
    """Fails in the second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch:
            raise OSError("no room")


def test_errors_of_the_users_code_end_the_run_in_one_line(blobs, loopback):
    with pytest.raises(kohort.DesignError, match=r"got OSError: no room from .*test_dispatch"):
        run(study(blobs, callbacks=[Failing()]), executor="ray")


def test_a_study_that_cannot_be_sent_is_told(blobs, loopback):
    lock = threading.Lock()

    def build():
        with lock:
            return build_mlp()

    locked = kohort.Study(
        "locked",
        [kohort.Variant("one", build)],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=1,
    )
    with pytest.raises(kohort.DesignError, match=r"a study that can be sent .*thread.lock"):
        run(locked, executor="ray")


def test_a_block_of_more_cores_than_a_node_has_is_refused(blobs, loopback):
    with pytest.raises(kohort.DesignError, match=r"a node of 2 cores .* whose largest has 1"):
        run(study(blobs), executor=kohort.Ray(cpus=2))


STUDY = """
import keras, kohort, numpy as np

def build(units):
    import beside

    model = keras.Sequential([keras.Input((5,)), beside.layer(units)])
    model.add(keras.layers.Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

random = np.random.default_rng(7)
y = random.integers(0, 3, 600)
x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
study = kohort.Study(
    "file", kohort.grid(build, units=[4, 8]), kohort.Dataset(x[:500], y[:500], x[500:], y[500:]),
    replicates=kohort.Holdout(0.2, 1), epochs={epochs},  # one block each, here and there
)
"""
BESIDE = "import keras\n\ndef layer(units):\n    return keras.layers.Dense(units, 'relu')\n"


@pytest.fixture
def files(tmp_path):
    """A study file, and a module that it imports."""

    def write(epochs):
        (tmp_path / "study.py").write_text(STUDY.replace("{epochs}", str(epochs)))
        (tmp_path / "beside.py").write_text(BESIDE)
        return tmp_path

    return write


def command(folder, *options):
    """`kohort run` in a folder, as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "kohort", "run", "study.py", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "RAY_ADDRESS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_line_trains_there_what_a_study_file_and_its_modules_say(files, loopback):
    folder = files(epochs=2)
    for where in (["--executor", "ray", "--address", loopback.address], []):
        name = "far" if where else "here"
        done = command(folder, *where, "--store", f"{name}.db", "--out", name)
        _, errors = done.communicate(timeout=200)
        assert done.returncode == 0, errors
    assert kept(folder / "far.db", "file") == kept(folder / "here.db", "file")


def test_ray_of_the_run_ends_with_it_and_what_was_done_is_kept(files, monkeypatch):
    folder, mark = files(epochs=100_000), f"KOHORT_TEST={uuid4()}"
    monkeypatch.setenv(*mark.split("="))
    running = command(folder, "--executor", "ray")
    store, until = folder / "kohort.db", time.monotonic() + 200
    while time.monotonic() < until:
        time.sleep(0.2)
        with suppress(StoreError):  # The store may be there before the study is.
            if store.exists() and kept(store, "file")[0]:
                break
    assert len(alive(mark)) > 3
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=100)
    assert running.returncode == 130, errors
    assert "the same command goes on" in errors
    with open_store(store, make=False) as opened:
        assert [run.outcome for run in opened.study("file").runs()] == ["interrupted"]
        assert any(record.epoch for record in opened.study("file").epochs())
    assert not alive(mark)


def test_a_cluster_whose_driver_and_head_are_killed_ends_with_the_same_numbers():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.kills_ray", "--kills", "2", "--victims", "driver head"],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("2 kills")
