"""Rewrites matrix products and sums so that XLA's CPU compiler runs them fast.

The gradient of a dense layer's weights sums over the samples, the first axis of both operands. XLA
uses its fast library only for products that sum over the last axis of the left operand. Other
products run in a slower one, which first converts bfloat16 operands to float32. A transpose by
itself does not help: the compiler folds it into the product. So the transposed operand is stored.

XLA splits sums of bfloat16 numbers in a slow way before it converts them to sums of float32
numbers, and rounds the parts. Here they are converted first: the library can run them, and the
result is rounded once.
"""

import math
from typing import Any

import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.buffers import stored, stored_rows_first
from kohort.tracing.jaxpr import avals, bind

_DTYPES = ("bfloat16", "float32")
_SMALLEST = 8  # The longest axis must have this size at least, or the library is not used.


def is_over_first_axes(equation: JaxprEqn) -> bool:
    """Whether an equation is a product that sums over the first axes of two matrices."""
    if equation.primitive.name != "dot_general":
        return False
    (left, right), batch = equation.params["dimension_numbers"]
    first = tuple(range(len(left)))
    if any(batch) or not first or tuple(left) != first or tuple(right) != first:
        return False
    samples, rows, columns = _sizes(equation)
    dtypes = {str(aval.dtype) for aval in avals((*equation.invars, *equation.outvars))}
    return (
        min(rows, columns) > 1
        and max(samples, rows, columns) >= _SMALLEST
        and len(dtypes) == 1
        and dtypes <= set(_DTYPES)
    )


def bind_stored(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a product over first axes, with the transposed operand stored.

    The inputs are `[*sample, *row]` and `[*sample, *column]`, the result is `[*row, *column]`.
    """
    samples, rows, columns = _sizes(equation)
    left, right = inputs[0].reshape(samples, rows), inputs[1].reshape(samples, columns)
    if rows * (samples + 2 * columns) < samples * columns:
        # The result is read transposed, and more than once.
        product = stored_rows_first(_product(equation, _transposed(left), right))
    else:
        product = _product(equation, _transposed(right), left).T
    (result,) = avals(equation.outvars)
    return [product.reshape(result.shape)]


def is_sum_of_bfloat16(equation: JaxprEqn) -> bool:
    """Whether an equation sums bfloat16 numbers."""
    name = equation.primitive.name
    return name == "reduce_sum" and avals(equation.invars)[0].dtype == jnp.bfloat16


def bind_in_float32(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run an equation of bfloat16 numbers in float32, and round its results."""
    results = bind(equation, [array.astype(jnp.float32) for array in inputs])
    return [result.astype(jnp.bfloat16) for result in results]


def _transposed(matrix: Any) -> Any:
    """`[column, row]` of `[row, column]`, stored."""
    # Stored before as well: else XLA computes an activation again in the transpose, unvectorised.
    return stored_rows_first(stored(matrix).T)


def _product(equation: JaxprEqn, left: Any, right: Any) -> Any:
    """`[row, sample]` times `[sample, column]`, with the other parameters of `equation`."""
    numbers = (((1,), (0,)), ((), ()))
    return bind(equation, [left, right], dimension_numbers=numbers)[0]


def _sizes(equation: JaxprEqn) -> tuple[int, int, int]:
    """The sizes of the summed axes (samples), and of the rows and columns of the result."""
    (summed, _), _ = equation.params["dimension_numbers"]
    left, right = (aval.shape for aval in avals(equation.invars))
    axes = len(summed)
    return math.prod(left[:axes]), math.prod(left[axes:]), math.prod(right[axes:])
