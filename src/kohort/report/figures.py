"""Figures: the data of a plot is computed first, then drawn."""

from typing import Any

import altair as alt
import pandas as pd
import vl_convert

TRAIN, VALIDATION = "training", "validation"
_SIDES = {"eval_": TRAIN, "val_": VALIDATION}
# Okabe and Ito's orange and sky blue: told apart with any colour vision, on white and on black.
_COLOURS = alt.Scale(domain=[TRAIN, VALIDATION], range=["#e69f00", "#3b9ddd"])


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
        _panel(bands)
        .properties(width=180, height=120)
        .facet(column=alt.Column("variant:N", sort=None), row=alt.Row("metric:N", sort=None))
        .resolve_scale(y="independent")
    )
    return chart


def panel_svg(bands: pd.DataFrame, metric: str, domain: tuple[float, float] | None) -> str:
    """One panel as SVG text that takes its text colour from the page around it.

    Args:
        bands: Of one variant and one metric.
        metric: Names the y axis.
        domain: Of the y axis; None for its own.
    """
    scale = alt.Scale(zero=False) if domain is None else alt.Scale(domain=list(domain), clamp=True)
    chart = (
        _panel(bands, alt.Y("mean:Q", title=metric, scale=scale))
        .properties(width=250, height=150, background="transparent")
        .configure(font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor="currentColor",
            tickColor="currentColor",
            gridColor="#88888844",
        )
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_json())
    return svg


def _panel(bands: pd.DataFrame, y: alt.Y | str = "mean:Q") -> Any:
    base = alt.Chart(bands).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, grid=False)),
        color=alt.Color("side:N", scale=_COLOURS, legend=None),
    )
    band = base.mark_area(opacity=0.3).encode(y=alt.Y("low:Q", title=None), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(
        y=y, strokeDash=alt.StrokeDash("side:N", scale=_DASHES, legend=None)
    )
    return alt.layer(band, line)


# A second sign beside the colour: the dash tells training from validation in print.
_DASHES = alt.Scale(domain=[TRAIN, VALIDATION], range=[[4, 3], [1, 0]])
