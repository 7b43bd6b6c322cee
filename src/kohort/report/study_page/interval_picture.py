"""Draws the picture that a report opens with."""

from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kohort.report.charts import GREEN, GREY, ORANGE, PURPLE, SKY, on_the_page
from kohort.report.figures import short_names
from kohort.report.study_page.interval_plot import (
    AS_GOOD,
    BEST,
    BETTER,
    OPEN,
    REFERENCE,
    WORSE,
    IntervalPlot,
    domain_of,
)

# Each row has its word as well.
_COLOURS = {BEST: GREEN, AS_GOOD: SKY, OPEN: ORANGE, WORSE: GREY, BETTER: PURPLE}
_COLOURS[REFERENCE] = _COLOURS[WORSE]
# Its edges are what is read, and stand out from the page.
_BAND: dict[str, Any] = {"fill": GREEN, "fillOpacity": 0.13, "stroke": GREEN, "strokeWidth": 1}
WIDE, NARROW, NOTEBOOK = 1100, 350, 760
"""The widths of the picture for a screen, for a phone and for a notebook, in pixels."""
LETTERS = 36
"""The length of a name in the picture."""
LETTER = 7.2
"""The width of a letter of 12 pixels, in a wide font."""


def interval_svg(plot: IntervalPlot, width: int) -> str:
    """The picture as SVG text.

    Args:
        plot: The data.
        width: `WIDE` or `NOTEBOOK`, with names beside the intervals; or `NARROW`, with names above
            them.
    """
    is_narrow = width == NARROW
    unit = 100 if plot.scale.is_proportion else 1
    names = short_names([str(name) for name in plot.points["variant"]], LETTERS)
    numbers = {name: unit * plot.points[name] for name in ("mean", "low", "high", "train")}
    points = plot.points.assign(shown=names, **numbers)
    # The browser's font may be wider than the one by which Vega measures: so room is given here.
    beside = 0 if is_narrow else LETTER * max(len(name) for name in names) + 8
    word = LETTER * len(OPEN) + 12
    limits = (unit * plot.limits[0], unit * plot.limits[1])
    drawn = replace(plot, points=points, margin=unit * plot.margin, limits=limits)
    layers = alt.layer(*_layers(drawn, beside, is_narrow=is_narrow))
    sized = layers.properties(
        width=width - beside - (20 if is_narrow else word),
        height=alt.Step(40 if is_narrow else 24),
        padding={"left": 10 * is_narrow, "top": 4, "bottom": 4, "right": 10 if is_narrow else word},
    )
    return on_the_page(sized)


def _layers(plot: IntervalPlot, beside: float, *, is_narrow: bool) -> list[alt.Chart]:
    """The band of the margin, intervals, means, train scores, verdicts, and names if above.

    The plot has points, margin and limits in the unit that is shown.
    """
    points, margin = plot.points, plot.margin
    unit = ", %" * plot.scale.is_proportion + ", logarithmic" * plot.is_log
    title = f"validation {plot.scale.title}{unit}"
    low, high = domain_of(plot)
    domain = alt.Scale(
        type="log" if plot.is_log else "linear", domain=[low, high], nice=False, zero=False
    )
    ticks = alt.Axis(tickCount=4 if is_narrow else 8, titlePadding=8)
    labels = alt.Axis(
        labels=not is_narrow,
        domain=not is_narrow,
        ticks=False,
        grid=False,
        labelLimit=0,
        labelFontSize=12,
        minExtent=beside,
    )
    colours = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    y = alt.Y("shown:N", sort=None, title=None, axis=labels)
    base = alt.Chart(points).encode(y=y)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=domain, axis=ticks, title=title)

    colour = alt.Color("standing:N", scale=colours, legend=None)
    best = points["mean"][points["standing"] == BEST].iloc[0]
    ends = {"from": [max(best - margin, low)], "to": [min(best + margin, high)]}
    band = alt.Chart(pd.DataFrame(ends)).mark_rect(**_BAND)
    band = band.encode(x=x("from"), x2="to:Q")
    # A bound of zero has no place on a logarithmic axis.
    inside = points.assign(low=np.maximum(points["low"], low)) if plot.is_log else points
    rules = alt.Chart(inside).encode(y=y).mark_rule(strokeWidth=3, clip=True)
    rules = rules.encode(x=x("low"), x2="high:Q", color=colour)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(x=x("mean"), color=colour)
    train = base.mark_point(
        filled=False, size=60, strokeWidth=1.5, opacity=1, clip=plot.is_log
    ).encode(x=x("train"), color=alt.value("currentColor"))
    raised = -14 if is_narrow else 0
    verdicts = base.mark_text(
        align="right" if is_narrow else "left",
        dx=0 if is_narrow else 8,
        dy=raised,
        fontSize=12,
        color="currentColor",
    ).encode(x=alt.value("width"), text="standing:N")
    above = base.mark_text(align="left", dy=raised, fontSize=12, color="currentColor").encode(
        x=alt.value(0), text="shown:N"
    )
    return [*[band] * (margin > 0), rules, train, dots, verdicts, *[above] * is_narrow]
