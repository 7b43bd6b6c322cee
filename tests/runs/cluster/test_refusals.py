"""What cannot work on a cluster: one line, exit code 2, and nothing left running."""

import os
import socket
import subprocess
import sys
from uuid import uuid4
from zipfile import ZipFile

import pytest

from tests.runs.cluster.killing import alive
from tests.runs.test_resume import numbers, study

pytestmark = pytest.mark.long

FILE = """
import keras, kohort, numpy as np

def build(units=4):
    import far_away

    model = keras.Sequential([keras.Input((5,)), far_away.layer(units)])
    model.add(keras.layers.Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

random = np.random.default_rng(7)
y = random.integers(0, 3, 600)
x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
data = kohort.Dataset(x[:500], y[:500], x[500:], y[500:])
study = kohort.Study("file", kohort.grid(build, units=[4, 8]), data,
                     replicates=kohort.Holdout(0.2, 1), epochs=2)
search = kohort.Search("file", build, {"units": [4, 8]}, data, trials=2, epochs=2, batch_size=50)
"""
FAR_AWAY = "import keras\n\ndef layer(units):\n    return keras.layers.Dense(units, 'relu')\n"


@pytest.fixture
def folder(tmp_path):
    """A study file, and a module that only the driver finds: what is in an archive is not sent."""
    (tmp_path / "file.py").write_text(FILE)
    with ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("far_away.py", FAR_AWAY)
    return tmp_path


def refused(folder, verb, *options):
    """The last line of a command in a folder that ends with exit code 2, and leaves nothing."""
    mark = f"KOHORT_TEST={uuid4()}"
    packages = os.pathsep.join([str(folder / "lib.zip"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "kohort", verb, "file.py", "--executor", "ray", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": packages, "RAY_ADDRESS": ""} | dict([mark.split("=")]),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    # The last line alone would not tell why a command ends otherwise.
    assert done.returncode == 2, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert alive(mark) == []
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("verb", ["run", "search"])
def test_there_is_no_cluster_at_the_address(folder, verb):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # It does not listen.
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refused(folder, verb, "--address", address)
    assert f"expected a Ray cluster at {address}, got none" in line
    assert not (folder / "kohort.db").exists()


@pytest.mark.parametrize("verb", ["run", "search"])
def test_a_module_that_the_nodes_lack_ends_the_run(folder, loopback, verb):
    line = refused(folder, verb, "--address", loopback.address)
    assert "No module named 'far_away'" in line
    assert "expected" in line
    assert not list(loopback.workers())


@pytest.mark.parametrize(("place", "why"), [("/dev/null/x", "Not a directory"), ("s3://x", "s3fs")])
def test_a_shared_place_that_cannot_be_written_ends_the_run(folder, loopback, place, why):
    (folder / "file.py").write_text(FILE.replace("600", "60_000"))
    line = refused(folder, "run", "--address", loopback.address, "--shared", place)
    assert why in line
    assert not list(loopback.workers())


def test_workers_need_no_way_to_the_store(blobs, loopback):
    """One in the memory of the driver is out of anybody's reach."""
    of = {"verbose": 0, "chunk_size": 1}
    far = study(blobs, ["dropout"]).run("sqlite://", executor="ray", **of)
    assert numbers(far) == numbers(study(blobs, ["dropout"]).run(**of))


def test_a_store_that_the_driver_cannot_reach_ends_the_run(folder, loopback):
    line = refused(
        folder, "run", "--address", loopback.address, "--store", "postgresql://a@127.0.0.1:1/b"
    )
    assert "expected" in line


def test_gpus_that_are_not_there_end_the_run(folder, loopback):
    asked = ("--address", loopback.address, "--gpus", "0.5")
    line = refused(folder, "run", *asked)
    assert "expected a node that has 0.5 GPUs and 1 cores for a block, got a cluster in" in line
    assert "0 GPUs at most" in line
    loopback.join(gpus=1)  # Ray takes its word, and JAX finds none.
    for verb in ("run", "search"):
        line = refused(folder, verb, *asked)
        assert "expected a GPU that JAX finds on node" in line
        assert "got none, but cpu; install JAX for its GPU there" in line
    assert not list(loopback.workers())
