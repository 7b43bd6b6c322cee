"""Runs each operation of a step in the form that is fast on this backend."""

import functools
from typing import Any

import jax
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.convolutions.binding import bind_for_loops
from kohort.engine.lowering.convolutions.joined import run_joined
from kohort.engine.lowering.matmul import (
    bind_in_float32,
    bind_stored,
    is_over_first_axes,
    is_sum_of_bfloat16,
)
from kohort.engine.lowering.pooling import bind_compared, is_max_pooling_gradient
from kohort.engine.lowering.prng import bind_written_out, is_threefry_bits
from kohort.tracing.jaxpr import bind, rewritten


def bind_fast(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Run one equation of a step on its inputs; the results may differ from JAX's in rounding."""
    if jax.default_backend() == "cpu":
        if is_over_first_axes(equation):
            return bind_stored(equation, inputs)
        if is_sum_of_bfloat16(equation):
            return bind_in_float32(equation, inputs)
        if is_threefry_bits(equation):
            return bind_written_out(equation, inputs)
        if is_max_pooling_gradient(equation):
            return bind_compared(equation, inputs)
        if equation.primitive.name == "conv_general_dilated":
            return bind_for_loops(equation, inputs)
        if equation.primitive.name == "scan":  # A loop over a series, in the loop over steps.
            joined = functools.partial(run_joined, run_one=bind_fast)
            return bind(equation, inputs, jaxpr=rewritten(equation.params["jaxpr"], joined))
    return bind(equation, inputs)
