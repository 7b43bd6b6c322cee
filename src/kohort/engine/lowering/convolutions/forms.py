"""Chooses the form in which XLA's CPU compiler runs a convolution without groups fast."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from kohort.engine.lowering.convolutions.kernel_gradients import is_kernel_gradient
from kohort.engine.lowering.convolutions.planes import as_planes, gradient_over_axes
from kohort.engine.lowering.convolutions.sums import form_of_few
from kohort.engine.lowering.convolutions.taps import Window
from kohort.engine.lowering.convolutions.upsampling import (
    as_product,
    gradient_of_upsampling,
    is_narrow,
)

_PLACES = 64
"""The most places of a kernel whose products or gradient are written out, as 8 x 8."""
_LITTLE_PLACES, _LITTLE = 9, 2**26
"""Over dilated images, where kernels overlap: up to so many places and products XLA is as fast, and
has less to compile."""
_PLANES = 8
"""The most planes that are features of one: so many times the images are written."""

type Form = Callable[[Any, Any, Window], Any]
"""Of `[sample, *space, feature]`, `[*place, feature, filter]` and how that is read."""


def convolved(images: Any, kernel: Any, window: Window, by_xla: Form) -> Any:
    """A convolution without groups.

    Args:
        images: `[sample, *space, feature]`, float32 or bfloat16.
        kernel: `[*place, feature, filter]`.
        window: How it reads them.
        by_xla: Runs what XLA runs best.

    Returns:
        `[sample, *place, filter]`, float32 or as XLA has it.
    """
    results = window.results(images.shape[1:-1])
    form = _form(images, kernel, window, results)
    if form is not None:
        return form(images, kernel, window)
    if len(results) == 3 and window.sizes[0] <= _PLANES and {*window.dilation} == {1}:
        return as_planes(images, kernel, window, functools.partial(convolved, by_xla=by_xla))
    return by_xla(images, kernel, window)


def _form(images: Any, kernel: Any, window: Window, results: Sequence[int]) -> Form | None:
    """What XLA's kernels are slower than; None where they are as fast."""
    if window.is_upsampling:
        return _form_of_upsampling(images, kernel, window, results)
    if window.is_plain and (few := form_of_few(images, kernel, results)):
        return few
    if {*window.strides, *window.dilation} == {1}:
        is_in_space = len(results) == 3 and _is_gradient(window, results)
        if is_in_space or is_kernel_gradient(images, kernel, tuple(results), window.holes):
            return gradient_over_axes
    return as_product if window.is_plain and is_narrow(kernel) else None


def _form_of_upsampling(
    images: Any, kernel: Any, window: Window, results: Sequence[int]
) -> Form | None:
    if _is_gradient(window, results):
        return gradient_of_upsampling
    places = math.prod(window.sizes)
    overlaps = any(size > step for size, step in zip(window.sizes, window.dilation, strict=True))
    products = images.size * places * kernel.shape[-1]
    is_little = len(results) < 3 and overlaps and places <= _LITTLE_PLACES and products < _LITTLE
    is_written = max(places, math.prod(window.dilation)) <= _PLACES
    return as_product if is_written and not is_little else None


def _is_gradient(window: Window, results: Sequence[int]) -> bool:
    """Whether it is a kernel's gradient, whose kernel is what the layer is wrong by."""
    written = results[1:] if len(results) == 3 else results  # Over the first axis goes a loop.
    return math.prod(results) < math.prod(window.sizes) and math.prod(written) <= _PLACES
