"""The split that sources have of their own, by folders to train and to test."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kohort.data.readers.class_folders import TEST_FOLDERS, TRAIN_FOLDERS
from kohort.data.readers.images import ImageSet, below_all


class OwnSplit(NamedTuple):
    """How sifted images are split by their folders.

    Attributes:
        is_test: bool `[image]`, whether it is below a folder to test.
        near: int64 `[row]`, images that do not train, as they have a near or a moved copy to test.
        read: How many images were read from folders to test, and from others.
        exact: How many of the others are exact copies of an image to test, and left out.
        parted: How many images to test are in a group of which others train.
    """

    is_test: np.ndarray
    near: np.ndarray
    read: tuple[int, int]
    exact: int
    parted: int

    def told(self) -> list[str]:
        """What it is, in sentences."""
        others, exact = f"{self.read[1]:,}", f"{self.exact:,}"
        told = [
            f"images in folders to test, which alone test: {self.read[0]:,}",
            f"images in other folders: {others}; exact copies of those to test, left out: {exact}",
        ]
        if self.parted:
            told.append(
                f"images to test in one group with others that train, as the folders part it: "
                f"{self.parted:,}"
            )
        return told


def sides_of(parts: Sequence[ImageSet], sources: Sequence[Path]) -> np.ndarray | None:
    """Whether each image of all parts is in a folder to test, bool `[image]`; None without such.

    Of several sources some may be folders to train, and others to test, themselves.

    Args:
        parts: What was read of each source.
        sources: The sources.
    """
    names = [source.absolute().name.split(".")[0].lower() for source in sources]
    is_named = not (TRAIN_FOLDERS.isdisjoint(names) or TEST_FOLDERS.isdisjoint(names))
    if not is_named and all(part.is_test is None for part in parts):
        return None
    return np.concatenate(
        [
            np.full(len(part.labels), name in TEST_FOLDERS)
            if part.is_test is None
            else part.is_test
            for part, name in zip(parts, names, strict=True)
        ]
    )


def files_of(parts: Sequence[ImageSet], sources: Sequence[Path], *, is_split: bool) -> list[str]:
    """The files of all images: the class and the name; of a split, the folders above these too.

    Args:
        parts: What was read of each source.
        sources: The sources, which are named where there are several of a split.
        is_split: Whether they have a split of their own.
    """
    if not is_split:
        return [
            f"{part.class_names[label]}/{name}"
            for part in parts
            for label, name in zip(part.labels, part.file_names, strict=True)
        ]
    if len(parts) == 1:
        return list(below_all(parts[0].paths))
    return [
        f"{source.name}/{path}"
        for part, source in zip(parts, sources, strict=True)
        for path in part.paths
    ]


def own_split(
    is_test: np.ndarray,
    kept: np.ndarray,
    pattern: np.ndarray,
    pairs: np.ndarray,
    groups: np.ndarray,
) -> OwnSplit:
    """The split of the images that are kept.

    Args:
        is_test: bool `[image read]`.
        kept: int64 `[image]`, the rows of those that are kept, ascending.
        pattern: int64 `[image read]`, equal for exact copies.
        pairs: int64 `[pair, 2]`, rows that are near or moved copies.
        groups: int64 `[image]`, those of the images that are kept.
    """
    across = pairs[is_test[pairs[:, 0]] != is_test[pairs[:, 1]]].ravel()
    near = np.flatnonzero(np.isin(kept, across[~is_test[across]]))
    of_test = is_test[kept]
    trains = ~of_test
    trains[near] = False
    return OwnSplit(
        of_test,
        near,
        (int(is_test.sum()), int((~is_test).sum())),
        int(np.isin(pattern[~is_test], pattern[is_test]).sum()),
        int(np.isin(groups[of_test], groups[trains]).sum()),
    )
