"""What a notebook shows of a result: what its report opens with, and the table."""

from collections.abc import Sequence
from html import escape

import pandas as pd

from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.report.answers import warnings
from kohort.report.notebooks.shown import columns_html, sentences_html
from kohort.report.screen.score_columns import score_columns
from kohort.report.study_page.interval_plot import IntervalPlot, interval_plot
from kohort.report.study_page.opening import facts, headline


def result_html(
    conclusions: Conclusions,
    table: pd.DataFrame,
    findings: Sequence[Finding],
    pending: str,
    *,
    is_uneven: bool,
) -> str:
    """The answer, the picture of all scores, the facts, and the table, as HTML.

    Args:
        conclusions: Of the study.
        table: The variants' rows of `Result.table`.
        findings: All findings.
        pending: What was asked for since, and is not in it; empty where nothing was.
        is_uneven: As in `score_columns`.
    """
    plot = interval_plot(conclusions, table)
    told = "".join(
        f"<dt><strong>{escape(fact.title)}</strong></dt><dd>{escape(fact.text)}</dd>"
        for fact in facts(conclusions)
    )
    return "".join(
        [
            sentences_html([headline(conclusions), pending, *warnings(conclusions, findings)]),
            "" if plot is None else _picture(plot),
            f"<dl>{told}</dl>",
            columns_html(score_columns(conclusions, is_uneven=is_uneven)),
        ]
    )


def _picture(plot: IntervalPlot) -> str:
    from kohort.report.study_page.interval_picture import NOTEBOOK, interval_svg

    return interval_svg(plot, NOTEBOOK)
