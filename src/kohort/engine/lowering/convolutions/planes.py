"""Convolutions over one axis and over three, by those over two: XLA's kernels are for images.

Over three axes XLA's CPU compiler computes each number by itself in the gradient of the kernel, and
wherever there are strides.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.convolutions.kernel_gradients import kernel_gradient
from kohort.engine.lowering.convolutions.taps import Window, strided, with_sides
from kohort.engine.lowering.convolutions.turns import in_turns

_TURN = 2**22
"""The most numbers of images, with the planes beside them as features, at a time: 16 MB."""


def as_planes(
    images: Any, kernel: Any, window: Window, convolve: Callable[[Any, Any, Window], Any]
) -> Any:
    """A convolution over three axes: over two, of each plane with those that it meets as features.

    Args:
        images: `[sample, plane, row, column, feature]`.
        kernel: `[place, place, place, feature, filter]`.
        window: How it reads them. Planes are not dilated.
        convolve: Runs a convolution over two axes.

    Returns:
        `[sample, plane, row, column, filter]`.
    """
    depth, *sizes = window.sizes
    stride, hole = window.strides[0], window.holes[0]
    planes, *_ = window.results(images.shape[1:-1])
    deep = jnp.moveaxis(kernel, 0, -3).reshape(*sizes, -1, kernel.shape[-1])

    def turn(images: Any) -> Any:
        around = with_sides(images, window.padding[:1])
        met = [strided(around, [hole * at], [planes], [stride]) for at in range(depth)]
        wide = jnp.concatenate(met, -1)
        result = convolve(wide.reshape(-1, *wide.shape[2:]), deep, window.of_planes)
        return result.reshape(len(images), planes, *result.shape[1:])

    return in_turns(turn, images, depth * math.prod(images.shape[1:]), _TURN)


def gradient_over_axes(images: Any, errors: Any, window: Window) -> Any:
    """`kernel_gradient` over one, two or three axes.

    Args:
        images: `[feature, *space, sample]`.
        errors: `[*space, sample, filter]`: what the result of the layer is wrong by.
        window: That of the gradient: its holes are the strides of the layer.

    Returns:
        float32 `[feature, *place, filter]`.
    """
    if len(window.sizes) == 1:
        padding, strides = [(0, 0), *window.padding], [1, *window.holes]
        return kernel_gradient(images[:, None], errors[None], padding, strides)[:, 0]
    if len(window.sizes) == 2:
        return kernel_gradient(images, errors, window.padding, window.holes)
    places, *_ = window.results(images.shape[1:-1])
    images = with_sides(images, window.padding[:1])
    stride, planes = window.holes[0], len(errors)
    # Planes become samples: over both is summed.
    flat = jnp.moveaxis(errors, 0, -3)
    flat = flat.reshape(*flat.shape[:2], -1, flat.shape[-1])

    def of_a_place(first: Any) -> Any:
        met = lax.dynamic_slice_in_dim(images, first, stride * (planes - 1) + 1, axis=1)
        met = jnp.moveaxis(met[:, ::stride], 1, -2)
        met = met.reshape(*met.shape[:3], -1)
        return kernel_gradient(met, flat, window.padding[1:], window.holes[1:])

    return jnp.moveaxis(lax.map(of_a_place, jnp.arange(places)), 0, 1)
