"""Reads single image files for a model, and tells dark ones on light from light ones on dark."""

from pathlib import Path

import numpy as np

from kohort.data.readers.decoding import (
    IMAGE_ENDINGS,
    UNREADABLE,
    Color,
    DeepPixelsError,
    decode,
    opened,
)
from kohort.errors import DataError, reason

DARK, LIGHT = 85, 170
"""Up to the one an edge is dark, from the other on light, of 255; between them it is neither."""


def picture(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of an image file, uint8 of a shape, made as `kohort.load` makes them.

    Args:
        path: The file.
        shape: `(height, width)` or `(height, width, 1)` for grey pixels, `(height, width, 3)` for
            red, green and blue.

    Raises:
        DataError: It is no image.
    """
    height, width, *channels = shape
    try:
        if path.exists() and not path.is_file():
            raise OSError("no file that could be read from start to end")
        with opened(path) as image:
            color: Color = "rgb" if channels == [3] else "grey"
            return decode(image, color, (height, width)).pixels.reshape(shape)
    except DeepPixelsError as error:
        raise DataError(
            "an image of at most 16 bits a pixel", str(path), "save it as PNG"
        ) from error
    except UNREADABLE as error:
        is_named_so = path.suffix.lower() in IMAGE_ENDINGS
        raise DataError(
            f"an image file, as the model takes pictures of {height} x {width} pixels",
            f"{path} ({reason(error)})",
            "check that it is whole" if is_named_so else "give one, such as a .png or .jpg file",
        ) from error


def edge_brightness(images: np.ndarray) -> np.ndarray:
    """The mean of the outermost pixels of each image, `[sample]`.

    Args:
        images: `[sample, height, width]` or `[sample, height, width, channel]`.
    """
    inside = np.zeros(images.shape[1:3], bool)
    inside[1:-1, 1:-1] = True
    edges: np.ndarray = images[:, ~inside].reshape(len(images), -1).mean(axis=1)
    return edges
