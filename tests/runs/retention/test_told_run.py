"""What a run tells while it goes on is kept, and not too often."""

from types import SimpleNamespace

import pytest

from kohort.runs.retention import told_run
from kohort.runs.retention.told_run import ToldRun


@pytest.fixture
def told(monkeypatch):
    """What is kept, and who keeps it at once."""
    kept = []
    monkeypatch.setattr(told_run, "_SECONDS", 0.0)
    return kept, ToldRun(SimpleNamespace(tell_run=lambda **what: kept.append(what)))


def test_places_are_kept_when_they_have_changed_and_it_is_due(told):
    kept, of = told
    first, second = {"a": ["one"]}, {"a": ["two"]}
    of.place({})
    of.place(first)
    of.place(dict(first))
    assert kept == [{"places": first}]
    of._placing = SimpleNamespace(is_due=False, writing=of._placing.writing)
    of.place(second)
    assert kept == [{"places": first}]
    of.place({})  # Nothing trains any more: that is never left out.
    assert kept == [{"places": first}, {"places": {}}]


def test_the_time_left_is_kept_when_it_is_due(told):
    kept, of = told
    of.tell_left(lambda: (12.345, "of this rung"))
    of._timing = SimpleNamespace(is_due=False, writing=of._timing.writing)
    of.tell_left(lambda: pytest.fail("it is not due"))
    assert kept == [{"left": [12.3, "of this rung"]}]
