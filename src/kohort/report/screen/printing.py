"""Prints results to stdout: for eyes on a terminal, and in whole lines for what reads a pipe."""

from rich.console import Console

from kohort.findings.conclusions import Conclusions
from kohort.report.screen.score_lines import score_lines

_ENDLESS = 100_000


def print_scores(conclusions: Conclusions, *, is_uneven: bool = False) -> None:
    """Print the table of variants; to a pipe each variant is one line, whatever its length."""
    console = Console()
    if console.is_terminal:
        console.print(score_lines(conclusions, console.width, is_uneven=is_uneven))
        return
    table = score_lines(conclusions, None, is_uneven=is_uneven)
    wide = Console(width=_ENDLESS, color_system=None)
    with wide.capture() as captured:
        wide.print(table)
    for line in captured.get().splitlines():
        print_text(line.rstrip())


def print_text(text: str) -> None:
    """Print text: on a terminal lines are broken between words, for a pipe they stay whole."""
    console = Console()
    is_whole = not console.is_terminal
    console.print(text, soft_wrap=is_whole, markup=False, highlight=False, emoji=False)
