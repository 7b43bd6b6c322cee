"""Columns of a table that tell nothing, twice the same, or by a few rows alone."""

from dataclasses import dataclass, field

import numpy as np

from kohort.data.dataset import Dataset, is_table
from kohort.data.inspection.group_facts import column_names

OUTLIERS, OUTWEIGHED, FEWEST_TO_OUTWEIGH = 0.001, 0.5, 30
"""The part of the rows that makes up this part of a column's sum of squares around its median. Of
fewer rows than the last one makes up as much by chance."""


@dataclass(frozen=True, eq=False)
class ColumnFacts:
    """What is seen of the columns of a table, by the training rows.

    Attributes:
        names: `[column]`.
        constant: Columns of one value.
        copies: Pairs of a column and an earlier one that is equal in every row.
        outweighed: Columns of which one row in a thousand makes up half of the variance.
        apart: float64 `[column]`, how far its values in train and test are apart: the statistic of
            Kolmogorov and Smirnov, from 0 to 1; None without a test set.
    """

    names: tuple[str, ...]
    constant: tuple[int, ...]
    copies: tuple[tuple[int, int], ...]
    outweighed: tuple[int, ...]
    apart: np.ndarray | None = field(repr=False, default=None)


def column_facts(data: Dataset) -> ColumnFacts | None:
    """What is seen of the columns of a table; None where samples are no rows of one."""
    if not is_table(data):
        return None
    constant = _constant(data.x_train)
    return ColumnFacts(
        tuple(column_names(data)),
        constant,
        _copies(data.x_train, constant),
        _outweighed(data.x_train),
        _apart(data) if len(data.x_test) else None,
    )


def _apart(data: Dataset) -> np.ndarray:
    """The statistic of Kolmogorov and Smirnov of each column in train and test."""
    return np.array([_distance(*pair) for pair in zip(data.x_train.T, data.x_test.T, strict=True)])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest distance of two empirical distributions; SciPy's test needs more samples."""
    both = np.concatenate([one, other])
    parts = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (one, other)]
    return float(np.abs(parts[0] - parts[1]).max())


def _constant(x: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.flatnonzero((x == x[:1]).all(axis=0))))


def _copies(x: np.ndarray, constant: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs of a column and an earlier equal one; columns of one value are told as such."""
    first: dict[bytes, int] = {}
    pairs = []
    for column in sorted(set(range(x.shape[1])) - set(constant)):
        # Adding zero turns negative zeros, which are equal but have other bytes, into zeros.
        earlier = first.setdefault((x[:, column] + x.dtype.type(0)).tobytes(), column)
        pairs += [(column, earlier)] * (earlier != column)
    return tuple(pairs)


def outlying(rows: int) -> int:
    """How many of so many rows are those that may outweigh the others."""
    return max(1, int(OUTLIERS * rows))


def _outweighed(x: np.ndarray) -> tuple[int, ...]:
    """Columns of three values or more whose sum of squares is mostly that of a few rows."""
    few, found = outlying(len(x)), []
    if len(x) < FEWEST_TO_OUTWEIGH:
        return ()
    for number, column in enumerate(x.astype(np.float64).T):
        squares = np.sort((column - np.median(column)) ** 2)
        is_outweighed = squares[-few:].sum() >= OUTWEIGHED * squares.sum() > 0
        if is_outweighed and len(np.unique(column)) > 2:
            found.append(number)
    return tuple(found)
