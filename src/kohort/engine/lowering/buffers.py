"""Weights that an optimizer overwrites where they lie, without a copy in each step.

A loop carries the weights from step to step in one place. XLA's CPU compiler copies them first
wherever it does not see that all that reads the old weights ends before the new ones are written:
the gradient by a layer's inputs reads them, and nothing of the update waits for it. Here the update
waits, for a zero made of that gradient, which XLA does not see to be one. LLVM, which compiles what
is left, can.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from kohort.tracing.jaxpr import Bind

# An activation is added to in this way too, where products have read it: it loses nothing by it.
_UPDATES = ("sub", "add")
_DTYPES = ("float16", "bfloat16", "float32", "float64")


class _Read(NamedTuple):
    """An array that products read, and their results."""

    array: Any  # It is kept so that no other one takes its identity.
    results: list[Any]


def updating_in_place(run_one: Bind) -> Bind:
    """What runs the equations of one program, so that updates of what products read wait for them.

    Args:
        run_one: What runs an equation.

    Returns:
        The same, for one run of a program: it remembers what products have read.
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
    """The same array, bit for bit, which is there after the results are."""
    if not results:
        return array
    bits = _bits(array)
    for result in results:
        first = _bits(result[(0,) * result.ndim])
        zero = jnp.zeros((), first.dtype)
        bits += lax.clamp(zero, first, zero).astype(bits.dtype)
    return lax.bitcast_convert_type(bits, array.dtype)


def _bits(array: Any) -> Any:
    return lax.bitcast_convert_type(array, jnp.dtype(f"int{8 * array.dtype.itemsize}"))


def stored(array: Any) -> Any:
    """The same array, made once."""
    return lax.optimization_barrier(array)  # type: ignore[no-untyped-call]


def stored_rows_first(matrix: Any) -> Any:
    """The same matrix, rows first in memory: an array of one axis has one order."""
    return stored(matrix.reshape(-1)).reshape(matrix.shape)
