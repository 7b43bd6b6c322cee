"""Stores with studies, and a server of the live page."""

import pytest

from kohort.evidence.store import open_store
from tests.report.conftest import browser  # noqa: F401 (a fixture)
from tests.serve.serving import serving


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "kohort.db")


@pytest.fixture
def store(place):
    with open_store(place) as opened:
        yield opened


@pytest.fixture
def live(store, place):
    """A server of the store, which is looked at as often as it is asked."""
    with serving(store, place) as started:
        yield started
