"""Figures: the data of a plot is computed first, then drawn."""

from typing import Any

import altair as alt
import pandas as pd
import vl_convert

TRAIN, VALIDATION = "training", "validation"
_SIDES = {"eval_": TRAIN, "val_": VALIDATION}
# Okabe and Ito's orange and sky blue: told apart with any colour vision, on white and on black.
_COLOURS = alt.Scale(domain=[TRAIN, VALIDATION], range=["#e69f00", "#3b9ddd"])
# A second sign beside the colour: the dash tells training from validation in print.
_DASHES = alt.Scale(domain=[TRAIN, VALIDATION], range=[[4, 3], [1, 0]])


def curve_bands(curves: pd.DataFrame, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Mean and range over replicates, of train and validation in inference mode.

    Args:
        curves: Tidy, as `Result.curves()` gives them.
        metrics: Names without prefix.

    Returns:
        Columns variant, metric, side ("training", "validation"), epoch, mean, low, high; a row for
        each of their combinations that has a finite value.
    """
    names = {
        prefix + metric: (metric, side) for prefix, side in _SIDES.items() for metric in metrics
    }
    shown = curves[curves["metric"].isin(list(names))].dropna()
    labelled = shown.assign(
        side=[names[name][1] for name in shown["metric"]],
        metric=[names[name][0] for name in shown["metric"]],
    )
    keys = ["variant", "metric", "side", "epoch"]
    grouped = labelled.groupby(keys, observed=True, sort=False)["value"]
    return (
        grouped.agg(["mean", "min", "max"])
        .reset_index()
        .rename(columns={"min": "low", "max": "high"})
    )


def curves_chart(bands: pd.DataFrame) -> alt.Chart:
    """A panel for each variant and metric: train and validation, a band from lowest to highest."""
    chart: alt.Chart = (
        _panel(bands, None, alt.Scale(zero=False))
        .properties(width=180, height=120)
        .facet(column=alt.Column("variant:N", sort=None), row=alt.Row("metric:N", sort=None))
        .resolve_scale(y="independent")
    )
    return chart


def panel_svg(bands: pd.DataFrame, title: str, domain: tuple[float, float] | None) -> str:
    """One panel as SVG text that takes its text colour from the page around it.

    Args:
        bands: Of one variant and one metric.
        title: Of the y axis.
        domain: Of the y axis; None for its own.
    """
    scale = alt.Scale(zero=False) if domain is None else alt.Scale(domain=list(domain), nice=False)
    chart = (
        _panel(bands, title, scale)
        .properties(width=250, height=140, background="transparent")
        .configure(font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            titleFontWeight="normal",
            domainColor="currentColor",
            tickColor="currentColor",
            gridColor="#88888844",
        )
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg


def _panel(bands: pd.DataFrame, title: str | None, scale: alt.Scale) -> Any:
    last = int(bands["epoch"].max())
    ticks = list(range(1, last + 1, max(1, last // 6)))
    base = alt.Chart(bands).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            axis=alt.Axis(values=ticks, format="d", grid=False),
            scale=alt.Scale(domain=[1, max(2, last)], nice=False),
        ),
        color=alt.Color("side:N", scale=_COLOURS, legend=None),
    )
    # Both layers name the y axis alike: Vega-Lite shows the union of what layers ask for.
    low, mean = (alt.Y(f"{field}:Q", title=title, scale=scale) for field in ("low", "mean"))
    band = base.mark_area(opacity=0.3).encode(y=low, y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(
        y=mean, strokeDash=alt.StrokeDash("side:N", scale=_DASHES, legend=None)
    )
    return alt.layer(band, line)
