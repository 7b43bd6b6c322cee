"""The scale of pixels as files of kohort keep it, and the shape of images that are rows there."""

from collections.abc import Sequence
from dataclasses import astuple, replace
from math import isqrt, prod
from typing import Any

import numpy as np

from kohort.data.checking import CENTRED, PixelScale


def scale_of_rows(shape: object, *rows: np.ndarray) -> PixelScale | None:
    """The scale of rows of pixels that `kohort data prepare` made of images.

    Args:
        shape: Of an image, as the file tells it. None, as in older files, and that of other rows
            tell nothing: a row of as many numbers as a square has is taken for a grey square.
        *rows: `[sample, pixel]` of each side.

    Returns:
        None where they were changed since, and are beyond the range that it brings pixels to.
    """
    if not all(x.min() >= -0.5 and x.max() <= 0.5 for x in rows):
        return None
    sides = shape if isinstance(shape, list) else []
    if not all(isinstance(n, int) and n > 0 for n in sides) or len(sides) not in (2, 3):
        return CENTRED
    is_other = sides[1:] != sides[:1] and prod(sides) == rows[0].shape[1]
    return replace(CENTRED, image=(*sides,)) if is_other else CENTRED


def image_shape(scale: PixelScale | None, inputs: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the image that a sample was.

    A row of as many pixels as a square has was a grey square, where its scale tells no other.

    Args:
        scale: Of its pixels; None where there is none.
        inputs: The shape of the sample as models take it.
    """
    if scale is not None and scale.image:
        return scale.image
    if len(inputs) == 1 and (side := isqrt(inputs[0])) ** 2 == inputs[0]:
        return side, side
    return inputs


def scale_as_json(scale: PixelScale | None) -> tuple[Any, ...] | None:
    """A scale, for a file."""
    return None if scale is None else astuple(scale)


def scale_of_json(given: Sequence[Any] | None) -> PixelScale | None:
    """What `scale_as_json` wrote; older files have no shape."""
    if given is None:
        return None
    factor, offset, *images = given
    return PixelScale(
        float(factor), float(offset), tuple(int(n) for image in images for n in image)
    )
