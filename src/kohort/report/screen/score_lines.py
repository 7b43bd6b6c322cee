"""The table of variants as a terminal shows it: nothing is cut off, whatever its width."""

import textwrap
from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from kohort.findings.conclusions import Conclusions
from kohort.report.screen.score_columns import GAP, ScoreColumn, ScoreColumns, score_columns
from kohort.report.study_page.interval_plot import AS_GOOD, BEST, BETTER, OPEN, WORSE

_STYLES = {BEST: "bold green", AS_GOOD: "cyan", OPEN: "yellow", WORSE: "dim", BETTER: "magenta"}
_REFERENCE = "dim italic"
_PLAIN = 80
"""Letters of a line where nobody knows how wide the screen is."""


def score_lines(conclusions: Conclusions, width: int | None, *, is_uneven: bool = False) -> Group:
    """The table, for `rich`: variants by score, each with how it stands to the winner.

    Columns that a line has no room for come in a table below, with the names once more.

    Args:
        conclusions: Of the study.
        width: Letters of a line; None for lines of any length, as for a program that reads them.
        is_uneven: As in `score_columns`.
    """
    columns = score_columns(conclusions, is_uneven=is_uneven)
    tables = [_drawn(columns, of_table, width) for of_table in columns.tables(width)]
    parts: list[Table | Text] = [tables[0]]
    for table in tables[1:]:
        parts += [Text(), table]
    return Group(*parts)


def _drawn(columns: ScoreColumns, shown: Sequence[ScoreColumn], width: int | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in shown:
        table.add_column(
            Text(column.title),
            justify=column.justify,
            overflow="fold",
            no_wrap=column.justify == "right" or width is None,
        )
    for row, stands in enumerate(columns.stands):
        style = _STYLES.get(stands, "") if columns.is_variant[row] else _REFERENCE
        # Text, and not a string: a name may hold what looks like markup.
        table.add_row(*(Text(column.cells[row]) for column in shown), style=style)
    return table


def plain_text(conclusions: Conclusions, *, is_uneven: bool = False) -> str:
    """The table as text of 80 letters a line, without colours."""
    console = Console(width=_PLAIN, color_system=None, force_jupyter=False, force_terminal=False)
    with console.capture() as captured:
        console.print(score_lines(conclusions, _PLAIN, is_uneven=is_uneven))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def in_lines(text: str) -> str:
    """Text in lines of 80 letters, broken between words."""
    return textwrap.fill(text, _PLAIN, break_long_words=False, break_on_hyphens=False)
