"""The gradient of a kernel whose features are in groups of one or two, as in depthwise layers.

Each number of it is a sum over all samples and places of a feature times what the layer is wrong
by. XLA's CPU compiler sums over leading axes at a fraction of the processor's speed, so nothing is
summed over places inside the loop: the products of a few samples are added, place by place, to
those before, and the places are summed once at the end.
"""

import functools
import itertools
import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from kohort.engine.lowering.buffers import stored
from kohort.engine.lowering.convolutions.taps import Window, padded, strided
from kohort.engine.lowering.convolutions.turns import divisor_within

_TOGETHER = 4
"""The most samples of a turn: the products of each are compiled."""
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
    places, holes = window.results(x.shape[1:-2]), window.holes
    moved = window.strides, window.padding
    starts = [
        [step * at - low for at, step, (low, _) in zip(place, *moved, strict=True)]
        for place in itertools.product(*map(range, places))
    ]
    of_row = len(starts) * features * filters * groups * math.prod(counts[1:])
    rows = divisor_within(counts[0], of_row, _HELD)
    spans = [step * (count - 1) + 1 for count, step in zip((rows, *counts[1:]), holes, strict=True)]
    together = divisor_within(len(x), 1, _TOGETHER)

    def turn(totals: Any, held: tuple[Any, Any]) -> tuple[Any, None]:
        images, errors = (stored(array.astype(jnp.float32)) for array in held)
        images, inside = padded(images, starts, counts, holes)
        first = jnp.asarray(inside)

        def of_a_place(at: Any, totals: Any, row: Any) -> Any:
            begin = first[at].at[0].add(holes[0] * row)
            met = lax.dynamic_slice(images, (0, *begin, 0, 0), (together, *spans, groups, features))
            met = strided(met, [0] * len(spans), (rows, *counts[1:]), holes)
            wrong = lax.dynamic_slice_in_dim(errors, row, rows, 1)
            product = sum(met[one, ..., None] * wrong[one, ..., None, :] for one in range(together))
            return totals.at[at].add(product)

        def some_rows(totals: Any, row: Any) -> tuple[Any, None]:
            of_each = functools.partial(of_a_place, row=row)
            return lax.fori_loop(0, len(starts), of_each, totals), None

        return lax.scan(some_rows, totals, jnp.arange(0, counts[0], rows))

    zeros = jnp.zeros((len(starts), rows, *counts[1:], groups, features, filters), jnp.float32)
    samples = [array.reshape(-1, together, *array.shape[1:]) for array in (x, g)]
    totals, _ = lax.scan(turn, zeros, tuple(samples))
    sums = totals.reshape(len(starts), -1, groups, features, filters).sum(1)
    return jnp.moveaxis(sums.reshape(*places, groups, features, filters), -2, 0)
