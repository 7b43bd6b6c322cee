"""The gradient of max pooling: the same numbers, without indices for every pixel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from tests.engine.lowering.rewriting import ours

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")


def pooling(window, strides, padding="VALID"):
    return lambda x: lax.reduce_window(x, x.dtype.type(-np.inf), lax.max, window, strides, padding)


def gradient(pool):
    return lambda g, x: jax.vjp(pool, x)[1](g)[0]


def program(function, *arguments):
    run = ours(function, *arguments)
    return run, str(jax.make_jaxpr(run)(*arguments))


def both(pool, x):
    """The gradient as it is trained with, and JAX's; of what comes back is each number another."""
    shape = jax.eval_shape(pool, x)
    g = jnp.arange(1, 1 + shape.size, dtype=shape.dtype).reshape(shape.shape)
    run, text = program(gradient(pool), g, x)
    assert "select_and_scatter" not in text
    return np.asarray(jax.jit(run)(g, x)), np.asarray(gradient(pool)(g, x))


@st.composite
def pools(draw):
    rank = draw(st.integers(1, 3))
    window = [draw(st.integers(1, 3)) for _ in range(rank)]
    strides = window if draw(st.booleans()) else [draw(st.integers(1, 3)) for _ in range(rank)]
    sizes = [size + draw(st.integers(0, 5)) for size in window]
    sides = [(draw(st.integers(0, size)), draw(st.integers(0, size))) for size in window]
    padding = draw(st.sampled_from(["VALID", "SAME", ((0, 0), *sides, (0, 0))]))
    return (2, *sizes, 3), (1, *window, 1), (1, *strides, 1), padding


@pytest.mark.long
@settings(derandomize=True, max_examples=50)
@given(pools(), st.sampled_from(["float32", "bfloat16", "int"]))
def test_any_window_sends_back_what_jax_sends(drawn, kind):
    shape, window, strides, padding = drawn
    random = np.random.default_rng(0)
    # Whole numbers, as ReLU's zeros, are often equal: the first of them is the place.
    numbers = random.integers(0, 3, shape) if kind == "int" else random.normal(size=shape)
    x = jnp.asarray(numbers, "float32" if kind == "int" else kind)
    ours, theirs = both(pooling(window, strides, padding), x)
    if kind == "bfloat16" and window != strides:
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol=0.02)
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("size", "padding"), [(2, "VALID"), (3, "SAME")])
def test_numbers_that_are_not_finite_have_the_place_that_they_have_in_jax(bad, size, padding):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32) - 9
    x[:, ::2, ::3] = bad
    x[1, :3, :3] = bad
    pool = pooling((1, size, size, 1), (1, 2, 2, 1), padding)
    ours, theirs = both(pool, jnp.asarray(x))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("strides", [1, 2])
def test_float64_keeps_its_digits(strides):
    with jax.enable_x64():
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 3)))
        pool = pooling((1, 2, 1), (1, strides, 1))
        g = 1 + jnp.arange(2.0 * jax.eval_shape(pool, x).shape[1] * 3) / 3
        g = g.reshape(jax.eval_shape(pool, x).shape)
        run, _ = program(gradient(pool), g, x)
        np.testing.assert_allclose(run(g, x), gradient(pool)(g, x), rtol=1e-15)


@pytest.mark.long
def test_members_side_by_side_have_each_their_own_places():
    pool = pooling((1, 2, 2, 1), (1, 2, 2, 1))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 6, 6, 2)), jnp.float32)
    g = jnp.ones((2, 3, 3, 2))
    run, _ = program(gradient(pool), g, x[0])
    together = jax.vmap(lambda each: run(g, each))(x)
    for mine, each in zip(together, x, strict=True):
        np.testing.assert_array_equal(mine, gradient(pool)(g, each))


def test_a_large_window_is_left_to_jax():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 20, 20, 1)), jnp.float32)
    pool = pooling((1, 9, 9, 1), (1, 9, 9, 1))
    g = jnp.ones(jax.eval_shape(pool, x).shape)
    run, text = program(gradient(pool), g, x)
    assert "select_and_scatter" in text
    np.testing.assert_array_equal(run(g, x), gradient(pool)(g, x))
