"""Random bits: JAX's own, bit for bit, without its loop over rounds."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.lowering.rewriting import ours

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")
LARGE, SMALL = (64, 33), (8, 9)


def fast(function, *arguments):
    """A function in the form in which it is trained."""
    return jax.jit(ours(function, *arguments))


def compiled(function, *arguments):
    return fast(function, *arguments).lower(*arguments).compile().as_text()


def bits(shape, dtype="uint32"):
    return lambda key: jax.random.bits(key, shape, dtype)


@pytest.mark.long
@settings(derandomize=True, max_examples=12)
@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 40), min_size=0, max_size=3),
)
def test_the_bits_are_those_of_jax(seed, shape):
    key = jax.random.key(seed)
    assert (fast(bits(tuple(shape)), key)(key) == jax.random.bits(key, shape)).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize("shape", [LARGE, SMALL], ids=["large", "small"])
def test_words_of_any_width_are_those_of_jax(shape, dtype):
    key = jax.random.key(3)
    ours = fast(bits(shape, dtype), key)(key)
    assert ours.dtype == dtype
    assert (ours == jax.random.bits(key, shape, dtype)).all()


def test_members_side_by_side_have_the_bits_of_each():
    keys = jax.random.split(jax.random.key(1), 3)
    together = jax.vmap(fast(bits(LARGE), keys[0]))(keys)
    for drawn, key in zip(together, keys, strict=True):
        assert (drawn == jax.random.bits(key, LARGE)).all()


@pytest.mark.parametrize("shape", [LARGE, SMALL, (1,)], ids=["large", "small", "one"])
def test_they_are_drawn_in_one_pass(shape):
    key = jax.random.key(0)
    jax_own = jax.jit(bits(shape)).lower(key).compile().as_text()
    assert " while(" in jax_own, "JAX has another way now, which may be as fast"
    assert " while(" not in compiled(bits(shape), key)


def test_another_generator_is_left_as_it_is():
    key = jax.random.key(5, impl="rbg")
    assert (fast(bits(LARGE), key)(key) == jax.random.bits(key, LARGE)).all()


def test_the_older_way_to_count_is_left_as_it_is():
    key = jax.random.key(5)
    new = jax.random.bits(key, LARGE)
    with jax.threefry_partitionable(False):
        old = jax.random.bits(key, LARGE)
        assert (old != new).any()
        assert (fast(bits(LARGE), key)(key) == old).all()


def test_dropout_leaves_out_what_keras_leaves_out():
    x = jnp.ones(LARGE)
    layer = keras.layers.Dropout(0.5, seed=7)
    layer.build(LARGE)
    (state,) = [variable.value for variable in layer.non_trainable_variables]

    def run(state):
        return layer.stateless_call([], [state], x, training=True)[0]

    ours = fast(run, state)(state)
    assert (ours == run(state)).all()
    assert {0.0, 2.0} == set(np.unique(ours))
