"""A confusion matrix as rows of a table, and its largest mistakes in words."""

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


MOST_PAIRS = 3
"""The most pairs of classes that are told in words."""


def confused_pairs(counts: np.ndarray, names: Sequence[str]) -> list[str]:
    """The most confused pairs in words: `c is taken for e: 12 of 193`; none without a mistake.

    Of equal counts that of the smaller class comes first. Pairs that are confused as often as the
    last one told, and have no place, are counted.

    Args:
        counts: int `[true class, predicted class]`.
        names: `[class]`.
    """
    of_class = counts.sum(axis=1)
    wrong = [(int(t), int(g)) for t, g in np.argwhere(counts) if t != g]
    ranked = sorted(wrong, key=lambda pair: (-counts[pair], of_class[pair[0]], pair))
    told = [
        f"{names[t]} is taken for {names[g]}: {counts[t, g]:,} of {of_class[t]:,}"
        for t, g in ranked[:MOST_PAIRS]
    ]
    tied = [pair for pair in ranked[MOST_PAIRS:] if counts[pair] == counts[ranked[MOST_PAIRS - 1]]]
    if tied:
        others = "pair is" if len(tied) == 1 else "pairs are"
        told.append(f"{len(tied):,} more {others} confused as often as the last of these")
    return told
