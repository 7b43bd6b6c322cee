"""Products and sums: the same numbers in the form that XLA's CPU compiler hands to its library."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from tests.engine.lowering.rewriting import ours

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")
WIDE = (784, 400)
NARROW = (784, 10)


def gradient(x, g):
    """What JAX makes of the gradient of `x @ w`: summed over all axes but the last."""
    over = tuple(range(x.ndim - 1))
    return lax.dot_general(g, x, ((over, over), ((), ()))).T


def both(function, *arguments):
    """A function's results in the fast form and as it is, in float64 for comparison."""
    run = ours(function, *arguments)
    results = jax.jit(run)(*arguments), function(*arguments)
    return [np.asarray(result, np.float64) for result in results]


def drawn(dtype, *shape):
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), dtype)


@settings(derandomize=True, max_examples=12)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["float32", "bfloat16"]),
)
def test_any_product_over_first_axes_keeps_its_numbers(samples, inputs, units, dtype):
    x, g = drawn(dtype, *samples, inputs), drawn(dtype, *samples, units)
    fast, given_ = both(gradient, x, g)
    assert fast.shape == given_.shape
    tolerance = 1e-5 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(fast, given_, rtol=tolerance, atol=tolerance * np.abs(given_).max())


@pytest.mark.parametrize("sizes", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_members_side_by_side_have_the_products_of_each(sizes, dtype):
    inputs, units = sizes
    x, g = drawn(dtype, 64, inputs), drawn(dtype, 3, 64, units)
    run = ours(gradient, x, g[0])
    together = jax.jit(jax.vmap(run, (None, 0)))(x, g)
    for member in range(3):
        alone = np.asarray(gradient(x, g[member]), np.float64)
        tolerance = (1e-5 if dtype == "float32" else 1e-2) * np.abs(alone).max()
        np.testing.assert_allclose(
            np.asarray(together[member], np.float64), alone, rtol=0, atol=tolerance
        )


def library_calls(function, *arguments):
    """The shapes of what XLA hands to its library, in a loop as in an epoch."""

    def looped(*held):
        def step(weights, _):
            return weights * 0.9 + function(*held).astype(jnp.float32), None

        start = jnp.zeros(jax.eval_shape(function, *held).shape)
        return lax.scan(step, start, None, length=3)[0]

    text = jax.jit(looped).lower(*arguments).compile().as_text()
    return re.findall(r"= (\S+?)\{\S* fusion\(.*ynn_fusion", text)


@pytest.mark.parametrize(
    ("sizes", "shape"), [(WIDE, "784,400"), (NARROW, "10,784")], ids=["wide", "narrow"]
)
@pytest.mark.parametrize(("dtype", "short"), [("float32", "f32"), ("bfloat16", "bf16")])
def test_the_gradient_of_weights_is_taken_by_the_library(sizes, shape, dtype, short):
    x, g = (drawn(dtype, 256, size) for size in sizes)
    run = ours(gradient, x, g)
    assert f"{short}[{shape}]" in library_calls(run, x, g)
    assert not library_calls(gradient, x, g), "XLA hands it over itself: this is needed no more"


def test_the_gradients_of_a_series_are_taken_by_the_library_too():
    x, g = drawn("float32", 5, 32, 64), drawn("float32", 5, 32, 96)

    def series(x, g):
        start = jnp.zeros((64, 96))
        return lax.scan(lambda held, at: (held + gradient(*at), None), start, (x, g))[0]

    run = ours(series, x, g)
    assert "f32[64,96]" in library_calls(run, x, g)
    assert not library_calls(series, x, g), "XLA hands it over itself: this is needed no more"
    fast, given_ = both(series, x, g)
    np.testing.assert_allclose(fast, given_, rtol=1e-5, atol=1e-5 * np.abs(given_).max())


def test_a_sum_of_bfloat16_rounds_once():
    g = drawn("bfloat16", 256, 40)

    def step(g):
        return lax.reduce_sum(g, (0,))

    fast, given_ = both(step, g)
    exact = np.asarray(g, np.float64).sum(0)
    np.testing.assert_array_equal(fast, np.asarray(jnp.asarray(exact, jnp.bfloat16), np.float64))
    assert np.abs(given_ - exact).max() > np.abs(fast - exact).max(), "XLA rounds once by itself"


def test_other_products_run_as_they_are():
    x, w = drawn("float32", 64, 30), drawn("float32", 30, 20)
    for function, arguments in [
        (lambda x, w: x @ w, (x, w)),
        (lambda x, y: jnp.einsum("bij,bij->ij", x, y), (x.reshape(4, 16, 30),) * 2),
        (lambda x, y: x[:, 0] @ y, (x, x)),
    ]:
        fast, given_ = both(function, *arguments)
        np.testing.assert_allclose(fast, given_, rtol=1e-5, atol=1e-4)


def test_an_activation_is_worked_out_once_for_the_forward_product_and_the_gradient():
    x, w, g = (drawn("float32", *shape) for shape in ((256, 48), (48, 64), (256, 64)))

    def layer(x, w, g):
        active = jnp.maximum(x - 0.5, 0)
        return gradient(active, g + active @ w)

    run = ours(layer, x, w, g)
    text = jax.jit(run).lower(x, w, g).compile().as_text()
    assert len(re.findall(r" maximum\(", text)) == 1
