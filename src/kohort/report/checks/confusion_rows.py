"""A confusion matrix as rows of a table: counts, and the shade of their cells."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np


class ConfusionCell(TypedDict):
    """How many samples of one class are taken for one class."""

    count: int
    right: bool
    shade: float
    label: str


class ConfusionRow(TypedDict):
    """What the samples of one class are taken for."""

    name: str
    cells: list[ConfusionCell]


def confusion_rows(counts: np.ndarray, names: Sequence[str]) -> list[ConfusionRow]:
    """The rows of a confusion matrix.

    Args:
        counts: int `[true class, predicted class]`.
        names: `[class]`.
    """
    off_diagonal = counts * (1 - np.eye(len(counts), dtype=int))
    most = max(1, int(off_diagonal.max()))
    return [
        {
            "name": names[truth],
            "cells": [
                {
                    "count": int(count),
                    "right": truth == guess,
                    "shade": 0.0 if truth == guess else round(float(count) / most, 2),
                    "label": f"{names[truth]} taken for {names[guess]}: {count}",
                }
                for guess, count in enumerate(counts[truth])
            ],
        }
        for truth in range(len(counts))
    ]
