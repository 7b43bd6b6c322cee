"""The figures of the pages of findings: their data first, then the drawing."""

from collections.abc import Callable

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

from kohort.findings.judged import StudyCurves, VariantCurves
from scripts.examples import Example

SIZE = {"width": 420, "height": 200}
# Okabe and Ito's: told apart with any colour vision.
COLOURS = ["#0072b2", "#d55e00", "#009e73"]

type Chart = alt.LayerChart | alt.FacetChart
type Lines = dict[str, np.ndarray]
"""Curves `[replicate, epoch]` by the name that the legend gives them."""


def figure(code: str, example: Example) -> str:
    """The figure of an example, of a code in `DRAWINGS`, as SVG text."""
    chart = DRAWINGS[code](example)
    drawn = chart.properties(background="white", **SIZE).configure(font="sans-serif")
    svg: str = vl_convert.vegalite_to_svg(drawn.to_json())
    return svg + "\n"


def bands(lines: Lines) -> pd.DataFrame:
    """Mean and range over replicates: columns curve, epoch, mean, low, high."""
    return pd.concat(
        pd.DataFrame(
            {
                "curve": name,
                "epoch": np.arange(1, curve.shape[1] + 1),
                "mean": curve.mean(axis=0),
                "low": curve.min(axis=0),
                "high": curve.max(axis=0),
            }
        )
        for name, curve in lines.items()
    )


def points_of(study: StudyCurves, rows: np.ndarray) -> pd.DataFrame:
    """Values `[variant, replicate]` in points: columns variant, replicate, value."""
    names = [curves.name for curves in study.variants]
    table = pd.DataFrame(100 * rows.T, columns=names[: len(rows)])
    return table.rename_axis("replicate").reset_index().melt("replicate", var_name="variant")


def _losses(example: Example) -> Chart:
    first = example.study.variants[0]
    lines = {"training": first.train_loss, "validation": first.valid_loss}
    return _curves(lines, "loss", first)


def _errors(example: Example) -> Chart:
    first = example.study.variants[0]
    lines = {"training": 100 * first.train_error, "validation": 100 * first.valid_error}
    return _curves(lines, "error, %", first)


def _train_losses(example: Example) -> Chart:
    first = example.study.variants[0]
    return _curves({"training": first.train_loss}, "loss", None)


def _train_errors(example: Example) -> Chart:
    variants = example.study.variants
    others = np.mean([curves.train_error for curves in variants[1:]], axis=0)
    lines = {"A": 100 * variants[0].train_error, "mean of the others": 100 * others}
    return _curves(lines, "train error, %", None)


def _curves(lines: Lines, title: str, marked: VariantCurves | None) -> Chart:
    base = alt.Chart(bands(lines)).encode(
        x=alt.X("epoch:Q", axis=alt.Axis(format="d", grid=False)),
        color=alt.Color("curve:N", title=None, sort=None, scale=alt.Scale(range=COLOURS)),
    )
    low, mean = (
        alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False)) for field in ("low", "mean")
    )
    layers: list[alt.Chart] = [
        base.mark_area(opacity=0.25).encode(y=low, y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(
            y=mean, strokeDash=alt.StrokeDash("curve:N", sort=None, legend=None)
        ),
    ]
    if marked is not None:
        best = alt.Chart(pd.DataFrame({"epoch": [marked.best + 1], "mark": ["e*"]}))
        layers.append(best.mark_rule(strokeDash=[2, 3], color="#555").encode(x="epoch:Q"))
    return alt.layer(*layers)


def _spreads(example: Example) -> Chart:
    errors = example.study.errors
    points = points_of(example.study, errors - errors.mean(axis=0))
    return _dots(points, "error above the replicate's mean, points", example.study.margin)


def _differences(example: Example) -> Chart:
    errors = example.study.errors
    points = points_of(example.study, errors[:1] - errors[1:2]).assign(variant="A - B")
    return _dots(points, "difference of errors, points", example.study.margin)


def _dots(values: pd.DataFrame, title: str, margin: float) -> Chart:
    dots = (
        alt.Chart(values)
        .mark_circle(size=60, color=COLOURS[0])
        .encode(
            x=alt.X("variant:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title=title),
        )
    )
    bounds = pd.DataFrame({"value": [-100 * margin, 100 * margin]})
    return alt.layer(
        dots, alt.Chart(bounds).mark_rule(strokeDash=[4, 3], color="#555").encode(y="value:Q")
    )


def _copies(example: Example) -> Chart:
    evidence = example.finding.evidence
    shares = pd.DataFrame(
        {
            "part": ["test", "validation"],
            "copies": [
                evidence["test samples with a copy, %"],
                evidence["validation samples with a copy in their training part, %"],
            ],
        }
    )
    bars = (
        alt.Chart(shares)
        .mark_bar(color=COLOURS[0], size=40)
        .encode(
            x=alt.X("part:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("copies:Q", title="samples with a copy, %"),
        )
    )
    return alt.layer(bars)


DRAWINGS: dict[str, Callable[[Example], Chart]] = {
    "KH101": _losses,
    "KH102": _errors,
    "KH103": _train_errors,
    "KH104": _losses,
    "KH105": _train_losses,
    "KH106": _spreads,
    "KH107": _losses,
    "KH201": _copies,
    "KH202": _differences,
}
CAPTIONS = {
    "KH101": "Mean losses of A, and their range over replicates; the dashed line is e*.",
    "KH102": "Mean errors of A, and their range over replicates; the dashed line is e*.",
    "KH103": "Train error of A and of the other variants: means, and ranges over replicates.",
    "KH104": "Mean losses of A, and their range over replicates; the dashed line is e*.",
    "KH105": "Mean train loss of A, and its range over replicates.",
    "KH106": "Each variant's validation errors at e* in 5 replicates, above the replicates' means; "
    "dashed, the margin to either side.",
    "KH107": "Mean losses of A, and their range over replicates; the dashed line is e*.",
    "KH201": "Copies, in percent of each part.",
    "KH202": "The differences of the validation errors of A and B in 5 replicates; dashed, the "
    "margin to either side.",
}
