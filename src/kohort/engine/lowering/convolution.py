"""Rewrites convolutions so that XLA's CPU compiler runs them fast inside a loop.

An epoch is a loop over steps. Outside of loops XLA brings every convolution to channels-last order
before it picks a kernel. Inside of loops it does not, and the convolutions of a gradient get a
kernel that is 10 to 30 times slower (jax-ml/jax#12868). So the order is changed here.

With few features XLA's kernels are slow in any order: in the first layer of a net for grey images,
and in the gradient for few filters. Those are written as sums over the positions in the kernel.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jax import lax
from jax import numpy as jnp
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.kernel_gradients import (
    is_kernel_gradient,
    kernel_gradient,
    samples_of_a_turn,
)
from kohort.tracing.jaxpr import avals, bind

_DTYPES = ("bfloat16", "float32")
_MULTIPLIED = 512
"""Multiply the image with each number of the kernel separately, up to this many numbers."""
_SUMS = 32
"""Compute a result as sums over all images, up to this many numbers for each filter."""
_NARROW = 8
"""Add the results of each position in the kernel, up to this many filters."""
_TERMS = 27
"""The most terms of a sum: each is compiled separately."""
_MOST = 2**23
"""The most numbers in an intermediate result: 32 MB."""
_TURN = 2**17
"""The most numbers in an intermediate result that is read right after it was made: 512 KB."""


def bind_for_loops(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a convolution in channels-last order, or as a sum of products."""
    numbers = equation.params["dimension_numbers"]
    rank = len(numbers.lhs_spec)
    spatial = tuple(range(1, rank - 1))
    # Positions of (batch, channel, spatial...) and, in the kernel, of (out, in, spatial...).
    last = (0, rank - 1, *spatial)
    canonical = lax.ConvDimensionNumbers(last, (rank - 1, rank - 2, *range(rank - 2)), last)
    images = lax.transpose(inputs[0], _moved(numbers.lhs_spec, canonical.lhs_spec))
    kernel = lax.transpose(inputs[1], _moved(numbers.rhs_spec, canonical.rhs_spec))
    run = _as_a_sum(equation, images, kernel)
    if run is not None:
        result = run(images, kernel, equation.params["padding"])
        result = result.astype(avals(equation.outvars)[0].dtype)
    else:
        (result,) = bind(equation, [images, kernel], dimension_numbers=canonical)
    return [lax.transpose(result, _moved(canonical.out_spec, numbers.out_spec))]


type _Padding = Sequence[tuple[int, int]]
"""For each spatial axis, how many rows of zeros are added before and after."""


def _as_a_sum(
    equation: JaxprEqn, images: Any, kernel: Any
) -> Callable[[Any, Any, _Padding], Any] | None:
    """The function that runs a convolution faster than XLA's kernels; None where there is none.

    Args:
        equation: The convolution.
        images: `[sample, *space, feature]`.
        kernel: `[*place, feature, filter]`.
    """
    *sizes, features, filters = kernel.shape
    places = math.prod(sizes)
    (result,) = avals(equation.outvars)
    shape = [result.shape[axis] for axis in equation.params["dimension_numbers"].out_spec]
    sums = math.prod(shape) // filters
    if not _is_known(equation):
        return None
    strides = equation.params["rhs_dilation"]
    gradient = functools.partial(kernel_gradient, strides=strides)
    takes_gradient = is_kernel_gradient(images, kernel, tuple(shape[2:]), strides)
    if {*strides} != {1}:
        return gradient if takes_gradient else None
    if places > 1 and places * features <= _TERMS and kernel.size <= _MULTIPLIED:
        return _as_multiples
    if sums <= _SUMS and sums * places * features <= _MOST:
        return _as_sums
    if takes_gradient:
        return gradient
    if filters <= _NARROW <= features and places <= _TERMS and images.size:
        return _as_product
    return None


def _is_known(equation: JaxprEqn) -> bool:
    """Whether a convolution has no strides and no groups, and a dtype known here."""
    params = equation.params
    steps = (*params["window_strides"], *params["lhs_dilation"])
    is_whole = {*steps, params["feature_group_count"], params["batch_group_count"]} == {1}
    return is_whole and {str(aval.dtype) for aval in avals(equation.invars)} <= set(_DTYPES)


def _as_multiples(images: Any, kernel: Any, padding: _Padding) -> Any:
    """A plain convolution as a sum of shifted images, each times one number of the kernel.

    Takes `[sample, *space, feature]` and `[*place, feature, filter]`; returns float32
    `[sample, *space, filter]`.
    """
    # bfloat16 is rounded once, at the end, as by XLA's kernels.
    wide, weights = (stored(array.astype(jnp.float32)) for array in (images, kernel))
    shifted = [
        (_shifted(wide, shift), weights[place])
        for place, shift in _places(kernel.shape[:-2], padding)
    ]
    parts = [
        image[..., feature, None] * row[feature]
        for image, row in shifted
        for feature in range(kernel.shape[-2])
    ]
    # Without a barrier every operation that reads the sum would compute it again.
    return stored(sum(parts[1:], parts[0]))


def _as_sums(images: Any, kernel: Any, padding: _Padding) -> Any:
    """A plain convolution with few results, such as a kernel's gradient, as one matrix product.

    Shapes as for `_as_multiples`.
    """
    *sizes, _, filters = kernel.shape
    # With samples first, as in a gradient, the transpose moves no data.
    images = lax.pad(
        jnp.moveaxis(images, -1, 1),
        jnp.zeros((), images.dtype),
        [(0, 0, 0)] * 2 + [(low, high, 0) for low, high in padding],
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


def _as_product(images: Any, kernel: Any, padding: _Padding) -> Any:
    """A plain convolution as a product of images with the whole kernel, then a shifted sum.

    Shapes as for `_as_multiples`. A turn takes a few images: all products are the places of the
    kernel times the result, and slower than XLA's kernels where they leave the caches.
    """
    samples, *one = images.shape
    made = math.prod(one[:-1]) * math.prod(kernel.shape[:-2]) * kernel.shape[-1]
    together = samples_of_a_turn(samples, made, _TURN)
    if together == samples:
        return _in_one_turn(images, kernel, padding)
    turns = images.reshape(-1, together, *one)
    result = lax.map(lambda images: _in_one_turn(images, kernel, padding), turns)
    return result.reshape(samples, *result.shape[2:])


def _in_one_turn(images: Any, kernel: Any, padding: _Padding) -> Any:
    filters = kernel.shape[-1]
    matrix = jnp.moveaxis(kernel, -2, 0).reshape(kernel.shape[-2], -1)
    product = stored(
        lax.dot_general(
            images.reshape(-1, matrix.shape[0]),
            matrix,
            (((1,), (0,)), ((), ())),
            preferred_element_type=jnp.float32,
        )
    )
    product = product.reshape(*images.shape[:-1], -1, filters)
    parts = [
        _shifted(product[..., number, :], shift)
        for number, (_, shift) in enumerate(_places(kernel.shape[:-2], padding))
    ]
    return sum(parts[1:], parts[0])


def _places(
    sizes: Sequence[int], padding: _Padding
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, int, int]]]]:
    """Each position in a kernel, and the padding (negative: cutting) that shifts an image to it."""
    for place in itertools.product(*map(range, sizes)):
        yield (
            place,
            [
                (low - at, high - (size - 1 - at), 0)
                for at, size, (low, high) in zip(place, sizes, padding, strict=True)
            ],
        )


def _shifted(images: Any, shift: list[tuple[int, int, int]]) -> Any:
    """Images `[sample, *space, channel]`, padded or cut along their spatial axes."""
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), *shift, (0, 0, 0)])


def _moved(sources: Sequence[int], targets: Sequence[int]) -> list[int]:
    """The permutation that brings axes from the positions `sources` to `targets`."""
    permutation = [0] * len(sources)
    for source, target in zip(sources, targets, strict=True):
        permutation[target] = source
    return permutation
