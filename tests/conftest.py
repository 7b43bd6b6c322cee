"""Shared by all tests."""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.engine.program.compilation import PROGRAMS, recorded_compilations

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _compile_equal_programs_once(tmp_path_factory):
    """Tests train the same small models by Keras and by kohort, over and over."""
    # Processes of the suite share what they compile, and those that they start share kohort's.
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    # Nothing of the cache of whoever runs the tests is read or written, in subprocesses neither.
    os.environ["KOHORT_CACHE"] = str(shared / "kohort")
    jax.config.update("jax_compilation_cache_dir", str(shared / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session")
def blobs() -> kohort.Dataset:
    """500 training and 100 test points of three noisy classes in five dimensions."""
    random = np.random.default_rng(7)
    y = random.integers(0, 3, 600)
    x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
    return kohort.Dataset(x[:500], y[:500], x[500:], y[500:], name="blobs", class_names="abc")


@pytest.fixture(autouse=True)
def _fresh_keras_names():
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="session")
def shared_data():
    """Gives the path of a real file beside the repository, or skips."""

    def find(name):
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"../shared/data/{name} is absent")
        return path

    return find


@pytest.fixture(scope="session")
def server():
    """A running PostgreSQL server."""
    from tests.postgres import Server, binaries  # Its driver is not everywhere that tests run.

    folder = binaries()
    if folder is None:
        reason = "there are no binaries of PostgreSQL"
        if os.environ.get("KOHORT_REQUIRE_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    running = Server(folder)
    yield running
    running.remove()


@pytest.fixture
def count_compilations():
    """A list that grows by one with each program that a cohort compiles; none is kept before."""
    PROGRAMS.clear()
    with recorded_compilations() as programs:
        yield programs
