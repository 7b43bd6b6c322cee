"""Convolutions with few features or results, as sums over the places of a kernel or as one product.

With few features XLA's kernels are slow in any order of axes: in the first layer of a net for grey
images, and in the gradient for few filters.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.taps import Window, phases, shifted

_MULTIPLIED = 512
"""Multiply the image with each number of the kernel separately, up to this many numbers."""
_SUMS = 32
"""Compute a result as sums over all images, up to this many numbers for each filter."""
_TERMS = 27
"""The most terms of a sum: each is compiled separately."""
_MOST = 2**23
"""The most numbers in an intermediate result: 32 MB."""

type Sum = Callable[[Any, Any, Window], Any]
"""A plain convolution of `[sample, *space, feature]` and `[*place, feature, filter]`."""


def form_of_few(images: Any, kernel: Any, results: Sequence[int]) -> Sum | None:
    """The sum that a plain convolution is, where kernel or result are small; else None.

    Args:
        images: `[sample, *space, feature]`.
        kernel: `[*place, feature, filter]`.
        results: The sizes of the result's space.
    """
    *sizes, features, _ = kernel.shape
    places = math.prod(sizes)
    sums = len(images) * math.prod(results)
    if places > 1 and places * features <= _TERMS and kernel.size <= _MULTIPLIED:
        return _as_multiples
    if sums <= _SUMS and sums * places * features <= _MOST:
        return _as_sums
    return None


def _as_multiples(images: Any, kernel: Any, window: Window) -> Any:
    """A plain convolution as a sum of shifted images, each times one number of the kernel.

    Takes `[sample, *space, feature]` and `[*place, feature, filter]`; returns float32
    `[sample, *space, filter]`.
    """
    # bfloat16 is rounded once, at the end, as by XLA's kernels.
    wide, weights = (stored(array.astype(jnp.float32)) for array in (images, kernel))
    results = window.results(images.shape[1:-1])
    (taps,) = phases(window)
    parts = [
        image[..., feature, None] * weights[place][feature]
        for place, image in ((place, shifted(wide, start, results)) for place, start in taps)
        for feature in range(kernel.shape[-2])
    ]
    # Without a barrier every operation that reads the sum would compute it again.
    return stored(sum(parts[1:], parts[0]))


def _as_sums(images: Any, kernel: Any, window: Window) -> Any:
    """A plain convolution with few results, such as a kernel's gradient, as one matrix product.

    Shapes as for `_as_multiples`.
    """
    *sizes, _, filters = kernel.shape
    # With samples first, as in a gradient, the transpose moves no data.
    images = lax.pad(
        jnp.moveaxis(images, -1, 1),
        jnp.zeros((), images.dtype),
        [(0, 0, 0)] * 2 + [(low, high, 0) for low, high in window.padding],
    )
    counts = [space - size + 1 for space, size in zip(images.shape[2:], sizes, strict=True)]
    windows = [
        lax.slice(
            images,
            (0, 0, *at),
            (*images.shape[:2], *(a + s for a, s in zip(at, sizes, strict=True))),
        ).reshape(len(images), -1)
        for at in itertools.product(*map(range, counts))
    ]
    product = lax.dot_general(
        stored(jnp.stack(windows, 1)).reshape(-1, windows[0].shape[1]),
        jnp.moveaxis(kernel, -2, 0).reshape(-1, filters),
        (((1,), (0,)), ((), ())),
        preferred_element_type=jnp.float32,
    )
    return product.reshape(len(images), *counts, filters)
