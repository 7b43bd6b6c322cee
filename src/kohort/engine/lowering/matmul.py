"""Products of matrices, and sums, in the form that XLA's CPU compiler runs fast.

The gradient of a dense layer's weights sums over the samples, the first axis of both operands. XLA
hands a product to its fast library only where the left operand is summed over its last axis; others
go to a slower one, which takes bfloat16 operands apart into float32 ones first. A transpose by
itself does not help: the compiler folds it into the product. So the transposed operand is stored.

Sums of bfloat16 numbers are split in a slow way before they are made sums of float32 numbers, and
the parts are rounded. They are made such sums at once here: the library takes them, and they are
rounded once.
"""

import math
from typing import Any

import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.buffers import stored, stored_rows_first
from kohort.tracing.jaxpr import avals, bind

_DTYPES = ("bfloat16", "float32")
_SMALLEST = 8  # of the longest axis: the library takes no less


def is_over_first_axes(equation: JaxprEqn) -> bool:
    """Whether an equation is a product that sums over the first axes of two matrices."""
    if equation.primitive.name != "dot_general":
        return False
    (left, right), batch = equation.params["dimension_numbers"]
    first = tuple(range(len(left)))
    if any(batch) or not first or tuple(left) != first or tuple(right) != first:
        return False
    samples, rows, columns = _sizes(equation)
    dtypes = {str(own.dtype) for own in avals((*equation.invars, *equation.outvars))}
    return (
        min(rows, columns) > 1
        and max(samples, rows, columns) >= _SMALLEST
        and len(dtypes) == 1
        and dtypes <= set(_DTYPES)
    )


def bind_stored(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run a product over first axes, with the transposed operand stored."""
    samples, rows, columns = _sizes(equation)
    left, right = inputs[0].reshape(samples, rows), inputs[1].reshape(samples, columns)
    if rows * (samples + 2 * columns) < samples * columns:
        # What reads this result reads it transposed, and more than once.
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
    results = bind(equation, [held.astype(jnp.float32) for held in inputs])
    return [result.astype(jnp.bfloat16) for result in results]


def _transposed(matrix: Any) -> Any:
    # Stored before as well: XLA would work an activation out again there, one number at a time.
    return stored_rows_first(stored(matrix).T)


def _product(equation: JaxprEqn, left: Any, right: Any) -> Any:
    numbers = (((1,), (0,)), ((), ()))
    return bind(equation, [left, right], dimension_numbers=numbers)[0]


def _sizes(equation: JaxprEqn) -> tuple[int, int, int]:
    """Numbers of samples, rows and columns: of what is summed over, and of the result."""
    (summed, _), _ = equation.params["dimension_numbers"]
    left, right = (own.shape for own in avals(equation.invars))
    axes = len(summed)
    return math.prod(left[:axes]), math.prod(left[axes:]), math.prod(right[axes:])
