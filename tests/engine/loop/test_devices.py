"""Members on several devices: the numbers of one device, to the bit where the chunk is the same.

A process has the devices that JAX found when it began, so what trains on eight is another process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from kohort.engine import devices
from kohort.engine.loop import chunking
from kohort.engine.loop.scheduler import Scheduler
from kohort.engine.memory import allowed
from tests.engine.loop.on_devices import CASES, digest, ended, left, trained

EIGHT = {
    "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}

on_cpu = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="virtual devices are those of a CPU"
)


def assert_equal(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """The folder of a process of eight devices, and what it told."""
    folder = tmp_path_factory.mktemp("eight")
    left(folder / "one.db")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.engine.loop.on_devices", str(folder)],
        cwd=Path(__file__).parents[3],
        env=os.environ
        | EIGHT
        | {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads((folder / "told.json").read_text())
    assert told["devices"] == 8
    return folder, told


@on_cpu
@pytest.mark.long
@pytest.mark.parametrize(("name", "used"), [("chunks", 6), ("too large", 4), ("streamed", 2)])
def test_members_on_eight_devices_have_the_bits_of_one(eight, name, used):
    folder, told = eight
    assert told["used"][name] == used  # Eleven members, two of them side by side, are six blocks.
    assert (told["sweeps"][name] > 0) == (name == "streamed")
    with np.load(folder / f"{name}.npz") as theirs:
        assert_equal(trained(**CASES[name]), dict(theirs))


@on_cpu
@pytest.mark.long
def test_a_chosen_chunk_leaves_no_device_without_members(eight):
    folder, told = eight
    # What is measured to be fastest, one member after another or two side by side, is chance.
    assert told["used"]["chosen"] in (6, 8)
    mine = trained(**CASES["chosen"])
    with np.load(folder / "chosen.npz") as theirs:
        for name, array in mine.items():
            np.testing.assert_allclose(array, theirs[name], rtol=1e-3, atol=1e-5, err_msg=name)


@on_cpu
@pytest.mark.long
def test_each_device_holds_the_data_before_its_first_epoch(eight):
    copies, lie_there = eight[1]["held"]
    assert copies > 8
    assert lie_there


@on_cpu
@pytest.mark.long
def test_no_program_waits_for_another_device(eight):
    _, told = eight
    assert told["programs"] > 8
    assert told["collective"] == []
    assert "all-reduce" in told["known collective"]


@on_cpu
@pytest.mark.long
def test_a_study_goes_on_with_the_same_bits_on_more_devices_and_on_fewer(eight):
    folder, told = eight
    wanted = digest(ended())
    assert told["resumed"] == wanted
    assert digest(ended(folder / "eight.db")) == wanted


@on_cpu
@pytest.mark.long
def test_the_plan_and_the_report_say_how_many_devices_there_are(eight):
    _, told = eight
    assert "members are spread over 8 devices; each holds the data" in told["plan"]
    assert told["facts"]["side by side"] == "2 of cohort 1/1: 8 units; on 4 devices at once"


@pytest.fixture
def spread(monkeypatch):
    """The number of devices of each epoch; the only device of a process stands for several."""
    device, used, epoch = jax.local_devices()[0], [], Scheduler.epoch

    def spied(self):
        for event in epoch(self):
            used.append(getattr(event, "devices", 0))
            yield event

    monkeypatch.setattr(Scheduler, "epoch", spied)
    monkeypatch.setattr(devices, "places", lambda: [device] * 3)
    return used


@pytest.mark.long
def test_a_device_that_is_named_gives_the_bits_of_jaxs_default_one(spread, monkeypatch):
    few = {"chunk_size": 4, "epochs": 2}
    theirs = trained(**few)
    assert set(spread) == {0, 1}
    monkeypatch.undo()
    assert_equal(trained(**few), theirs)


def test_where_jax_is_told_a_device_members_train_on_no_other(monkeypatch):
    several = [jax.local_devices()[0]] * 2
    monkeypatch.setattr(jax, "local_devices", lambda: several)
    assert devices.places() == several
    with jax.default_device(several[0]):
        assert devices.places() == [None]


def test_devices_of_a_cpu_share_its_memory(monkeypatch):
    whole = allowed(None)
    several = [jax.local_devices()[0]] * 4
    monkeypatch.setattr(jax, "local_devices", lambda: several)
    assert allowed(None) == pytest.approx(whole / 4, abs=1)
    assert allowed("2GB") == 2_000_000_000


@pytest.mark.parametrize(
    ("members", "parts", "sizes"),
    [(40, 1, [1, 8, 40]), (40, 8, [1, 5]), (3, 8, [1]), (41, 4, [1, 8, 11])],
)
def test_no_chunk_is_larger_than_the_share_of_a_device(members, parts, sizes):
    assert chunking.candidates([0] * members, parts) == sizes
