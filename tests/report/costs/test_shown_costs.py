"""Costs that a report shows: what is measured for it, and what is told of that."""

import pytest

from kohort.errors import ModelError
from kohort.evidence.provenance import environment
from kohort.keras_api.cost import Cost
from kohort.report.costs import shown_costs
from kohort.report.costs.shown_costs import NO_COSTS
from kohort.report.costs.shown_costs import shown_costs as shown

COST = Cost(10, 1.5, 0.02)


def measuring(monkeypatch, failing=(), error=None):
    """The names of models that are measured, in order; each stands for itself."""
    measured = []

    def cost_of(name):
        measured.append(name)
        if name in failing:
            raise error
        return COST

    monkeypatch.setattr(shown_costs, "cost_of", cost_of)
    return measured


def named(names):
    return {name: name for name in names}


def test_those_shown_first_are_measured_and_no_others(monkeypatch):
    monkeypatch.setattr(shown_costs, "SECONDS", float("inf"))
    measured = measuring(monkeypatch)
    found = shown(named("abcde"), 3, {})
    assert (measured, list(found.by_variant), found.of) == (["a", "b", "c"], ["a", "b", "c"], 5)
    assert "Measured were 3 variants of 5: of those shown first, as many as" in found.note


def test_when_the_time_is_over_no_other_is_begun(monkeypatch):
    monkeypatch.setattr(shown_costs, "SECONDS", -1.0)
    measured = measuring(monkeypatch)
    assert "Measured was 1 variant of 3" in shown(named("abc"), 3, {}).note
    assert measured == ["a"]


def test_what_is_known_is_not_measured_again_and_all_of_it_is_shown(monkeypatch):
    monkeypatch.setattr(shown_costs, "SECONDS", -1.0)
    measured, known = measuring(monkeypatch), dict.fromkeys("cab", COST)
    assert list(shown(named("abcd"), 4, known).by_variant) == ["a", "b", "c", "d"]
    assert measured == ["d"]
    assert "Measured" not in shown(named("abcd"), 4, known).note
    assert measured == ["d"]


@pytest.mark.parametrize(
    "error", [ModelError("a model", "none", "build it"), RuntimeError("of a user's layer")]
)
def test_a_model_that_cannot_be_built_is_left_out(monkeypatch, error):
    monkeypatch.setattr(shown_costs, "SECONDS", float("inf"))
    measuring(monkeypatch, failing="a", error=error)
    assert list(shown(named("ab"), 2, {}).by_variant) == ["b"]


def test_it_is_told_where_it_was_measured():
    facts = environment()
    note = shown(named("a"), 1, {"a": COST}).note
    assert f"({facts['system']}, {facts['devices']}, {facts['cores']} cores)" in note


def test_without_models_there_is_nothing_to_show():
    assert not NO_COSTS
    assert not shown({}, 3, {"a": COST})
