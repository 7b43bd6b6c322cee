import pandas as pd
import pytest

from kohort.report import figures


@pytest.fixture
def curves():
    rows = [
        ("v", replicate, epoch, metric, value + replicate)
        for metric, value in (("val_loss", 1.0), ("eval_loss", 2.0), ("loss", 9.0))
        for replicate in (0, 1)
        for epoch in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["variant", "replicate", "epoch", "metric", "value"])


def test_bands_are_mean_and_range_over_replicates(curves):
    bands = figures.curve_bands(curves, ("loss",))
    assert len(bands) == 4
    assert set(bands["metric"]) == {"loss"}
    valid = bands[(bands["side"] == "validation") & (bands["epoch"] == 2)].iloc[0]
    assert (valid["mean"], valid["low"], valid["high"]) == (1.5, 1.0, 2.0)
    assert 9.0 not in set(bands["mean"]), "the running train metric is not compared"


def test_a_nan_is_left_out(curves):
    curves.loc[0, "value"] = float("nan")
    bands = figures.curve_bands(curves, ("loss",))
    first = bands[(bands["side"] == "validation") & (bands["epoch"] == 1)].iloc[0]
    assert (first["low"], first["high"]) == (2.0, 2.0)


def test_a_panel_is_an_svg_that_follows_the_pages_colour(curves):
    svg = figures.panel_svg(figures.curve_bands(curves, ("loss",)), "loss", (0.0, 4.0))
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert ">loss<" in svg
    assert ">epoch<" in svg


def test_the_chart_has_a_facet_for_each_variant_and_metric(curves):
    chart = figures.curves_chart(figures.curve_bands(curves, ("loss",))).to_dict()
    assert chart["facet"]["column"]["field"] == "variant"
    assert chart["facet"]["row"]["field"] == "metric"
