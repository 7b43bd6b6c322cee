"""The picture that a report opens with: the scores of the variants with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.scale import Scale
from kohort.report.figures import on_the_page, short_names

SHOWN = 12
"""The most variants in the picture."""
OF_MANY = 10
"""The number of variants in it where there are more than that."""
BEST, AS_GOOD, OPEN, WORSE = "best", "as good", "cannot tell", "worse"
# Of Okabe and Ito, distinguishable with any colour vision; each row has its word as well.
_COLOURS = {BEST: "#009e73", AS_GOOD: "#3b9ddd", OPEN: "#e69f00", WORSE: "#8a8f96"}
WIDE, NARROW, NOTEBOOK = 1100, 350, 760
"""The widths of the picture for a screen, for a phone and for a notebook, in pixels."""
LETTERS = 36
"""The length of a name in the picture."""
LETTER = 7.2
"""The width of a letter of 12 pixels, in a wide font."""


@dataclass(frozen=True, eq=False)
class IntervalPlot:
    """The data of the picture.

    Args:
        points: A row for each variant that is shown, best first: variant, mean, low, high (of
            the validation score), train, standing ("best", "as good", "cannot tell" or "worse").
        margin: The margin of equivalence, in the unit of the metric.
        scale: The scale of the metric.
        others: How many variants with a score are not shown.
    """

    points: pd.DataFrame
    margin: float
    scale: Scale
    others: int


def interval_plot(conclusions: Conclusions, table: pd.DataFrame) -> IntervalPlot | None:
    """The scores of the best variants; None where no variant has one.

    Args:
        conclusions: Of the study.
        table: From `score_table`: its order is kept.
    """
    metric, winner = conclusions.record.settings.metric, conclusions.winner_name
    if winner is None:
        return None
    columns = {f"val_{metric}": "mean", f"train_{metric}": "train"}
    scored = table.rename(columns=columns)[["mean", "low", "high", "train"]].astype(float)
    scored = scored[np.isfinite(scored["mean"])]
    stands = standings(conclusions)
    # The table goes by score, and by replicates that were lost: the winner may stand lower in it.
    first = [winner, *(name for name in scored.index if name != winner)]
    shown = first if len(first) <= SHOWN else first[:OF_MANY]
    points = scored.loc[shown].assign(standing=[stands[name] for name in shown])
    study = conclusions.study
    others = len(first) - len(shown)
    return IntervalPlot(points.reset_index(), study.margin, study.scale, others)


def standings(conclusions: Conclusions) -> dict[str, str]:
    """How each variant stands to the winner, by its name."""
    winner = conclusions.winner_name
    assert winner is not None
    families = conclusions.families
    found = {winner: BEST}
    for c in [*families.winner, *(c for c in families.baseline if winner in (c.a, c.b))]:
        other = c.a if c.b == winner else c.b
        is_worse = c.better == winner and not c.is_equivalent
        found[other] = WORSE if is_worse else AS_GOOD if c.is_equivalent else OPEN
    return found


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
    layers = alt.layer(
        *_layers(points, unit * plot.margin, plot.scale, beside, is_narrow=is_narrow)
    )
    sized = layers.properties(
        width=width - beside - (20 if is_narrow else word),
        height=alt.Step(40 if is_narrow else 24),
        padding={"left": 10 * is_narrow, "top": 4, "bottom": 4, "right": 10 if is_narrow else word},
    )
    return on_the_page(sized)


def _layers(
    points: pd.DataFrame, margin: float, scale: Scale, beside: float, *, is_narrow: bool
) -> list[alt.Chart]:
    """The band of the margin, intervals, means, train scores, verdicts, and names if above."""
    title = f"validation {scale.metric}{', %' * scale.is_proportion}"
    domain = alt.Scale(domain=list(_domain(points, margin)), nice=False, zero=False)
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
    best = points["mean"].iloc[0]
    around = alt.Chart(pd.DataFrame({"from": [best - margin], "to": [best + margin]}))
    band = around.mark_rect(color=_COLOURS[BEST], opacity=0.13).encode(x=x("from"), x2="to:Q")
    rules = base.mark_rule(strokeWidth=3, clip=True).encode(x=x("low"), x2="high:Q", color=colour)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(x=x("mean"), color=colour)
    train = base.mark_point(filled=False, size=60, strokeWidth=1.5, opacity=1).encode(
        x=x("train"), color=alt.value("currentColor")
    )
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


def _domain(points: pd.DataFrame, margin: float) -> tuple[float, float]:
    """The range of the axis: all means, the winner's interval, and others' as far as they go.

    An interval of two replicates may be a hundred times as wide as the scores are apart. So none
    is followed further than the means are apart; the axis cuts it there.
    """
    means = np.concatenate([points["mean"], points["train"]])
    means = means[np.isfinite(means)]
    best = points.iloc[0]
    near = np.concatenate([means, [best["mean"] - margin, best["mean"] + margin]])
    low, high = float(near.min()), float(near.max())
    room = (high - low) or abs(low) or 1.0
    bounds = points[["low", "high"]].to_numpy().ravel()
    bounds = bounds[np.isfinite(bounds)]
    low = min(low, max(low - room, float(bounds.min(initial=low))))
    high = max(high, min(high + room, float(bounds.max(initial=high))))
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def are_cut(plot: IntervalPlot) -> bool:
    """Whether an interval goes on beyond the picture."""
    low, high = _domain(plot.points, plot.margin)
    return bool((plot.points["low"] < low).any() or (plot.points["high"] > high).any())


def described(plot: IntervalPlot, texts: Sequence[str]) -> str:
    """The picture in words: the variants with their scores, for those who do not see it.

    Args:
        plot: The data.
        texts: The score of each variant as text.
    """
    rows = zip(plot.points["variant"], texts, plot.points["standing"], strict=True)
    return "; ".join(f"{name} {text}, {standing}" for name, text, standing in rows)
