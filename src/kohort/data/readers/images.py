"""Reads images that are sorted into one folder per class, from a folder or an archive."""

import hashlib
import io
import posixpath
import reprlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.linked import linked, told_of_names
from kohort.data.readers.archives import ENDINGS, Passed, read_files, silent
from kohort.data.readers.class_folders import (
    are_in_test_folder,
    class_of,
    told_of_folders,
    told_of_no_class,
)
from kohort.data.readers.decoding import (
    IMAGE_ENDINGS,
    UNREADABLE,
    Color,
    Decoded,
    DeepPixelsError,
    PixelRows,
    checked_color,
    checked_size,
    decode_bytes,
    opened,
    upright_size,
)
from kohort.data.splits import NEVER_HELD_OUT, draw_test, test_part
from kohort.data.system import check_room
from kohort.errors import DataError, legible

COMMON_COPIES = 10
"""With more copies than this a picture is common, and says nothing about its origin."""
GROUPS_OF = "equal file names and exact copies"


type Decode = Callable[[bytes, Color, tuple[int, int] | None], Decoded | None]
"""Decodes the bytes of a file, as `decode_bytes`."""


class ImageSet(NamedTuple):
    """Images that are read.

    Args:
        pixels: uint8 `[sample, height, width]` or `[sample, height, width, 3]`.
        labels: int32 `[sample]`.
        class_names: `[class]`.
        paths: `[sample]`, ascending; images of one file name belong together.
        is_test: bool `[sample]`, whether it is in the test set; None where there is none yet.
        unreadable: Names of files that could not be read.
        notes: What was changed.
    """

    pixels: np.ndarray
    labels: np.ndarray
    class_names: list[str]
    paths: list[str]
    is_test: np.ndarray | None
    unreadable: list[str]
    notes: list[str]

    @property
    def file_names(self) -> list[str]:
        """`[sample]`."""
        return [path.rpartition("/")[2] for path in self.paths]


def load_images(
    source: Path,
    size: tuple[int, int] | None = None,
    color: Color | None = None,
    test: float | None = None,
) -> Dataset:
    """Read images in `CLASS/NAME.png`, and hold a part of them out as the test set.

    Images of one file name (in notMNIST: of one font) and exact copies of an image stay on one
    side of the split, and are one group of `Dataset.groups`. A picture with many copies is always
    in the training part. Of folders `train/CLASS` and `test/CLASS` the latter hold the test set.
    Archives are read in memory; nothing is unpacked.

    Args:
        source: A folder of class folders, a tar archive (compressed or not), or a zip archive.
        size: The height and width to resize images to; None refuses images of several sizes.
        color: "grey" or "rgb" makes all images so; None, or "keep", refuses grey and colour mixed.
        test: The part to hold out; None is a fifth, or the test folders; 0 is none.

    Raises:
        DataError: There are no class folders with images, or images differ in size or colour.
    """
    test_part(test)
    images = read_image_set(source, ImageReader(source, size, color))
    return divided(images, test, legible(source.name.split(".")[0]))


def divided(
    images: ImageSet, test: float | None, name: str, groups: np.ndarray | None = None
) -> Dataset:
    """The dataset of images, a part of them held out as the test set.

    Args:
        images: The images.
        test: The part; None is a fifth, or the test set that they have.
        name: What to call the data.
        groups: `[sample]`; None makes groups of names and copies.

    Raises:
        DataError: There are too few, or a test set and a part.
    """
    part = test_part(test)
    is_split = images.is_test is not None
    told = told_of_names(images.file_names, is_split=is_split) if groups is None else []
    notes = [*images.notes, *told]
    groups_of = GROUPS_OF if groups is None else ""
    groups = _groups(images) if groups is None else groups
    if images.is_test is None:
        drawn, by_class = draw_test(len(groups), images.labels, groups, part)
        proportion = ", as large a part of each class" * by_class
        test_from = f"held out by kohort: whole groups{proportion}, drawn with seed 0"
    elif test is None:
        drawn = np.flatnonzero(images.is_test)
        test_from = f"the test set is the {len(drawn):,} images of that name"
        notes = [*notes, test_from]
    else:
        raise DataError("no test= for images with a test set", repr(test), "leave it out")
    train = np.setdiff1d(np.arange(len(groups)), drawn)
    if part and not (len(drawn) and len(train)):
        raise DataError(
            "images enough to hold some out as a test set",
            f"{len(groups)} images in {len(np.unique(groups))} groups of equal name or pixels",
            "give more images, with file names of their own",
        )
    return Dataset(
        images.pixels[train],
        images.labels[train],
        images.pixels[drawn],
        images.labels[drawn],
        class_names=images.class_names,
        name=name,
        groups=groups[train],
        test_groups=groups[drawn],
        groups_of=groups_of,
        unreadable=tuple(images.unreadable),
        notes=tuple(notes),
        test_from=test_from,
        source_files=below_all([images.paths[n] for n in (*train, *drawn)]),
    )


def below_all(paths: list[str]) -> tuple[str, ...]:
    """The paths below the folder that all are in, such as that of an archive's name."""
    common = posixpath.commonpath([min(paths), max(paths)])
    start = len(common) + 1 if common else 0
    return tuple(legible(path[start:]) for path in paths)


class ImageReader:
    """Decodes images one after another.

    Where they turn out to differ in size or colour, the rest are counted and not decoded:
    `check` tells how many there are of each.

    Args:
        source: Where they are from.
        size: The height and width to resize them to; None keeps their size.
        color: Which pixels to make of them; None keeps those that they have.
        decode: What decodes the bytes of a file.

    Raises:
        DataError: The size or the color is none.
    """

    def __init__(
        self,
        source: Path,
        size: tuple[int, int] | None = None,
        color: Color | None = None,
        decode: Decode = decode_bytes,
    ) -> None:
        self._source, self._decode = source, decode
        self._size, self._color = checked_size(size), checked_color(color)
        self._sizes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._first: dict[str, PurePosixPath] = {}
        self._changed: Counter[str] = Counter()
        self._taken = 0

    def __call__(self, path: PurePosixPath, content: bytes) -> np.ndarray | None:
        """Pixels uint8 `[height, width, ...]`; None where the bytes are not an image."""
        if not path.parent.name:
            raise DataError(
                "each image in the folder of its class",
                f"{path} in no folder of {self._source}",
                "sort the images into A/, B/, ...",
            )
        if len(self._sizes) > 1 and self._size is None:
            self._count_size_in(path, content)
            return np.zeros(0, np.uint8)
        try:
            decoded = self._decode(content, self._color, self._size)
        except DeepPixelsError as error:
            raise DataError(
                "images of at most 16 bits a pixel", str(path), "save it as PNG"
            ) from error
        if decoded is None:
            self._count_size_in(path, content)  # which it may tell though the rest is damaged
            return None
        self._count_size(path, decoded.upright)
        kind = "colour" if decoded.pixels.ndim == 3 else "grey"
        self._kinds[kind] += 1
        self._first.setdefault(kind, path)
        self._changed.update(decoded.changed)
        self._taken += decoded.pixels.nbytes
        check_room(self._taken, f"{path} and the images before it")
        return decoded.pixels

    @property
    def notes(self) -> list[str]:
        """What was changed, in sentences."""
        return [f"images that {changed}: {count:,}" for changed, count in self._changed.items()]

    def check(self) -> None:
        """Refuse images of several sizes, or grey and colour mixed.

        Raises:
            DataError: They are such.
        """
        if len(self._sizes) > 1 and self._size is None:
            most = self._sizes.most_common(1)[0][0].removeprefix("of ").replace(" x", ",")
            raise DataError(
                "images of one size (height x width)",
                self._told(self._sizes),
                f"give the size to make them, such as size=({most})",
            )
        if len(self._kinds) > 1:
            raise DataError(
                "images all grey or all in colour",
                self._told(self._kinds),
                'give the color to make them, such as color="grey" or color="rgb"',
            )

    def _count_size_in(self, path: PurePosixPath, content: bytes) -> None:
        with suppress(*UNREADABLE), opened(io.BytesIO(content)) as image:
            self._count_size(path, upright_size(image))

    def _count_size(self, path: PurePosixPath, size: tuple[int, int]) -> None:
        told = f"of {size[0]} x {size[1]}"
        self._sizes[told] += 1
        self._first.setdefault(told, path)

    def _told(self, counts: Counter[str]) -> str:
        common = counts.most_common()
        shown = [f"{n:,} {what} (such as {self._first[what]})" for what, n in common[:3]]
        rest = len(common) - len(shown)
        return ", ".join(shown) + (f" and {rest:,} other sizes" if rest else "")


def read_image_set(source: Path, reader: ImageReader, passed: Passed = silent) -> ImageSet:
    """Read the images of class folders.

    Args:
        source: A folder, or an archive (tar, zip).
        reader: What decodes them.
        passed: Is told which part of the source is read.

    Raises:
        DataError: There are no two classes, or images differ in size or colour.
    """

    def wanted(path: PurePosixPath) -> bool:
        if not source.is_dir() and path.suffix.lower() in ENDINGS:
            raise DataError(
                "an archive of image files", f"the archive {path} in {source}", "unpack it first"
            )
        return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")

    rows = PixelRows()

    def read(path: PurePosixPath, content: bytes) -> int | None:
        pixels = reader(path, content)
        return None if pixels is None else rows.add(pixels)

    files = read_files(source, wanted, read, passed)
    readable = [path for path, row in files.items() if row is not None]
    labels = [class_of(path) for path in readable]
    class_names = sorted(set(labels))
    if len(class_names) < 2:
        raise DataError(
            "at least two class folders with images in them (A/*.png, B/*.png, ...)",
            f"{source} with {len(readable)} readable images in "
            f"{reprlib.repr(class_names) if class_names else 'no folder'}",
            "name the folder or archive that holds the class folders",
        )
    reader.check()
    unreadable = [
        legible(f"{class_of(path)}/{path.rpartition('/')[2]}")
        for path, row in files.items()
        if row is None
    ]
    return ImageSet(
        rows.taken([row for row in files.values() if row is not None]),
        np.searchsorted(class_names, labels).astype(np.int32),
        [legible(name) for name in class_names],
        readable,
        are_in_test_folder(readable),
        unreadable,
        [
            *told_of_folders(readable),
            *told_of_no_class(source, files, readable),
            *reader.notes,
        ],
    )


def _groups(images: ImageSet) -> np.ndarray:
    """Number the groups of images that share a file name or their pixels, directly or by a chain.

    A picture under many names (in notMNIST the full square, which is the I of 254 fonts) would
    chain images that have nothing else in common. It is `NEVER_HELD_OUT`, and so in no test set.

    Returns:
        int64 `[sample]`.
    """
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images.pixels]
    _, by_pixels, copies = np.unique(digests, return_inverse=True, return_counts=True)
    _, by_name = np.unique(images.file_names, return_inverse=True)
    common = (copies > COMMON_COPIES)[by_pixels]
    # Images are linked with their file names and their pixel patterns.
    n = len(digests)
    sample, names = np.arange(n), int(by_name.max()) + 1
    one = np.concatenate([sample, sample[~common]])
    other = np.concatenate([n + by_name, n + names + by_pixels[~common]])
    of_each = linked(one, other, n + names + len(copies))[:n]
    groups: np.ndarray = np.unique(of_each, return_inverse=True)[1]
    groups[common] = NEVER_HELD_OUT
    return groups
