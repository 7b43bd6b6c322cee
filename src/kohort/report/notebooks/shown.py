"""Sentences and tables as HTML for notebooks, which add the style."""

from collections.abc import Iterable, Mapping
from html import escape

import pandas as pd

from kohort.findings.statistics.scale import significant
from kohort.report.screen.score_columns import ScoreColumns
from kohort.report.study_page.interval_plot import BEST

MOST = 12
"""The most rows of a table that are shown; a study may have hundreds of variants."""


_ROOM = "padding: 0.2em 0.5em"
"""Between columns: Jupyter gives it, marimo and plain pages do not."""


def sentences_html(sentences: Iterable[str]) -> str:
    """A paragraph for each sentence that there is."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)


def facts_html(facts: Mapping[str, str]) -> str:
    """A small table of facts, each beside its name."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align: left; {_ROOM}">{escape(name)}</th>'
        f'<td style="text-align: left; {_ROOM}">{escape(text)}</td></tr>'
        for name, text in facts.items()
    )
    return f"<table>{rows}</table>"


def columns_html(columns: ScoreColumns) -> str:
    """The table of variants as a terminal shows it, its first rows where there are many."""
    (shown,) = columns.tables(None)
    rows = [[column.title for column in shown], *zip(*(c.cells for c in shown), strict=True)]
    kinds = ["th", *("td" for _ in columns.stands)]
    weights = ["bold", *("bold" if s == BEST else "normal" for s in columns.stands)]
    drawn = "".join(
        "<tr>"
        + "".join(
            f'<{kind} style="text-align: {column.justify}; font-weight: {weight}; {_ROOM}">'
            f"{escape(cell)}</{kind}>"
            for column, cell in zip(shown, row, strict=True)
        )
        + "</tr>"
        for row, kind, weight in list(zip(rows, kinds, weights, strict=True))[: MOST + 1]
    )
    others = len(columns.stands) - MOST
    return f"<table>{drawn}</table>" + (f"<p>and {others} others: table()</p>" * (others > 0))


def table_html(table: pd.DataFrame) -> str:
    """A table, its first rows where there are many, to four digits."""
    shown: str = table.head(MOST).to_html(
        border=0, escape=True, na_rep="", float_format=lambda value: significant(value, 4)
    )
    others = len(table) - MOST
    return shown + (f"<p>and {others} others: table()</p>" if others > 0 else "")
