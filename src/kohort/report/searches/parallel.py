"""Parallel coordinates of a search: each trial a line through its arguments and its score."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from kohort.evidence.given_values import MOST_LETTERS, NOT_GIVEN
from kohort.findings.names import listing
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.charts import BLUE, GREY, VERMILION, on_the_page

FEW = 8
"""Choices that are told apart on the axis of a picture; more numbers are an axis of numbers."""
WIDE_RANGE = 30
"""Numbers above 0 whose greatest is more than so many times the least are on a logarithmic axis."""
LETTERS = 14
"""The length of a choice's text in the picture."""
MOST_DIGITS = 1e7
"""Numbers from there on are told with an exponent."""
WINNER = "winner"
SCORE = "score"
_NO_VALUE = 0.25  # of the width, for trials that do not have an argument
_SPREAD = 0.6  # of the room of a choice, over which its trials are spread
_ROW, _WIDTH = 62, 430  # pixels
_STYLES = {  # widths tell them apart in print, and many lines that left from few that did not
    "left": (GREY, 0.5),
    "finished": (BLUE, 1.5),
    WINNER: (VERMILION, 3.0),
}


class Coordinates(NamedTuple):
    """The data of the picture.

    Args:
        lines: Columns trial, axis, place (from 0 to 1 along it) and state ("left", "finished",
            "winner"); a row for each trial and axis.
        ticks: Columns axis, place, label and align.
        axes: Their names, from the top.
    """

    lines: pd.DataFrame
    ticks: pd.DataFrame
    axes: list[str]


def is_axis_of_numbers(values: pd.Series) -> bool:
    """Whether an argument is drawn on an axis of numbers, and not as choices."""
    return bool(pd.api.types.is_numeric_dtype(values)) and values.nunique() > FEW


def is_logarithmic(values: pd.Series) -> bool:
    """Whether numbers are drawn on a logarithmic axis."""
    return bool(values.min() > 0 and values.max() > WIDE_RANGE * values.min())


def choices(values: pd.Series) -> list[Any]:
    """The different values of an argument: numbers in their order, then others by their text."""
    found = {repr(value): value for value in values.tolist()}

    def key(value: Any) -> tuple[bool, float, str]:
        is_number = isinstance(value, int | float)
        return not is_number, float(value) if is_number else 0.0, repr(value)

    return sorted(found.values(), key=key)


def coordinates(
    trials: pd.DataFrame, names: Sequence[str], scale: Scale, winner: int | None
) -> Coordinates:
    """Where each trial crosses each axis.

    Args:
        trials: Rows of `SearchRecord.frame` with a score, the best first.
        names: Columns of the arguments to draw.
        scale: Of the score.
        winner: The number of the trial that won the proof; None without one.
    """
    axes = [*names, SCORE]
    states = trials["state"].where(trials.index != winner, WINNER)
    placed, ticks = [], []
    for axis in axes:
        as_text = (lambda value: words.value(value, scale)) if axis == SCORE else _number_text
        values = trials[axis]
        if axis == SCORE or is_axis_of_numbers(values.dropna()):
            places, marks = _of_numbers(values, as_text)
        else:
            places, marks = _of_choices(values)
        placed.append(pd.DataFrame({"trial": trials.index, "axis": axis, "place": places}))
        ticks.append(pd.DataFrame(marks, columns=["place", "label"]).assign(axis=axis))
    lines = pd.concat(placed, ignore_index=True)
    marks_of_all = pd.concat(ticks, ignore_index=True)
    marks_of_all["align"] = np.select(
        [marks_of_all["place"] < 0.04, marks_of_all["place"] > 0.96], ["left", "right"], "center"
    )
    return Coordinates(lines.assign(state=lines["trial"].map(states)), marks_of_all, axes)


def parallel_svg(found: Coordinates, score: str) -> str:
    """The picture as SVG text: an axis below the other, each trial a line down through them.

    Args:
        found: From `coordinates`.
        score: What the axis of the score is called.
    """
    titles = [_shown(score if axis == SCORE else axis, MOST_LETTERS) for axis in found.axes]
    rows = {axis: float(row) for row, axis in enumerate(found.axes)}
    lines = found.lines.assign(row=found.lines["axis"].map(rows))
    ticks = found.ticks.assign(row=found.ticks["axis"].map(rows))
    names = pd.DataFrame({"row": list(rows.values()), "title": titles, "place": 0.0, "end": 1.0})
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[len(rows) - 0.5, -0.5], nice=False))
    x = alt.X("place:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    layers = [
        alt.Chart(lines[lines["state"] == state])
        .mark_line(color=colour, strokeWidth=width)
        .encode(x=x, y=y, detail="trial:N", order="row:Q")
        for state, (colour, width) in _STYLES.items()
        if (lines["state"] == state).any()
    ]
    ruled = alt.Chart(names).encode(y=y)
    text: dict[str, Any] = {"fontSize": 12, "color": "currentColor"}
    layers += [
        ruled.mark_rule(color="currentColor", strokeWidth=1).encode(x=x, x2="end:Q"),
        ruled.mark_text(align="left", dy=-9, fontWeight="bold", **text).encode(x=x, text="title:N"),
        *(
            alt.Chart(ticks[ticks["align"] == align])
            .mark_text(align=align, dy=12, **text)
            .encode(x=x, y=y, text="label:N")
            for align in ("left", "center", "right")
        ),
    ]
    return on_the_page(alt.layer(*layers).properties(width=_WIDTH, height=_ROW * len(rows)))


def parallel_text(trials: pd.DataFrame, names: Sequence[str], scale: Scale, metric: str) -> str:
    """What the picture shows, for those who do not see it.

    Args:
        trials: As for `coordinates`.
        names: As for `coordinates`.
        scale: Of the score.
        metric: What the score is called.
    """
    whole = trials[trials["state"] == "finished"]
    if whole.empty:
        return ""
    arguments = [f"{name} {_range_text(whole[name])}" for name in names]
    best, worst = (
        words.value(score, scale) for score in (whole["score"].iloc[0], whole["score"].iloc[-1])
    )
    scores = best if best == worst else f"{worst} to {best}"
    return (
        f"The {len(whole)} of {len(trials)} trials that reached the last rung have "
        f"{'; '.join(arguments)}. Their {metric} is {scores}."
    )


def _range_text(values: pd.Series) -> str:
    given = values[~missing(values)]
    if given.empty:
        return NOT_GIVEN
    if is_axis_of_numbers(given):
        told = f"{_number_text(given.min())} to {_number_text(given.max())}"
    else:
        told = listing([_shown(_text(value), MOST_LETTERS) for value in choices(given)], "or")
    return told if len(given) == len(values) else f"{told}, or {NOT_GIVEN}"


def _of_numbers(values: pd.Series, as_text: Any) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Places of numbers on an axis, and its ticks: both ends, and the middle."""
    given = values.dropna().astype(float)
    turned = np.log if is_logarithmic(given) else np.asarray
    low, high = float(given.min()), float(given.max())
    left, right = float(turned(low)), float(turned(high))
    room = 1.0 if len(given) == len(values) else 1 - _NO_VALUE
    span = (right - left) or 1.0
    places = np.asarray((turned(values.astype(float)) - left) / span * room)
    middle = np.exp((left + right) / 2) if turned is np.log else (left + right) / 2
    marks = [(0.0, as_text(low))]
    if high > low:
        marks += [(room / 2, as_text(float(middle))), (room, as_text(high))]
    return _with_missing(places, marks, values)


def _of_choices(values: pd.Series) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Places of choices on an axis, spread a little in the order of the trials, and its ticks."""
    found = choices(values[~missing(values)])
    room = 1 - _NO_VALUE if missing(values).any() else 1.0
    each = room / len(found)
    numbers = {repr(value): number for number, value in enumerate(found)}
    places = np.full(len(values), np.nan)
    for place, value in enumerate(values.tolist()):
        if repr(value) in numbers:
            spread = (place / max(1, len(values) - 1) - 0.5) * _SPREAD
            places[place] = (numbers[repr(value)] + 0.5 + spread) * each
    marks = [
        ((number + 0.5) * each, _shown(_text(value), LETTERS)) for number, value in enumerate(found)
    ]
    return _with_missing(places, marks, values)


def _with_missing(
    places: np.ndarray, marks: list[tuple[float, str]], values: pd.Series
) -> tuple[np.ndarray, list[tuple[float, str]]]:
    lacking = missing(values)
    if lacking.any():
        return np.where(lacking, 1.0, places), [*marks, (1.0, NOT_GIVEN)]
    return places, marks


def missing(values: pd.Series) -> np.ndarray:
    """Which trials do not have an argument; one that is None they have."""
    return np.array(
        [value is pd.NA or (isinstance(value, float) and np.isnan(value)) for value in values], bool
    )


def _number_text(value: float) -> str:
    return f"{value:,.0f}" if MOST_DIGITS > abs(value) >= 1000 else f"{value:.3g}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else repr(value)


def _shown(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 3]}..."
