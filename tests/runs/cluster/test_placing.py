"""Where members train is kept where it has changed, and not too often."""

from types import SimpleNamespace

from kohort.runs.cluster import placing
from kohort.runs.cluster.placing import Placing


def test_places_are_kept_when_they_have_changed_and_it_is_due(monkeypatch):
    kept, pace = [], SimpleNamespace(is_due=True)
    monkeypatch.setattr(placing, "_SECONDS", 0.0)
    of = Placing(SimpleNamespace(place_run=kept.append))
    first, second = {"a": ["one"]}, {"a": ["two"]}
    of.keep({})
    of.keep(first)
    of.keep(dict(first))
    assert kept == [first]
    pace.is_due, pace.writing = False, of._pace.writing
    of._pace = pace
    of.keep(second)
    assert kept == [first]
    of.keep({})  # Nothing trains any more: that is never left out.
    assert kept == [first, {}]
