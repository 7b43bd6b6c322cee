"""How a convolution reads its images: which place of a kernel meets which number of an image."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored


class Window(NamedTuple):
    """Of a convolution whose images are `[sample, *space, feature]`, for each axis of the space.

    Args:
        sizes: Of the kernel.
        strides: From one result to the next.
        padding: Zeros (negative: numbers cut off) before and after an image that is dilated.
        dilation: From one number of an image to the next, with zeros between.
        holes: From one number of the kernel to the next.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    holes: tuple[int, ...]

    @property
    def of_planes(self) -> "Window":
        """The window without the first axis."""
        return Window(
            self.sizes[1:], self.strides[1:], self.padding[1:], self.dilation[1:], self.holes[1:]
        )

    @property
    def is_plain(self) -> bool:
        """Whether a number of an image meets the one beside it, in image, kernel and result."""
        return {*self.strides, *self.dilation, *self.holes} == {1}

    @property
    def is_upsampling(self) -> bool:
        """Whether images are dilated, and all else is plain."""
        return {*self.dilation} != {1} and {*self.strides, *self.holes} == {1}

    def results(self, space: Sequence[int]) -> list[int]:
        """Sizes of the result's space, of those of an image."""
        return [
            max(0, (dilation * (size - 1) + low + high - hole * (place - 1)) // stride + 1)
            for size, place, stride, (low, high), dilation, hole in zip(space, *self, strict=True)
        ]

    def counts_of_a_phase(self, results: Sequence[int]) -> list[int]:
        """How many results one of the `phases` has along each axis, at most."""
        return [math.ceil(size / step) for size, step in zip(results, self.dilation, strict=True)]


class Tap(NamedTuple):
    """A place of the kernel, and the number of an image that it meets for the first result."""

    place: tuple[int, ...]
    start: tuple[int, ...]


def phases(window: Window) -> Iterator[list[Tap]]:
    """The taps of results that are computed alike: every `dilation` along an axis.

    Where images are dilated, a result meets every so many places of the kernel: the others meet
    zeros. The results of a phase meet the same places, at numbers side by side in the image. No
    axis may have both strides and dilation.
    """
    axes = [
        [list(_taps(size, low, dilation, hole, phase)) for phase in range(dilation)]
        for size, (low, _), dilation, hole in zip(
            window.sizes, window.padding, window.dilation, window.holes, strict=True
        )
    ]
    for of_axes in itertools.product(*axes):
        yield [
            Tap(tuple(place for place, _ in taps), tuple(start for _, start in taps))
            for taps in itertools.product(*of_axes)
        ]


def _taps(size: int, low: int, dilation: int, hole: int, phase: int) -> Iterator[tuple[int, int]]:
    for place in range(size):
        start = phase + hole * place - low
        if start % dilation == 0:
            yield place, start // dilation


def interleaved(parts: Sequence[Any], window: Window, results: Sequence[int]) -> Any:
    """Results `[sample, *space, filter]` from those of each phase.

    Args:
        parts: `[sample, *count, filter]` each, in the order of `phases`.
        window: Whose phases they are.
        results: Sizes of the space; what is beyond is cut off.
    """
    if len(parts) == 1:
        return parts[0]
    samples, *counts, filters = parts[0].shape
    rank = len(counts)
    stacked = jnp.stack(parts, -2).reshape(samples, *counts, *window.dilation, filters)
    order = [axis for at in range(1, rank + 1) for axis in (at, at + rank)]
    tiled = jnp.transpose(stacked, (0, *order, 2 * rank + 1))
    whole = [count * step for count, step in zip(counts, window.dilation, strict=True)]
    cut = tuple(slice(0, size) for size in results)
    return tiled.reshape(samples, *whole, filters)[:, *cut]


def with_sides(images: Any, sides: Sequence[tuple[int, int]]) -> Any:
    """Images `[sample, *space, ...]` with zeros (negative: numbers cut off) before and after.

    Args:
        images: All of them.
        sides: How many before and after, for each axis of the space or for the first of them.
    """
    around = [(0, 0, 0)] * images.ndim
    around[1 : 1 + len(sides)] = [(low, high, 0) for low, high in sides]
    return lax.pad(images, jnp.zeros((), images.dtype), around)


def padded(
    images: Any, starts: Sequence[Sequence[int]], counts: Sequence[int], strides: Sequence[int]
) -> tuple[Any, list[tuple[int, ...]]]:
    """Images with zeros around, so that all that is taken lies inside; and where it starts there.

    The zeros are put there once: a loop that reads the images asks nothing of each number.

    Args:
        images: `[sample, *space, ...]`.
        starts: For each axis of the space; negative before the image.
        counts: How many numbers are taken along each axis.
        strides: From one to the next.
    """
    spans = [step * (count - 1) + 1 for count, step in zip(counts, strides, strict=True)]
    axes = zip(zip(*starts, strict=True), spans, images.shape[1:], strict=False)
    sides = [
        (max(0, -min(of_axis)), max(0, max(of_axis) + span - size)) for of_axis, span, size in axes
    ]
    moved = [tuple(at + low for at, (low, _) in zip(start, sides, strict=True)) for start in starts]
    return stored(with_sides(images, sides)), moved


def strided(
    images: Any, start: Sequence[int], counts: Sequence[int], strides: Sequence[int]
) -> Any:
    """The numbers of `[sample, *space, ...]` from `start` on: `[sample, *count, ...]`."""
    along = (
        slice(at, at + step * (count - 1) + 1, step)
        for at, count, step in zip(start, counts, strides, strict=True)
    )
    return images[:, *along]


def shifted(images: Any, start: Sequence[int], counts: Sequence[int]) -> Any:
    """As many numbers of `[sample, *space, ...]` from `start` on, zeros where there are none."""
    axes = zip(start, counts, images.shape[1:], strict=False)
    return with_sides(images, [(-at, at + count - size) for at, count, size in axes])
