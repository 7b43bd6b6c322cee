"""Draws training and test samples, without parting groups."""

from typing import Any, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.preparing.part_file import PartFile
from kohort.data.preparing.sifting import Begin, Sifted, searched, silently
from kohort.data.splits import TEST_FRACTION, draw_exactly
from kohort.errors import DataError


class Drawn(NamedTuple):
    """Rows of the training and of the test samples, each in random order."""

    train: np.ndarray
    test: np.ndarray


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
    everything = np.arange(len(labels))
    strata = labels if balance else np.zeros(len(labels), int)
    parts = int(strata.max()) + 1
    if test is None and not balance:
        for_test = draw_exactly(random, groups, round(TEST_FRACTION * len(labels)))
        left = np.setdiff1d(everything, for_test)
    else:
        smallest = int(np.bincount(strata).min())
        each = int(TEST_FRACTION * smallest) if test is None else test // parts
        for_test, left = _whole_groups(random, strata, groups, each)
    most = int(np.bincount(strata[left], minlength=parts).min())
    for_train = _of_each(random, strata, left, most if train is None else train // parts)
    if not len(for_train) or not len(for_test):
        raise _too_few("training and test images", 1, 0)
    return Drawn(random.permutation(for_train), random.permutation(for_test))


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
            return Drawn(train, test[~is_copy]), near
        rows = np.setdiff1d(rows, test[is_copy])


def _whole_groups(
    random: np.random.Generator, strata: np.ndarray, groups: np.ndarray, each: int
) -> tuple[np.ndarray, np.ndarray]:
    """`each` samples of each stratum, of groups in random order; and the samples of the others.

    What the opened groups have more is neither.
    """
    names, group = np.unique(groups, return_inverse=True)
    place = random.permutation(len(names))[group]
    by_place = np.argsort(place, kind="stable")
    counts = np.cumsum(strata[by_place, None] == np.arange(strata.max() + 1), axis=0)
    if counts[-1].min() < each:
        raise _too_few("test images of each kind", each, int(counts[-1].min()))
    enough = int((counts < each).sum(axis=0).max())
    is_open = (place <= place[by_place[enough]]) & (each > 0)
    return _of_each(random, strata, np.flatnonzero(is_open), each), np.flatnonzero(~is_open)


def _of_each(
    random: np.random.Generator, strata: np.ndarray, rows: np.ndarray, each: int
) -> np.ndarray:
    """`each` of the rows of each stratum, ascending."""
    parts = []
    for stratum in range(int(strata.max()) + 1):
        there = rows[strata[rows] == stratum]
        if len(there) < each:
            raise _too_few("images of a kind", each, len(there))
        parts.append(random.choice(there, each, replace=False))
    return np.sort(np.concatenate(parts))


def _too_few(what: str, wanted: int, there: int) -> DataError:
    return DataError(f"{wanted:,} {what}", f"{there:,}", "ask for fewer")
