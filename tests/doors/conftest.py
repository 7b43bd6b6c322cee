import pytest

from kohort.data import system


@pytest.fixture
def memory_of_100_bytes(monkeypatch):
    """A machine that has no more."""
    monkeypatch.setattr(system, "memory", lambda: 100)
