"""The gradient of a kernel whose features are in groups of one or two, as in depthwise layers.

Each number of it is a sum over all samples and places of a feature times what the layer is wrong
by. XLA's CPU compiler sums over leading axes at a fraction of the processor's speed, so nothing is
summed over places inside the loop: the products of a few samples are added, place by place, to
those before, and the places are summed once at the end.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.taps import Window, padded, strided
from kohort.engine.lowering.convolutions.turns import divisor_within

_TERMS = 36
"""The products that a turn adds up, about: each is compiled."""
_HELD = 2**21
"""The most numbers that are added to: 8 MB. Of larger images some rows are taken at a time."""


def gradient_by_groups(x: Any, g: Any, window: Window, groups: int) -> Any:
    """The gradient for features in groups, over a window without dilation.

    Args:
        x: `[sample, *space, group * feature]`, the images of the layer.
        g: `[sample, *place, group * filter]`, what its result is wrong by.
        window: That of the gradient: its strides are the holes of the layer.
        groups: How many.

    Returns:
        float32 `[feature, *place of the kernel, group, filter]`.
    """
    x, g = (array.reshape(*array.shape[:-1], groups, -1) for array in (x, g))
    (features, filters), counts = (x.shape[-1], g.shape[-1]), g.shape[1:-2]
    places = window.results(x.shape[1:-2])
    taps = math.prod(places) * features * filters
    together = divisor_within(len(x), taps, _TERMS)
    rows = divisor_within(counts[0], taps * math.prod(counts[1:]) * groups, _HELD)
    moved = window.strides, window.padding
    starts = [
        [step * at - low for at, step, (low, _) in zip(place, *moved, strict=True)]
        for place in itertools.product(*map(range, places))
    ]

    def turn(totals: list[Any], held: tuple[Any, Any]) -> tuple[list[Any], None]:
        images, errors = (stored(array.astype(jnp.float32)) for array in held)
        images, inside = padded(images, starts, counts, window.holes)
        step = window.holes[0]
        span = step * (rows - 1) + 1 + max(at for at, *_ in inside)

        def some_rows(totals: list[Any], first: Any) -> tuple[list[Any], None]:
            met = lax.dynamic_slice_in_dim(images, step * first, span, 1)
            wrong = lax.dynamic_slice_in_dim(errors, first, rows, 1)
            return _added(totals, met, wrong, inside, window.holes), None

        if rows == counts[0]:
            return _added(totals, images, errors, inside, window.holes), None
        return lax.scan(some_rows, totals, jnp.arange(0, counts[0], rows))

    zeros = [jnp.zeros((rows, *counts[1:], groups), jnp.float32)] * taps
    samples = [array.reshape(-1, together, *array.shape[1:]) for array in (x, g)]
    totals, _ = lax.scan(turn, zeros, tuple(samples))
    sums = jnp.stack([total.reshape(-1, groups).sum(0) for total in totals])
    of_kernel = sums.reshape(*places, features, filters, groups)
    return jnp.moveaxis(of_kernel, (-3, -1), (0, -2))


def _added(
    totals: list[Any], images: Any, errors: Any, starts: Sequence[Sequence[int]], holes: Any
) -> list[Any]:
    """Totals `[*place, group]` of each start, feature and filter, with those of more samples."""
    counts = errors.shape[1:-2]
    products = (
        image[..., feature] * errors[..., number]
        for image in (strided(images, start, counts, holes) for start in starts)
        for feature in range(images.shape[-1])
        for number in range(errors.shape[-1])
    )
    return [total + sum(product) for total, product in zip(totals, products, strict=True)]
