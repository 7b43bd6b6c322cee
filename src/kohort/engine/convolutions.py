"""Convolutions in the one layout that XLA's CPU compiler runs fast inside a loop.

An epoch is a loop over steps. Outside of loops XLA brings every convolution to channels-last order
before it picks a kernel; inside of loops it leaves them as they are, and those of a gradient fall
to a kernel that is 10 to 30 times slower (jax-ml/jax#12868). So the order is changed here.
"""

from collections.abc import Sequence
from typing import Any

from jax import lax
from jax.extend.core import JaxprEqn

from kohort.design.lifting import bind


def bind_channels_last(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a convolution in channels-last order."""
    given = equation.params["dimension_numbers"]
    rank = len(given.lhs_spec)
    spatial = tuple(range(1, rank - 1))
    # Positions of (batch, channel, spatial...) and, in the kernel, of (out, in, spatial...).
    last = (0, rank - 1, *spatial)
    canonical = lax.ConvDimensionNumbers(last, (rank - 1, rank - 2, *range(rank - 2)), last)
    if given == canonical:
        return bind(equation, inputs)
    images, kernels = inputs
    (result,) = bind(
        equation,
        [
            lax.transpose(images, _moved(given.lhs_spec, canonical.lhs_spec)),
            lax.transpose(kernels, _moved(given.rhs_spec, canonical.rhs_spec)),
        ],
        dimension_numbers=canonical,
    )
    return [lax.transpose(result, _moved(canonical.out_spec, given.out_spec))]


def _moved(given: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The permutation that brings axes from their `given` positions to the `wanted` ones."""
    permutation = [0] * len(given)
    for source, target in zip(given, wanted, strict=True):
        permutation[target] = source
    return permutation
