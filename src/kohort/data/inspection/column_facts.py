"""Columns of a table that tell nothing, twice the same, or the target by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy

from kohort.data.dataset import Dataset, is_table
from kohort.data.inspection.earlier_targets import (
    by_themselves,
    hold_earlier_targets,
    targets_before,
)
from kohort.data.inspection.group_facts import column_names
from kohort.data.labels import ClassLabels
from kohort.data.linked import extremes
from kohort.data.splits import deal, random_part

FOLDS = 5
NUMBER_BINS = 256
"""The most bins of a column by which a number is told."""
OUTLIERS, OUTWEIGHED, FEWEST_TO_OUTWEIGH = 0.001, 0.5, 30
"""The part of the rows that makes up this part of a column's sum of squares around its median. Of
fewer rows than the last one makes up as much by chance."""
CHANCE = 1e-6
"""Ranks are compared where chance puts a target in the order of a column less often than this."""
MOST_SAMPLES = 20_000
"""Of more training rows, a random part is used to look for columns that tell the target."""

type Parts = Sequence[tuple[np.ndarray, np.ndarray]]
"""Rows to learn from, and those that are held out, of each fold."""


@dataclass(frozen=True, eq=False)
class ColumnFacts:
    """What is seen of the columns of a table, by the training rows.

    Attributes:
        names: `[column]`.
        constant: Columns of one value.
        copies: Pairs of a column and an earlier one that is equal in every row.
        outweighed: Columns of which one row in a thousand makes up half of the variance.
        alone: `[column by itself]`, the names of what is asked for the target by itself: columns,
            of categories the whole column and not the input of each.
        right: int64 `[column by itself, class]`, the rows whose class it tells, out of sample;
            None where targets are no classes.
        of_class: int64 `[class]`, the rows of each.
        explained: float64 `[column by itself]`, of numbers to predict, the part of their variance
            that it explains, out of sample; None where targets are classes.
        ranked: float64 `[column by itself]`, of numbers to predict, Spearman's correlation with
            it, without its sign; None where targets are classes.
        earlier: Columns that hold the target of an earlier row; none where targets are classes.
        before: Of numbers to predict, `explained` and `ranked` of the target of the row before.
        apart: float64 `[column]`, how far its values in train and test are apart: the statistic of
            Kolmogorov and Smirnov, from 0 to 1; None without a test set.
    """

    names: tuple[str, ...]
    constant: tuple[int, ...]
    copies: tuple[tuple[int, int], ...]
    outweighed: tuple[int, ...]
    alone: tuple[str, ...]
    right: np.ndarray | None = field(repr=False, default=None)
    of_class: np.ndarray | None = field(repr=False, default=None)
    explained: np.ndarray | None = field(repr=False, default=None)
    ranked: np.ndarray | None = field(repr=False, default=None)
    earlier: tuple[str, ...] = ()
    before: tuple[float, float] = (0.0, 0.0)
    apart: np.ndarray | None = field(repr=False, default=None)


def column_facts(
    data: Dataset, labels: ClassLabels | None, together: np.ndarray
) -> ColumnFacts | None:
    """What is seen of columns; None where samples are no rows of a table.

    A column alone tells the target by a rule of one column (after Holte 1993, "Very simple
    classification rules perform well on most commonly used datasets", Machine Learning 11): its
    values are cut where the class changes, and each bin answers with the class that it has most
    of, in parts of the class's rows. Of numbers, bins have equal counts and answer with their
    mean; each category is a bin. Bins and answers are learned on four fifths of the rows and scored
    on the other fifth, five times. Bins are coarse where rows are few or a target is skewed, so
    that the ranks of numbers are compared as well.

    Args:
        data: The data.
        labels: Their classes; None where targets are none.
        together: int64 `[train sample]`, equal for rows that no fold may part.
    """
    if not is_table(data):
        return None
    random = np.random.default_rng(0)
    rows = random_part(random, np.arange(len(data.x_train)), MOST_SAMPLES)
    parts = [
        (np.setdiff1d(np.arange(len(rows)), held_out), held_out)
        for held_out in deal(random, together[rows], FOLDS)
        if 0 < len(held_out) < len(rows)
    ]
    names, by_itself = tuple(column_names(data)), by_themselves(data, data.x_train[rows])
    constant = _constant(data.x_train)
    seen = constant, _copies(data.x_train, constant), _outweighed(data.x_train), tuple(by_itself)
    apart = _apart(data) if len(data.x_test) else None
    if labels is not None:
        label, classes = labels.train[rows], len(labels.names)
        right = np.array([_told_classes(c, label, classes, parts) for c in by_itself.values()])
        counts = np.bincount(label, minlength=classes)
        return ColumnFacts(names, *seen, right, counts, apart=apart)
    if data.y_train.size != len(data.y_train):
        return ColumnFacts(names, *seen, apart=apart)
    y = data.y_train.reshape(-1)[rows].astype(np.float64)
    explained = np.array([_explained(c, y, parts) for c in by_itself.values()])
    ranked = _ranked(np.column_stack([*by_itself.values()]), y, together[rows])
    before = targets_before(data)[:, rows]
    return ColumnFacts(
        names,
        *seen,
        explained=explained,
        ranked=ranked,
        earlier=hold_earlier_targets(data),
        before=(
            max(_explained(one, y, parts) for one in before),
            float(_ranked(before.T, y, together[rows]).max()),
        ),
        apart=apart,
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


def _told_classes(column: np.ndarray, label: np.ndarray, classes: int, parts: Parts) -> np.ndarray:
    """int64 `[class]`, the rows of each class that a rule of one column tells, out of sample."""
    right = np.zeros(classes, np.int64)
    for train, held_out in parts:
        borders = _class_borders(column[train], label[train])
        place = np.searchsorted(borders, column, side="right")
        counts = np.zeros((len(borders) + 1, classes))
        np.add.at(counts, (place[train], label[train]), 1)
        answer = (counts / np.maximum(1, counts.sum(axis=0))).argmax(axis=1)
        is_right = answer[place[held_out]] == label[held_out]
        right += np.bincount(label[held_out][is_right], minlength=classes)
    return right


def _explained(column: np.ndarray, y: np.ndarray, parts: Parts) -> float:
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


def _ranked(x: np.ndarray, y: np.ndarray, together: np.ndarray) -> np.ndarray:
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
    of_y, found = scipy.stats.rankdata(y), np.zeros(x.shape[1])
    for number, column in enumerate(x.T):
        ranks = np.stack([scipy.stats.rankdata(column), of_y])
        if (np.ptp(ranks, axis=1) > 0).all():
            found[number] = abs(np.corrcoef(ranks)[0, 1])
    return found
