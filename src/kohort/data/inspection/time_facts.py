"""Whether targets of rows that are next to each other in time are alike, beyond chance."""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels

FEWEST_ROWS = 50
"""Of fewer rows, or groups, nothing is measured: random orders have alike neighbours too."""
SHUFFLES = 1_999
"""How many random orders a column's order is compared with."""
MOST_COLUMNS = 10
"""Of more columns of moments the first are looked at."""
STRETCHES, STRETCH = 20, 1_000
"""Of more rows than these make up, so many stretches of so many neighbours are looked at."""
_AT_ONCE = 2**22


@dataclass(frozen=True)
class OrderInTime:
    """What is seen of a column of moments, by the training rows.

    Attributes:
        name: Its name.
        rows: How many different rows have a moment; where there are groups, how many groups.
        of_groups: Whether groups are in its order, each by its middle row.
        alike: How alike the targets of neighbours are: 0 by chance, 1 where they are equal. Of
            numbers, the serial correlation of their ranks; of classes, how many neighbours are of
            one class beyond chance, as a part of all that could be. NaN where it is not measured:
            rows are too few, or have one moment or one target.
        by_chance: What 99 % of random orders do not exceed.
        p: The part of the random orders, and this one, that have as much or more.
        in_order: Spearman's correlation of the moments with the order of the rows in the table,
            without its sign.
        test_is_later: Whether every test row is later than every training row; None where no test
            row has a moment.
    """

    name: str
    rows: int
    of_groups: bool
    alike: float = np.nan
    by_chance: float = np.nan
    p: float = np.nan
    in_order: float = np.nan
    test_is_later: bool | None = None


def time_facts(
    data: Dataset, labels: ClassLabels | None, pattern: np.ndarray
) -> tuple[OrderInTime, ...]:
    """What is seen of columns of moments; none where a target has several numbers.

    A test by permutations, as those of Wald and Wolfowitz (1943, "An exact test for randomness in
    the non-parametric case based on serial correlation", Annals of Mathematical Statistics 14).
    Rows of one moment are in random order; equal rows of one moment count once.

    Args:
        data: The data.
        labels: Their classes; None where targets are none.
        pattern: int64 `[train sample]`, equal for rows that are exact copies.
    """
    if data.columns is None or data.source_rows is None:
        return ()
    if labels is None and data.y_train.size != len(data.y_train):
        return ()
    return tuple(
        _seen(name, places[data.source_rows], data, labels, pattern)
        for name, places in list(data.columns.moments.items())[:MOST_COLUMNS]
    )


def _seen(
    name: str, places: np.ndarray, data: Dataset, labels: ClassLabels | None, pattern: np.ndarray
) -> OrderInTime:
    """What is seen of one column; `places` `[sample]` are its moments, training samples first."""
    assert data.source_rows is not None
    train = len(data.x_train)
    moment, of_test = places[:train], places[train:][places[train:] >= 0]
    rows = np.flatnonzero(moment >= 0)
    copies = moment[rows] * (int(pattern.max()) + 1) + pattern[rows]
    rows = rows[np.unique(copies, return_index=True)[1]]
    if data.groups is not None:
        rows = _middle_rows(rows, data.groups, moment)
    seen = OrderInTime(name, len(rows), data.groups is not None)
    if len(of_test):
        seen = replace(seen, test_is_later=bool(of_test.min() > moment.max()))
    random = np.random.default_rng(0)
    order = random.permutation(rows)
    order = _stretches(order[np.argsort(moment[order], kind="stable")])
    target = (data.y_train.reshape(-1) if labels is None else labels.train)[order]
    if len(rows) < FEWEST_ROWS or any(len(np.unique(of)) < 2 for of in (moment[order], target)):
        return seen
    found = scipy.stats.permutation_test(
        (target if labels is not None else scipy.stats.rankdata(target.astype(np.float64)),),
        _classes_alike if labels is not None else _numbers_alike,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=SHUFFLES,
        batch=max(1, _AT_ONCE // len(order)),
        alternative="greater",
        rng=random,
    )
    return replace(
        seen,
        alike=float(found.statistic),
        by_chance=float(np.quantile(found.null_distribution, 0.99)),
        p=float(found.pvalue),
        in_order=abs(float(scipy.stats.spearmanr(data.source_rows[rows], moment[rows]).statistic)),
    )


def _middle_rows(rows: np.ndarray, groups: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Of each group the row in the middle of its time, `[group]`."""
    order = rows[np.lexsort((moment[rows], groups[rows]))]
    _, first, counts = np.unique(groups[order], return_index=True, return_counts=True)
    middle: np.ndarray = order[first + (counts - 1) // 2]
    return middle


def _stretches(order: np.ndarray) -> np.ndarray:
    """Rows in order; of many, stretches of neighbours, evenly chosen."""
    if len(order) <= STRETCHES * STRETCH:
        return order
    first = np.linspace(0, len(order) - STRETCH, STRETCHES).astype(np.int64)
    some: np.ndarray = order[(first[:, None] + np.arange(STRETCH)).reshape(-1)]
    return some


def _numbers_alike(ranks: np.ndarray, axis: int = -1) -> np.ndarray:
    """The serial correlation of ranks `[..., row]`, `[...]`."""
    ranks = np.moveaxis(ranks, axis, -1)
    apart = ranks - ranks.mean(axis=-1, keepdims=True)
    found: np.ndarray = (apart[..., 1:] * apart[..., :-1]).sum(axis=-1) / (apart**2).sum(axis=-1)
    return found


def _classes_alike(labels: np.ndarray, axis: int = -1) -> np.ndarray:
    """The part of neighbours that are of one class `[..., row]`, beyond chance, `[...]`."""
    labels = np.moveaxis(labels, axis, -1)
    counts = np.unique(labels.reshape(-1, labels.shape[-1])[0], return_counts=True)[1]
    rows = labels.shape[-1]
    chance = (counts * (counts - 1)).sum() / (rows * (rows - 1))
    equal = (labels[..., 1:] == labels[..., :-1]).mean(axis=-1)
    found: np.ndarray = (equal - chance) / (1 - chance)
    return found
