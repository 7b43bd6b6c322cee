"""Draws from sifted images so that no image that trains has a copy that tests."""

from typing import Any

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.preparing.drawing import Drawn, check_balance, draw, drawn_of_each
from kohort.data.preparing.own_split import OwnSplit
from kohort.data.preparing.part_file import PartFile
from kohort.data.preparing.sifting import Begin, Sifted, searched, silently
from kohort.errors import DataError

LEFT_OUT = {
    "near_after_the_draw": "near a training image after the draw, left out",
    "near_a_test_image": "near copies of images in the folders to test, moved ones too, left out",
    "in_a_group_that_tests": "left out, as of a group with a test image",
    "more_than_the_smallest_class": "left out, so that each class has equally many",
    "more_than_asked_for": "left out, as fewer were asked for",
}
"""Why images are in neither set, in words."""


def draw_apart(
    sifted: Sifted,
    *,
    begin: Begin = silently,
    part_file: PartFile | None = None,
    **arguments: Any,
) -> tuple[Drawn, dict[str, np.ndarray]]:
    """Draw from sifted images so that no test image has a copy among the training images.

    What counts as near depends a little on the images that it is measured on, so the search is
    made again on those drawn, as a study makes it. What it finds is left out, and where so many
    test images were asked for, or as many of each class, others are drawn. Of folders to train and
    to test each set is drawn from its own, and what is near is left out of training.

    Args:
        sifted: The images.
        begin: As in `sift`.
        part_file: As in `sift`.
        **arguments: Those of `draw`, but for the names of classes.

    Returns:
        What was drawn, and the rows of the other images by why they are in neither set, as
        `LEFT_OUT` has them, ascending.

    Raises:
        DataError: There are not as many.
    """
    everything = np.arange(len(sifted.images))
    if sifted.split is not None:
        drawn, near = _as_in_folders(sifted, sifted.split, begin, part_file, **arguments)
        left = np.setdiff1d(everything, np.concatenate([drawn.train, drawn.test, near]))
        of_test = sifted.split.is_test[left]
        apart = {"near_a_test_image": near}
        sides = {"train": left[~of_test], "test": left[of_test]}
    else:
        drawn, near = _drawn_apart(sifted, begin, part_file, **arguments)
        left = np.setdiff1d(everything, np.concatenate([drawn.train, drawn.test, near]))
        in_group = np.isin(sifted.groups[left], sifted.groups[drawn.test])
        apart = {"near_after_the_draw": near, "in_a_group_that_tests": left[in_group]}
        sides = {"train": left[~in_group]}
    empty = everything[:0]
    why = dict.fromkeys(LEFT_OUT, empty) | apart
    for side, rows in sides.items():
        asked = arguments.get(side) is not None
        kind = "more_than_asked_for" if asked else "more_than_the_smallest_class"
        why[kind] = np.union1d(why[kind], rows)
    return drawn, why


def _drawn_apart(
    sifted: Sifted, begin: Begin, part_file: PartFile | None, **arguments: Any
) -> tuple[Drawn, np.ndarray]:
    """What was drawn, and the test images that were left out, as they are near."""
    rows = np.arange(len(sifted.images))
    is_free = arguments.get("test") is None and not arguments.get("balance")
    while True:
        drawn = draw(
            sifted.labels[rows], sifted.groups[rows], class_names=sifted.class_names, **arguments
        )
        train, test = rows[drawn.train], rows[drawn.test]
        data = _dataset(sifted, train, test)
        is_copy = searched(data, begin("looking for copies of test images"), part_file).test
        if not is_copy.any() or (is_free and not is_copy.all()):
            near = np.setdiff1d(np.arange(len(sifted.images)), np.setdiff1d(rows, test[is_copy]))
            return Drawn(train, test[~is_copy], drawn.by_class), near
        rows = np.setdiff1d(rows, test[is_copy])


def _as_in_folders(
    sifted: Sifted,
    split: OwnSplit,
    begin: Begin,
    part_file: PartFile | None,
    *,
    train: int | None = None,
    test: int | None = None,
    balance: bool = False,
    seed: int = 0,
) -> tuple[Drawn, np.ndarray]:
    """What was drawn of either side, and the images that do not train, as they are near."""
    near = split.near
    while True:
        random = np.random.default_rng(seed)
        others = np.setdiff1d(np.flatnonzero(~split.is_test), near)
        sides = {"train": (others, train), "test": (np.flatnonzero(split.is_test), test)}
        rows = {
            side: random.permutation(_of_side(random, sifted, side, there, count, balance=balance))
            for side, (there, count) in sides.items()
        }
        data = _dataset(sifted, rows["train"], rows["test"])
        found = searched(data, begin("looking for copies of test images"), part_file)
        # No two of the images are equal, so that none but near ones are found.
        more = rows["train"][np.isin(found.pattern, found.near_test[:, 1])]
        if not len(more):
            return Drawn(rows["train"], rows["test"], by_class=False), near
        near = np.union1d(near, more)


def _of_side(
    random: np.random.Generator,
    sifted: Sifted,
    side: str,
    rows: np.ndarray,
    count: int | None,
    *,
    balance: bool,
) -> np.ndarray:
    """`count` of the images `rows` of a side, ascending; all, or equally many of each class."""
    names = sifted.class_names if balance else ("",)
    strata = sifted.labels if balance else np.zeros(len(sifted.labels), int)
    there = np.bincount(strata[rows], minlength=len(names))
    if balance:
        check_balance(count, len(names), f"--{side}")
    least = int(there.argmin())
    each = int(there[least]) if count is None else count // len(names)
    if not 0 < each <= there[least]:
        of_each, of_it = (" of each class", f" of {names[least]}") if balance else ("", "")
        most = int(there[least]) * len(names)
        raise DataError(
            f"{max(each, 1):,} or more images{of_each} to {side}",
            f"{there[least]:,}{of_it} in the folders to {side}, copies left out",
            f"ask for --{side} {most} or fewer" if most else f"put more into the folders to {side}",
        )
    return drawn_of_each(random, strata, rows, np.full(len(names), each))


def _dataset(sifted: Sifted, train: np.ndarray, test: np.ndarray) -> Dataset:
    return Dataset(
        sifted.images[train], sifted.labels[train], sifted.images[test], sifted.labels[test],
        class_names=sifted.class_names,
    )  # fmt: skip
