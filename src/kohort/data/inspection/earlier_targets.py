"""Columns of a table that hold the target of an earlier row, as lags of a series do."""

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.group_facts import column_names

FURTHEST = 1_000
"""The most rows back that an earlier target is looked for."""
_ROWS = 2_000
"""The most rows that are compared with those before them."""
_FEWEST = 30
_EQUAL = 0.5
"""The part of the rows that must hold an earlier target: series of a table begin with other rows,
and so do those of which a row was left out."""


def by_themselves(data: Dataset, x: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a table's rows by name, `[row]` each: numbers as floats, categories as int32.

    One input of 0 and 1 tells one of several categories, and little of the target; their codes
    tell all of the column.

    Args:
        data: The table.
        x: Rows of it, `[row, input]`.
    """
    if data.columns is None:
        return dict(zip(column_names(data), x.T, strict=True))
    return {name: cells[:, 0] for name, cells in data.columns.by_name(x).items()}


def hold_earlier_targets(data: Dataset) -> tuple[str, ...]:
    """The columns of a table that hold the target of a row so many rows before.

    Rows are in the order of the first column of moments, or in that of the table, where moments
    rise in it; an order that nothing tells is taken to be that of time. Where both numbers are the
    most frequent target nothing is compared. A column that holds the target of its own row as
    often, or oftener, holds no earlier one. Of targets `[sample, number]`, such as what comes next
    and after that, it is the first number.
    """
    rows, asked = _asked(data)
    cells = by_themselves(data, _of_both(data, rows))
    return tuple(name for name, column in cells.items() if any(it.are_in(column) for it in asked))


def _of_both(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """Samples of training and test data, of which those of the former come first in `rows`."""
    train = len(data.x_train)
    return np.concatenate(
        [data.x_train[rows[rows < train]], data.x_test[rows[rows >= train] - train]]
    )


def _asked(data: Dataset) -> tuple[np.ndarray, list["_Before"]]:
    """The samples that are looked at, in order, and the targets before them in each order."""
    y = np.concatenate([data.y_train, data.y_test])
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:_ROWS])
    if not 1 <= y.ndim <= 2 or y.dtype.kind not in "iuf" or len(y) <= _FEWEST:
        return rows, []
    numbers = np.arange(len(y)) if data.source_rows is None else data.source_rows
    moments = [] if data.columns is None else [*data.columns.moments.values()]
    moment = moments[0][numbers] if moments else numbers
    orders = [np.lexsort((numbers, moment)), np.argsort(numbers)][: 1 + bool(moments)]
    first = y.reshape(len(y), -1)[:, 0].astype(np.float32)
    return rows, [_Before(first, moment, order, rows) for order in orders]


class _Before:
    """The targets before some rows, in one order.

    Args:
        y: `[sample]`.
        moment: `[sample]`, of targets that are earlier it is lower.
        order: `[place]`, the samples.
        rows: `[row]`, the samples whose cells are compared.
    """

    def __init__(
        self, y: np.ndarray, moment: np.ndarray, order: np.ndarray, rows: np.ndarray
    ) -> None:
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        back = np.arange(min(FURTHEST, len(y) - _FEWEST) + 1)
        before = place[rows, None] - back
        samples = order[np.maximum(before, 0)]
        self._targets = y[samples]
        self._are_there = before >= 0
        self._are_there[:, 1:] &= (moment[samples] < moment[rows, None])[:, 1:]
        values, counts = np.unique(y, return_counts=True)
        self._is_usual = self._targets == values[counts.argmax()]

    def are_in(self, column: np.ndarray) -> bool:
        """Whether a column `[row]` holds them, always of as many rows before."""
        if column.dtype.kind != "f":
            return False
        # Few rows are enough to see that next to nothing is equal, as in nearly all columns.
        for some in (slice(None, None, max(1, len(column) // _FEWEST)), slice(None)):
            is_equal = self._targets[some] == column[some, None].astype(np.float32)
            is_asked = self._are_there[some] & ~(self._is_usual[some] & is_equal)
            equal = (is_asked & is_equal).sum(axis=0)
            part = equal / np.maximum(is_asked.sum(axis=0), 1)
            if part[1:].max() < _EQUAL / 2:
                return False
        enough = equal[1:] >= _FEWEST
        return bool((enough & (part[1:] >= _EQUAL) & (part[1:] > part[0])).any())
