"""Decodes images: grey pixels or red, green and blue ones, upright, of 8 bits, of a size."""

import functools
import io
import reprlib
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kohort.errors import DataError

type Color = Literal["keep", "grey", "rgb"]
"""Which pixels an image is read as: those it has, grey ones, or red, green and blue ones."""

COLORS: tuple[Color, ...] = ("keep", "grey", "rgb")
IMAGE_ENDINGS = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp",
        ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".ico", ".tga", ".pcx", ".jp2", ".j2k", ".sgi",
        ".qoi",
    }
)  # fmt: skip
# Formats that Pillow decodes itself; for EPS it would run another program.
_FORMATS = (
    "PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "AVIF", "ICO", "TGA", "PCX",
    "JPEG2000", "SGI", "QOI",
)  # fmt: skip
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

_UPRIGHT, _ORIENTATION = 1, 0x0112
_MOST_16_BIT = 2**16 - 1


class Decoded(NamedTuple):
    """An image.

    Args:
        pixels: uint8 `[height, width]` of a grey one, `[height, width, 3]` of colour.
        changed: What was changed, each as the rest of a sentence on images.
        upright: The height and width that it had, turned as its camera says.
    """

    pixels: np.ndarray
    changed: tuple[str, ...]
    upright: tuple[int, int]


class DeepPixelsError(Exception):
    """An image has pixels of more than 16 bits, of which nothing tells what is black and white."""


@contextmanager
def opened(file: Path | io.BytesIO) -> Iterator[Image.Image]:
    """Open an image, to be decoded; bytes that are not an image raise one of `UNREADABLE`."""
    with warnings.catch_warnings():
        # Pillow only warns of images that take a GB and more; its other warnings do not matter.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=_known_formats()) as image:
            yield image


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Those of the formats that the installed Pillow knows: of another it would fail at each."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """The height and width of an image, turned as its camera says."""
    width, height = image.size
    return (width, height) if _orientation(image) > 4 else (height, width)


def decode_bytes(content: bytes, color: Color, size: tuple[int, int] | None) -> Decoded | None:
    """Decode the content of an image file; None where it is not an image.

    Args:
        content: The file's bytes.
        color: As in `decode`.
        size: As in `decode`.

    Raises:
        DeepPixelsError: Its pixels are of more than 16 bits.
    """
    try:
        with opened(io.BytesIO(content)) as image:
            return decode(image, color, size)
    except UNREADABLE:
        return None


def decode(image: Image.Image, color: Color, size: tuple[int, int] | None) -> Decoded:
    """Decode an opened image.

    Args:
        image: The image.
        color: Which pixels to make of it.
        size: The height and width to resize it to; None leaves its size.

    Raises:
        DeepPixelsError: Its pixels are of more than 16 bits.
    """
    changed: list[str] = []
    upright = upright_size(image)
    if _frames(image) > 1:
        changed.append("hold several pictures, of which the first is read")
    if _orientation(image) != _UPRIGHT:
        image = ImageOps.exif_transpose(image)
        changed.append("were turned upright, as their cameras say")
    image = _opaque(image, changed)
    image = _in_color(image, color, changed)
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.LANCZOS)
        changed.append(f"were resized to {size[0]} x {size[1]} (height x width)")
    return Decoded(np.asarray(image), tuple(changed), upright)


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except UNREADABLE:  # of a file that is cut behind its first picture
        return 1


def _orientation(image: Image.Image) -> int:
    # TIFF images are turned by Pillow itself.
    if "exif" not in image.info or image.format == "TIFF":
        return _UPRIGHT
    try:
        found = image.getexif().get(_ORIENTATION, _UPRIGHT)
    except UNREADABLE:
        return _UPRIGHT
    return found if found in range(1, 9) else _UPRIGHT


def _opaque(image: Image.Image, changed: list[str]) -> Image.Image:
    """The image without transparency, on white where there is some."""
    if not image.has_transparency_data or image.mode.startswith("I"):
        return image
    is_grey = _is_grey(image)
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        flat = layered.convert("RGB")
    else:
        changed.append("are transparent in part, and white there")
        white = Image.new("RGBA", layered.size, "white")
        flat = Image.alpha_composite(white, layered).convert("RGB")
    return flat.getchannel("R") if is_grey else flat


def _in_color(image: Image.Image, color: Color, changed: list[str]) -> Image.Image:
    """The image in mode "L" or "RGB"."""
    if image.mode.startswith(("I", "F")):
        image = _of_8_bits(image, changed)
    is_grey = _is_grey(image)
    if is_grey:
        image = image.convert("L")
    elif image.mode not in ("RGB", "P"):
        changed.append(f"were made red, green and blue of {image.mode}")
    if color == "grey" and not is_grey:
        changed.append("were made grey of colour")
        # YCbCr and inks become red, green and blue first: Pillow has no other way for some.
        return (
            image.convert("L") if image.mode in ("RGB", "P") else image.convert("RGB").convert("L")
        )
    if color == "rgb" and is_grey:
        changed.append("were made red, green and blue of grey")
    return image if is_grey and color != "rgb" else image.convert("RGB")


def _is_grey(image: Image.Image) -> bool:
    """Whether an image has no colour: by its mode, or by the colours of its palette."""
    if image.mode not in ("P", "PA"):
        return image.mode in ("1", "L", "LA", "La")
    colours = image.convert("RGB").getcolors(image.width * image.height)
    return all(red == green == blue for _, (red, green, blue) in colours or ())  # type: ignore[misc]


def _of_8_bits(image: Image.Image, changed: list[str]) -> Image.Image:
    # Pillow would clip at 255 instead of scaling.
    deep = np.asarray(image)
    if deep.dtype.kind == "f" or deep.max(initial=0) > _MOST_16_BIT or deep.min(initial=0) < 0:
        raise DeepPixelsError
    changed.append("were brought from 16 bits a pixel to 8")
    return Image.fromarray((deep.astype(np.int64) >> 8).astype(np.uint8))


def checked_size(size: object) -> tuple[int, int] | None:
    """A size as (height, width), or None; anything else is refused."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(n, int | np.integer) and 0 < n < 2**16 for n in sides):
        raise DataError("size as (height, width)", reprlib.repr(size), "give size=(28, 28), say")
    return int(sides[0]), int(sides[1])


def checked_color(color: Color | None) -> Color:
    """A color of `COLORS`; None is "keep", and anything else is refused."""
    if color is not None and color not in COLORS:
        raise DataError(f"color in {COLORS}", reprlib.repr(color), "use one of them")
    return color or "keep"


class PixelRows:
    """Images of one shape, one after another in one array: 529,000 small arrays take twice that."""

    def __init__(self) -> None:
        self._held = np.empty((0, 0), np.uint8)
        self._count = 0

    def add(self, pixels: np.ndarray) -> int:
        """Add an image; its row, or -1, with nothing added, of another shape than the first."""
        if not self._count:
            self._held = np.empty((1, *pixels.shape), pixels.dtype)
        if pixels.shape != self._held.shape[1:]:
            return -1
        if self._count == len(self._held):
            more = self._count // 8 + 16
            self._held.resize((self._count + more, *pixels.shape), refcheck=False)
        self._held[self._count] = pixels
        self._count += 1
        return self._count - 1

    def taken(self, rows: list[int]) -> np.ndarray:
        """The images of these rows, `[row, height, width, ...]`; others are let go.

        They are sorted in their place: memory holds them once. Of links a row is there repeatedly.
        """
        held, count = self._held, self._count
        self._held, self._count = np.empty((0, 0), np.uint8), 0
        if len(set(rows)) < len(rows):
            return held[rows]
        others = np.setdiff1d(np.arange(count), rows)
        _sort_in_place(held, [*rows, *others.tolist()])
        return held[: len(rows)]


def _sort_in_place(held: np.ndarray, order: list[int]) -> None:
    """Put row `order[n]` in the place of row n; each cycle of places waits for one row."""
    for start in range(len(order)):
        if order[start] == start:
            continue
        first, place = held[start].copy(), start
        while (origin := order[place]) != start:
            held[place] = held[origin]
            order[place] = place
            place = origin
        held[place], order[place] = first, place
