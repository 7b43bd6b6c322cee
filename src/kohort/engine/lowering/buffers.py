"""Lets an optimizer update weights in place, without a copy in each step.

A loop keeps the weights in one buffer. XLA's CPU compiler copies the buffer before an update unless
it can tell that every read of the old weights ends before the new ones are written. The gradient
with respect to a layer's inputs reads the weights, and the update does not depend on it. Here the
update is made to depend on it, through a zero computed from that gradient. XLA does not simplify
this zero away; LLVM, which compiles the rest, does.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from kohort.tracing.jaxpr import Bind

# Additions to an activation that products have read match too; that costs nothing.
_UPDATES = ("sub", "add")
_DTYPES = ("float16", "bfloat16", "float32", "float64")


class _Read(NamedTuple):
    """An array that matrix products read, and the results of these products."""

    array: Any  # Kept alive, so that no other array gets its id.
    results: list[Any]


def updating_in_place(run_one: Bind) -> Bind:
    """Make updates of arrays wait for the matrix products that read them.

    Args:
        run_one: The function that runs one equation.

    Returns:
        A function that runs one equation, for one run of a program only: it remembers which
        arrays products have read.
    """
    if jax.default_backend() != "cpu":
        return run_one
    read: dict[int, _Read] = {}

    def run(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if name in _UPDATES and id(inputs[0]) in read:
            # The first is the forward product; the gradient already depends on it.
            array, (_, *later) = read[id(inputs[0])]
            inputs = [after(array, later), *inputs[1:]]
        results = run_one(equation, inputs)
        if name == "dot_general" and results[0].dtype in _DTYPES and results[0].size:
            for array in inputs:
                read.setdefault(id(array), _Read(array, [])).results.append(results[0])
        return results

    return run


def after(array: Any, results: list[Any]) -> Any:
    """The same array, bit for bit, made to depend on one number of each result."""
    if not results:
        return array
    bits = _bits(array)
    for result in results:
        first = _bits(result[(0,) * result.ndim])
        zero = jnp.zeros((), first.dtype)
        bits += lax.clamp(zero, first, zero).astype(bits.dtype)
    return lax.bitcast_convert_type(bits, array.dtype)


def _bits(array: Any) -> Any:
    """The bits of a floating array as integers of its width."""
    return lax.bitcast_convert_type(array, jnp.dtype(f"int{8 * array.dtype.itemsize}"))


def stored(array: Any) -> Any:
    """The same array, computed once and stored: XLA does not fuse across the barrier."""
    return lax.optimization_barrier(array)  # type: ignore[no-untyped-call]


def stored_rows_first(matrix: Any) -> Any:
    """The same matrix `[row, column]`, stored in row-major order.

    It is stored as an array of one axis, which can have no other order in memory.
    """
    return stored(matrix.reshape(-1)).reshape(matrix.shape)
