"""Convolutions in the forms that XLA's CPU compiler runs fast inside a loop.

An epoch is a loop over steps. Outside of loops XLA brings every convolution to channels-last order
before it picks a kernel; inside of loops it leaves them as they are, and those of a gradient fall
to a kernel that is 10 to 30 times slower (jax-ml/jax#12868). So the order is changed here.

Of few features its kernels are slow in any order: the first layer of a net for grey images, and
the gradient that comes back to few filters. Those are written as sums over the kernel's places.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jax import lax
from jax import numpy as jnp
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.buffers import stored
from kohort.tracing.jaxpr import avals, bind

_DTYPES = ("bfloat16", "float32")
_MULTIPLIED = 512
"""Numbers in a kernel, at most, for the image to be multiplied with each by itself."""
_SUMS = 32
"""Numbers of a result for each filter, at most, for each to be a sum over all of the images."""
_NARROW = 8
"""Filters, at most, for the results of each place of the kernel to be added."""
_TERMS = 27
"""What may be added, at most: each term is compiled by itself."""
_MOST = 2**23
"""Numbers that may be made on the way: 32 MB."""


def bind_for_loops(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a convolution in channels-last order, or as a sum."""
    given = equation.params["dimension_numbers"]
    rank = len(given.lhs_spec)
    spatial = tuple(range(1, rank - 1))
    # Positions of (batch, channel, spatial...) and, in the kernel, of (out, in, spatial...).
    last = (0, rank - 1, *spatial)
    canonical = lax.ConvDimensionNumbers(last, (rank - 1, rank - 2, *range(rank - 2)), last)
    images = lax.transpose(inputs[0], _moved(given.lhs_spec, canonical.lhs_spec))
    kernel = lax.transpose(inputs[1], _moved(given.rhs_spec, canonical.rhs_spec))
    run = _as_a_sum(equation, images, kernel)
    if run is not None:
        result = run(images, kernel, equation.params["padding"])
        result = result.astype(avals(equation.outvars)[0].dtype)
    else:
        (result,) = bind(equation, [images, kernel], dimension_numbers=canonical)
    return [lax.transpose(result, _moved(canonical.out_spec, given.out_spec))]


type _Padding = Sequence[tuple[int, int]]


def _as_a_sum(
    equation: JaxprEqn, images: Any, kernel: Any
) -> Callable[[Any, Any, _Padding], Any] | None:
    """What runs a convolution faster than XLA's kernels; None where nothing here does.

    Args:
        equation: The convolution.
        images: Channels last.
        kernel: `[*place, feature, filter]`.
    """
    *sizes, features, filters = kernel.shape
    places = math.prod(sizes)
    (result,) = avals(equation.outvars)
    shape = [result.shape[axis] for axis in equation.params["dimension_numbers"].out_spec]
    sums = math.prod(shape) // filters
    if not _is_plain(equation):
        return None
    if places > 1 and places * features <= _TERMS and kernel.size <= _MULTIPLIED:
        return _as_multiples
    if sums <= _SUMS and sums * places * features <= _MOST:
        return _as_sums
    made = math.prod(images.shape[:-1]) * places * filters
    if filters <= _NARROW <= features and places <= _TERMS and made <= _MOST:
        return _as_product
    return None


def _is_plain(equation: JaxprEqn) -> bool:
    """Whether a convolution moves its kernel by one place, and all features meet all filters."""
    told = equation.params
    steps = (*told["window_strides"], *told["lhs_dilation"], *told["rhs_dilation"])
    is_whole = {*steps, told["feature_group_count"], told["batch_group_count"]} == {1}
    return is_whole and {str(own.dtype) for own in avals(equation.invars)} <= set(_DTYPES)


def _as_multiples(images: Any, kernel: Any, padding: _Padding) -> Any:
    """A plain convolution: the image once for each number of the kernel, times it."""
    # bfloat16 is rounded once, at the end, as by XLA's kernels.
    wide, weights = (stored(held.astype(jnp.float32)) for held in (images, kernel))
    shifted = [
        (_shifted(wide, shift), weights[place])
        for place, shift in _places(kernel.shape[:-2], padding)
    ]
    parts = [
        image[..., feature, None] * row[feature]
        for image, row in shifted
        for feature in range(kernel.shape[-2])
    ]
    # All that reads it would compute it anew.
    return stored(sum(parts[1:], parts[0]))


def _as_sums(images: Any, kernel: Any, padding: _Padding) -> Any:
    """A plain convolution of few results, such as the gradient of a kernel: as one product."""
    *sizes, _, filters = kernel.shape
    # Samples first, as a gradient comes: then nothing is moved.
    images = lax.pad(
        jnp.moveaxis(images, -1, 1),
        jnp.zeros((), images.dtype),
        [(0, 0, 0)] * 2 + [(low, high, 0) for low, high in padding],
    )
    counts = [size - own + 1 for size, own in zip(images.shape[2:], sizes, strict=True)]
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
    """A plain convolution: the image times all of the kernel, and the results added in place."""
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
    """Each place of a kernel, and how an image is padded and cut to lie below it."""
    for place in itertools.product(*map(range, sizes)):
        yield (
            place,
            [
                (low - at, high - (size - 1 - at), 0)
                for at, size, (low, high) in zip(place, sizes, padding, strict=True)
            ],
        )


def _shifted(images: Any, shift: list[tuple[int, int, int]]) -> Any:
    return lax.pad(images, jnp.zeros((), images.dtype), [(0, 0, 0), *shift, (0, 0, 0)])


def _moved(given: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The permutation that brings axes from their `given` positions to the `wanted` ones."""
    permutation = [0] * len(given)
    for source, target in zip(given, wanted, strict=True):
        permutation[target] = source
    return permutation
