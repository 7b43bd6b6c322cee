"""A cluster for tests, on this machine."""

import os
from unittest import mock

import pytest

import kohort
from kohort.runs.cluster import connecting
from scripts.loopback import Loopback
from tests.conftest import kept_programs


@pytest.fixture(scope="module")
def loopback():
    """A cluster of two nodes, which this process has joined."""
    kept = {
        "JAX_COMPILATION_CACHE_DIR": str(kept_programs()),
        # JAX itself keeps only what takes a second to compile, or longer.
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    with mock.patch.dict(os.environ, kept):
        running = Loopback()
        with connecting.connected(kohort.Ray(running.address)):
            yield running
        running.end()
