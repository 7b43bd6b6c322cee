"""How far the search's numbers and the proved ones are apart, in words."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from kohort.design.searches.draws import Suggestion
from kohort.evidence.trials import SearchRecord, Trial
from kohort.findings.statistics.scale import Scale
from kohort.report.searches import search_words
from kohort.report.searches.optuna_study import importance
from kohort.report.searches.search_words import (
    Flattery,
    _apart,
    _tried,
    _unweighed,
    _why,
    flatteries,
    told_of_kind,
    untold,
    weighed,
)


def record(*params, failed=0, score=lambda number: number / 100, drawn_from=lambda name, drawn: ""):
    trials = [
        Trial(
            number,
            {name.rpartition(": ")[2]: value for name, value in drawn.items()},
            0,
            0,
            "finished",
            {1: score(number)},
            asked=Suggestion(drawn, {name: drawn_from(name, drawn) for name in drawn}),
        )
        for number, drawn in enumerate(params)
    ]
    trials += [Trial(len(params) + n, {}, 0, 0, "failed") for n in range(failed)]
    return SearchRecord("s", "accuracy", True, (1,), 3, "tpe", tuple(trials), (0,), 1.0)


@pytest.mark.parametrize(
    ("searched", "told"),
    [
        (record(*({"a": n} for n in range(9)), failed=3), "9 trials have a score, and it takes 10"),
        (record({"a": 1}), "1 trial has a score, and it takes 10"),
        (record(*({"a": 1, f"b{n % 2}": n} for n in range(12))), "none that all trials have"),
        (record(*({"a": n} for n in range(12))), "a is the only one to weigh"),
        (
            record(*({"a": n, "b": n} for n in range(12)), score=lambda _: 1.0),
            "all trials score the same",
        ),
        (
            record(*({"a": n, "b": n} for n in range(12)), drawn_from=lambda n, d: str(d["a"] % 2)),
            "none that all trials have, of the same values",
        ),
    ],
)
def test_why_there_are_no_importances_is_told(searched, told):
    (sentence,) = _unweighed(searched)
    assert told in sentence
    assert importance(searched, 0.95).empty


def test_a_space_that_is_used_up_is_told():
    searched = record(*({"a": n} for n in range(3)))
    told = "50 trials were asked for: the space, as the sampler draws from it, holds no more."
    assert told in _tried(replace(searched, asked=50))[0]
    assert "asked for" not in _tried(searched)[0]


def test_only_rungs_at_which_trials_left_are_named():
    scores = {1: 0.5, 3: 0.6, 9: 0.7, 27: 0.8}
    left = [Trial(n, {}, 0, 0, "left", dict(list(scores.items())[:n])) for n in (1, 1, 2)]
    searched = replace(
        record(), rungs=tuple(scores), trials=(*left, Trial(3, {}, 0, 0, "finished", scores))
    )
    assert "; 3 left at an earlier one (1, 3)." in _tried(searched)[0]


def test_where_there_are_importances_nothing_else_is_told():
    searched = record(*({"a": n, "b": 1, "c": n % 3} for n in range(10)))
    assert weighed(searched) == ["a", "c"]
    assert _unweighed(searched) == untold(searched) == []


def test_arguments_without_an_importance_beside_others_are_named():
    kinds = [("adam", "kind=adam: rate"), ("sgd", "kind=sgd: rate")]
    drawn = [
        {"kind": kind, rate: n, "width": n % 5, "same": 1, "units": n}
        | ({"momentum": 0.9} if kind == "sgd" else {})
        for n, (kind, rate) in enumerate(6 * kinds)
    ]
    searched = record(*drawn, drawn_from=lambda name, of: name + of["kind"] * (name == "units"))
    assert weighed(searched) == ["kind", "width"]
    assert untold(searched) == ["rate", "units", "momentum"]
    inside = record(*({"kind=sgd: rate": n, "width": n % 5} for n in range(12)))
    assert untold(inside) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [(0.021, "2.1 points better"), (-0.021, "2.1 points worse"), (0.0004, ""), (-1e-9, "")],
)
def test_what_is_not_seen_is_neither_better_nor_worse(more, told):
    assert _apart(more, Scale()) == told


def test_reasons_that_differ_only_in_numbers_are_of_one_kind():
    shapes = [
        f"ValueError: shapes {shape} and (3, {n}) do not fit at rate {rate}"
        for n, (shape, rate) in enumerate([("(8,)", 0.1), ("(64, 32)", 1e-05), ("(128, 64)", 3)])
    ]
    each = "1 of 3; the others differ from it in numbers"
    assert _why(shapes) == f"Why trials failed: {shapes[0]} ({each})."
    told = _why(["KeyError: 'x'", *shapes, "KeyError: 'y'"])
    expected = f"Why trials failed, 3 of 5: {shapes[0]} ({each}), and 2 other kinds of reason."
    assert told == expected


def test_the_numbers_in_which_reasons_differ_are_told_with_their_counts():
    rates = [f"ValueError: rate {rate}, not from 0 to 1." for rate in (-1.0, 1.5, 1.5)]
    assert told_of_kind(rates) == f"{rates[1]} (1.5 in 2 trials and -1.0 in 1)"
    assert told_of_kind(rates[1:]) == rates[1]
    twice = [f"rate={rate} is {rate}, too large" for rate in (2, 3)]
    assert told_of_kind(twice) == f"{twice[0]} (2 in 1 trial and 3 in 1)"
    parted = ["no 1, please", "no 1 please"]
    assert told_of_kind(parted).startswith("no 1, please (1 of 2; the others differ")
    many = [f"no {number}" for number in range(9)]
    assert told_of_kind(many) == "no 0 (0 in 1 trial, 1 in 1, 2 in 1 and 6 others)"


@pytest.mark.parametrize(
    ("scale", "scored", "proved", "more"),
    [
        (Scale(), 0.0, 7.450581e-09, 0.0),
        (Scale(), 0.0, 1e-3, -1e-3),
        (Scale("loss", higher_is_better=False, reference=1e-8), 0.0, 7.450581e-09, -7.450581e-09),
    ],
)
def test_scores_that_differ_by_rounding_alone_are_not_apart(
    monkeypatch, scale, scored, proved, more
):
    table = pd.DataFrame({"val_accuracy": [proved], "low": [0.0], "high": [1.0]}, index=["trial 0"])
    monkeypatch.setattr(search_words, "score_table", lambda _: table)
    trained = [SimpleNamespace(name="trial 0", sound=[0, 1])]
    conclusions = SimpleNamespace(study=SimpleNamespace(scale=scale, variants=trained))
    (found,) = flatteries(record({"a": 1}), conclusions)
    assert (found.searched, found.more) == (scored, more)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            0.092,
            "9.2 points better. A number that was picked among many is flattered, and one split",
        ),
        (-0.092, "9.2 points worse. One split"),
        (0.0, "the same. One split"),
    ],
)
def test_only_a_number_that_is_better_is_told_to_be_flattered(monkeypatch, more, told):
    best = Flattery("trial 0", 0.8 + more, 1, 0.8, 0.7, 0.9, 4, more)
    monkeypatch.setattr(search_words, "flatteries", lambda *_: [best])
    study = SimpleNamespace(scale=Scale())
    conclusions = SimpleNamespace(study=study, diverged=[], without_score=[])
    (sentence,) = search_words._flattered(record({"a": 1}), conclusions)
    rest = "is easier or harder than others: only the proved number counts."
    assert sentence.endswith(f"The search's number is {told} {rest}")


def climbed(*epochs, diverged=0):
    """A search over rungs of 1 and 9 epochs: what each trial trained."""
    trials = [
        Trial(n, {}, 0, 0, "finished", {1: 0.5, 9: 0.6 + n / 100}, epochs=each)
        for n, each in enumerate(epochs)
    ]
    trials += [
        Trial(len(epochs) + n, {}, 0, 0, "diverged", {1: 0.5, 9: np.nan}, epochs=4)
        for n in range(diverged)
    ]
    return SearchRecord("s", "accuracy", True, (1, 9), 3, "tpe", tuple(trials), (0,), 1.0)


@pytest.mark.parametrize(
    ("searched", "states", "trained"),
    [
        (
            climbed(9, 9),
            "2 trained to the last rung, 9 epochs.",
            "18 of the 18 epochs that all of them would have taken, 100 %.",
        ),
        (
            climbed(9, 5, 3),
            "3 reached the last rung, 9 epochs (2 of them stopped earlier).",
            "17 epochs; all of them would have taken 27 at most.",
        ),
        (
            climbed(9, diverged=1),
            "1 trained to the last rung, 9 epochs; 1 diverged.",
            "13 epochs; all of them would have taken 18 at most.",
        ),
    ],
)
def test_what_callbacks_stopped_is_not_told_to_have_trained_whole(searched, states, trained):
    (sentence,) = _tried(searched)
    assert states in sentence
    assert sentence.endswith(f"It trained {trained}")


def test_finalists_that_stopped_early_count_as_whole_and_those_that_diverged_do_not(monkeypatch):
    found = [
        Flattery(f"trial {n}", 0.8, epochs, 0.8 - more, np.nan, np.nan, 4, more)
        for n, (epochs, more) in enumerate([(5, 0.02), (9, 0.04), (9, 0.9)])
    ]
    monkeypatch.setattr(search_words, "flatteries", lambda *_: found)
    study = SimpleNamespace(scale=Scale())
    conclusions = SimpleNamespace(study=study, diverged=[("trial 2", 3, 4)], without_score=[])
    of_best, lost, of_all = search_words._flattered(climbed(5, 9, 9), conclusions)
    assert "the accuracy 80.0 %; on splits" in of_best
    assert lost == (
        "trial 2 diverged in 3 of 4 replicates of its proof: its proved number is of the others "
        "alone."
    )
    unscored = SimpleNamespace(study=study, diverged=[], without_score=[("trial 2", 1, 4)])
    _, of_score, *_ = search_words._flattered(climbed(5, 9, 9), unscored)
    assert of_score.startswith("trial 2 has no score in 1 of 4 replicates of its proof")
    assert of_all == (
        "Over the 2 finalists that the search trained whole and that did not diverge its numbers "
        "are 3.0 points better on average than the proved ones."
    )
