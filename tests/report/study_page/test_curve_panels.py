"""Panels of a metric share an axis; what lies far beyond the others does not press them flat."""

import re

import pandas as pd
import pytest

from kohort.findings.statistics.scale import POINTS, Scale
from kohort.report.study_page.curve_panels import curve_panels

LOSS = Scale("data_loss", higher_is_better=False, reference=1.0)


def bands(curves, metric="data_loss", spread=0.0):
    """Bands of curves of validation; those of training are half as high."""
    rows = [
        (variant, metric, side, epoch, part * value)
        for variant, values in curves.items()
        for side, part in (("training", 0.5), ("validation", 1.0))
        for epoch, value in enumerate(values, 1)
    ]
    table = pd.DataFrame(rows, columns=["variant", "metric", "side", "epoch", "mean"])
    return table.assign(low=table["mean"] - spread, high=table["mean"] + spread)


def drawn(curves, diverged=(), scale=LOSS, metric="data_loss", **options):
    """By variant, how high its validation's curve is drawn, and what is told below."""
    sound = {name: name not in diverged for name in curves}
    panels = curve_panels(bands(curves, metric, **options), sound, scale, metric)
    found = {}
    for panel in panels:
        (picture,) = panel["pictures"]
        line = re.findall(
            r'<path d="([^"]*)" stroke="#3399dd"[^>]*stroke-width="2"', picture["svg"]
        )
        heights = [140 - float(point.split(",")[1]) for point in re.split("[ML]", line[0])[1:]]
        found[panel["variant"]] = heights, picture["note"], "clip-path" in picture["svg"]
    return found


ORDINARY = {"a": [2.0, 1.0, 0.8], "b": [2.0, 1.2, 1.0], "c": [1.8, 1.1, 0.9]}


def test_losses_of_ordinary_variants_share_one_axis_that_has_them_all():
    found = drawn(ORDINARY)
    assert all(not cut and not clipped for _, cut, clipped in found.values())
    # A pixel is as much loss in each panel: (2 - 0.4) over the panel's 140.
    for name, losses in ORDINARY.items():
        assert found[name][0] == pytest.approx([(x - 0.4) / 1.6 * 140 for x in losses], abs=0.02)


def test_a_high_variant_is_cut_and_does_not_press_the_others_flat():
    found = drawn(ORDINARY | {"high": [900.0, 600.0, 2.0]})
    heights, cut, clipped = found["high"]
    assert min(heights[:2]) > 140 > heights[2], "it comes from above the picture"
    assert clipped
    assert cut == "Cut: its loss goes up to 900."
    for name in ORDINARY:
        assert max(found[name][0]) - min(found[name][0]) > 40, name
        assert found[name][1:] == ("", False)


def test_a_first_epoch_far_above_all_others_is_cut():
    found = drawn({name: [500.0, *values] for name, values in ORDINARY.items()}, spread=0.01)
    for heights, cut, _ in found.values():
        assert heights[0] > 140
        assert cut == "Cut: its loss goes up to 500."
        assert heights[1] - heights[-1] > 20


def test_a_loss_far_below_the_others_is_cut_too():
    found = drawn({"low": [0.5, -900.0, -1800.0]} | ORDINARY)
    assert found["low"][1] == "Cut: its loss goes down to -1,800."
    assert max(found["a"][0]) - min(found["a"][0]) > 25


def test_a_variant_that_lies_wholly_beyond_the_axis_has_one_apart():
    found = drawn(ORDINARY | {"high": [900.0, 600.0, 300.0]})
    heights, note, clipped = found["high"]
    assert max(heights) <= 140
    assert max(heights) - min(heights) > 70
    assert note == "An axis apart: none of its loss is on that of the others."
    assert not clipped
    assert found["a"][1:] == ("", False)


def test_a_variant_that_diverged_has_an_axis_of_its_own():
    found = drawn(ORDINARY | {"lost": [1e3, 1e6, 1e9]}, diverged=("lost",))
    assert found["lost"][1:] == ("", False)
    assert max(found["lost"][0]) <= 140
    assert {name: found[name] for name in ORDINARY} == drawn(ORDINARY)


def test_curves_without_a_height_are_drawn():
    assert {cut for _, cut, _ in drawn({"a": [0.0, 0.0], "b": [0.0, 0.0]}).values()} == {""}


def test_no_proportion_is_cut():
    found = drawn({"a": [0.8, 0.81], "b": [0.8, 0.81], "low": [0.1, 0.1]}, (), POINTS, "accuracy")
    assert {cut for _, cut, _ in found.values()} == {""}
    assert found["low"][0] == pytest.approx([140 * 0.05 / 0.8] * 2, abs=0.02)
