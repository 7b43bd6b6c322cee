"""Effects of axes as a table."""

from typing import Any

import pandas as pd

from kohort.findings.factorial.effects import Effect, Effects
from kohort.findings.factorial.ranges import AxisRange
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.race.race_notes import cell

BESIDE = " x "
"""Between the names of two axes, and their levels."""
COLUMNS = (
    *("kind", "axis", "level", "reference", "effect", "low", "high"),
    *("replicates", "contexts", "p_adjusted", "corrected_for", "verdict"),
)


def effect_table(effects: Effects, kind: str) -> pd.DataFrame:
    """A row for each effect; for the columns see `Result.effects`.

    Args:
        effects: The effects.
        kind: The kind of replicates.
    """
    looked = effects.are_of_first_look
    rows = [_row(e, kind, of_first_look=looked and e.pair is None) for e in effects.effects]
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


def _row(effect: Effect, kind: str, *, of_first_look: bool) -> dict[str, Any]:
    found = effect.comparison
    return {
        "kind": effect.kind,
        "axis": BESIDE.join(effect.axes),
        "level": BESIDE.join(effect.levels),
        "reference": BESIDE.join(effect.references),
        **_numbers(found.difference),
        "contexts": effect.contexts,
        "p_adjusted": found.p_adjusted,
        "corrected_for": found.family,
        "verdict": words.verdict_of(found, kind, of_first_look=of_first_look),
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
        "corrected_for": pd.NA,
        "verdict": "matters most" if reach.axis == most else "",
    }


def _numbers(interval: Interval) -> dict[str, Any]:
    return {
        "effect": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "replicates": interval.n,
    }
