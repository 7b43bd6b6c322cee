"""Convolutions whose features are in groups, each with filters of its own.

Depthwise layers have a group for each feature, in `DepthwiseConv2D` and `SeparableConv2D`. XLA's
CPU compiler has no kernel for groups: it computes each number by itself, some 25 times slower than
what is written here. With a feature or two in a group a result is a sum over the places of the
kernel, over all groups at once. Other groups are convolved one after another, narrow ones together.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.group_gradients import gradient_by_groups
from kohort.engine.lowering.convolutions.taps import (
    Tap,
    Window,
    interleaved,
    padded,
    phases,
    strided,
)
from kohort.engine.lowering.convolutions.turns import divisor_within

_TERMS = 128
"""The most terms of a sum over places: each is compiled."""
_AT_ONCE = 64
"""The terms that are added up by one loop: of 128 it takes ten times as long as of 120."""
_FEW = 2
"""The most products of features and filters of a group that are written as sums."""
_FEATURES = 16
"""Groups are made one, with zeros for what is between them, up to so many features."""

type Convolve = Callable[[Any, Any], Any]
"""Of images `[sample, *space, feature]` and a kernel `[*place, feature, filter]`."""


def convolved_by_groups(
    images: Any, kernel: Any, window: Window, groups: int, convolve: Convolve
) -> Any:
    """A convolution of features in groups.

    Args:
        images: `[sample, *space, group * feature]`.
        kernel: `[*place, feature, group * filter]`.
        window: How it reads them; it has no strides where images are dilated.
        groups: How many.
        convolve: Does it for one group.

    Returns:
        `[sample, *place, group * filter]`, of the type that `convolve` returns or float32.
    """
    features, filters = kernel.shape[-2], kernel.shape[-1] // groups
    x = images.reshape(*images.shape[:-1], groups, features)
    k = kernel.reshape(*kernel.shape[:-1], groups, filters)
    terms = max(kernel.size // groups, math.prod(window.dilation))
    if features * filters <= _FEW and terms <= _TERMS:
        result = _over_all_groups(x, k, window)
    else:
        together = divisor_within(groups, features, _FEATURES)
        x, k = x.reshape(*x.shape[:-2], -1, together * features), _as_one_group(k, together)
        result = _one_by_one(convolve, jnp.moveaxis(x, -2, 0), jnp.moveaxis(k, -2, 0))
    return result.reshape(*result.shape[:-2], -1)


def convolved_by_batches(
    images: Any, kernel: Any, window: Window, groups: int, convolve: Convolve
) -> Any:
    """A convolution of samples in groups, as is the gradient of a kernel for features in groups.

    Args:
        images: `[group * sample, *space, feature]`.
        kernel: `[*place, feature, group * filter]`.
        window: How it reads them.
        groups: How many.
        convolve: Does it for one group.

    Returns:
        `[sample, *place, group * filter]`, of the type that `convolve` returns or float32.
    """
    samples, filters = len(images) // groups, kernel.shape[-1] // groups
    terms = samples * filters * math.prod(window.results(images.shape[1:-1]))
    if samples * filters <= _FEW and terms <= _TERMS and {*window.dilation} == {1}:
        # Back to the order of the layer: transposes cancel where nothing is reshaped between.
        x, g = jnp.moveaxis(images, (0, -1), (-1, 0)), jnp.moveaxis(kernel, -2, 0)
        result = gradient_by_groups(x, g, window, groups)
    else:
        x = images.reshape(groups, samples, *images.shape[1:])
        k = kernel.reshape(*kernel.shape[:-1], groups, filters)
        result = _one_by_one(convolve, x, jnp.moveaxis(k, -2, 0))
    return result.reshape(*result.shape[:-2], -1)


def _as_one_group(kernel: Any, together: int) -> Any:
    """Kernels `[*place, feature, group, filter]` of some groups as one, zeros elsewhere.

    An infinity in one group becomes a NaN in what is said of those that are made one with it.
    """
    *places, features, groups, filters = kernel.shape
    apart = kernel.reshape(*places, features, groups // together, together, filters)
    same = jnp.eye(together, dtype=kernel.dtype)
    wide = jnp.einsum("...igtf,st->...sigtf", apart, same)
    return wide.reshape(*places, together * features, groups // together, together * filters)


def _one_by_one(convolve: Convolve, images: Any, kernels: Any) -> Any:
    """Of `[group, ...]` each: `[sample, *place, group, filter]`."""
    results = lax.map(lambda held: convolve(*held), (stored(images), stored(kernels)))
    return jnp.moveaxis(results, 0, -2)


def _over_all_groups(images: Any, kernel: Any, window: Window) -> Any:
    """Of `[sample, *space, group, feature]` and `[*place, feature, group, filter]`.

    Returns:
        float32 `[sample, *place, group, filter]`.
    """
    results = window.results(images.shape[1:-2])
    counts = window.counts_of_a_phase(results)
    *_, features, groups, filters = kernel.shape
    x, k = (array.astype(jnp.float32) for array in (images, kernel))

    def of_phase(taps: list[Tap], number: int) -> Any:
        total = jnp.zeros((len(x), *counts, groups), jnp.float32)
        if not taps:
            return total
        around, starts = padded(x, [tap.start for tap in taps], counts, window.strides)
        for at, (tap, start) in enumerate(zip(taps, starts, strict=True), 1):
            met = strided(around, start, counts, window.strides)
            for feature in range(features):
                total += met[..., feature] * k[(*tap.place, feature, slice(None), number)]
            if at * features % _AT_ONCE == 0:
                total = stored(total)
        return total

    # Without a barrier every operation that reads a sum would compute it again.
    of_filters = [
        stored(interleaved([of_phase(taps, number) for taps in phases(window)], window, results))
        for number in range(filters)
    ]
    return jnp.stack(of_filters, -1)
