"""Effects of axes as a table, and as the data of a plot."""

from typing import Any

import pandas as pd

from kohort.findings.factorial.effects import Effect, Effects
from kohort.findings.factorial.ranges import AxisRange
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.figures import effect_svg
from kohort.report.race.race_notes import cell

BESIDE = " x "
"""Between the names of two axes, and their levels."""
COLUMNS = (
    *("kind", "axis", "level", "reference", "effect", "low", "high"),
    *("replicates", "contexts", "p_adjusted", "verdict"),
)
POINTS = 100


def effect_table(effects: Effects, kind: str) -> pd.DataFrame:
    """A row for each effect; for the columns see `Result.effects`.

    Args:
        effects: The effects.
        kind: The kind of replicates.
    """
    rows = [_row(effect, kind) for effect in effects.effects]
    rows += [_of_range(reach, effects.most) for reach in effects.ranges]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def effect_rows(effects: Effects, kind: str, scale: Scale) -> list[dict[str, Any]]:
    """The rows of the table for a page, each with the `text` of its difference.

    Args:
        effects: The effects.
        kind: The kind of replicates.
        scale: The scale of the metric that scores.
    """
    texts = [cell(e.comparison, scale, e.most) for e in effects.effects]
    texts += [scale.text(reach.size) for reach in effects.ranges]
    columns = effect_table(effects, kind).assign(text=texts).to_dict("list")
    return [
        {str(name): values[row] for name, values in columns.items()} for row in range(len(texts))
    ]


def effect_panels(effects: Effects, scale: Scale) -> list[dict[str, str]]:
    """For each axis (`axis`) a picture of the effects of its levels (`svg`)."""
    points = effect_points(effects, is_proportion=scale.is_proportion)
    unit = f"{scale.metric}, points" if scale.is_proportion else scale.metric
    return [
        {"axis": str(axis), "svg": effect_svg(of_axis, unit)}
        for axis, of_axis in points.groupby("axis", sort=False)
    ]


def effect_points(effects: Effects, *, is_proportion: bool) -> pd.DataFrame:
    """The data of a plot of the effects of levels, in points where proportions are compared.

    Returns:
        Columns axis, level, effect, low and high, with a row for each level of an axis. The first
        level is at zero, without bounds; levels that cannot be compared with it have no row.
    """
    factor = POINTS if is_proportion else 1
    nothing = float("nan")
    rows: list[tuple[str, str, float, float, float]] = []
    for axis in effects.axes:
        found = [e for e in effects.of_axis(axis.name) if e.comparison.difference.n]
        if found:
            rows.append((axis.name, axis.levels[0], 0.0, nothing, nothing))
        for effect in found:
            difference = effect.comparison.difference.times(factor)
            values = difference.mean, difference.low, difference.high
            rows.append((axis.name, effect.levels[0], *values))
    return pd.DataFrame(rows, columns=["axis", "level", "effect", "low", "high"])


def _row(effect: Effect, kind: str) -> dict[str, Any]:
    found = effect.comparison
    return {
        "kind": effect.kind,
        "axis": BESIDE.join(effect.axes),
        "level": BESIDE.join(effect.levels),
        "reference": BESIDE.join(effect.references),
        **_numbers(found.difference),
        "contexts": effect.contexts,
        "p_adjusted": found.p_adjusted,
        "verdict": words.verdict_of(found, kind),
    }


def _of_range(reach: AxisRange, most: str | None) -> dict[str, Any]:
    return {
        "kind": "range",
        "axis": reach.axis,
        "level": reach.best,
        "reference": reach.worst,
        **_numbers(reach.size),
        "contexts": pd.NA,
        "p_adjusted": float("nan"),
        "verdict": "matters most" if reach.axis == most else "",
    }


def _numbers(interval: Interval) -> dict[str, Any]:
    return {
        "effect": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "replicates": interval.n,
    }
