"""Reads IDX files, in which the MNIST family comes: images and labels in a file each."""

import gzip
import re
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.system import check_room, is_file
from kohort.errors import DataError, legible, reason

_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_GZIP = b"\x1f\x8b"
_IMAGES = re.compile(
    r"(?P<name>.*?)(?P<side>train|t10k|test)(?P<rest>[-_.]images.*)", re.IGNORECASE
)
_TESTS = ("t10k", "test")


class _Named(NamedTuple):
    """The name of a file of images, in parts: of the data, "train" or "test", and the rest."""

    name: str
    side: str
    rest: str

    @classmethod
    def of(cls, path: Path) -> "_Named | None":
        found = _IMAGES.fullmatch(path.name)
        return cls(found["name"], found["side"], found["rest"]) if found else None


def is_idx(path: Path) -> bool:
    """Whether a file is an IDX file, compressed by gzip or not, by its first bytes."""
    try:
        with _opened(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _DTYPES and 0 < start[3] < 9


def holds_idx(folder: Path) -> bool:
    """Whether a folder has IDX files of images."""
    return any(_images_in(folder))


def load_idx(source: Path) -> Dataset:
    """Read images and labels that are named like MNIST's: `train-images-idx3-ubyte`, `t10k-...`.

    Args:
        source: The folder of the files, or one of those of images. They may be compressed by gzip,
            and have a name before "train" and "test", as those of EMNIST.

    Raises:
        DataError: A file is missing or none, or they hold several data sets.
    """
    images = sorted(_images_in(source)) if source.is_dir() else [source]
    named = [each for each in map(_Named.of, images) if each is not None]
    names = sorted({each.name for each in named})
    if len(names) != 1:
        raise DataError(
            "the IDX files of one data set, named like train-images-idx3-ubyte",
            f"{source} with {', '.join(map(repr, names)) or 'none'}",
            "name a file of its images",
        )
    folder = source if source.is_dir() else source.parent
    train = _side(folder, names[0], ("train",), named[0].rest)
    if train is None:
        raise DataError(
            "the training images beside the test images", str(source), "add them, or name them"
        )
    x_test, y_test = _side(folder, names[0], _TESTS, named[0].rest) or (None, None)
    return _dataset(*train, x_test, y_test, name=names[0].strip("-_.") or folder.name)


def _dataset(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray | None, y_test: np.ndarray | None, name: str
) -> Dataset:
    both = y if y_test is None else np.concatenate([y, y_test])
    if both.ndim != 1 or both.dtype.kind not in "iu":
        raise DataError("labels as a whole number each", f"{both.shape} {both.dtype}", "check them")
    found, labels = np.unique(both, return_inverse=True)
    from_0 = found[0] == 0
    return Dataset(
        x,
        y if from_0 else labels[: len(y)],
        x_test,  # type: ignore[arg-type]
        y_test if from_0 or y_test is None else labels[len(y) :],  # type: ignore[arg-type]
        class_names=None if from_0 else [str(label) for label in found],
        name=legible(name),
        notes=() if from_0 else (f"labels from {found[0]} to {found[-1]} are numbered from 0",),
    )


def _images_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if _Named.of(path) is not None and is_file(path) and is_idx(path):
            yield path


def _side(
    folder: Path, name: str, sides: tuple[str, ...], rest: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """The images and labels of a side; None where there are no such images."""
    for side in sides:
        images = _there(folder, f"{name}{side}{rest}")
        if images is None:
            continue
        wanted = f"{name}{side}{rest}".replace("images", "labels").replace("idx3", "idx1")
        labels = _there(folder, wanted)
        if labels is None:
            raise DataError("labels beside the images", f"no {wanted} in {folder}", "add that file")
        return _read(images), _read(labels)
    return None


def _there(folder: Path, name: str) -> Path | None:
    """A file of this name, or of this name without or with ".gz"."""
    bare = name.removesuffix(".gz")
    return next((folder / n for n in (name, bare, f"{bare}.gz") if is_file(folder / n)), None)


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    return gzip.open(path) if is_gzip else path.open("rb")  # type: ignore[return-value]


def _read(path: Path) -> np.ndarray:
    """The array of a file, in the byte order of this machine."""
    if not is_idx(path):
        raise DataError("an IDX file", str(path), "fetch it again")
    try:
        with _opened(path) as file:
            _, _, code, axes = file.read(4)
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 * axes), ">u4"))
            dtype = np.dtype(_DTYPES[code])
            size = prod(shape) * dtype.itemsize
            check_room(size, str(path))
            content = file.read(size + 1) if len(shape) == axes else b""
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise DataError(
            "a whole IDX file", f"{path} ({reason(error)})", "fetch it again"
        ) from error
    if len(content) != size or len(shape) != axes or not size:
        raise DataError(
            f"an IDX file of shape {shape}",
            f"{path}, which holds {'more' if len(content) > size else 'fewer'} numbers",
            "fetch it again",
        )
    array = np.frombuffer(content, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
