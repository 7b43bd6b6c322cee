"""Draws random bits by Threefry-2x32 (Salmon et al., SC 2011) in a form that is fast on CPUs.

JAX compiles its default generator for CPUs as a loop over rounds, in which every operation passes
over the whole array; of few numbers, XLA makes one kernel of the whole loop, which takes it half a
second to compile. Unrolled, the rounds are one pass. The bits are the same.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from kohort.engine.lowering.buffers import stored
from kohort.tracing.jaxpr import avals

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_MOST = 2**32  # More numbers cannot be counted in one word.


def is_threefry_bits(equation: JaxprEqn) -> bool:
    """Whether an equation draws words of 32 bits from one key of JAX's default generator."""
    if equation.primitive.name != "random_bits" or equation.params["bit_width"] != 32:
        return False
    (key,) = avals(equation.invars)
    # JAX's other setting counts the numbers in another order.
    is_counted = bool(jax.config.jax_threefry_partitionable)
    is_one = str(key.dtype) == "key<fry>" and key.shape == ()
    return is_one and is_counted and math.prod(equation.params["shape"]) < _MOST


def bind_written_out(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
    """Draw the bits (uint32, of the shape in the equation's parameters) by unrolled rounds."""
    shape = equation.params["shape"]
    words = jax.random.key_data(inputs[0])
    place = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    one, other = _threefry(words[0], words[1], jnp.zeros_like(place), place)
    # Without a barrier dropout and its gradient would each draw the bits.
    return [stored(one ^ other)]


def _threefry(key: Any, other_key: Any, one: Any, other: Any) -> tuple[Any, Any]:
    """20 rounds over two words (uint32, any shape), as in the paper."""
    keys = (key, other_key, key ^ other_key ^ jnp.uint32(_PARITY))
    one, other = one + keys[0], other + keys[1]
    for group in range(5):
        for turn in _ROTATIONS[group % 2]:
            one += other
            other = (other << jnp.uint32(turn)) | (other >> jnp.uint32(32 - turn))
            other ^= one
        one += keys[(group + 1) % 3]
        other += keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return one, other
