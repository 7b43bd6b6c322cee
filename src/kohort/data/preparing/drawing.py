"""Draws training and test samples, without parting groups."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

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
    class_names: Sequence[str] | None = None,
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
        class_names: `[class]`, for what is told; None names them by their numbers.

    Raises:
        DataError: There are not as many.
    """
    random = np.random.default_rng(seed)
    names = tuple(map(str, range(int(labels.max()) + 1))) if class_names is None else class_names
    kinds = names if balance else ("",)
    strata = labels if balance else np.zeros(len(labels), int)
    sizes = np.bincount(strata, minlength=len(kinds))
    by_class = False
    if balance:
        of_each = _tested_of_each(sizes, test, names)
        for_test, left = _whole_groups(random, strata, groups, np.full(len(kinds), of_each))
    else:
        for_test, left, by_class = _in_proportion(random, labels, groups, test)
    there = np.bincount(strata[left], minlength=len(kinds))
    if not len(for_test):
        raise DataError(
            "images enough to hold some out as a test set",
            f"{len(labels):,} in {len(np.unique(groups)):,} groups of equal names or copies",
            "give more images, with file names of their own",
        )
    _check_left(there, sizes, train, kinds)
    each = int(there.min()) if train is None else train // len(kinds)
    for_train = drawn_of_each(random, strata, left, np.full(len(kinds), each))
    return Drawn(random.permutation(for_train), random.permutation(for_test), by_class)


def check_balance(count: int | None, classes: int, option: str) -> None:
    """Refuse a number of images that is less than one of each class.

    Raises:
        DataError: It is.
    """
    if count is not None and count < classes:
        raise DataError(
            f"--balance with an image of each of {classes:,} classes",
            f"{option} {count:,}",
            f"ask for {classes:,} or more",
        )


def _tested_of_each(sizes: np.ndarray, test: int | None, names: Sequence[str]) -> int:
    """How many images of each class test: a fifth of the smallest, or so many of `test` in all."""
    classes, smallest = len(sizes), int(sizes.min())
    check_balance(test, classes, "--test")
    each = int(TEST_FRACTION * smallest) if test is None else test // classes
    mend = "give more of it, or leave its folder out"
    if not each:
        number = f", or ask for a number to test, as --test {classes}" * (smallest > 1)
        raise DataError(
            f"--balance with {round(1 / TEST_FRACTION)} images or more of each class",
            f"{smallest:,} of {_named(sizes, names)}",
            mend + number,
        )
    if each >= smallest:
        fewer = f"ask for --test {(smallest - 1) * classes} or fewer"
        raise DataError(
            f"more than {each:,} images of each class, so that {each:,} test and others train",
            f"{smallest:,} of {_named(sizes, names)}",
            fewer if smallest > 1 else mend,
        )
    return each


def _check_left(
    there: np.ndarray, sizes: np.ndarray, train: int | None, kinds: Sequence[str]
) -> None:
    """Refuse a draw where the test set leaves too few to train on.

    Args:
        there: `[kind]`, how many are left.
        sizes: `[kind]`, how many there were.
        train: How many are to train in all.
        kinds: `[kind]`, the names of the classes; or one, "", of all images.
    """
    parts, least = len(kinds), int(there.argmin())
    if parts > 1:
        check_balance(train, parts, "--train")
    wanted = 1 if train is None else train // parts
    left, size = int(there[least]), int(sizes[least])
    if left >= wanted:
        return
    of_each = " of each class" * (parts > 1)
    mends = [f"--train {left * parts} or fewer"] * (left > 0)
    spare = int(sizes.min()) - wanted
    mends += [f"--test {spare * parts} or fewer"] * (spare > 0)
    raise DataError(
        f"{wanted:,} training image{'s' * (wanted > 1)}{of_each}",
        f"{left:,}{f' of {kinds[least]}' if of_each else ''}, as the test set, by whole "
        f"groups, takes {size - left:,} of {size:,}",
        f"ask for {', or for '.join(mends)}" if mends else "give more images",
    )


def _named(counts: np.ndarray, names: Sequence[str]) -> str:
    """The name of the class of which there are fewest."""
    return names[int(counts.argmin())]


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
        raise DataError(
            f"{count:,} test images", f"{len(labels):,} images in all", "ask for fewer to test"
        )
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

    A group is opened while one of its strata has too few; where there are `each`, it will have
    enough. What the groups of the drawn samples have more is neither.
    """
    names, group = np.unique(groups, return_inverse=True)
    place = random.permutation(len(names))[group]
    order = np.lexsort((place, strata))
    first = np.searchsorted(strata[order], np.arange(len(each)))
    before = np.empty(len(strata), int)  # of each sample, those of its stratum
    before[order] = np.arange(len(strata)) - first[strata[order]]
    is_open = np.zeros(len(names), bool)
    is_open[group[before < each[strata]]] = True
    drawn = drawn_of_each(random, strata, np.flatnonzero(is_open[group]), each)
    return drawn, np.flatnonzero(~np.isin(group, group[drawn]))


def drawn_of_each(
    random: np.random.Generator, strata: np.ndarray, rows: np.ndarray, each: np.ndarray
) -> np.ndarray:
    """`each` of the rows of each stratum `[stratum]`, which must be as many; ascending."""
    parts = [
        random.choice(rows[strata[rows] == stratum], count, replace=False)
        for stratum, count in enumerate(each)
    ]
    return np.sort(np.concatenate(parts))
