"""GPUs of a cluster, as far as they show without one: Ray believes a node how many it has."""

import time
from contextlib import suppress
from types import SimpleNamespace as Namespace

import jax
import keras
import pytest
from jaxlib import xla_client

import kohort
from kohort.evidence.provenance import environment, training_on
from kohort.runs.cluster import connecting, gpus, jobs, tasks
from kohort.runs.cluster.messages import SentMember
from scripts.loopback import Loopback
from tests.runs.cluster.test_connecting import Nodes
from tests.runs.test_resume import numbers, study

CLUSTER = Nodes(
    (True, {"CPU": 64.0, "memory": 9.0}),
    (True, {"CPU": 8.0, "GPU": 2.0}),
    (False, {"CPU": 8.0, "GPU": 8.0}),
    (True, {"CPU": 5.0, "GPU": 1.0}),
)
FRACTIONS = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")
PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"


@pytest.fixture
def unset(monkeypatch):
    """The environment of somebody who tells JAX nothing of memory."""
    for name in (*FRACTIONS, PREALLOCATE):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("share", "blocks"), [(0.25, 12), (1 / 3, 9), (0.4, 6), (0.75, 3), (1, 3), (2, 1), (0.1, 13)]
)
def test_blocks_train_where_there_are_their_gpus(share, blocks):
    """Of 0.4 two lie on each GPU, and none on two; of 0.1 there are fewer cores than room."""
    assert connecting.slots(CLUSTER, kohort.Ray(gpus=share)) == blocks


def test_nodes_without_gpus_train_no_block_of_some():
    names = [node["Resources"]["CPU"] for node in connecting.nodes(CLUSTER, kohort.Ray(gpus=0.5))]
    assert names == [8.0, 5.0]


@pytest.mark.parametrize(("share", "cpus", "most"), [(3, 1, 2), (0.5, 9, 0)])
def test_a_cluster_of_too_few_gpus_is_refused(share, cpus, most):
    told = (
        rf"a node that has {share} GPUs and {cpus} cores .* so many cores has {most} GPUs at most"
    )
    with pytest.raises(kohort.DesignError, match=told):
        connecting.check_nodes(CLUSTER, kohort.Ray(gpus=share, cpus=cpus), {})


def test_a_block_that_shares_a_gpu_takes_less_than_its_share(unset):
    assert gpus.variables(0) == {"JAX_PLATFORMS": "cpu"}
    assert gpus.variables(1) == gpus.variables(2) == {"JAX_PLATFORMS": ""}
    told = gpus.variables(0.25)
    assert told["JAX_PLATFORMS"] == ""
    # A node may have the other name of it, and JAX refuses both.
    unset.setenv(FRACTIONS[1], "0.7")
    for name, value in told.items():
        unset.setenv(name, value)
    assert xla_client.generate_pjrt_gpu_plugin_options()["memory_fraction"] == 0.225


@pytest.mark.parametrize("name", FRACTIONS)
def test_a_part_that_the_user_has_chosen_is_left(unset, name):
    unset.setenv(name, "0.1")
    assert gpus.variables(0.25) == {"JAX_PLATFORMS": ""}


def test_the_users_word_on_taking_it_at_once_is_left(unset):
    unset.setenv(PREALLOCATE, "false")
    assert PREALLOCATE not in gpus.variables(0.25)


def test_the_memory_of_a_block_is_that_of_the_smallest_gpu():
    found = [gpus.Seen("B200", 900), gpus.Seen("A100", 300)]
    assert gpus.memory_of_block(found) == 300
    assert gpus.kinds([*found, *found]) == "A100, B200 (Ray)"
    with pytest.raises(kohort.DesignError, match=r"tells the memory, got A100; .*memory="):
        gpus.memory_of_block([found[0], gpus.Seen("A100", None)])


def test_without_a_gpu_nothing_trains_on_the_cpu_unasked():
    with pytest.raises(kohort.DesignError, match=r"a GPU that JAX finds on node .*, got none, but"):
        gpus.seen()


def test_the_environment_names_the_devices_that_train():
    here = environment()
    with training_on("A100 (Ray)"):
        assert environment() == here | {"devices": "A100 (Ray)"}
    assert environment() == here


class Lone:
    """A cluster of the driver's machine alone."""

    def __init__(self):
        self.get_runtime_context = lambda: Namespace(get_node_id=lambda: "here")


def test_a_driver_that_takes_the_gpus_of_its_machine_is_refused(unset):
    """Nobody has seen it: here JAX finds no GPU."""
    unset.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(kohort.DesignError, match=r"leaves the GPUs .*JAX_PLATFORMS=cpu"):
        gpus.asked(Lone(), None, [{"NodeID": "here"}])


def test_another_backend_of_keras_has_no_gpus_of_a_cluster(unset):
    unset.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(kohort.DesignError, match=r"Keras's backend JAX.*, got tensorflow"):
        gpus.asked(Lone(), None, [{"NodeID": "here"}])


def test_a_model_that_a_gpu_computes_otherwise_is_told(unset):
    sent, built = SentMember(0, 0, 1.0, None), Namespace(signature="another")
    with pytest.raises(kohort.DesignError) as at_first:
        jobs.check_same_model("lstm", sent, built)
    assert "GPU" not in str(at_first.value)
    unset.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(kohort.DesignError, match="such as LSTM, Keras computes otherwise on a GPU"):
        jobs.check_same_model("lstm", sent, built)


@pytest.fixture(scope="module")
def mixed():
    """A cluster of a node without GPUs and a node of two that are none; this process joins it."""
    running = Loopback(nodes=1)
    running.join(cpus=8, gpus=2)
    with connecting.connected(kohort.Ray(running.address)) as ray:
        yield Namespace(ray=ray, address=running.address, nodes=running.nodes())
    running.end()


def reporting(folder, at_once):
    """A task that tells what it finds, when so many have begun; it is sent by value."""

    def report(number):
        import os
        import sys
        import time
        from pathlib import Path

        import ray

        had_jax = "jax" in sys.modules
        began = time.time()
        Path(folder, str(number)).touch()
        while len([*Path(folder).iterdir()]) < at_once and time.time() < began + 100:
            time.sleep(0.05)
        time.sleep(0.5)
        node = ray.get_runtime_context().get_node_id()
        return node, os.getpid(), had_jax, dict(os.environ), began, time.time()

    return report


def most_at_once(spans):
    return max(sum(began <= at < ended for began, ended in spans) for at, _ in spans)


@pytest.mark.long
def test_blocks_share_the_gpus_of_the_nodes_that_have_some(mixed, unset, tmp_path):
    cluster, ray = kohort.Ray(gpus=0.5), mixed.ray
    assert connecting.slots(ray, cluster) == 4
    report = tasks.remote(ray, cluster, {}, reporting(str(tmp_path), 4))
    told = ray.get([report.remote(number) for number in range(7)], timeout=200)
    found, processes, had_jax, seen, *_ = zip(*told, strict=True)
    assert set(found) == {mixed.nodes[1].node_id}
    assert len(set(processes)) == 7  # JAX holds its GPU until its process ends.
    # Before JAX is imported the process has all that it reads.
    assert not any(had_jax)
    assert {each["JAX_PLATFORMS"] for each in seen} == {""}
    assert {each["XLA_CLIENT_MEM_FRACTION"] for each in seen} == {"0.450000"}
    spans = {device: [] for device in ("0", "1")}
    for _, _, _, variables, began, ended in told:
        spans[variables["CUDA_VISIBLE_DEVICES"]].append((began, ended))
    assert [most_at_once(of) for of in spans.values()] == [2, 2]
    until = time.monotonic() + 60
    while ray.available_resources().get("GPU") != 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert ray.available_resources()["GPU"] == 2


def believing():
    """Blocks of workers that take the GPU for one that JAX finds; sent by value."""

    def block(shipment, task, rings):
        from kohort.runs.cluster import gpus, tasks

        gpus.seen = lambda: None
        yield from tasks.block(shipment, task, rings)

    return block


def nominal():
    """What they tell of it; sent by value."""

    def seen():
        from kohort.runs.cluster import gpus

        return gpus.Seen("nominal", 2**30)

    return seen


@pytest.mark.long
def test_a_study_goes_on_there_and_tells_the_devices(blobs, mixed, unset, tmp_path, capsys):
    """JAX finds the CPU in the workers, so the bits are those of one; a GPU has others."""
    options = {"verbose": 0, "chunk_size": 1, "checkpoint_seconds": 0.0}
    of = {"names": ["plain", "dropout"]}
    wanted = study(blobs, epochs=6, **of).run(**options)
    study(blobs, epochs=3, **of).run(tmp_path / "kept.db", keep="all", **options)
    unset.setattr(tasks, "block", believing())
    unset.setattr(gpus, "seen", nominal())
    far = study(blobs, epochs=6, **of).run(
        tmp_path / "kept.db", executor=kohort.Ray(gpus=0.5), **(options | {"verbose": 1})
    )
    assert numbers(far) == numbers(wanted)
    assert far.record.settings.environment["devices"] == "nominal (Ray)"
    assert "devices: cpu:0 before, nominal (Ray) now" in capsys.readouterr().err


def following(folder):
    """Blocks that wait for the processes of earlier ones to end; sent by value."""

    def block(shipment, task, rings):
        import os
        import time
        from pathlib import Path

        from kohort.runs.cluster import gpus, tasks

        gpus.seen = lambda: None
        until = time.monotonic() + 60
        for earlier in Path(folder).iterdir():
            while Path("/proc", earlier.name).exists():
                assert time.monotonic() < until, "a process that has trained is there still"
                time.sleep(0.1)
        yield from tasks.block(shipment, task, rings)
        Path(folder, str(os.getpid())).touch()

    return block


@pytest.mark.long
def test_a_process_that_has_trained_leaves_its_gpu(blobs, mixed, unset, tmp_path):
    """Two blocks, one after the other, as each has both GPUs."""
    unset.setattr(tasks, "block", following(str(tmp_path)))
    unset.setattr(gpus, "seen", nominal())
    far = kohort.Ray(gpus=2)
    study(blobs, ["plain"], epochs=1).run(executor=far, verbose=0, chunk_size=1)
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.long
def test_a_run_that_would_train_on_the_cpu_trains_nothing(blobs, mixed, unset):
    far = {"executor": kohort.Ray(gpus=0.5), "verbose": 0}
    with pytest.raises(kohort.DesignError, match=r"a GPU that JAX finds on node .*, got none, but"):
        study(blobs).run(**far)
    # A node that joins is not asked before it trains.
    unset.setattr(gpus, "seen", nominal())
    with pytest.raises(kohort.DesignError, match=r"a GPU that JAX finds on node .*, got none, but"):
        study(blobs).run(**far)


@pytest.mark.long
def test_gpus_that_others_use_are_waited_for_and_told(mixed, unset, tmp_path):
    ray, cluster = mixed.ray, kohort.Ray(gpus=2)
    busy = tasks.remote(ray, cluster, {}, reporting(str(tmp_path), 2))
    held = busy.remote(0)
    unset.setattr(gpus, "_ANSWER", 1.0)
    while not [*tmp_path.iterdir()]:
        time.sleep(0.05)
    ask = tasks.remote(ray, kohort.Ray(gpus=0.5), {}, nominal())
    able = connecting.nodes(ray, cluster)
    with pytest.raises(kohort.DesignError, match="a free GPU for a block, got none in 1 seconds"):
        gpus.asked(ray, ask, able)
    ray.cancel(held, force=True)
    with suppress(ray.exceptions.RayError):
        ray.get(held)
    unset.setattr(gpus, "_ANSWER", 60.0)
    assert gpus.asked(ray, ask, able) == [gpus.Seen("nominal", 2**30)]
