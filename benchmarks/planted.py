"""How often KD105 and KD107 of `kohort data check` are right, where the truth is known.

`python -m benchmarks.planted` writes benchmarks/results/planted.json: normal classes of which two
overlap by a known part, and tables with one column that tells the target by a known part.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import kohort
from kohort.findings.checks import giveaway, mixed_classes
from kohort.findings.finding import Finding
from kohort.runs.checks.data_check import inspect

FILE = Path(__file__).parent / "results" / "planted.json"
MIXED, MIXED_DRAWS = (0.02, 0.05, 0.1, 0.15, 0.2), 40
"""The part of a class that the best possible rule takes for the other one."""
OF_CLASS = 500
TOLD = (0.7, 0.9, 0.95, 0.97, 0.99, 1.0)
"""The balanced accuracy of the best possible rule of the planted column."""
EXPLAINED = (0.9, 0.95, 0.98, 0.99, 0.999)
"""The part of the target's variance that is the planted column's."""
ROWS, TABLE_DRAWS, COLUMNS = (200, 1000, 5000), 100, 10

type Draw = Callable[[np.random.Generator], tuple[Finding, float]]


def main() -> None:
    """Measure, and write the results."""
    report: dict[str, Any] = {
        "samples of a class": OF_CLASS,
        "columns": COLUMNS,
        "mixed": [
            cell({"best": part}, MIXED_DRAWS, lambda r, p=part: mixed(r, p)) for part in MIXED
        ],
        "told": [
            cell({"best": best, "rows": rows}, TABLE_DRAWS, lambda r, b=best, n=rows: told(r, n, b))
            for rows in ROWS
            for best in TOLD
        ],
        "explained": [
            cell(
                {"best": best, "rows": rows}, TABLE_DRAWS, lambda r, b=best, n=rows: number(r, n, b)
            )
            for rows in ROWS
            for best in EXPLAINED
        ],
    }
    FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


def cell(of: dict[str, float], draws: int, draw: Draw) -> dict[str, Any]:
    """The verdicts of draws of one kind, and the mean of what the rule saw."""
    random = np.random.default_rng([round(1000 * value) for value in of.values()])
    found = [draw(random) for _ in range(draws)]
    verdicts = Counter(finding.verdict for finding, _ in found)
    seen = float(np.mean([value for _, value in found]))
    print(of, dict(verdicts), seen, flush=True)
    return {**of, "verdicts": dict(verdicts), "seen": seen}


def mixed(random: np.random.Generator, part: float) -> tuple[Finding, float]:
    """KD105 of three normal classes, two of which are as near as the part asks for."""
    apart = 2 * stats.norm.isf(part)
    y = np.repeat([0, 1, 2], OF_CLASS)
    x = random.normal(size=(len(y), COLUMNS))
    x[y == 1, 0] += apart
    x[y == 2, 1] += 12
    checked = inspect(kohort.Dataset(x, y))
    assert checked.predicted is not None
    counts = checked.predicted.confusion
    return mixed_classes.judge(checked), float((counts[0, 1] + counts[1, 0]) / (2 * OF_CLASS))


def told(random: np.random.Generator, rows: int, best: float) -> tuple[Finding, float]:
    """KD107 of two classes, which the first column tells as well as is asked for."""
    y = np.arange(rows) % 2
    x = random.normal(size=(rows, COLUMNS))
    x[:, 0] += y * (50.0 if best == 1 else 2 * stats.norm.ppf(best))
    checked = inspect(kohort.Dataset(x, y), trains=False)
    assert checked.columns is not None
    assert checked.columns.right is not None
    return giveaway.judge(checked), float(checked.columns.right[0].sum() / rows)


def number(random: np.random.Generator, rows: int, best: float) -> tuple[Finding, float]:
    """KD107 of a number, of whose variance the first column is so large a part."""
    x = random.normal(size=(rows, COLUMNS))
    y = np.sqrt(best) * x[:, 0] + np.sqrt(1 - best) * random.normal(size=rows)
    checked = inspect(kohort.Dataset(x, y), trains=False)
    assert checked.columns is not None
    assert checked.columns.explained is not None
    return giveaway.judge(checked), float(checked.columns.explained[0])


if __name__ == "__main__":
    main()
