"""Sifts images of one or several sources: copies are kept once, and told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from kohort.data.copies import Copies, find_copies
from kohort.data.dataset import Dataset
from kohort.data.linked import extremes, linked, told_of_names
from kohort.data.preparing.moved import moved_pairs
from kohort.data.preparing.own_split import OwnSplit, files_of, own_split, sides_of
from kohort.data.preparing.part_file import Arrays, PartFile, digest_of
from kohort.data.readers.archives import Passed, silent
from kohort.data.readers.decoding import Color, decode_bytes
from kohort.data.readers.images import ImageReader, ImageSet, read_image_set
from kohort.errors import DataError, in_brackets

type Begin = Callable[[str], Passed]
"""Begins a stage of the work, and gives what is told how far it is."""


def silently(_: str) -> Passed:
    """Begin a stage that shows nothing."""
    return silent


SHOWN = 5
"""So many files of each kind are named on the screen, beside those that could not be read."""
_ROWS = 4096  # at a time


@dataclass(frozen=True, eq=False)
class Sifted:
    """Different images, and what was seen among all that were read.

    Args:
        images: uint8 `[image, height, width, ...]`, no two of them equal.
        labels: int32 `[image]`.
        class_names: `[class]`.
        groups: int64 `[image]`, equal for images that no split may part: of one file name, near
            copies, and chains of these.
        read: How many images were read.
        unreadable: Names of files that could not be read.
        constant: Images of one colour, copies counted.
        copies: Exact copies of another image, which are left out.
        disputed: Different images whose copies have several labels.
        disputed_copies: The images that are these, which are all left out.
        near: Images that have a near copy among the others.
        near_sought: Whether near copies could be looked for.
        moved: Other images that have a copy which is moved, resized or saved anew; None where such
            could not be looked for.
        notes: What was changed on reading.
        names: What to say of images of one file name.
        files: `[image]`, the class and the name of each file; of a split the folders too.
        named: Likewise of the images that are counted, by the name of the count: all of `constant`,
            `copies`, `disputed` (each copy), `near` and `moved`.
        split: The split that the sources have of their own; None where they have none.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    groups: np.ndarray
    read: int
    unreadable: tuple[str, ...]
    constant: int
    copies: int
    disputed: int
    disputed_copies: int
    near: int
    near_sought: bool
    moved: int | None
    notes: tuple[str, ...]
    names: tuple[str, ...]
    files: tuple[str, ...]
    named: Mapping[str, tuple[str, ...]]
    split: OwnSplit | None = None

    def told(self) -> list[str]:
        """What was seen, in sentences."""
        different = self.read - self.copies
        named = {kind: in_brackets(files, SHOWN) for kind, files in self.named.items()}
        images = f"{self.disputed:,} image{'s' * (self.disputed != 1)}"
        disputed = f"{images}, {self.disputed_copies:,} copies{named['disputed']}"
        near = f"near copies, on one side of every split: {self.near:,}{named['near']}"
        copies = f"{self.copies:,} left out{named['copies']}"
        return [
            f"images read: {self.read:,}",
            *self.notes,
            f"could not be read: {len(self.unreadable):,}" + in_brackets(self.unreadable),
            f"of one colour, blank or full: {self.constant:,}{named['constant']}",
            f"exact copies of another image: {copies}; {different:,} images differ",
            f"copies with different labels, left out: {disputed}",
            near if self.near_sought else "near copies could not be looked for",
            f"moved, resized or saved anew, on one side too: {self.moved:,}{named['moved']}"
            if self.moved is not None
            else "copies that are moved or resized could not be looked for",
            *self.names,
            *self._of_split,
            f"images left: {len(self.images):,}, in {len(np.unique(self.groups)):,} groups",
        ]

    @property
    def _of_split(self) -> list[str]:
        return [] if self.split is None else self.split.told()

    def as_json(self) -> dict[str, Any]:
        """What was seen, for `json.dumps`: names as lists, and numbers."""
        named: dict[str, Any] = {kind: list(files) for kind, files in self.named.items()}
        return {
            "read": self.read,
            "unreadable": list(self.unreadable),
            **named,
            "disputed_images": self.disputed,
            "near_sought": self.near_sought,
            "moved_sought": self.moved is not None,
            "left": len(self.images),
            "groups": len(np.unique(self.groups)),
            "notes": [*self.notes, *self.names, *self._of_split],
        }


def sift(
    sources: Sequence[Path],
    size: tuple[int, int] | None = None,
    color: Color | None = None,
    begin: Begin = silently,
    part_file: PartFile | None = None,
) -> Sifted:
    """Read images of all sources, and keep those that differ.

    The first of exact copies is kept, in the order of sources and paths; of folders to train and to
    test, the first to test. Where copies have different labels, none is kept: nothing tells which
    is right.

    Args:
        sources: Folders of class folders, or archives of them.
        size: The height and width to resize images to.
        color: What to make of them.
        begin: Is told of each stage of the work, and gives what is told how far it is.
        part_file: Where to keep what was read and found.

    Raises:
        DataError: A source cannot be read, or images of sources differ in size or colour.
    """
    decode = decode_bytes if part_file is None else part_file.decoded
    parts = [
        read_image_set(each, ImageReader(each, size, color, decode), begin(f"reading {each.name}"))
        for each in sources
    ]
    is_test = sides_of(parts, sources)
    files = files_of(parts, sources, is_split=is_test is not None)
    images = _together(parts, sources)
    data = Dataset(images.pixels, images.labels, class_names=images.class_names)
    found = searched(data, begin("looking for copies"), part_file)
    pattern = found.pattern
    order = np.arange(len(pattern))
    if is_test is not None:
        order = np.argsort(~is_test, kind="stable")
    patterns, first, counts = np.unique(pattern[order], return_index=True, return_counts=True)
    first = order[first]
    lowest, highest = extremes(images.labels, pattern, len(patterns))
    is_disputed = lowest != highest
    near = first[found.near]
    moved = _moved(images, np.sort(first), begin, part_file)
    pairs = near if moved is None else np.concatenate([near, moved])
    groups = _groups(pairs, images.file_names)
    kept = np.sort(first[~is_disputed])
    groups = np.unique(groups[kept], return_inverse=True)[1]
    flat = images.pixels.reshape(len(pattern), -1)
    constant = np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))
    later = np.setdiff1d(np.arange(len(pattern)), first)
    nearest = np.unique(near)
    shifted = np.setdiff1d(np.empty(0, int) if moved is None else moved, nearest)
    counted = {
        "constant": constant,
        "copies": later,
        "disputed": np.flatnonzero(is_disputed[np.searchsorted(patterns, pattern)]),
        "near": nearest,
        "moved": shifted,
    }
    return Sifted(
        _moved_up(images.pixels, kept),
        images.labels[kept],
        tuple(images.class_names),
        groups,
        read=len(pattern),
        unreadable=tuple(images.unreadable),
        constant=len(constant),
        copies=len(later),
        disputed=int(is_disputed.sum()),
        disputed_copies=int(counts[is_disputed].sum()),
        near=len(nearest),
        near_sought=found.near_sought,
        moved=None if moved is None else len(shifted),
        notes=tuple(images.notes),
        names=tuple(
            told_of_names((images.file_names[row] for row in kept), is_split=is_test is not None)
        ),
        files=tuple(files[row] for row in kept),
        named={kind: tuple(files[row] for row in rows) for kind, rows in counted.items()},
        split=None if is_test is None else own_split(is_test, kept, pattern, pairs, groups),
    )


def searched(data: Dataset, passed: Passed, part_file: PartFile | None = None) -> Copies:
    """The copies in a dataset; those that a part file keeps are not looked for again.

    Args:
        data: The dataset.
        passed: Is told how far the search is.
        part_file: Where to keep what was found.
    """

    def find() -> Arrays:
        found = find_copies(data)
        return {field.name: np.asarray(getattr(found, field.name)) for field in fields(found)}

    known: Arrays = _kept(part_file, "copies", find, data.x_train, data.x_test)
    passed(1.0)
    found: dict[str, Any] = {name: v if v.ndim else bool(v) for name, v in known.items()}
    return Copies(**found)


def _moved(
    images: ImageSet, rows: np.ndarray, begin: Begin, part_file: PartFile | None
) -> np.ndarray | None:
    """Pairs of the different images `rows` that are moved copies; None where none can be sought."""
    passed = begin("looking for moved copies")

    def find() -> Arrays:
        pairs = moved_pairs(images.pixels, images.labels, rows, passed)
        return {} if pairs is None else {"pairs": pairs}

    found = _kept(part_file, "moved copies", find, images.pixels, images.labels, rows)
    passed(1.0)
    return found.get("pairs")


def _kept(
    part_file: PartFile | None, what: str, find: Callable[[], Arrays], *arrays: np.ndarray
) -> Arrays:
    return find() if part_file is None else part_file.found(digest_of(what, *arrays), find)


def _moved_up(images: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The kept rows, ascending, moved to the start of the array: memory holds the images once."""
    for start in range(0, len(kept), _ROWS):
        some = kept[start : start + _ROWS]
        images[start : start + len(some)] = images[some]
    return images[: len(kept)]


def _together(parts: list[ImageSet], sources: Sequence[Path]) -> ImageSet:
    """The images of all parts; classes are told by their names."""
    names = sorted({name for part in parts for name in part.class_names})
    for part, source in zip(parts, sources, strict=True):
        if part.pixels.shape[1:] != parts[0].pixels.shape[1:]:
            raise DataError(
                f"images of one shape, {parts[0].pixels.shape[1:]} as in {sources[0]}",
                f"{part.pixels.shape[1:]} in {source}",
                "give the size and the color to make them",
            )
    labels = [np.searchsorted(names, part.class_names)[part.labels] for part in parts]
    if len(parts) == 1:
        return parts[0]
    return ImageSet(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate(labels).astype(np.int32),
        names,
        [name for part in parts for name in part.file_names],
        None,
        [name for part in parts for name in part.unreadable],
        [note for part in parts for note in part.notes],
    )


def _groups(near: np.ndarray, file_names: list[str]) -> np.ndarray:
    """Numbers, int64 `[image]`, equal for near copies, images of one name, and chains of these.

    Exact copies are of no account: one of them is kept, and has one name.

    Args:
        near: int64 `[pair, 2]`, images that are near copies.
        file_names: `[image]`.
    """
    _, name = np.unique(file_names, return_inverse=True)
    n = len(file_names)
    # Images are linked with each other, and with their names.
    one = np.concatenate([np.arange(n), near[:, 0]])
    other = np.concatenate([n + name, near[:, 1]])
    return linked(one, other, n + int(name.max()) + 1)[:n]
