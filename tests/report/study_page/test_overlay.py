"""Curves over each other: which pictures there are, their numbers and their axes."""

import re

import numpy as np
import pandas as pd
import pytest

from kohort.report.charts import COLOURS, on_the_page
from kohort.report.study_page.overlay import overlay

EPOCHS = 4


def bands(*variants, metrics=("data_loss", "accuracy"), epochs=EPOCHS, level=1.0):
    rows = [
        (variant, metric, side, epoch, level / epoch + number)
        for number, variant in enumerate(variants)
        for metric in metrics
        for side in ("training", "validation")
        for epoch in range(1, epochs + 1)
    ]
    table = pd.DataFrame(rows, columns=["variant", "metric", "side", "epoch", "mean"])
    return table.assign(low=table["mean"], high=table["mean"])


def test_a_loss_has_a_log_scale_too():
    views = overlay(bands("a", "b"), {"a": True, "b": True}).views
    assert [view.name for view in views] == ["loss", "loss, log scale", "accuracy"]
    assert all(len(view.lines) == 2 for view in views)
    below_zero = overlay(bands("a", "b", level=-1.0), {"a": True, "b": True})
    assert [view.name for view in below_zero.views] == ["loss", "accuracy"]


def test_a_view_tells_what_a_pixel_of_its_log_scale_is():
    table = bands("a", "b", metrics=("data_loss",))
    _, log = overlay(table, {"a": True, "b": True}).views
    # The picture is 300 pixels high, and its axis begins at the lowest value.
    lowest, highest = table["mean"].min(), table["mean"].quantile(0.98)
    assert lowest * np.exp(300 * log.logarithm) == pytest.approx(highest)
    assert [view.logarithm for view in overlay(bands("a", "b"), {"a": True, "b": True}).views] == [
        0.0,
        log.logarithm,
        0.0,
    ]


def test_all_lines_of_a_view_are_one_drawing_that_is_taken_apart(monkeypatch):
    table = bands("a", "b", "c", metrics=("accuracy",))
    lost = (table["variant"] == "c") | ((table["variant"] == "b") & (table["epoch"] > 2))
    drawings = []
    draw = lambda chart: [drawings.append(chart), on_the_page(chart)][1]  # noqa: E731
    monkeypatch.setattr("kohort.report.study_page.overlay.on_the_page", draw)
    (view,) = overlay(table[~lost], {"b": True, "a": True, "c": False}).views
    assert len(drawings) == 2  # the axes, and the lines
    b, a, c = view.lines
    for line, colour, points in ((b, COLOURS[0], 2), (a, COLOURS[1], EPOCHS)):
        told = re.findall(r'<path d="([^"]*)" stroke="(#\w+)"', line)
        assert [stroke for _, stroke in told] == [colour] * 2  # training and validation
        assert all(len(path.split("L")) == points for path, _ in told)
        # Each defines its own clips: those of another picture may be hidden with it.
        clips = re.findall(r"url\(#(\w+)\)", line)
        assert clips == re.findall(r'<clipPath id="(\w+)"', line)
        assert len(clips) == 2
    assert "stroke=" not in c


def test_its_numbers_are_those_of_the_bands():
    table = bands("a", "b", metrics=("data_loss",))
    table.loc[(table["variant"] == "b") & (table["epoch"] > 2), "mean"] = np.nan
    drawn = overlay(table.dropna(), {"b": True, "a": True})
    assert drawn.epochs == EPOCHS
    b, a = drawn.numbers["data_loss"]
    assert a["validation"] == ["1", "0.5", "0.3333", "0.25"]
    assert b["training"] == ["2", "1.5", None, None]


def test_axes_are_for_those_that_have_a_score():
    table = bands("sound", "lost", metrics=("data_loss",))
    table.loc[table["variant"] == "lost", "mean"] = 1e6
    axes = overlay(table, {"sound": True, "lost": False}).views[0].axes
    assert "1e+06" not in axes
    # Nobody counts the noughts of a squared price.
    assert ">1e+06</text>" in overlay(table, {"sound": False, "lost": True}).views[0].axes


@pytest.mark.parametrize("table", [bands("a"), bands("a", "b", epochs=1), bands()])
def test_there_is_none_with_nothing_to_lay_over_each_other(table):
    drawn = dict.fromkeys(table["variant"].unique(), True)
    assert overlay(table, drawn) is None
