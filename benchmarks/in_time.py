"""How often `kohort data check` finds that targets are alike over time, where the truth is known.

`python -m benchmarks.in_time` writes benchmarks/results/in_time.json: tables with a column of
dates, whose targets have nothing to do with it, or go with it by a known correlation of neighbours.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import lfilter

import kohort
from kohort.findings.checks.order import over_time
from kohort.runs.checks.data_check import inspect

FILE = Path(__file__).parent / "results" / "in_time.json"
ROWS, DRAWS = 500, 100


def main() -> None:
    """Measure, and write the results."""
    cells = []
    for kind in [*WITHOUT, *WITH]:
        verdicts = Counter(verdict(kind, seed) for seed in range(DRAWS))
        cells.append({"kind": kind, "has order": kind in WITH, "verdicts": dict(verdicts)})
        print(cells[-1], flush=True)
    report = {"rows": ROWS, "draws": DRAWS, "cells": cells}
    FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


def verdict(kind: str, seed: int, rows: int = ROWS) -> str:
    """The verdict of KD111 about a table of a kind."""
    random = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=rows)
    table = pd.DataFrame({"input": random.normal(size=rows), "date": dates})
    table = (WITHOUT | WITH)[kind](table, random)
    group = "group" if "group" in table else None
    data = kohort.Dataset.from_frame(table, target="target", group=group)
    found: str = over_time.judge(inspect(data, trains=False)).verdict
    return found


def _of_rows(draw: Callable[[np.random.Generator, int], np.ndarray]) -> "Kind":
    return lambda table, random: table.assign(target=draw(random, len(table)))


def _autoregressive(correlation: float) -> "Kind":
    """A stationary series whose neighbours have a correlation."""

    def draw(random: np.random.Generator, rows: int) -> np.ndarray:
        found: np.ndarray = lfilter([1], [1, -correlation], random.normal(size=rows + 100))[100:]
        return found

    return _of_rows(draw)


def _rare(random: np.random.Generator, rows: int) -> np.ndarray:
    return random.permutation(np.where(np.arange(rows) < 0.03 * rows, "yes", "no"))


def _months(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    months = pd.Series(table["date"].dt.strftime("%Y-%m"))
    return table.assign(date=months, target=random.normal(size=len(table)))


def _patients(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Three rows of a patient on days in succession, alike within the patient alone."""
    group = np.arange(len(table)) // 3
    of_group = random.normal(size=group.max() + 1)[group]
    return table.assign(group=group, target=of_group + 0.1 * random.normal(size=len(table)))


def _copies(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    whole = table.assign(target=random.normal(size=len(table)))
    return pd.concat([whole, whole.sample(frac=0.3, random_state=random)])


def _births(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Dates of birth that have nothing to do with the target, by which the rows are sorted."""
    days = random.integers(0, 20_000, len(table))
    sorted_days = pd.to_timedelta(np.sort(days), unit="D")
    return table.assign(
        date=pd.Timestamp("1940-01-01") + sorted_days, target=random.normal(size=len(table))
    )


def _sorted(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Rows sorted by the target, with dates that have nothing to do with it."""
    dates = random.permutation(table["date"].to_numpy())
    return table.assign(date=dates, target=np.sort(random.normal(size=len(table))))


type Kind = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]

WITHOUT: dict[str, Kind] = {
    "normal numbers": _of_rows(lambda random, rows: random.normal(size=rows)),
    "numbers with heavy tails": _of_rows(lambda random, rows: random.standard_cauchy(rows)),
    "two classes": _of_rows(lambda random, rows: random.choice(["no", "yes"], rows)),
    "a class of 3 %": _of_rows(_rare),
    "eight classes": _of_rows(lambda random, rows: random.choice(list("abcdefgh"), rows)),
    "months in the place of days": _months,
    "three rows of a patient, grouped": _patients,
    "copies of three rows in ten": _copies,
    "dates of birth, in order": _births,
    "rows sorted by the target": _sorted,
}
"""Tables whose targets have nothing to do with the order of their dates."""
WITH: dict[str, Kind] = {
    f"neighbours correlated by {correlation:g}": _autoregressive(correlation)
    for correlation in (0.1, 0.2, 0.3, 0.5)
} | {
    "a random walk": _of_rows(lambda random, rows: random.normal(size=rows).cumsum()),
    "a season of 30 days, and as much noise": _of_rows(
        lambda random, rows: (
            np.sqrt(2) * np.sin(np.arange(rows) * 2 * np.pi / 30) + random.normal(size=rows)
        )
    ),
}
"""Tables whose targets go with it."""

if __name__ == "__main__":
    main()
