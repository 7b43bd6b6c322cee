"""How often KD105 and KD107 of `kohort data check` are right, where the truth is known.

`python -m benchmarks.planted` writes benchmarks/results/planted.json: normal classes of which two
overlap by a known part, tables with one column that tells the target by a known part, and windows
of series that end before their target, or with it, or before several values, or after the first of
them. `python -m benchmarks.planted horizons` measures that part alone.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal, stats

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

SERIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "autoregressive, 0.5": lambda r, n: _autoregressive(r, n, 0.5),
    "autoregressive, 0.9": lambda r, n: _autoregressive(r, n, 0.9),
    "autoregressive, 0.99": lambda r, n: _autoregressive(r, n, 0.99),
    "a random walk": lambda r, n: r.normal(size=n).cumsum(),
    "a random walk's sum": lambda r, n: r.normal(size=n).cumsum().cumsum(),
    "a line and noise": lambda r, n: np.arange(n) / 100 + 0.1 * r.normal(size=n),
    "a sine and noise": lambda r, n: np.sin(np.arange(n) / 8) + 0.05 * r.normal(size=n),
    "a season of 12 and noise": lambda r, n: (
        np.resize(r.uniform(1, 3, 12), n) * (1 + 0.03 * r.normal(size=n))
    ),
    "a sine": lambda r, n: np.sin(2 * np.pi * np.arange(n) / r.uniform(20, 400)),
    "noise, means of 30": lambda r, n: np.convolve(r.normal(size=n + 29), np.ones(30), "valid"),
}
STEPS, WINDOW_DRAWS, WINDOW_ROWS = 12, 50, (200, 1000)
AFTER = {"its last step": (0, 1), "the next": (1, 1), "the sixth": (6, 1), "between": (1, 2)}
"""What windows are to tell: so many values after their last one, of windows of each value or of
every other one."""
HORIZON, HORIZON_DRAWS, WITHIN = 6, 20, (0, 1, 3)
"""Values that are to be told at once, and how many of them lie in the windows by mistake."""

type Draw = Callable[[np.random.Generator], tuple[Finding, float]]


def main() -> None:
    """Measure all parts, or those that are named, and write the results."""
    names = sys.argv[1:] or list(PARTS)
    report: dict[str, Any] = {"samples of a class": OF_CLASS, "columns": COLUMNS}
    if FILE.exists():
        report = json.loads(FILE.read_text(encoding="utf-8")) | report
    for name in names:
        report[name] = PARTS[name]()
    FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "mixed": lambda: [
        cell({"best": part}, MIXED_DRAWS, lambda r, p=part: mixed(r, p)) for part in MIXED
    ],
    "told": lambda: of_tables(TOLD, told),
    "explained": lambda: of_tables(EXPLAINED, number),
    "windows": lambda: of_series("after", AFTER, WINDOW_DRAWS, of_window),
    "horizons": lambda: of_series(
        "within", {within: (within,) for within in WITHIN}, HORIZON_DRAWS, of_horizon
    ),
}


def of_tables(
    parts: Sequence[float], draw: Callable[[np.random.Generator, int, float], tuple[Finding, float]]
) -> list[dict[str, Any]]:
    """The cells of tables of so many rows, whose planted column tells such a part."""
    return [
        cell({"best": best, "rows": rows}, TABLE_DRAWS, lambda r, b=best, n=rows: draw(r, n, b))
        for rows in ROWS
        for best in parts
    ]


def of_series(
    what: str,
    choices: Mapping[Any, tuple[int, ...]],
    draws: int,
    draw: Callable[..., tuple[Finding, float]],
) -> list[dict[str, Any]]:
    """The cells of windows of each series, by where their target lies."""
    return [
        {"series": name, what: choice}
        | cell({"rows": rows}, draws, lambda r, n=rows, s=series, a=places: draw(r, n, s, *a))
        for name, series in SERIES.items()
        for choice, places in choices.items()
        for rows in WINDOW_ROWS
    ]


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
    (alone,) = checked.told
    assert alone.right is not None
    return giveaway.judge(checked), float(alone.right[0].sum() / rows)


def number(random: np.random.Generator, rows: int, best: float) -> tuple[Finding, float]:
    """KD107 of a number, of whose variance the first column is so large a part."""
    x = random.normal(size=(rows, COLUMNS))
    y = np.sqrt(best) * x[:, 0] + np.sqrt(1 - best) * random.normal(size=rows)
    checked = inspect(kohort.Dataset(x, y), trains=False)
    (alone,) = checked.told
    assert alone.explained is not None
    return giveaway.judge(checked), float(alone.explained[0])


def of_window(
    random: np.random.Generator,
    rows: int,
    series: Callable[[np.random.Generator, int], np.ndarray],
    after: int,
    every: int,
) -> tuple[Finding, float]:
    """KD107 of windows of a series, whose target lies so many values after their last one."""
    drawn = series(random, rows + STEPS * every + after)
    last = np.arange(rows) + (STEPS - 1) * every
    x = drawn[last[:, None] - every * np.arange(STEPS)[::-1]]
    data = kohort.Dataset(x[..., None].astype("float32"), drawn[last + after].astype("float32"))
    checked = inspect(data, trains=False)
    (alone,) = checked.told
    assert alone.explained is not None
    return giveaway.judge(checked), float(alone.explained.max())


def _autoregressive(random: np.random.Generator, count: int, part: float) -> np.ndarray:
    return signal.lfilter([1], [1, -part], random.normal(size=count))


def of_horizon(
    random: np.random.Generator,
    rows: int,
    series: Callable[[np.random.Generator, int], np.ndarray],
    within: int,
) -> tuple[Finding, float]:
    """KD107 of windows of a series and the next values, of which so many lie in them."""
    drawn = series(random, rows + STEPS + HORIZON)
    starts = np.arange(rows)[:, None]
    x = drawn[starts + np.arange(STEPS)]
    y = drawn[starts + STEPS - within + np.arange(HORIZON)]
    data = kohort.Dataset(x[..., None].astype("float32"), y.astype("float32"))
    checked = inspect(data, trains=False)
    ranked = [of_one.ranked.max() for of_one in checked.told if of_one.ranked is not None]
    return giveaway.judge(checked), float(max(ranked))


if __name__ == "__main__":
    main()
