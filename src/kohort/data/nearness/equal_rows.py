"""Whether rows of a table that are equal in every number are copies, or may be equal by chance."""

import numpy as np

from kohort.data.nearness.chance import CHANCE_PAIRS, chance, principal_axes

DISCRETE = 16
"""A column of a table with no more different values than this is not used for nearness."""
CONTINUOUS, FINE = 0.5, 0.001
"""Different values per different row of a continuous column, and the quantile of their gaps that is
called its fineness."""
MOSTLY = 0.5
"""The part of training rows that must differ, where their columns alone tell that equal ones are
no chance."""
SHARED = 0.5
"""The part of rows that are there more than once whose every value others share, if by chance."""
FEWEST, APART = 7.0, 0.1
"""How many of the sets of equal rows must have two targets by chance for targets to tell, and the
part of these up to which the rows are copies."""
EVEN, FEWEST_SETS = 0.6, 50
"""The part of the different rows that are there equally often, more than once, if each was copied;
and how many must differ. Of rows that were drawn from some at random no more than 0.33 are."""


def may_be_chance(
    sample: np.ndarray, copied: np.ndarray, pattern: np.ndarray, targets: np.ndarray, train: int
) -> bool:
    """Whether equal rows of a table may be equal by chance.

    They are no chance where continuous columns are many and fine enough, and where their values are
    those of few other rows. Where few rows differ that is not all: what has few states, such as the
    day of a year as sines, has equal rows in columns as fine. Its targets differ from row to row,
    as those of copies do not.

    Args:
        sample: Some different training rows, `[row, column]`.
        copied: Likewise, of those that are there more than once.
        pattern: `[row]`, a number from 0, the same for equal rows; training rows, then test rows.
        targets: The same of their targets.
        train: How many rows train.
    """
    gaps = np.diff(np.sort(sample.astype(np.float64), axis=0), axis=0)
    many = (gaps > 0).sum(axis=0) >= max(DISCRETE, CONTINUOUS * len(sample))
    # Among the different rows alone no pair is equal: those of all rows count.
    if not many.any() or not _are_fine(sample[:, many], gaps[:, many], len(pattern) * train):
        return True
    if _are_of_shared_values(sample[:, many], copied[:, many]):
        return True
    if pattern[:train].max() + 1 >= MOSTLY * train:
        return False
    agree = _agree(pattern, targets)
    return not (_are_even(pattern) if agree is None else agree)


def _are_fine(sample: np.ndarray, gaps: np.ndarray, pairs: int) -> bool:
    """Whether continuous columns of different rows `[row, column]` make equal rows improbable.

    Equal rows are nearer than the fineness of the columns: chance must bring no pair so near.

    Args:
        sample: The rows.
        gaps: `[row, column]`, between their values in order.
        pairs: How many pairs of rows there are.
    """
    deviation = sample.std(axis=0, dtype=np.float64)
    fine = [np.quantile(gap[gap > 0], FINE) for gap in (gaps / deviation).T]
    shuffled = np.random.default_rng(0).permutation(sample / deviation)
    variances = principal_axes(shuffled)[0]
    return pairs * chance(variances, float(np.linalg.norm(fine))) <= CHANCE_PAIRS


def _are_of_shared_values(sample: np.ndarray, copied: np.ndarray) -> bool:
    """Whether most rows that are there more than once have only values that other rows have too.

    So do the round numbers of columns that hold both round ones and fine ones.
    """
    rows = np.unique(np.concatenate([sample, copied]), axis=0)
    is_shared = np.ones(len(copied), bool)
    for column, values in zip(rows.T, copied.T, strict=True):
        known, times = np.unique(column, return_counts=True)
        is_shared &= np.isin(values, known[times > 1])
    return len(copied) > 0 and float(is_shared.mean()) > SHARED


def _agree(pattern: np.ndarray, targets: np.ndarray) -> bool | None:
    """Whether equal rows have equal targets, as copies do; None where targets cannot tell.

    Of each set of equal rows the first two are looked at. Targets that have nothing to do with the
    rows would differ in so many sets; those of noisy states do in a good part of these.
    """
    order = np.argsort(pattern, kind="stable")
    is_first = np.diff(pattern[order], prepend=-1) > 0
    one = np.flatnonzero(is_first[:-1] & ~is_first[1:])
    pairs = targets[order[[one, one + 1]]]
    shares = np.bincount(pairs.ravel()) / max(1, pairs.size)
    by_chance = len(one) * (1 - float((shares**2).sum()))
    if by_chance < FEWEST:
        return None
    return int((pairs[0] != pairs[1]).sum()) <= APART * by_chance


def _are_even(pattern: np.ndarray) -> bool:
    """Whether most of the different rows are there equally often, and more than once."""
    rows = np.bincount(pattern)
    often = np.bincount(rows)[2:].max(initial=0)
    return len(rows) >= FEWEST_SETS and bool(often >= EVEN * len(rows))
