"""How often `kohort data check` tells a test set from a training set, where the truth is known.

`python -m benchmarks.shifts` writes benchmarks/results/shifts.json: tables of ten normal columns,
one of which has another mean in the test set, so that the best possible AUC is known.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import stats

import kohort
from kohort.findings.checks import shifted
from kohort.runs.checks.data_check import inspect

FILE = Path(__file__).parent / "results" / "shifts.json"
AREAS = (0.5, 0.6, 0.7, 0.8)
TRAIN, TEST, COLUMNS, DRAWS = 1000, 400, 10, 20


def main() -> None:
    """Measure, and write the results."""
    cells = []
    for area in AREAS:
        random = np.random.default_rng(round(100 * area))
        found = [drawn(random, area) for _ in range(DRAWS)]
        verdicts = Counter(verdict for verdict, _ in found)
        cells.append(
            {
                "best possible AUC": area,
                "verdicts": dict(verdicts),
                "mean AUC": float(np.mean([mean for _, mean in found])),
            }
        )
        print(cells[-1], flush=True)
    report = {"train": TRAIN, "test": TEST, "columns": COLUMNS, "draws": DRAWS, "cells": cells}
    FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


def drawn(random: np.random.Generator, area: float) -> tuple[str, float]:
    """The verdict of KD109 about a table, and the AUC that it saw."""
    x = random.normal(size=(TRAIN + TEST, COLUMNS))
    x[TRAIN:, 0] += np.sqrt(2) * stats.norm.ppf(area)
    y = random.normal(size=TRAIN + TEST)
    checked = inspect(kohort.Dataset(x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:]))
    assert checked.shift is not None
    return shifted.judge(checked).verdict, checked.shift.mean


if __name__ == "__main__":
    main()
