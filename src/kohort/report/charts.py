"""Draws charts with Altair and Vega: what needs no picture does not import it."""

import functools
import re
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from kohort.findings.statistics.scale import PLAIN
from kohort.report.figures import TRAIN, VALIDATION, short_names

_PLACES = re.compile(r' (?:d|transform|x[12]?|y[12]?|width|height)="[^"]*"')
_ROLES = re.compile(r' (?:role="graphics-[a-z]+"|aria-[a-z]+="[^"]*")')
_MORE = re.compile(r"(\.\d\d)\d+")
# Each colour has a contrast of 3 at least with the light page and with the dark one, as WCAG 2.2
# asks of lines and marks (1.4.11). Okabe and Ito's orange and sky blue are too light for that:
# these are the same hues, darker.
ORANGE, SKY, GREEN, VERMILION, PURPLE = "#c08000", "#3399dd", "#009e73", "#d55e00", "#cc79a7"
BLUE, GREY = "#0072b2", "#858a91"
COLOURS = (
    *(BLUE, VERMILION, GREEN, PURPLE, "#7830fc", "#e40048", "#7878fc", "#546c3c", "#e400c0"),
    *("#307878", "#849c30", "#6c90f0", "#6c6090"),
)
"""By variant: each as far from those before it as it can be, without red or green vision, too."""
_COLOURS = alt.Scale(domain=[TRAIN, VALIDATION], range=[ORANGE, SKY])
# Dashes distinguish training from validation in print.
_DASHES = alt.Scale(domain=[TRAIN, VALIDATION], range=[[4, 3], [1, 0]])

_BANDS = "bands"
"""The name of a panel's data."""
# As `significant` writes them. Of a logarithm's labels some are left out.
_LARGE = (
    f"datum.label && isNumber(datum.value) && abs(datum.value) >= {PLAIN:.0f} "
    "? replace(format(datum.value, '.4~g'), regexp('e\\\\+(\\\\d)$'), 'e+0$1') : datum.label"
)
_STYLE = {
    "font": "system-ui, sans-serif",
    "view": {"continuousWidth": 300, "continuousHeight": 300, "stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "#88888844",
        "labelExpr": _LARGE,
    },
    "legend": {"labelColor": "currentColor", "orient": "bottom"},
}
"""Vega's configuration of all pictures: those of the page around them."""


class OfflineChart(alt.FacetChart):
    """A faceted chart of Altair's that is shown as SVG.

    Altair's own way of showing a chart loads Vega from another place. All else (`save`, `to_dict`,
    properties) is Altair's.
    """

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
        return {"image/svg+xml": vl_convert.vegalite_to_svg(_whole(self))}


def curves_chart(bands: pd.DataFrame) -> OfflineChart:
    """A panel for each variant and metric: train and validation, a band from lowest to highest."""
    key = alt.Legend(title=None, orient="top")
    chart: alt.FacetChart = (
        _panel(bands, _last(bands), None, alt.Scale(zero=False), key)
        .properties(width=180, height=120)
        .facet(column=alt.Column("variant:N", sort=None), row=alt.Row("metric:N", sort=None))
        .resolve_scale(y="independent")
    )
    shown: OfflineChart = OfflineChart.from_dict(_whole(chart), validate=False)
    return shown


LEARNING_WIDTH = 320
"""The width of the picture of learning curves without its axis: a phone shows it unshrunk."""
LEGEND_LETTERS = 24
"""The length of a name in its legend."""


def learning_svg(points: pd.DataFrame, title: str) -> str:
    """Learning curves as SVG text; empty if there are none.

    Args:
        points: From `learning_points`.
        title: The title of the y axis.
    """
    if points.empty:
        return ""
    ticks = alt.Axis(values=sorted(set(points["samples"])), format=",d", labelExpr="datum.label")
    logarithm = alt.Scale(type="log", nice=False, padding=12)
    names = list(dict.fromkeys(points["variant"]))
    shown = short_names([str(name) for name in names], LEGEND_LETTERS)
    # A legend in one row is wider than the picture, which then shrinks with it.
    key = LABEL_LETTER * max(len(name) for name in shown) + 30
    legend = alt.Legend(title=None, columns=max(1, LEARNING_WIDTH // key), labelLimit=0)
    points = points.assign(variant=points["variant"].map(dict(zip(names, shown, strict=True))))
    colours = alt.Scale(domain=shown, range=list(COLOURS))
    base = alt.Chart(points).encode(
        x=alt.X("samples:Q", title="training samples", scale=logarithm, axis=ticks),
        color=alt.Color("variant:N", scale=colours, sort=None, legend=legend),
    )
    scale = alt.Scale(zero=False)
    law = base.mark_line(strokeDash=[4, 3]).encode(y=alt.Y("law:Q", title=title, scale=scale))
    means = base.mark_point(filled=True, size=50, opacity=1).encode(
        y=alt.Y("value:Q", title=title, scale=scale),
        shape=alt.Shape("variant:N", sort=None, legend=None),
    )
    ranges = base.mark_rule().encode(y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q")
    chart = alt.layer(ranges, law, means).properties(width=LEARNING_WIDTH, height=200)
    return on_the_page(chart)


EFFECT_WIDTH = 250
"""The width of a panel of effects, in pixels."""
LABEL_LETTER = 6
"""The width of a letter of its labels, in pixels."""


def effect_svg(points: pd.DataFrame, title: str) -> str:
    """The effects of one axis's levels as SVG text, with intervals around them.

    Args:
        points: From `effect_points`, of one axis.
        title: The title of the y axis.
    """
    y = alt.Y("effect:Q", title=title)
    # Names that are wider than their part of the axis would run into each other.
    widest = max(len(str(level)) for level in points["level"])
    is_wide = LABEL_LETTER * widest > EFFECT_WIDTH / len(points)
    base = alt.Chart(points).encode(
        x=alt.X(
            "level:N",
            # Not None: the first level has no bounds, and would come last.
            sort=points["level"].to_list(),
            title=None,
            axis=alt.Axis(labelAngle=-40 if is_wide else 0, labelLimit=90),
        )
    )
    zero = alt.Chart(pd.DataFrame({"effect": [0.0]})).mark_rule(strokeDash=[4, 3], color=GREY)
    bounds = base.mark_rule(strokeWidth=2, color=SKY).encode(
        y=alt.Y("low:Q", title=title), y2="high:Q"
    )
    dots = base.mark_point(filled=True, size=60, opacity=1, color=SKY).encode(y=y)
    chart = alt.layer(zero.encode(y=y), bounds, dots).properties(width=EFFECT_WIDTH, height=140)
    return on_the_page(chart)


def panel_svg(
    bands: pd.DataFrame,
    title: str,
    domain: tuple[float, float] | None,
    *,
    is_cut: bool = False,
) -> str:
    """One panel as SVG text, with the text colour of the page around it.

    Args:
        bands: From `curve_bands`, of one variant and one metric.
        title: The title of the y axis.
        domain: The range of the y axis; None to fit the panel.
        is_cut: Whether curves go beyond it, and are cut there.
    """
    drawn = dict(_panel_of(_last(bands), title, domain, is_cut=is_cut))
    # Altair takes as long to describe a panel as Vega to draw it.
    drawn["datasets"] = {_BANDS: alt.to_values(bands)["values"]}
    return _as_svg(drawn)


@functools.lru_cache(maxsize=64)
def _panel_of(
    last: int, title: str, domain: tuple[float, float] | None, *, is_cut: bool
) -> dict[str, Any]:
    """A panel of the page as Vega-Lite, of the bands that it will be given."""
    scale = alt.Scale(zero=False) if domain is None else alt.Scale(domain=list(domain), nice=False)
    panel = _panel(alt.NamedData(name=_BANDS), last, title, scale, is_cut=is_cut)
    return _whole(panel.properties(width=250, height=140))


def _last(bands: pd.DataFrame) -> int:
    return int(bands["epoch"].max())


def _whole(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite, with all its data.

    Altair refuses more than 5,000 rows, to keep notebooks small; a search may have more.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        found: dict[str, Any] = chart.to_dict(validate=False)
    return found


def on_the_page(chart: Any) -> str:
    """A chart as SVG text, with the text colour of the page around it."""
    return _as_svg(_whole(chart))


def _as_svg(drawn: Mapping[str, Any]) -> str:
    # Each of Altair's own methods for this copies the chart with its data.
    styled = {**drawn, "background": "transparent", "config": _STYLE}
    svg: str = vl_convert.vegalite_to_svg(styled)
    # A hundredth of a pixel is enough: half of a page was decimals. Each picture has a label of its
    # own, and Vega's of every mark and group are without words.
    return _PLACES.sub(lambda found: _MORE.sub(r"\1", found[0]), _ROLES.sub("", svg))


def _panel(
    bands: pd.DataFrame | alt.NamedData,
    last: int,
    title: str | None,
    scale: alt.Scale,
    legend: alt.Legend | None = None,
    *,
    is_cut: bool = False,
) -> Any:
    ticks = list(range(1, last + 1, max(1, last // 6)))
    base = alt.Chart(bands).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            axis=alt.Axis(values=ticks, format="d", grid=False),
            scale=alt.Scale(domain=[1, max(2, last)], nice=False),
        ),
        color=alt.Color("side:N", scale=_COLOURS, legend=legend),
    )
    # Both layers have the same title: Vega-Lite would show the union of different ones.
    low, mean = (alt.Y(f"{field}:Q", title=title, scale=scale) for field in ("low", "mean"))
    # Its area alone is too pale to be read on either page.
    edge = alt.Stroke("side:N", scale=_COLOURS, legend=None)
    band = base.mark_area(opacity=1, fillOpacity=0.25, strokeWidth=0.5, clip=is_cut)
    band = band.encode(y=low, y2="high:Q", stroke=edge)
    line = base.mark_line(strokeWidth=2, clip=is_cut).encode(
        y=mean, strokeDash=alt.StrokeDash("side:N", scale=_DASHES, legend=legend)
    )
    return alt.layer(band, line)
