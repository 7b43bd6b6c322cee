"""Draws training and test samples, without parting groups."""

from typing import Any, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.preparing.part_file import PartFile
from kohort.data.preparing.sifting import Begin, Sifted, searched, silently
from kohort.data.splits import TEST_FRACTION, draw_exactly, draw_within
from kohort.errors import DataError

NEARLY = 0.25
"""By so large a part of it, or by two, a class may miss its part of the test set."""


class Drawn(NamedTuple):
    """Rows of the training and of the test samples, each in random order.

    `by_class` is whether as large a part of each class was drawn to test, or nearly.
    """

    train: np.ndarray
    test: np.ndarray
    by_class: bool


def draw(
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    train: int | None = None,
    test: int | None = None,
    balance: bool = False,
    seed: int = 0,
) -> Drawn:
    """Draw samples; a group is on one side, and the same arguments draw the same.

    As large a part of each class is drawn to test, or nearly, unless groups are too large for it.

    Args:
        labels: `[sample]`, int, from 0.
        groups: `[sample]`, int.
        train: How many train; None takes all that are left.
        test: How many test; None takes a fifth.
        balance: Whether each class has equally many, on both sides; the numbers are rounded down
            to a multiple of the classes.
        seed: Of the draws.

    Raises:
        DataError: There are not as many.
    """
    random = np.random.default_rng(seed)
    strata = labels if balance else np.zeros(len(labels), int)
    parts = int(strata.max()) + 1
    by_class = False
    if balance:
        smallest = int(np.bincount(strata).min())
        each = int(TEST_FRACTION * smallest) if test is None else test // parts
        for_test, left = _whole_groups(random, strata, groups, np.full(parts, each))
    else:
        for_test, left, by_class = _in_proportion(random, labels, groups, test)
    most = int(np.bincount(strata[left], minlength=parts).min())
    each = most if train is None else train // parts
    for_train = _of_each(random, strata, left, np.full(parts, each))
    if not len(for_train) or not len(for_test):
        raise _too_few("training and test images", 1, 0)
    return Drawn(random.permutation(for_train), random.permutation(for_test), by_class)


def draw_apart(
    sifted: Sifted,
    *,
    begin: Begin = silently,
    part_file: PartFile | None = None,
    **arguments: Any,
) -> tuple[Drawn, np.ndarray]:
    """Draw from sifted images so that no test image has a copy among the training images.

    What counts as near depends a little on the images that it is measured on, so the search is
    made again on those drawn, as a study makes it. What it finds is left out, and where so many
    test images were asked for, or as many of each class, others are drawn.

    Args:
        sifted: The images.
        begin: As in `sift`.
        part_file: As in `sift`.
        **arguments: Those of `draw`.

    Returns:
        What was drawn, and the rows that were left out for it, ascending.

    Raises:
        DataError: There are not as many.
    """
    rows = np.arange(len(sifted.images))
    is_free = arguments.get("test") is None and not arguments.get("balance")
    while True:
        drawn = draw(sifted.labels[rows], sifted.groups[rows], **arguments)
        train, test = rows[drawn.train], rows[drawn.test]
        data = Dataset(
            sifted.images[train], sifted.labels[train], sifted.images[test], sifted.labels[test],
            class_names=sifted.class_names,
        )  # fmt: skip
        is_copy = searched(data, begin("looking for copies of test images"), part_file).test
        if not is_copy.any() or (is_free and not is_copy.all()):
            near = np.setdiff1d(np.arange(len(sifted.images)), np.setdiff1d(rows, test[is_copy]))
            return Drawn(train, test[~is_copy], drawn.by_class), near
        rows = np.setdiff1d(rows, test[is_copy])


def _in_proportion(
    random: np.random.Generator, labels: np.ndarray, groups: np.ndarray, test: int | None
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Test samples, as large a part of each class; the samples of other groups; and whether it is.

    Where groups are too large for it, they are drawn at random. What groups that were opened for
    the last of `test` samples have more is neither.
    """
    everything, sizes = np.arange(len(labels)), np.bincount(labels)
    count = round(TEST_FRACTION * len(labels)) if test is None else test
    if count > len(labels):
        raise _too_few("test images of each kind", count, len(labels))
    wanted = _shares(sizes, count)
    drawn = draw_within(random, labels, groups, wanted)
    left = np.setdiff1d(everything, drawn)
    if test is None:
        fill = draw_exactly(random, groups[left], count - len(drawn))
        unopened = np.setdiff1d(np.arange(len(left)), fill)
    else:
        fill, unopened = _so_many(random, groups[left], count - len(drawn))
    test_rows = np.sort(np.concatenate([drawn, left[fill]]))
    got = np.bincount(labels[test_rows], minlength=len(sizes))
    is_near = np.abs(got - wanted) <= np.maximum(2, NEARLY * wanted)
    if (is_near & ((got > 0) | (wanted == 0))).all():
        return test_rows, left[unopened], True
    if test is not None:
        return *_so_many(random, groups, test), False
    drawn = draw_exactly(random, groups, count)
    return drawn, np.setdiff1d(everything, drawn), False


def _so_many(
    random: np.random.Generator, groups: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `_whole_groups`, of any classes."""
    if not count:
        return np.arange(0), np.arange(len(groups))
    return _whole_groups(random, np.zeros(len(groups), int), groups, np.array([count]))


def _shares(sizes: np.ndarray, count: int) -> np.ndarray:
    """`count` divided among classes in proportion to their sizes, by largest remainders."""
    exact = count * sizes / sizes.sum()
    shares: np.ndarray = np.floor(exact).astype(int)
    most = np.argsort(shares - exact, kind="stable")[: count - shares.sum()]
    shares[most] += 1
    return shares


def _whole_groups(
    random: np.random.Generator, strata: np.ndarray, groups: np.ndarray, each: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`each` samples `[stratum]`, of groups in random order; and the samples of the others.

    What the opened groups have more is neither.
    """
    names, group = np.unique(groups, return_inverse=True)
    place = random.permutation(len(names))[group]
    by_place = np.argsort(place, kind="stable")
    counts = np.cumsum(strata[by_place, None] == np.arange(len(each)), axis=0)
    if (counts[-1] < each).any():
        worst = int((counts[-1] - each).argmin())
        raise _too_few("test images of each kind", int(each[worst]), int(counts[-1][worst]))
    enough = int((counts < each).sum(axis=0).max())
    is_open = (place <= place[by_place[enough]]) & (each > 0).any()
    return _of_each(random, strata, np.flatnonzero(is_open), each), np.flatnonzero(~is_open)


def _of_each(
    random: np.random.Generator, strata: np.ndarray, rows: np.ndarray, each: np.ndarray
) -> np.ndarray:
    """`each` of the rows of each stratum `[stratum]`, ascending."""
    parts = []
    for stratum, count in enumerate(each):
        there = rows[strata[rows] == stratum]
        if len(there) < count:
            raise _too_few("images of a kind", int(count), len(there))
        parts.append(random.choice(there, count, replace=False))
    return np.sort(np.concatenate(parts))


def _too_few(what: str, wanted: int, there: int) -> DataError:
    return DataError(f"{wanted:,} {what}", f"{there:,}", "ask for fewer")
