"""What one input tells of a target, by a rule learned on some rows and asked of others."""

from collections.abc import Sequence

import numpy as np
import scipy

from kohort.data.linked import extremes

NUMBER_BINS = 256
"""The most bins of an input by which a number is told."""
CHANCE = 1e-6
"""Ranks are compared where chance puts a target in the order of an input less often than this."""

type Parts = Sequence[tuple[np.ndarray, np.ndarray]]
"""Rows to learn from, and those that are held out, of each fold."""


def _class_borders(column: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Borders halfway between neighbouring values that are not of one class."""
    values, place = np.unique(column.astype(np.float64), return_inverse=True)
    lowest, highest = extremes(label, place, len(values))
    is_one = (lowest[:-1] == highest[1:]) & (highest[:-1] == lowest[1:])
    between: np.ndarray = ((values[:-1] + values[1:]) / 2)[~is_one]
    return between


def _even_borders(column: np.ndarray, most: int) -> np.ndarray:
    """Borders of bins with equal counts, one for each value where there are few."""
    values = np.unique(column)
    if len(values) <= most:
        return values[1:]
    return np.unique(np.quantile(column, np.linspace(0, 1, most + 1)[1:-1]))


def told_classes(column: np.ndarray, label: np.ndarray, classes: int, parts: Parts) -> np.ndarray:
    """int64 `[class]`, the rows of each class that a rule of one column tells, out of sample."""
    right = np.zeros(classes, np.int64)
    for train, held_out in parts:
        borders = _class_borders(column[train], label[train])
        place = np.searchsorted(borders, column, side="right")
        # Of each bin with its classes, in the order of the bins: there may be thousands of both.
        pairs, counts = np.unique(place[train] * classes + label[train], return_counts=True)
        parts_of_class = counts / np.bincount(label[train], minlength=classes)[pairs % classes]
        best_last = np.lexsort((-(pairs % classes), parts_of_class, pairs // classes))
        ends = np.flatnonzero(np.diff(pairs[best_last] // classes, append=-1))
        answer = pairs[best_last[ends]] % classes
        is_right = answer[place[held_out]] == label[held_out]
        right += np.bincount(label[held_out][is_right], minlength=classes)
    return right


def explained_by(column: np.ndarray, y: np.ndarray, parts: Parts) -> float:
    """The part of the variance of `y` that a rule of one column explains, out of sample."""
    missed = usual = 0.0
    for train, held_out in parts:
        most = (
            len(train) if column.dtype.kind == "i" else min(NUMBER_BINS, max(2, len(train) // 20))
        )
        borders = _even_borders(column[train], most)
        place, bins = np.searchsorted(borders, column, side="right"), len(borders) + 1
        counts = np.bincount(place[train], minlength=bins)
        sums = np.bincount(place[train], y[train], minlength=bins)
        mean = y[train].mean()
        answer = np.where(counts > 0, sums / np.maximum(1, counts), mean)
        missed += float(((y[held_out] - answer[place[held_out]]) ** 2).sum())
        usual += float(((y[held_out] - mean) ** 2).sum())
    return 1 - missed / usual if usual > 0 else 0.0


def ranks_with(x: np.ndarray, y: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each column with `y`, without its sign, float64 `[column]`.

    It is 0 where an order is easily a chance, by the number of orders of the different values of
    `y` among what is kept together. Where one value has half of the rows, the others must be in
    order too: else it would be enough to tell that value.
    """
    values, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    different = np.unique(np.stack([together, place]), axis=1)[1]
    orders = (
        scipy.special.gammaln(len(different) + 1)
        - scipy.special.gammaln(np.bincount(different) + 1).sum()
    )
    if orders < np.log(x.shape[1] / CHANCE):
        return np.zeros(x.shape[1])
    rank = _rank_correlations(x, y)
    others = place != counts.argmax()
    if len(values) > 2 and 2 * others.sum() <= len(y):
        rank = np.minimum(rank, _rank_correlations(x[others], y[others]))
    return rank


def _rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each column with `y`; 0 where one of the two has one value only."""
    of_y = unit_ranks(y)
    # One column at a time: tables may be wide.
    return np.minimum(1.0, [abs(float(unit_ranks(column) @ of_y)) for column in x.T])


def unit_ranks(numbers: np.ndarray) -> np.ndarray:
    """Ranks of mean 0 and length 1, `[row]` or `[row, column]`; zeros where there is one value.

    Their products are Spearman's correlations.
    """
    ranks = scipy.stats.rankdata(numbers, axis=0).astype(np.float64)  # SciPy's are float32, too.
    apart = ranks - ranks.mean(axis=0)
    length = np.linalg.norm(apart, axis=0)
    return np.divide(apart, length, out=np.zeros_like(apart), where=length > 0)
