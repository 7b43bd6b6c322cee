"""The curves of several variants over each other: the reader chooses whose, and of what."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pandas as pd

from kohort.evidence.settings import metric_name
from kohort.findings.statistics.scale import significant
from kohort.report.charts import COLOURS, on_the_page

WIDTH, HEIGHT = 620, 300
LABELS, TITLES = 13, 14  # the sizes of letters: readable on a phone, too
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
_PADDING = {"left": 60, "top": 8, "right": 12, "bottom": 40}
CHOSEN = 3
"""The number of variants that are chosen before the reader chooses: the best."""


@dataclass(frozen=True)
class View:
    """One picture: a metric on one axis.

    Args:
        name: What it shows.
        metric: The metric, a key of `Overlay.numbers`.
        axes: Its axes, as SVG text.
        lines: By variant, its curves on these axes, as SVG text.
        logarithm: By how much the natural logarithm of a value grows in a pixel; 0 where the scale
            is linear. Who smooths a line that is drawn needs it.
    """

    name: str
    metric: str
    axes: str
    lines: Sequence[str]
    logarithm: float


@dataclass(frozen=True)
class Overlay:
    """All pictures, and the numbers that they draw.

    Args:
        variants: The names.
        colours: Theirs.
        views: The pictures.
        epochs: The last epoch.
        numbers: By metric, for each variant the means over replicates by side ("training",
            "validation") and epoch; None where there is none.
    """

    variants: Sequence[str]
    colours: Sequence[str]
    views: Sequence[View]
    epochs: int
    numbers: Mapping[str, Sequence[Mapping[str, Sequence[str | None]]]]

    smoothings: ClassVar[Mapping[str, float]] = {"light": 0.6, "strong": 0.9}
    """By name, the weight of an epoch in a smoothed curve, as a part of the next epoch's."""

    @property
    def left(self) -> float:
        """Where the first epoch lies, as a part of the picture's width."""
        return _PADDING["left"] / self.width

    @property
    def right(self) -> float:
        """Where the last epoch lies."""
        return (_PADDING["left"] + WIDTH) / self.width

    @property
    def width(self) -> int:
        """The picture's width in pixels."""
        return WIDTH + _PADDING["left"] + _PADDING["right"]


def overlay(bands: pd.DataFrame, drawn: Mapping[str, bool]) -> Overlay | None:
    """The pictures; None with fewer than two variants or epochs.

    Args:
        bands: From `curve_bands`.
        drawn: From `drawn_variants`: axes are for those that have a score, if there are some.
    """
    variants = list(drawn)
    sound = [name for name, has_score in drawn.items() if has_score] or variants
    bands = bands[bands["variant"].isin(variants)].assign(
        variant=lambda table: table["variant"].astype(str)
    )
    if len(variants) < 2 or bands.empty or int(bands["epoch"].max()) < 2:
        return None
    last = int(bands["epoch"].max())
    views = []
    for metric, of_metric in bands.groupby("metric", sort=False):
        seen = of_metric[of_metric["variant"].isin(sound)]["mean"]
        if seen.empty:
            continue
        name, limits = metric_name(str(metric)), (float(seen.min()), float(seen.quantile(0.98)))
        has_log = limits[0] > 0 and "loss" in str(metric)
        kinds: list[Literal["linear", "log"]] = ["linear", "log"] if has_log else ["linear"]
        views += [_view(name, str(metric), of_metric, variants, limits, kind) for kind in kinds]
    numbers = {
        str(metric): [_numbers(of_metric, name, last) for name in variants]
        for metric, of_metric in bands.groupby("metric", sort=False)
    }
    return Overlay(variants, COLOURS[: len(variants)], views, last, numbers)


def _numbers(bands: pd.DataFrame, variant: str, last: int) -> dict[str, list[str | None]]:
    of_variant = bands[bands["variant"] == variant]
    found = {}
    for side, of_side in of_variant.groupby("side", sort=False):
        means = of_side.set_index("epoch")["mean"].reindex(range(1, last + 1))
        found[str(side)] = [None if np.isnan(mean) else significant(mean, 4) for mean in means]
    return found


def _view(
    name: str,
    metric: str,
    bands: pd.DataFrame,
    variants: Sequence[str],
    limits: tuple[float, float],
    kind: Literal["linear", "log"],
) -> View:
    """A picture on one pair of axes."""
    last = int(bands["epoch"].max())
    domain = alt.Scale(domain=[1, last], nice=False)
    ticks = alt.Axis(
        values=list(range(1, last + 1, max(1, last // 8))),
        format="d",
        grid=False,
        labelFontSize=LABELS,
        titleFontSize=TITLES,
    )
    scale = alt.Scale(type=kind, domain=list(limits), nice=kind == "linear")
    dash = alt.Scale(domain=["training", "validation"], range=[[5, 4], [1, 0]])

    colours = alt.Scale(domain=list(variants), range=list(COLOURS))

    def drawn(table: pd.DataFrame, *, is_line: bool) -> str:
        chart = (
            alt.Chart(table)
            .mark_line(strokeWidth=2, clip=True, opacity=float(is_line))
            .encode(
                x=alt.X("epoch:Q", title="epoch", scale=domain, axis=None if is_line else ticks),
                y=alt.Y(
                    "mean:Q",
                    title=name,
                    scale=scale,
                    axis=None if is_line else alt.Axis(labelFontSize=LABELS, titleFontSize=TITLES),
                ),
                color=alt.Color("variant:N", scale=colours, legend=None),
                strokeDash=alt.StrokeDash("side:N", scale=dash, legend=None),
            )
        )
        sized = chart.properties(
            width=WIDTH, height=HEIGHT, padding=_PADDING, autosize=alt.AutoSizeParams(type="none")
        )
        return on_the_page(sized)

    axes = drawn(bands.iloc[:2], is_line=False)
    lines = _taken_apart(drawn(bands, is_line=True), COLOURS[: len(variants)])
    logarithm = math.log(limits[1] / limits[0]) / HEIGHT if kind == "log" else 0.0
    return View(name + ", log scale" * (kind == "log"), metric, axes, lines, logarithm)


def _taken_apart(svg: str, colours: Sequence[str]) -> list[str]:
    """A picture for each colour with its lines: to draw each by itself takes four times as long.

    In a page SVG needs no namespace, which would be written before each name.
    """
    picture = ElementTree.fromstring(svg.replace(_NAMESPACE, ""))  # noqa: S314 (of Vega)
    (lines,) = picture.iterfind(".//g[@class='mark-group role-scope pathgroup']")
    (clips,) = picture.iterfind("defs")
    clipped = list(zip(lines, clips, strict=True))
    parts = []
    for colour in colours:
        chosen = [(line, clip) for line, clip in clipped if _has(line, colour)]
        lines[:], clips[:] = ([pair[place] for pair in chosen] for place in (0, 1))
        parts.append(ElementTree.tostring(picture, "unicode"))
    return parts


def _has(line: ElementTree.Element, colour: str) -> bool:
    return line.find(f".//path[@stroke='{colour}']") is not None
