"""Computes the gradient of a convolution's kernel as matrix products over a few samples at a time.

XLA's CPU compiler runs this gradient as a convolution whose windows are whole images, at a fifth to
a half of the speed of the convolution forward (images, float32, 3 x 3, 32 to 64 features; along one
axis it is as fast). One product of all patches with all errors is no faster: the patches are nine
times the images and leave the caches. Here a turn takes as many samples as the caches hold. The
places of a kernel are shared out between both sides of the product: shifts along the last axis
widen the images, shifts along the other widen the errors, so that 3 x 3 places cost three copies of
each. Where the convolution has strides, all shifts widen the images: of these fewer are left. Where
it has fewer filters than features, as the last layer of an autoencoder, all widen the errors.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.taps import strided, with_sides
from kohort.engine.lowering.convolutions.turns import divisor_within

_PLACES = 49
"""The most places of a kernel: 7 x 7."""
_ZEROS = 0.25
"""The most that shifts may add in zeros, as a part of the errors."""
_TURN = 2**21
"""The bytes that a turn's operands may take: what a core's own caches hold, about."""
_FEW = 144
"""The most results for a feature that are best computed by widening the errors alone."""
_ALIKE = 128
"""Rows of so many numbers, or a multiple, begin in the same few lines of a cache."""


def is_kernel_gradient(
    images: Any, errors: Any, places: tuple[int, ...], strides: Sequence[int]
) -> bool:
    """Whether a convolution without groups is best run here.

    Args:
        images: `[feature, row, column, sample]`, float32 or bfloat16.
        errors: `[row, column, sample, filter]`: what the result of the layer is wrong by.
        places: The sizes of the result's space, the kernel's.
        strides: The layer's, by which the errors are dilated.
    """
    *space, samples, filters = errors.shape
    if len(space) != 2 or min(samples, len(images), filters) == 0:
        return False
    added = (places[0] - 1) / space[0] if strides[0] == 1 else 0
    return math.prod(places) <= min(_PLACES, math.prod(space) - 1) and added <= _ZEROS


def kernel_gradient(
    images: Any, errors: Any, padding: Sequence[tuple[int, int]], strides: Sequence[int]
) -> Any:
    """The convolution of `images` with `errors`, as `is_kernel_gradient` takes them.

    Returns:
        float32 `[feature, *place, filter]`.
    """
    images = jnp.moveaxis(images, (0, -1), (-1, 0))
    errors = jnp.moveaxis(errors, -2, 0)
    images = with_sides(images, padding)
    samples, rows, columns, filters = errors.shape
    features = images.shape[-1]
    down_step, step = strides
    down = images.shape[1] - down_step * (rows - 1)
    across = images.shape[2] - step * (columns - 1)
    # By so many shifts along each axis the errors are widened, and the images by the others.
    high = down if down_step == 1 else 1
    results = down * across * filters
    is_narrower = features + results < features * across + down * filters
    few = {down_step, step} == {1} and results <= _FEW and is_narrower
    long = across if few and across - 1 <= _ZEROS * columns else 1
    shifts = list(itertools.product(range(down // high), range(across // long)))
    wide = len(shifts) * features
    # Columns of zeros, by which rows do not drive each other from the cache.
    spare = 8 if wide % _ALIKE == 0 else 0
    height, width = rows + high - 1, columns + long - 1
    sample = 4 * height * width * (wide + high * long * filters)
    together = divisor_within(samples, sample, _TURN)

    def turn(total: Any, held: list[Any]) -> tuple[Any, None]:
        images, errors = (array.astype(jnp.float32) for array in held)
        left = [strided(images, shift, (height, width), strides) for shift in shifts]
        right = [
            jnp.pad(errors, ((0, 0), (y, high - 1 - y), (x, long - 1 - x), (0, 0)))
            for y, x in itertools.product(range(high), range(long))
        ]
        if spare:
            left.append(jnp.zeros((*left[0].shape[:-1], spare), jnp.float32))
        return total + _over_samples(*(stored(jnp.concatenate(s, -1)) for s in (left, right))), None

    total, _ = lax.scan(
        turn,
        jnp.zeros((wide + spare, high * long * filters), jnp.float32),
        [array.reshape(-1, together, *array.shape[1:]) for array in (images, errors)],
    )
    total = total[:wide].reshape(down // high, across // long, features, high, long, filters)
    return jnp.transpose(total, (2, 0, 3, 1, 4, 5)).reshape(features, down, across, filters)


def _over_samples(left: Any, right: Any) -> Any:
    """`[row, column]` of `[*sample, row]` and `[*sample, column]`."""
    return lax.dot_general(
        left.reshape(-1, left.shape[-1]),
        right.reshape(-1, right.shape[-1]),
        (((0,), (0,)), ((), ())),
    )
