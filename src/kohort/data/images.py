"""Read images that are sorted into one folder per class, from a folder or an archive."""

import hashlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kohort.data.dataset import Dataset
from kohort.data.splits import NEVER_HELD_OUT, draw_exactly
from kohort.errors import DataError

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif"})
ARCHIVE_ENDINGS = frozenset(
    {".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz", ".tzst", ".zst", ".zip"}
)
_ARCHIVE_MARKS = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257
UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
)
"""What Pillow raises where bytes are no image that it would decode."""
COMMON_COPIES = 10
"""With more copies than this a picture is common: it tells nothing of where it comes from."""
TEST_FRACTION = 0.2
TEST_SEED = 0


class _File(NamedTuple):
    path: PurePosixPath
    content: bytes


class _Images(NamedTuple):
    pixels: np.ndarray  # uint8 [sample, height, width]
    labels: np.ndarray  # int32 [sample]
    class_names: list[str]
    file_names: list[str]
    unreadable: list[str]


def load_images(source: Path) -> Dataset:
    """Read grey images in `CLASS/NAME.png`, and hold 20 % of them out as the test set.

    Images of one file name (in notMNIST: of one font) and exact copies of an image stay on one
    side of the split, and are one group of `Dataset.groups`; a picture of which there are many
    copies always trains. Archives are read in memory; nothing is unpacked.

    Args:
        source: A folder of class folders, a tar archive (compressed or not), or a zip archive.

    Raises:
        DataError: There are no class folders with images, or images differ in size.
    """
    images = _read(source)
    groups = _groups(images)
    test = draw_exactly(
        np.random.default_rng(TEST_SEED), groups, round(TEST_FRACTION * len(groups))
    )
    train = np.setdiff1d(np.arange(len(groups)), test)
    if not len(test) or not len(train):
        raise DataError(
            "images enough to hold some out as a test set",
            f"{len(groups)} images in {len(np.unique(groups))} groups of equal name or pixels",
            "give more images, with file names of their own",
        )
    return Dataset(
        images.pixels[train],
        images.labels[train],
        images.pixels[test],
        images.labels[test],
        class_names=images.class_names,
        name=source.name.split(".")[0],
        groups=groups[train],
        unreadable=tuple(images.unreadable),
    )


def is_archive(path: Path) -> bool:
    """Whether a file is named like an archive, or begins like one."""
    with path.open("rb") as file:
        start = file.read(_TAR_MARK_AT + len(_TAR_MARK))
    return (
        path.suffix.lower() in ARCHIVE_ENDINGS
        or start.startswith(_ARCHIVE_MARKS)
        or start.endswith(_TAR_MARK)
    )


def _read(source: Path) -> _Images:
    pixels: list[np.ndarray] = []
    labels: list[str] = []
    file_names: list[str] = []
    unreadable: list[str] = []
    for file in sorted(_files(source)):
        if not file.path.parent.name:
            raise DataError(
                "each image in the folder of its class",
                f"{file.path} in no folder of {source}",
                "sort the images into A/, B/, ...",
            )
        image = _decode(file.content)
        if image is None:
            unreadable.append(f"{file.path.parent.name}/{file.path.name}")
            continue
        if pixels and image.shape != pixels[0].shape:
            raise DataError(
                f"images of one size, {pixels[0].shape[1]}x{pixels[0].shape[0]}",
                f"{file.path} of {image.shape[1]}x{image.shape[0]}",
                "resize them to one size",
            )
        pixels.append(image)
        labels.append(file.path.parent.name)
        file_names.append(file.path.name)
    class_names = sorted(set(labels))
    if len(class_names) < 2:
        raise DataError(
            "at least two class folders with images in them (A/*.png, B/*.png, ...)",
            f"{source} with {len(pixels)} readable images in {class_names or 'no folder'}",
            "name the folder or archive that holds the class folders",
        )
    numbers = np.searchsorted(class_names, labels).astype(np.int32)
    return _Images(np.stack(pixels), numbers, class_names, file_names, unreadable)


def _files(source: Path) -> Iterator[_File]:
    """Every image file below a class folder, with its content."""
    if source.is_dir():
        for path in source.rglob("*"):
            if path.is_file() and _is_image(path):
                yield _File(PurePosixPath(path.relative_to(source)), path.read_bytes())
    elif zipfile.is_zipfile(source):
        yield from _archived(_zip_files, source)
    else:
        yield from _archived(_tar_files, source)


# What the readers of archives and their decompressors raise on damaged or locked ones.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
)


def _archived(read: Callable[[Path], Iterator[_File]], source: Path) -> Iterator[_File]:
    try:
        yield from read(source)
    except _DAMAGE as error:
        reason = str(error).split(":\n")[0] or type(error).__name__
        raise DataError(
            "a folder, or a whole tar or zip archive",
            f"{source} ({reason})",
            "check the path, or fetch the archive again",
        ) from error


def _tar_files(source: Path) -> Iterator[_File]:
    with tarfile.open(source) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if entry.isfile() and _is_image(path):
                content = archive.extractfile(entry)
                yield _File(path, content.read() if content else b"")
        _check_end(archive)


def _check_end(archive: tarfile.TarFile) -> None:
    """Refuse an archive that does not end as archives end.

    tarfile takes a damaged header for the end, and leaves the checksum of a compressed stream,
    which stands at its end, unread.
    """
    stream = archive.fileobj
    assert stream is not None
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it is cut or damaged")
    while stream.read(1 << 20):
        pass


def _zip_files(source: Path) -> Iterator[_File]:
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if _is_image(PurePosixPath(name)):
                yield _File(PurePosixPath(name), archive.read(name))


def _is_image(path: PurePath) -> bool:
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def _decode(content: bytes) -> np.ndarray | None:
    """Grey pixels `[height, width]`, or None where the bytes are no image."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return grey(image)
    except UNREADABLE:
        return None


def grey(image: Image.Image) -> np.ndarray:
    """An image's grey pixels, uint8 `[height, width]`."""
    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would cut off at 255 and not scale.
        return (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    return np.asarray(image.convert("L"))


def _groups(images: _Images) -> np.ndarray:
    """Number the sets of images that share a file name or their pixels, directly or by a chain.

    A picture under many names (in notMNIST the full square, which is the I of 254 fonts) would
    chain what has nothing else in common; it is `NEVER_HELD_OUT`, so that it is in no test.
    """
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images.pixels]
    _, by_pixels, copies = np.unique(digests, return_inverse=True, return_counts=True)
    _, by_name = np.unique(images.file_names, return_inverse=True)
    common = (copies > COMMON_COPIES)[by_pixels]
    # A graph of images and of the names and pixel patterns that they have.
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
