"""The columns of the table of variants that a terminal shows, and which of them fit in a line."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.answers import table_with_reference, trial_arguments
from kohort.report.classes.recall_table import COLUMNS
from kohort.report.study_page.interval_plot import standings

NONE = "none"
GAP = 2
"""Blanks between columns."""
_LEAST = 18
"""To so many letters a column of words is narrowed, before a number goes to the next table."""


@dataclass(frozen=True)
class ScoreColumn:
    """One column of the table.

    Args:
        title: What stands over it.
        cells: Its text in each row.
        justify: Numbers stand at the right, words at the left.
    """

    title: str
    cells: tuple[str, ...]
    justify: Literal["left", "right"] = "right"

    @property
    def width(self) -> int:
        """Letters of its longest cell."""
        return max(map(len, (self.title, *self.cells)))

    @property
    def least(self) -> int:
        """The fewest letters that it is narrowed to: words may go on in the next line."""
        if self.justify == "right" or self.width <= _LEAST:
            return self.width
        words_of = (word for cell in (self.title, *self.cells) for word in cell.split())
        return max(_LEAST, *map(len, words_of))


@dataclass(frozen=True)
class ScoreColumns:
    """All columns, and what each row is.

    Args:
        name: The variants' names.
        told: How each variant did; always in one table.
        more: What else is known of it, the more important first.
        stands: By row, how it stands to the winner; "" where that is not known, and of a reference.
        is_variant: By row, whether it is a variant.
    """

    name: ScoreColumn
    told: tuple[ScoreColumn, ...]
    more: tuple[ScoreColumn, ...]
    stands: tuple[str, ...]
    is_variant: tuple[bool, ...]

    def tables(self, width: int | None) -> list[list[ScoreColumn]]:
        """The columns in as many tables as a terminal needs; each begins with the names.

        Args:
            width: Letters of a line; None for lines of any length.
        """
        *told, verdict = self.told
        if width is None:
            return [[self.name, *told, *self.more, verdict]]
        tables = [[self.name, *told, verdict]]
        for column in self.more:
            wanted = sum(other.least + GAP for other in tables[-1]) + column.least
            if wanted > width and len(tables[-1]) > 1:
                tables.append([self.name, column])
            else:
                place = len(tables[-1]) - (len(tables) == 1)  # the verdict stays the last one
                tables[-1].insert(place, column)
        return tables


def score_columns(conclusions: Conclusions, *, is_uneven: bool) -> ScoreColumns:
    """The columns of the table of variants, the best one first.

    Args:
        conclusions: Of the study.
        is_uneven: Whether classes are of uneven sizes, so that the balanced accuracy says what the
            accuracy does not.
    """
    table, scale = table_with_reference(conclusions), conclusions.study.scale
    metric = conclusions.record.settings.metric
    variants = set(conclusions.record.variant_names)
    known = {} if conclusions.winner is None else standings(conclusions)
    names = [str(name) for name in table.index]
    # Of what diverged everywhere there is no score to stand anywhere: its verdict tells that.
    scored = table[f"val_{metric}"].notna()
    stands = tuple(
        known.get(name, "") if has else "" for name, has in zip(names, scored, strict=True)
    )
    confidence = f"{100 * conclusions.record.settings.confidence:g} % interval"

    def column(title: str, source: str, write: Callable[[Any], str]) -> ScoreColumn:
        return ScoreColumn(title, tuple(_text(value, write) for value in table[source]))

    def score(number: float) -> str:
        return words.value(number, scale)

    told = trial_arguments(conclusions.record)
    arguments = ScoreColumn("arguments", tuple(told.get(name, "") for name in names), "left")
    more = [
        *([arguments] if told else []),
        *_of_race(table),
        *([column("balanced", COLUMNS[0], score)] if is_uneven and COLUMNS[0] in table else []),
        column("gap", "gap", lambda value: words.gap(value, scale)),
        column("best epoch", "best_epoch", str),
        column("parameters", "parameters", "{:,}".format),
        column("weights", "weights_megabytes", words.size),
        column("seconds", "seconds", "{:.1f}".format),
    ]
    return ScoreColumns(
        ScoreColumn("variant", tuple(names), "left"),
        (
            column(scale.metric, f"val_{metric}", score),
            ScoreColumn(confidence, _intervals(table, scale)),
            ScoreColumn("against best", stands, "left"),
            ScoreColumn("verdict", tuple(map(str, table["verdict"])), "left"),
        ),
        tuple(more),
        stands,
        tuple(name in variants for name in names),
    )


def _text(value: Any, write: Callable[[Any], str]) -> str:
    return NONE if pd.isna(value) else write(value)


def _of_race(table: pd.DataFrame) -> Sequence[ScoreColumn]:
    if "left" not in table:
        return []
    trained = tuple("" if pd.isna(number) else str(number) for number in table["replicates"])
    return ScoreColumn("replicates", trained), ScoreColumn("left", tuple(table["left"]), "left")


def _intervals(table: pd.DataFrame, scale: Scale) -> tuple[str, ...]:
    return tuple(
        NONE if math.isnan(low) else f"{_bound(low, scale)} to {_bound(high, scale)}"
        for low, high in zip(table["low"], table["high"], strict=True)
    )


def _bound(number: float, scale: Scale) -> str:
    return words.value(number, scale).removesuffix(" %")
