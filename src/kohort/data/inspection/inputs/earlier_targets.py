"""Inputs that hold the target of an earlier row, as lags and windows of a series do."""

from collections.abc import Callable

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.inspection.group_facts import column_names
from kohort.data.labels import ClassLabels

FURTHEST = 1_000
"""The most rows back that an earlier target is looked for."""
_ROWS = 2_000
"""The most rows that are compared with those before them."""
_FEWEST = 30
_OWN = 0.02
"""The part of the rows, of those where the two differ, that may hold their own target by chance."""
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


def targets_of(data: Dataset, labels: ClassLabels | None, number: int = 0) -> np.ndarray:
    """float32 `[sample]`, training samples first: a number, or the class, of each.

    Args:
        data: The data.
        labels: Their classes; None where targets are none.
        number: Which number of a target, where it has several (from 0, flat).
    """
    sides = (data.y_train, data.y_test) if labels is None else (labels.train, labels.test)
    y = [side.reshape(len(side), -1)[:, number] for side in sides if len(side)]
    return np.concatenate(y).astype(np.float32)


def hold_earlier_targets(
    data: Dataset,
    y: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    inputs: Callable[[np.ndarray], dict[str, np.ndarray]],
) -> tuple[str, ...]:
    """The inputs, of samples of one target, that hold that of a row so many rows before.

    Rows are in order of a column of moments, within groups where there are some, or in that of the
    table where moments rise in it; each column of moments must say so. An order that nothing tells
    is taken to be that of time. Where both numbers are the most frequent target nothing is
    compared. A column that holds targets of its own rows, other than the earlier ones, is none.

    Args:
        data: A table, or windows of a series in its order.
        y: `[sample]`, the target of each, as `targets_of` has them.
        sides: Its training samples and its test samples, as `inputs` takes them.
        inputs: Makes the inputs by name, `[row]` each, of samples.
    """
    if len(y) <= _FEWEST:
        return ()
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:_ROWS])
    cells = inputs(_of_both(*sides, rows))
    names = [name for name, column in cells.items() if column.dtype.kind == "f"]
    for moment in _moments(data):
        told = [_Before(y, moment, order, rows) for order in _orders(data, moment)]
        names = [name for name in names if any(before.are_in(cells[name]) for before in told)]
    return tuple(names)


def targets_before(data: Dataset, y: np.ndarray) -> np.ndarray:
    """The target of the row before, float32 `[order, train sample]`, in each order of its rows.

    Of the first row it is its own. Orders are those of the first column of moments, as in
    `hold_earlier_targets`.

    Args:
        data: A table, or windows of a series in its order.
        y: `[sample]`, the target of each, as `targets_of` has them.
    """
    found = []
    for order in _orders(data, _moments(data)[0]):
        before = np.empty_like(y)
        before[order] = y[np.concatenate([order[:1], order[:-1]])]
        found.append(before[: len(data.x_train)])
    return np.array(found)


def _rows(data: Dataset) -> np.ndarray:
    """`[sample]`, the row of the table that each was."""
    samples = len(data.x_train) + len(data.x_test)
    return np.arange(samples) if data.source_rows is None else data.source_rows


def _moments(data: Dataset) -> list[np.ndarray]:
    """`[sample]` of each column of moments; the row of the table where there is none."""
    rows = _rows(data)
    moments = [] if data.columns is None else [*data.columns.moments.values()]
    return [of_table[rows] for of_table in moments] or [rows]


def _orders(data: Dataset, moment: np.ndarray) -> list[np.ndarray]:
    """The samples in orders in which moments may rise, `[place]` each."""
    rows = _rows(data)
    orders = [np.lexsort((rows, moment)), np.argsort(rows)]
    of_sides = [data.groups, data.test_groups] if len(data.x_test) else [data.groups]
    groups = [side for side in of_sides if side is not None]
    if len(groups) == len(of_sides):
        group = np.unique(np.concatenate(groups), return_inverse=True)[1]
        orders.append(np.lexsort((rows, moment, group)))
    return orders


def _of_both(train: np.ndarray, test: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Samples of training and test data, of which those of the former come first in `rows`."""
    count = len(train)
    return np.concatenate([train[rows[rows < count]], test[rows[rows >= count] - count]])


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
        now = self._targets[:, :1]
        # Few rows are enough to see that next to nothing is equal, as in nearly all columns.
        for some in (slice(None, None, max(1, len(column) // _FEWEST)), slice(None)):
            is_equal = self._targets[some] == column[some, None].astype(np.float32)
            is_asked = self._are_there[some] & ~(self._is_usual[some] & is_equal)
            equal = (is_asked & is_equal).sum(axis=0)
            part = equal / np.maximum(is_asked.sum(axis=0), 1)
            if part[1:].max() < _EQUAL / 2:
                return False
        differs = self._are_there & (self._targets != now)
        of_own = (differs & is_equal[:, :1]).sum(axis=0) / np.maximum(differs.sum(axis=0), 1)
        is_earlier = (part >= _EQUAL) & (equal >= _FEWEST) & (of_own < _OWN)
        return bool(is_earlier[1:].any())
