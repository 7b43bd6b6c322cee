"""Finds images that are copies of others but for a pixel: moved, resized a little, or saved anew.

Pixel by pixel they are not near: an edge that lies a pixel further makes a large difference. So
images are made a little smooth (which takes out the noise that JPEG leaves, and what ways to resize
differ in), each is moved and resized in every way of a short list, and what comes near another
image is its copy.

All of this is linear, and no image is moved to be searched for: the few axes along which images are
compared are moved instead, once, and images are brought to them as to any other axes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from kohort.data.nearness.chance import (
    CHANCE_PAIRS,
    chance,
    principal_axes,
    sample_size,
    usual_difference,
)
from kohort.data.nearness.neighbours import AXES, NEIGHBOURS, Neighbours, blocks
from kohort.data.readers.archives import Passed, silent
from kohort.data.splits import random_part

MOVED = 0.02
"""Moved or resized copies differ, made smooth, by at most this part of the usual difference."""
# Up to 0.02 lie 49 pairs of notMNIST_small's 18,232 images that are not near as they are, and 195
# of 32,765 glyphs of other fonts, most of them an H, or a slanted I, which differ in little but the
# widths of their bars. Resized in cubic ways alone, from 4,000 of either to all others, there are
# 21 pairs up to 0.02, 71 up to 0.025 and 162 up to 0.03. Without labels 7 of the 8,995 pairs of the
# other fonts, near ones too, would join two letters: each an E that is an F but for one line.
SAVED = 0.035
"""The same of images in their place: copies that were saved anew."""
# In notMNIST each pair up to 0.03 is near as it is (`copies.NEAR`), and 95 of 97 up to 0.035.
TOLD, STEPS = 0.14, 28
"""An image that is nearer than this to itself, moved by a 28th of its side, tells nothing of where
it lies."""
# It is blank, or a bar: 4 to 8 of 100 glyphs. Without this there would be 7,000 pairs and not 21.
FEWEST_PIXELS = 16
"""Images with a shorter side are not looked at: a pixel is much of them."""
_SMOOTH = (0.25, 0.5, 0.25)
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # the other four are these, of the other image


type _Kernel = Callable[[np.ndarray], np.ndarray]


def _cubic(x: np.ndarray) -> np.ndarray:
    """Cubic convolution (Keys, 1981), with the parameter that Pillow has."""
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, inner, np.where(x < 2, outer, 0))


def _linear(x: np.ndarray) -> np.ndarray:
    """Linear interpolation, which leaves images less sharp."""
    weights: np.ndarray = np.maximum(1 - x, 0)
    return weights


@dataclass(frozen=True)
class _Way:
    """A way to see images: moved and resized, made smooth, and without what lies at the edge.

    Args:
        down: What is done to columns of pixels, float32 `[row that is seen, row]`.
        across: What is done to rows of pixels, float32 `[column that is seen, column]`.
    """

    down: np.ndarray
    across: np.ndarray

    def views(self, images: np.ndarray) -> np.ndarray:
        """Images `[image, channel, row, column]` as they are seen, float32 `[image, number]`."""
        seen: np.ndarray = self.down @ images.astype(np.float32) @ self.across.T
        return seen.reshape(len(images), -1)

    def onto(self, axes: np.ndarray, channels: int) -> np.ndarray:
        """What an image is multiplied with to lie along axes `[number seen, axis]` as it is seen.

        Returns:
            float32 `[number in an image, axis]`.
        """
        shaped = axes.T.reshape(-1, channels, len(self.down), len(self.across))
        moved: np.ndarray = self.down.T @ shaped @ self.across
        return moved.reshape(axes.shape[1], -1).T.astype(np.float32)


def moved_pairs(
    images: np.ndarray, labels: np.ndarray, rows: np.ndarray, passed: Passed = silent
) -> np.ndarray | None:
    """Find pairs of images of which one is the other, moved, resized or saved anew.

    Moved by at most a pixel; resized by half a pixel to two pixels of a side about the middle, or
    by one pixel about a corner; or in its place, as JPEG of a medium quality leaves it. They are
    compared away from the edge, where something else may have come in. Neighbours come from a k-d
    tree, as in `find_copies`, so the time grows little faster than the number of images.

    Only images of one label make a pair: an E of thin lines, moved down, is an F. Images of which
    nothing tells where they lie, such as bars, are in none; and of more than `NEIGHBOURS`
    candidates only the nearest are compared.

    Args:
        images: uint8 `[image, height, width]` or `[image, height, width, channel]`.
        labels: int32 `[image]`.
        rows: The images to compare, ascending, no two equal.
        passed: Is told how far the search is.

    Returns:
        int64 `[pair, 2]`, ascending; each pair once, the lower image first. None where such copies
        cannot be looked for: among images with a side below `FEWEST_PIXELS`, and where chance would
        make some.
    """
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
    if len(rows) < 2 or min(images.shape[2:]) < FEWEST_PIXELS:
        return None
    inside, whole, *ways = _ways(*images.shape[2:])
    random = np.random.default_rng(0)
    chosen = random_part(random, rows, sample_size(images[0].size))
    sample = images[random.permutation(chosen)]
    views = inside.views(sample)
    usual = usual_difference(views)
    variances, axes = principal_axes(views)
    if len(rows) ** 2 * len(ways) * chance(variances, SAVED * usual) > CHANCE_PAIRS:
        return None
    search = _Search(images, rows[_tells(images, rows, usual)], inside, axes[:, :AXES])
    in_place = search.pairs(inside, SAVED * usual)
    is_near = _near(images, in_place, whole, whole, SAVED * usual_difference(whole.views(sample)))
    found = [in_place[is_near]]
    for number, way in enumerate(ways, 1):
        passed(number / (len(ways) + 1))
        found.append(search.pairs(way, MOVED * usual))
    passed(1.0)
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    alike: np.ndarray = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    return alike


class _Search:
    """Finds, among some images, those that are near others as these are seen in another way."""

    def __init__(self, images: np.ndarray, rows: np.ndarray, plain: _Way, axes: np.ndarray) -> None:
        self._images, self._rows, self._plain, self._axes = images, rows, plain, axes
        self._points = self._along(plain)
        self._neighbours = Neighbours(self._points)

    def pairs(self, way: _Way, radius: float) -> np.ndarray:
        """Pairs of images `[pair, 2]`: one in this way is as near as the radius to the other."""
        points = self._points if way is self._plain else self._along(way)
        count = NEIGHBOURS + 1  # one may be itself
        one, other = self._neighbours.of(points, count, radius)
        pairs: np.ndarray = self._rows[np.stack([one, other], axis=1)[one != other]]
        found: np.ndarray = pairs[_near(self._images, pairs, way, self._plain, radius)]
        return found

    def _along(self, way: _Way) -> np.ndarray:
        axes = way.onto(self._axes, self._images.shape[1])
        points = np.empty((len(self._rows), axes.shape[1]))
        for block in blocks(len(self._rows), len(axes)):
            images = self._images[self._rows[block]].astype(np.float32)
            points[block] = images.reshape(len(images), -1) @ axes
        return points


def _near(
    images: np.ndarray, pairs: np.ndarray, way: _Way, other_way: _Way, radius: float
) -> np.ndarray:
    """Whether the first image of each pair, seen in a way, is near the second in another way."""
    near = np.empty(len(pairs), bool)
    for block in blocks(len(pairs), images[0].size):
        one, other = (images[pairs[block, side]] for side in (0, 1))
        apart = np.linalg.norm(way.views(one) - other_way.views(other), axis=1)
        near[block] = apart <= radius
    return near


def _tells(images: np.ndarray, rows: np.ndarray, usual: float) -> np.ndarray:
    """Whether each of some images differs from itself, moved by a pixel in any direction."""
    channels, height, width = images.shape[1:]
    size = (height - 2, width - 2)  # of what is smooth
    step = [max(1, round(side / STEPS)) for side in (height, width)]
    bound = (TOLD * usual) ** 2 / (channels * size[0] * size[1])
    tells = np.ones(len(rows), bool)
    for block in blocks(len(rows), images[0].size):
        x = images[rows[block]].astype(np.float32)
        x = 0.25 * x[:, :, :-2] + 0.5 * x[:, :, 1:-1] + 0.25 * x[:, :, 2:]
        x = 0.25 * x[..., :-2] + 0.5 * x[..., 1:-1] + 0.25 * x[..., 2:]
        for shift in _SHIFTS:
            down, across = np.multiply(step, shift)
            one = x[:, :, down:, max(across, 0) : size[1] + min(across, 0)]
            other = x[:, :, : size[0] - down, max(-across, 0) : size[1] - max(across, 0)]
            tells[block] &= np.square(one - other).mean(axis=(1, 2, 3)) >= bound
    return tells


def _ways(height: int, width: int) -> Iterator[_Way]:
    """As images are, without and with the edge; and the ways to move and to resize."""
    yield _way(height, width)
    yield _way(height, width, edge=0)
    for down, across in _SHIFTS:
        yield _way(height, width, shift=(down, across))
    for kernel in (_cubic, _linear):
        for pixels in (-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2):
            yield _way(height, width, pixels, kernel=kernel)
        # By an odd number of pixels nothing stays in the middle.
        for pixels, *corner in product((-1, 1), (-0.5, 0.5), (-0.5, 0.5)):
            yield _way(height, width, pixels, corner, kernel=kernel)


def _way(
    height: int,
    width: int,
    larger: float = 0,
    shift: Sequence[float] = (0, 0),
    edge: int = 1,
    kernel: _Kernel = _cubic,
) -> _Way:
    """A way to see images.

    Args:
        height: Of the images.
        width: Of the images.
        larger: By how many pixels each side is made larger, about the middle.
        shift: By how many pixels images are moved, down and across.
        edge: So many pixels at each edge are left out.
        kernel: What weighs the pixels beside a place between them.
    """
    down, across = (
        _smooth(side - 2 * edge)
        @ _resampling(side, (side + larger) / side, by, kernel)[edge : side - edge]
        for side, by in zip((height, width), shift, strict=True)
    )
    return _Way(down.astype(np.float32), across.astype(np.float32))


def _resampling(side: int, scale: float, shift: float, kernel: _Kernel) -> np.ndarray:
    """The matrix that resizes and moves a line of pixels."""
    middle = (side - 1) / 2
    at = np.clip(middle + (np.arange(side) - middle) / scale - shift, 0, side - 1)
    weights = kernel(np.abs(at[:, None] - np.arange(side)))
    return weights / weights.sum(axis=1, keepdims=True)


def _smooth(side: int) -> np.ndarray:
    """The matrix that makes a line of pixels smooth; the last ones go on beyond its ends."""
    padded = np.pad(np.eye(side), ((1, 1), (0, 0)), "edge")
    smooth: np.ndarray = np.tensordot(
        _SMOOTH, [padded[at : at + side] for at in range(len(_SMOOTH))], axes=1
    )
    return smooth
