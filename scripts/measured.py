"""The numbers of docs/simulations.json, as tables of Markdown."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


@cache
def results() -> dict[str, Any]:
    """What `make simulations` wrote, by study and case."""
    written = json.loads((DOCS / "simulations.json").read_text("utf-8"))
    return dict(written["results"])


def percent(cell: dict[str, Any], name: str, digits: int = 1) -> str:
    """A rate with its standard error, in percent; a difference of errors, in points."""
    return f"{100 * cell[name]['mean']:z.{digits}f} ± {100 * cell[name]['se']:.{digits}f}"


def percents(cells: Iterable[dict[str, Any]], name: str) -> str:
    """The same rate of several cells, in percent, without errors."""
    return " / ".join(f"{100 * cell[name]['mean']:.1f}" for cell in cells)


def largest_error(cells: Iterable[dict[str, Any]]) -> float:
    """The largest standard error in some cells, in percent."""
    errors = [n["se"] for cell in cells for n in cell.values() if isinstance(n, dict)]
    return 100 * float(max(errors))


def rates(found: dict[str, Any], name: str) -> list[dict[str, float]]:
    """The same rate of all cells below a place of the results, from the lowest to the highest."""
    if name in found:
        return [found[name]]
    below = [inner for inner in found.values() if isinstance(inner, dict)]
    return sorted((rate for of in below for rate in rates(of, name)), key=lambda rate: rate["mean"])


def studies(cell: dict[str, Any]) -> str:
    """How many studies stand behind a cell."""
    return f"{cell['studies']:,}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
