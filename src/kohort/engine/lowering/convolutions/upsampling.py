"""Convolutions as products of images with the whole kernel, such as those over dilated images.

Dilated images are what `Conv2DTranspose` convolves, and the gradient of a layer with strides with
respect to its images. XLA's CPU compiler multiplies with the zeros between the numbers, or copies
them. Here each number is multiplied with the whole kernel once, and a result is the sum of the
products at the places that it meets: one where the kernel is as large as the dilation. So are plain
convolutions best run that have few filters.
"""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.planes import gradient_over_axes
from kohort.engine.lowering.convolutions.taps import Window, interleaved, phases, shifted
from kohort.engine.lowering.convolutions.turns import in_turns

_NARROW = 8
"""The most filters of a plain convolution that is best run here."""
_PLACES = 27
"""The most places of its kernel: each is compiled separately."""
_TURN = 2**17
"""The most products that are made for each phase before they are read: 512 KB."""


def is_narrow(kernel: Any) -> bool:
    """Whether a plain convolution with `[*place, feature, filter]` is best run by `as_product`."""
    *sizes, features, filters = kernel.shape
    return bool(filters <= _NARROW <= features and math.prod(sizes) <= _PLACES)


def as_product(images: Any, kernel: Any, window: Window) -> Any:
    """A convolution without strides and holes, as one matrix product and shifted sums of it.

    A turn takes a few images, so that the products stay in the caches.

    Args:
        images: `[sample, *space, feature]`, float32 or bfloat16.
        kernel: `[*place, feature, filter]`.
        window: How it reads them.

    Returns:
        float32 `[sample, *place, filter]`.
    """
    *sizes, features, filters = kernel.shape
    matrix = jnp.moveaxis(kernel, -2, 0).reshape(features, -1)
    results = window.results(images.shape[1:-1])
    counts = window.counts_of_a_phase(results)

    def turn(images: Any) -> Any:
        product = lax.dot_general(
            images.reshape(-1, features),
            matrix,
            (((1,), (0,)), ((), ())),
            preferred_element_type=jnp.float32,
        )
        product = stored(product).reshape(*images.shape[:-1], *sizes, filters)
        parts = []
        for taps in phases(window):
            of_phase = jnp.zeros((len(images), *counts, filters), jnp.float32)
            for place, start in taps:
                of_phase += shifted(product[(..., *place, slice(None))], start, counts)
            parts.append(of_phase)
        return interleaved(parts, window, results)

    of_one = math.prod(images.shape[1:-1]) * matrix.shape[1]
    return in_turns(turn, images, of_one, _TURN * math.prod(window.dilation))


def gradient_of_upsampling(images: Any, errors: Any, window: Window) -> Any:
    """The gradient of a kernel over dilated images.

    It is that of a layer with strides, from the errors to the images, whose kernel is mirrored.

    Args:
        images: `[feature, *space, sample]`.
        errors: `[*space, sample, filter]`: what the result of the layer is wrong by.
        window: That of the gradient: its dilation is that of the layer.

    Returns:
        float32 `[feature, *place, filter]`.
    """
    places, space = window.results(images.shape[1:-1]), images.shape[1:-1]
    sides = zip(places, window.padding, window.dilation, space, window.sizes, strict=True)
    padding = tuple(
        (place - 1 - low, step * (size - 1) - error + 1 + low)
        for place, (low, _), step, size, error in sides
    )
    ones = (1,) * len(places)
    found = gradient_over_axes(
        jnp.moveaxis(errors, -1, 0),
        jnp.moveaxis(images, 0, -1),
        Window(tuple(space), ones, padding, ones, window.dilation),
    )
    return jnp.swapaxes(jnp.flip(found, range(1, found.ndim - 1)), 0, -1)
