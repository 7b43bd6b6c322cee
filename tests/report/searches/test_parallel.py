"""Parallel coordinates: where lines cross axes, and that a reader sees and hears them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kohort.design.searches.draws import Suggestion
from kohort.evidence.trials import Trial
from kohort.findings.statistics.scale import POINTS
from kohort.report.searches.parallel import coordinates, parallel_svg, parallel_text
from kohort.runs.searches.search_result import SearchResult
from tests.report.browsing import opened_whole
from tests.runs.searches.searched import small

RATES = [10.0 ** (-4 + 3 * place / 8) for place in range(9)]  # from 1e-4 to 1e-1


def trials(**columns):
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame(columns, index=pd.Index(range(10, 10 + count), name="trial"))
    given = {"score": np.linspace(0.9, 0.5, count), "state": ["finished"] * 2 + ["left"] * 20}
    return frame.assign(**{name: values[:count] for name, values in given.items()})


def places(found, axis):
    return found.lines[found.lines["axis"] == axis].set_index("trial")["place"]


def labels(found, axis):
    ticks = found.ticks[found.ticks["axis"] == axis]
    return dict(zip(ticks["label"], ticks["place"], strict=True))


def test_numbers_are_placed_between_the_ends_and_by_their_logarithm_where_they_are_far_apart():
    found = coordinates(
        trials(rate=RATES, width=range(100, 190, 10)), ["rate", "width"], POINTS, 11
    )
    assert found.axes == ["rate", "width", "score"]
    for axis in ("rate", "width"):
        assert places(found, axis).to_numpy() == pytest.approx(np.linspace(0, 1, 9))
    assert labels(found, "rate") == pytest.approx({"0.0001": 0, "0.00316": 0.5, "0.1": 1})
    assert labels(found, "width") == pytest.approx({"100": 0, "140": 0.5, "180": 1})
    assert labels(found, "score") == pytest.approx({"50.0 %": 0, "70.0 %": 0.5, "90.0 %": 1})
    states = found.lines.set_index("trial")["state"]
    assert set(states[10]) == {"finished"}
    assert set(states[11]) == {"winner"}
    assert set(states[12]) == {"left"}


def test_choices_have_a_room_each_in_which_the_best_comes_first():
    units = [(8,), 4, (8,), 4, "wide", "wide"]
    found = coordinates(trials(units=units), ["units"], POINTS, None)
    assert labels(found, "units") == pytest.approx({"4": 1 / 6, "wide": 1 / 2, "(8,)": 5 / 6})
    at = places(found, "units")
    assert 0 < at[11] < at[13] < 1 / 3 < at[14] < at[15] < 2 / 3 < at[10] < at[12] < 1


def test_trials_without_an_argument_have_a_place_apart_and_none_is_a_value():
    momentum = [0.5, np.nan, 0.9, np.nan, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8]
    found = coordinates(trials(momentum=momentum), ["momentum"], POINTS, None)
    at = places(found, "momentum")
    assert at[11] == at[13] == labels(found, "momentum")["not given"] == 1
    assert at[12] == at.drop([11, 13]).max() < 0.8
    some = pd.Series([None, "a", None], dtype=object, index=[10, 11, 12])
    assert set(labels(coordinates(trials(it=some), ["it"], POINTS, None), "it")) == {"a", "None"}


def test_what_it_shows_is_told_in_words():
    momentum = [0.5, np.nan, *[0.1] * 7]
    given = trials(rate=RATES, units=[(8, 4), 4] * 4 + [4], momentum=momentum)
    told = parallel_text(given, ["rate", "units", "momentum"], POINTS, "accuracy")
    assert told == (
        "The 2 of 9 trials that reached the last rung have rate 0.0001 or 0.0002371; "
        "units 4 or (8, 4); momentum 0.5, or not given. Their accuracy is 85.0 % to 90.0 %."
    )

    level = parallel_text(given.assign(score=0.85), ["units"], POINTS, "accuracy")
    assert level.endswith("Their accuracy is 85.0 %.")


def test_whole_numbers_that_some_trials_lack_have_a_place_apart_too():
    layers = pd.Series([2, None, 3], [10, 11, 12], "Int64")
    found = coordinates(trials(layers=layers), ["layers"], POINTS, None)
    assert list(labels(found, "layers")) == ["2", "3", "not given"]
    assert places(found, "layers")[11] == 1
    many = pd.Series([None, *range(12)], range(10, 23), "Int64")
    found = coordinates(trials(layers=many), ["layers"], POINTS, None)
    assert list(labels(found, "layers")) == ["0", "5.5", "11", "not given"]


def test_a_name_is_escaped_and_a_long_one_cut():
    name = "<b>&" + 60 * "x"
    svg = parallel_svg(coordinates(trials(**{name: RATES}), [name], POINTS, None), "score <i>")
    assert "&lt;b&gt;&amp;xxx" in svg
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert 50 * "x" not in svg


@pytest.mark.long
def test_thousands_of_trials_can_be_drawn():
    """Altair refuses more than 5,000 rows, unless it is told not to."""
    random = np.random.default_rng(0)
    many = pd.DataFrame(random.random((2600, 2)), columns=["rate", "score"]).assign(state="left")
    assert parallel_svg(coordinates(many, ["rate"], POINTS, None), "score").startswith("<svg")


@pytest.fixture(scope="module")
def page(blobs, tmp_path_factory):
    """The report of a search of 128 trials, most of them made up."""
    result = small(blobs, trials=6).run(verbose=0, confirm=2)
    random, real = np.random.default_rng(0), result.searched.trials
    made_up = [
        Trial(
            number,
            {
                "units": [(8,), (200, 100), (400, 200, 100)][number % 3],
                "rate": float(f"{10 ** random.uniform(-4, 0):.4g}"),
                "dropout": float(random.choice([0.1, 0.2, 0.3, 0.4, 0.5])),
                "momentum": float(f"{random.uniform(0, 1):.3g}"),
                "an_argument_of_a_long_name": int(random.integers(1000, 300_000)),
            },
            0,
            0,
            "finished" if number % 9 == 0 else "left",
            {1: random.uniform(0.3, 0.6)}
            | ({4: random.uniform(0.5, 0.7)} if number % 9 == 0 else {}),
            epochs=4 if number % 9 == 0 else 1,
            asked=Suggestion({}, {}),
        )
        for number in range(6, 128)
    ]
    searched = replace(result.searched, trials=(*real, *made_up))
    return SearchResult(result, searched).report(tmp_path_factory.mktemp("many") / "report.html")


OVERLAPS = """
boxes => boxes.flatMap((a, i) => boxes.slice(i + 1).map(b => [a, b])).filter(([a, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
"""
BOXES = "texts => texts.map(t => { const { left, right, top, bottom } = t.getBoundingClientRect(); "
BOXES += "return { left, right, top, bottom, text: t.textContent }; })"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_128_trials_are_legible_in_a_browser(browser, page, width, scheme):
    with opened_whole(browser, page, width, scheme) as tab:
        picture = tab.locator("figure.parallel")
        texts = picture.locator("svg text")
        boxes = texts.evaluate_all(BOXES)
        assert {"units", "rate", "dropout", "momentum", "not given"} <= {b["text"] for b in boxes}
        assert tab.evaluate(OVERLAPS, boxes) == []
        assert min(box["left"] for box in boxes) >= 0
        assert max(box["right"] for box in boxes) <= width
        assert min(box["bottom"] - box["top"] for box in boxes) > 9, "letters are too small"
        told = picture.locator("div[role=img]").get_attribute("aria-label")
        assert "trials that reached the last rung have" in told
        assert told.endswith("%.")
