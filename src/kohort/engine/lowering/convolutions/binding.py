"""Rewrites convolutions so that XLA's CPU compiler runs them fast inside a loop.

An epoch is a loop over steps. Outside of loops XLA brings every convolution to channels-last order
before it picks a kernel. Inside of loops it does not, and the convolutions of a gradient get a
kernel that is 10 to 30 times slower (jax-ml/jax#12868). So the order is changed here. And some it
has no kernel for, in any order: each number is computed by itself. Those are written otherwise.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

from jax import lax
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.convolutions.forms import convolved
from kohort.engine.lowering.convolutions.groups import convolved_by_batches, convolved_by_groups
from kohort.engine.lowering.convolutions.taps import Window
from kohort.tracing.jaxpr import avals, bind

_DTYPES = ("bfloat16", "float32")


def bind_for_loops(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a convolution in channels-last order, or as sums and products."""
    numbers = equation.params["dimension_numbers"]
    canonical = _channels_last(len(numbers.lhs_spec))
    images = lax.transpose(inputs[0], _moved(numbers.lhs_spec, canonical.lhs_spec))
    kernel = lax.transpose(inputs[1], _moved(numbers.rhs_spec, canonical.rhs_spec))
    params = equation.params
    window = Window(
        kernel.shape[:-2],
        *(params[name] for name in ("window_strides", "padding", "lhs_dilation", "rhs_dilation")),
    )
    if _is_written(equation, window):
        (made,) = avals(equation.outvars)
        result = _in_groups(equation, images, kernel, window).astype(made.dtype)
    else:
        (result,) = bind(equation, [images, kernel], dimension_numbers=canonical)
    return [lax.transpose(result, _moved(canonical.out_spec, numbers.out_spec))]


def _is_written(equation: JaxprEqn, window: Window) -> bool:
    """Whether a convolution may be run in another form than XLA's."""
    known = {str(aval.dtype) for aval in avals(equation.invars)} <= {*_DTYPES}
    arrays = avals((*equation.invars, *equation.outvars))
    # Keras's layers have three axes at most, and none has both; where such a convolution is taken
    # apart XLA's compiler may abort.
    has_both = {*window.strides} != {1} and {*window.dilation} != {1}
    return (
        known
        and all(map(math.prod, (array.shape for array in arrays)))
        and len(window.sizes) <= 3
        and not has_both
    )


def _in_groups(equation: JaxprEqn, images: Any, kernel: Any, window: Window) -> Any:
    """A convolution, in groups or not, channels last."""

    def by_xla(images: Any, kernel: Any, window: Window) -> Any:
        (result,) = bind(
            equation,
            [images, kernel],
            dimension_numbers=_channels_last(images.ndim),
            window_strides=window.strides,
            padding=window.padding,
            lhs_dilation=window.dilation,
            rhs_dilation=window.holes,
            feature_group_count=1,
            batch_group_count=1,
        )
        return result

    of_a_group = functools.partial(convolved, window=window, by_xla=by_xla)
    for name, run in (
        ("feature_group_count", convolved_by_groups),
        ("batch_group_count", convolved_by_batches),
    ):
        if equation.params[name] > 1:
            return run(images, kernel, window, equation.params[name], of_a_group)
    return of_a_group(images, kernel)


def _channels_last(rank: int) -> lax.ConvDimensionNumbers:
    """Where (sample, feature, *space) are, and in the kernel (filter, feature, *place)."""
    last = (0, rank - 1, *range(1, rank - 1))
    return lax.ConvDimensionNumbers(last, (rank - 1, rank - 2, *range(rank - 2)), last)


def _moved(sources: Sequence[int], targets: Sequence[int]) -> list[int]:
    """The permutation that brings axes from the positions `sources` to `targets`."""
    permutation = [0] * len(sources)
    for source, target in zip(sources, targets, strict=True):
        permutation[target] = source
    return permutation
