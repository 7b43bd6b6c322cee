import re

import numpy as np
import pandas as pd
import pytest

from kohort.findings.statistics.learning_curve import learning_curve
from kohort.findings.statistics.scale import POINTS, Scale
from kohort.report import charts, figures


@pytest.fixture
def curves():
    rows = [
        ("v", replicate, epoch, metric, value + replicate)
        for metric, value in (("val_loss", 1.0), ("eval_loss", 2.0), ("loss", 9.0))
        for replicate in (0, 1)
        for epoch in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["variant", "replicate", "epoch", "metric", "value"])


@pytest.mark.parametrize(
    ("levels", "is_turned"),
    [(["1", "16"], False), (["(8,)", "(16,)", "(32, 16)"], False), (["(600, 400)"] * 6, True)],
)
def test_names_of_levels_are_turned_where_they_would_run_into_each_other(levels, is_turned):
    count = len(levels)
    points = pd.DataFrame(
        {
            "level": [f"{level}{' ' * number}" for number, level in enumerate(levels)],
            **{name: np.arange(count) + 1.0 for name in ("effect", "low", "high")},
        }
    )
    assert ("rotate(320)" in charts.effect_svg(points, "accuracy, points")) is is_turned


def test_bands_are_mean_and_range_over_replicates(curves):
    bands = figures.curve_bands(curves, ("loss",))
    assert len(bands) == 4
    assert set(bands["metric"]) == {"loss"}
    valid = bands[(bands["side"] == "validation") & (bands["epoch"] == 2)].iloc[0]
    assert (valid["mean"], valid["low"], valid["high"]) == (1.5, 1.0, 2.0)
    assert 9.0 not in set(bands["mean"]), "the running train metric is not compared"


@pytest.mark.parametrize("gone", [float("nan"), float("inf")])
def test_what_is_not_finite_is_left_out(curves, gone):
    curves.loc[0, "value"] = gone
    bands = figures.curve_bands(curves, ("loss",))
    first = bands[(bands["side"] == "validation") & (bands["epoch"] == 1)].iloc[0]
    assert (first["low"], first["high"]) == (2.0, 2.0)


def test_a_panel_is_an_svg_that_follows_the_pages_colour(curves):
    svg = charts.panel_svg(figures.curve_bands(curves, ("loss",)), "loss", (0.0, 4.0))
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert ">loss<" in svg
    assert ">epoch<" in svg


def test_the_chart_has_a_facet_for_each_variant_and_metric(curves):
    chart = charts.curves_chart(figures.curve_bands(curves, ("loss",))).to_dict()
    assert chart["facet"]["column"]["field"] == "variant"
    assert chart["facet"]["row"]["field"] == "metric"


SIZES = np.array([50, 100, 200, 400, 800])


def sized(falls):
    """A learning curve of five replicates, with a power law where it falls like one."""
    noise = np.random.default_rng(0).normal(0, 1e-4, (5, 5))
    errors = 4 / SIZES**0.5 if falls else np.array([0.2, 0.2, 0.1, 0.3, 0.1])
    return learning_curve(SIZES, errors[:, None] + noise, margin=0.01)


def test_a_learning_curve_is_drawn_in_the_metrics_values_and_on_to_twice_the_samples():
    points = figures.learning_points({"v": sized(falls=True)}, POINTS)
    assert list(points["samples"]) == [50, 100, 200, 400, 800, 1600]
    measured = points.iloc[:5]
    assert list(measured["value"]) == pytest.approx(1 - 4 / SIZES**0.5, abs=1e-3)
    assert (measured["low"] < measured["value"]).all()
    assert (measured["value"] < measured["high"]).all()
    assert np.isnan(points["value"].iloc[5])
    assert points["law"].iloc[5] == pytest.approx(0.9, abs=2e-3)
    assert "<svg" in charts.learning_svg(points, "validation accuracy")


def test_a_curve_without_a_law_has_none_drawn():
    curves = {"v": sized(falls=False)}
    loss = figures.learning_points(curves, Scale("loss", higher_is_better=False, reference=1.0))
    assert list(loss["samples"]) == list(SIZES)
    assert loss["law"].isna().all()
    assert list(loss["value"]) == pytest.approx([0.2, 0.2, 0.1, 0.3, 0.1], abs=1e-3)
    assert (loss["low"] < loss["high"]).all()


def ticks(svg):
    """The numbers on the y axis of a picture of accuracies."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return [float(text) for text in texts if re.fullmatch(r"-?[01](\.\d+)?", text)]


@pytest.mark.parametrize("accuracies", [[0.96, 0.9999, 0.97, 1.0], [1.0] * 4, [0.1, 0.0, 0.0, 0.0]])
def test_no_axis_of_a_learning_curve_goes_beyond_what_a_proportion_can_be(accuracies):
    noise = np.array([-0.02, 0.03, -0.01])[:, None] * (np.ptp(accuracies) > 0)
    errors = np.clip(1 - np.array(accuracies) + noise, 0, 1).T
    found = learning_curve(SIZES[:4], errors, margin=0.01)
    points = figures.learning_points({"v": found}, POINTS)
    assert points[["low", "high"]].min().min() >= 0
    assert points[["low", "high"]].max().max() <= 1
    axis = ticks(charts.learning_svg(points, "validation accuracy"))
    assert axis
    assert 0 <= min(axis) <= max(axis) <= 1


def test_a_loss_that_is_never_negative_has_no_interval_below_zero():
    scale = Scale("loss", higher_is_better=False, reference=1.0, is_never_negative=True)
    errors = np.abs(np.random.default_rng(0).normal(0, 0.1, (3, 4))).T
    points = figures.learning_points({"v": learning_curve(SIZES[:4], errors, margin=0.01)}, scale)
    assert points["low"].min() == 0


def test_no_learning_curves_are_no_picture():
    assert charts.learning_svg(figures.learning_points({}, POINTS), "x") == ""


LONG = pd.DataFrame(
    [
        ("a", "data_loss", side, epoch, 1 / epoch, 0.5 / epoch, 2 / epoch)
        for side in ("training", "validation")
        for epoch in range(1, 4001)
    ],
    columns=["variant", "metric", "side", "epoch", "mean", "low", "high"],
)


@pytest.mark.long
def test_a_notebook_gets_a_picture_that_needs_nothing_else(tmp_path):
    chart = charts.curves_chart(LONG)
    bundle = chart._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    svg = bundle["image/svg+xml"]
    assert svg.startswith("<svg")
    assert "https:" not in svg
    assert ">data_loss</text>" in svg


def test_it_is_still_altairs(tmp_path):
    chart = charts.curves_chart(LONG.head(10))
    wider = chart.resolve_scale(x="independent")
    assert wider.to_dict()["resolve"]["scale"]["x"] == "independent"
    chart.save(tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text("utf-8").startswith("<svg")


GRID = [f"units=(100, 50), rate={rate}, l2=1e-05, dropout=0.{n}" for rate in (1, 2) for n in (1, 2)]


def test_names_too_long_lose_first_what_all_of_them_have():
    shown = figures.short_names([*GRID, "always class 1"], 36)
    assert shown == [
        "rate=1, dropout=0.1",
        "rate=1, dropout=0.2",
        "rate=2, dropout=0.1",
        "rate=2, dropout=0.2",
        "always class 1",
    ]
    assert figures.short_names(GRID, 60) == GRID


def test_names_are_cut_where_nothing_that_all_have_makes_them_long():
    assert figures.short_names(["a" * 40, "b=1, c=2"], 10) == ["aaaa…aaaaa", "b=1, c=2"]
    assert figures.short_names([GRID[0]], 20) == ["units=(10…ropout=0.1"]
    assert figures.short_names([GRID[0]] * 2, 20) == [
        "units=(10…ropout=0.1",
        "units=(10…ropout=0.1 (2)",
    ]
