"""Effects of axes as the data of a plot, and as pictures."""

import pandas as pd

from kohort.findings.factorial.effects import Effects
from kohort.findings.statistics.scale import Scale
from kohort.report.charts import effect_svg

POINTS = 100


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
