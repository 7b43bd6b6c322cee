"""Reads images that are sorted into one folder per class, from a folder or an archive."""

import hashlib
import io
import reprlib
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kohort.data.dataset import Dataset
from kohort.data.readers.archives import read_files
from kohort.data.splits import NEVER_HELD_OUT, TEST_SEED, draw_exactly, test_part
from kohort.data.system import check_room
from kohort.errors import DataError, legible

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif"})
# Formats that Pillow decodes itself; for EPS it would run another program.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
UNREADABLE: tuple[type[Exception], ...] = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    LookupError,
    EOFError,
    RuntimeError,
    struct.error,
)
"""Errors that Pillow raises on bytes that are not an image; more than it documents."""
COMMON_COPIES = 10
"""With more copies than this a picture is common, and says nothing about its origin."""


class _Images(NamedTuple):
    pixels: np.ndarray  # uint8 [sample, height, width]
    labels: np.ndarray  # int32 [sample]
    class_names: list[str]
    file_names: list[str]
    unreadable: list[str]


def load_images(source: Path, test: float | None = None) -> Dataset:
    """Read grey images in `CLASS/NAME.png`, and hold a part of them out as the test set.

    Images of one file name (in notMNIST: of one font) and exact copies of an image stay on one
    side of the split, and are one group of `Dataset.groups`. A picture with many copies is always
    in the training part. Archives are read in memory; nothing is unpacked.

    Args:
        source: A folder of class folders, a tar archive (compressed or not), or a zip archive.
        test: The part to hold out; None is a fifth, 0 none.

    Raises:
        DataError: There are no class folders with images, or images differ in size.
    """
    part = test_part(test)
    images = _read(source)
    groups = _groups(images)
    drawn = draw_exactly(np.random.default_rng(TEST_SEED), groups, round(part * len(groups)))
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
        name=legible(source.name.split(".")[0]),
        groups=groups[train],
        unreadable=tuple(images.unreadable),
    )


class ImageReader:
    """Decodes images one after another; all must have one size."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._first: tuple[int, ...] | None = None
        self._taken = 0

    def __call__(self, path: PurePosixPath, content: bytes) -> np.ndarray | None:
        """Grey pixels uint8 `[height, width]`; None where the bytes are not an image."""
        if not path.parent.name:
            raise DataError(
                "each image in the folder of its class",
                f"{path} in no folder of {self._source}",
                "sort the images into A/, B/, ...",
            )
        try:
            with opened(io.BytesIO(content)) as image:
                self._check_size(path, image.size)
                pixels = grey(image)
        except DataError:
            raise
        except UNREADABLE:
            return None
        self._first = pixels.shape[::-1]
        self._taken += pixels.nbytes
        check_room(self._taken, f"{path} and the images before it")
        return pixels

    def _check_size(self, path: PurePosixPath, size: tuple[int, int]) -> None:
        """Refuse another size, before the image is decoded into memory."""
        if self._first and size != self._first:
            raise DataError(
                f"images of one size, {self._first[0]}x{self._first[1]}",
                f"{path} of {size[0]}x{size[1]}",
                "resize them to one size",
            )


def _read(source: Path) -> _Images:
    files = read_files(source, _is_image, ImageReader(source))
    readable = {path: pixels for path, pixels in files.items() if pixels is not None}
    labels = [path.parent.name for path in readable]
    class_names = sorted(set(labels))
    if len(class_names) < 2:
        raise DataError(
            "at least two class folders with images in them (A/*.png, B/*.png, ...)",
            f"{source} with {len(readable)} readable images in "
            f"{reprlib.repr(class_names) if class_names else 'no folder'}",
            "name the folder or archive that holds the class folders",
        )
    return _Images(
        np.stack(list(readable.values())),
        np.searchsorted(class_names, labels).astype(np.int32),
        [legible(name) for name in class_names],
        [path.name for path in readable],
        [legible(f"{path.parent.name}/{path.name}") for path in files if path not in readable],
    )


def _is_image(path: PurePosixPath) -> bool:
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


@contextmanager
def opened(file: Path | io.BytesIO) -> Iterator[Image.Image]:
    """Open an image, to be decoded; bytes that are not an image raise one of `UNREADABLE`."""
    with warnings.catch_warnings():
        # Pillow only warns of images that take a GB and more; its other warnings do not matter.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=_FORMATS) as image:
            yield image


def grey(image: Image.Image) -> np.ndarray:
    """The grey pixels of an image, uint8 `[height, width]`."""
    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would clip at 255 instead of scaling.
        return (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    return np.asarray(image.convert("L"))


def _groups(images: _Images) -> np.ndarray:
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
    # A graph of images, file names and pixel patterns.
    n = len(digests)
    sample, names = np.arange(n), int(by_name.max()) + 1
    rows = np.concatenate([sample, sample[~common]])
    columns = np.concatenate([n + by_name, n + names + by_pixels[~common]])
    size = n + names + len(copies)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    groups: np.ndarray = np.unique(component[:n], return_inverse=True)[1]
    groups[common] = NEVER_HELD_OUT
    return groups
