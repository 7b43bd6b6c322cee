"""Shared by all tests."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from unittest import mock

os.environ["KERAS_BACKEND"] = "jax"
# As many processes as cores run tests, and OpenBLAS's threads burn the time that they wait for one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import keras
import numpy as np
import platformdirs
import pytest
from hypothesis import settings
from jax._src.compilation_cache import decompress_executable

import kohort
from kohort.engine.program import cache
from kohort.engine.program.compilation import PROGRAMS, recorded_compilations

# A test may take longer where the machine has other work. Every run draws the same examples: a
# failure is that of a change, and `pytest --hypothesis-profile=drawn` looks for others.
settings.register_profile("kohort", deadline=None, derandomize=True)
settings.register_profile("drawn", deadline=None)
settings.load_profile("kohort")

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"


def pytest_sessionstart(session):
    """Hear SIGINT, and throw out of the kept programs what is too much, or was cut by an end."""
    # A shell lets what it starts with & ignore it, and so would the commands that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ:  # Its parent has done it.
        return
    kept = kept_programs()
    kept.mkdir(parents=True, exist_ok=True)
    cache.tidy(kept)
    # To read all of them takes seconds: those that were read once are whole.
    checked = kept / "checked"
    last = checked.stat().st_mtime_ns if checked.exists() else 0
    checked.touch()
    for path in kept.glob("*-cache"):
        with suppress(FileNotFoundError):  # Other tests run at the same time.
            try:
                if path.stat().st_mtime_ns >= last:
                    decompress_executable(path.read_bytes())
            except Exception:  # zlib has its own, zstandard others.
                path.unlink()


def pytest_collection_modifyitems(items):
    """Refuse tests that are named by addresses, which differ between the processes that run them.

    A run in one process would not notice.
    """
    if named := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"tests are named by addresses, give ids: {named[:3]}")


def kept_programs() -> Path:
    """Where programs that tests compile are kept from run to run; a folder for each processor.

    JAX's name of a program tells all that it depends on, and the versions that compiled it.
    """
    folder = str(platformdirs.user_cache_path("kohort-tests", appauthor=False))
    with mock.patch.dict(os.environ, KOHORT_CACHE=folder):
        return cache.folder()


@pytest.fixture(scope="session", autouse=True)
def _compile_equal_programs_once(tmp_path_factory):
    """Tests train the same small models by Keras and by kohort, over and over."""
    # Nothing of the cache of whoever runs the tests is read or written, in subprocesses neither;
    # and how fast members ran is measured anew in each run.
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["KOHORT_CACHE"] = str(shared / "kohort")
    jax.config.update("jax_compilation_cache_dir", str(kept_programs()))
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
