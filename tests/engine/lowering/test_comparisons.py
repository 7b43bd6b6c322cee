"""Numbers that are compared with the largest of them are the same number on both sides."""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from kohort.engine.lowering.comparisons import compared_with_a_choice, storing
from kohort.engine.lowering.operations import bind_fast
from kohort.tracing.lifting import trace
from tests.parity.zoo import compiling_quickly


def largest_of(a, b):
    a, b = a + 1, b * 2
    return jnp.maximum(a, b) == a, jnp.minimum(a, b)


def test_what_is_compared_with_the_largest_of_it_is_found():
    found = compared_with_a_choice(trace(largest_of, 1.0, 2.0).jaxpr)
    assert len(found) == 2
    assert not compared_with_a_choice(trace(lambda a, b: (a == b, jnp.maximum(a, b)), 1, 2).jaxpr)
    assert not compared_with_a_choice(trace(lambda a: jnp.maximum(a, 0.0), 1.0).jaxpr)


def test_colours_are_those_that_keras_computes_operation_by_operation():
    """A colour that was rounded in two ways was not the largest of its pixel: another hue."""
    x = np.random.default_rng(0).uniform(size=(20, 8, 8, 3)).astype("float32")
    layer = keras.layers.RandomColorJitter(
        (0, 1), contrast_factor=0.3, saturation_factor=0.3, seed=1
    )
    layer.build(x.shape)

    def jittered(values, x):
        with keras.StatelessScope(list(zip(layer.variables, values, strict=True))):
            return layer(x, training=True)

    values = [variable.value for variable in layer.variables]
    traced = trace(jittered, values, x)
    run_one = storing(compared_with_a_choice(traced.jaxpr), bind_fast)
    of_two = jax.vmap(traced.lifted((), run_one), in_axes=(None, 0, None))
    with compiling_quickly():
        found = jax.jit(of_two)((), [jnp.stack([value] * 2) for value in values], x)
        for pixels in found:
            np.testing.assert_allclose(pixels, jittered(values, x), atol=1e-6)
