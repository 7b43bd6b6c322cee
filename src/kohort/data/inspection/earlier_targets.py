"""Columns of a table, and steps of windows, that hold an earlier target, as lags do."""

from collections.abc import Sequence

import numpy as np

from kohort.data.dataset import Dataset, is_table
from kohort.data.inspection.constant_answers import ConstantAnswer, ErrorKind, error_of
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
    tell all of the column. Of windows `[row, step, input]` they are each input at each step.

    Args:
        data: The data.
        x: Rows of them.
    """
    if data.columns is not None:
        return {name: cells[:, 0] for name, cells in data.columns.by_name(x).items()}
    if x.ndim == 2:
        return dict(zip(column_names(data), x.T, strict=True))
    _, steps, inputs = x.shape
    return {
        _place(step, steps) + f" of input {number}" * (inputs > 1): x[:, step, number]
        for step in range(steps)
        for number in range(inputs)
    }


def _place(step: int, steps: int) -> str:
    return "the last step" if step == steps - 1 else f"step {step + 1} of {steps}"


def hold_earlier_targets(data: Dataset) -> tuple[str, ...]:
    """The columns that hold the target of a row so many rows before; none where it is no number.

    Rows are in the order of the first column of moments, or in that of the table, where moments
    rise in it; an order that nothing tells is taken to be that of time. Where both numbers are the
    most frequent target nothing is compared. A column that holds the target of its own row as
    often, or oftener, holds no earlier one. Of targets `[sample, number]`, such as what comes next
    and after that, it is the first number.

    Args:
        data: A table, or windows `[sample, step, input]`; of others nothing is found.
    """
    x_is_known = is_table(data) or (data.pixels is None and data.x_train.ndim == 3)
    y = np.concatenate([data.y_train, data.y_test])
    if not x_is_known or not 1 <= y.ndim <= 2 or y.dtype.kind not in "iuf" or len(y) <= _FEWEST:
        return ()
    y, train = y.reshape(len(y), -1)[:, 0], len(data.x_train)
    rows = np.random.default_rng(0).permutation(len(y))[:_ROWS]
    sides = [data.x_train[rows[rows < train]], data.x_test[rows[rows >= train] - train]]
    rows = np.concatenate([rows[rows < train], rows[rows >= train]])
    cells = by_themselves(data, np.concatenate(sides))
    numbers = np.arange(len(y)) if data.source_rows is None else data.source_rows
    moments = [] if data.columns is None else [*data.columns.moments.values()]
    moment = moments[0][numbers] if moments else numbers
    orders = [np.lexsort((numbers, moment)), np.argsort(numbers)][: 1 + bool(moments)]
    asked = [_Before(y.astype(np.float32), moment, order, rows) for order in orders]
    held = np.array(
        [
            column.dtype.kind == "f" and any(one.are_in(column) for one in asked)
            for column in cells.values()
        ]
    )
    if data.x_train.ndim == 3:
        # An input of windows that holds an earlier target at one step does so at all of them.
        held = np.tile(held.reshape(-1, data.x_train.shape[2]).any(axis=0), data.x_train.shape[1])
    return tuple(name for name, holds in zip(cells, held, strict=True) if holds)


def earlier_answer(
    kind: ErrorKind,
    data: Dataset,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None = None,
) -> ConstantAnswer | None:
    """What the values of a column that holds an earlier target score as answers.

    Of several such columns it is the one that scores best on all training samples; of none None.

    Args: as of `constant_answer`.
    """
    names = hold_earlier_targets(data)
    if not names:
        return None
    cells = by_themselves(data, data.x_train)
    y, every = data.y_train.reshape(len(data.y_train), -1), np.arange(len(data.y_train))

    def score(name: str, rows: np.ndarray) -> float:
        values = cells[name][rows].astype(np.float64)[:, None]  # for all numbers of a target
        return error_of(kind, y[rows], values, None if weights is None else weights[rows])

    best = min(names, key=lambda name: _SIGN[kind] * score(name, every))
    scores = np.array([[score(best, rows) for rows in part] for part in parts])
    return ConstantAnswer(f"the value of {best}", *scores.T)


def best_answer(kind: ErrorKind, found: Sequence[ConstantAnswer]) -> ConstantAnswer | None:
    """The answer that scores best on the training parts; None of none."""
    return min(found, key=lambda answer: _SIGN[kind] * float(answer.train.mean()), default=None)


_SIGN: dict[ErrorKind, int] = {"mse": 1, "rmse": 1, "mae": 1, "r2": -1}


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
        # Few rows are enough to see that next to nothing is equal, as in nearly all columns.
        for some in (slice(_FEWEST), slice(None)):
            is_equal = self._targets[some] == column[some, None].astype(np.float32)
            is_asked = self._are_there[some] & ~(self._is_usual[some] & is_equal)
            equal = (is_asked & is_equal).sum(axis=0)
            part = equal / np.maximum(is_asked.sum(axis=0), 1)
            if part[1:].max() < _EQUAL / 2:
                return False
        enough = equal[1:] >= _FEWEST
        return bool((enough & (part[1:] >= _EQUAL) & (part[1:] > part[0])).any())
