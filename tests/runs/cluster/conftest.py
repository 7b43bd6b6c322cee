"""A cluster for tests, on this machine."""

import os

import pytest

import kohort
from kohort.runs.cluster import connecting
from scripts.loopback import Loopback
from tests.conftest import kept_programs


@pytest.fixture(scope="module")
def loopback():
    """A cluster of two nodes, which this process has joined."""
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(kept_programs())
    running = Loopback()
    with connecting.connected(kohort.Ray(running.address)):
        yield running
    running.end()
    del os.environ["JAX_COMPILATION_CACHE_DIR"]
