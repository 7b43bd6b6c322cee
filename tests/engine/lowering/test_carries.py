"""Narrow matrices: carried in another order of memory, and the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.engine.lowering.carries import packed, unpacked

SHAPES = st.lists(st.integers(1, 130), max_size=3).map(tuple)


@pytest.mark.long
@settings(deadline=None, derandomize=True)
@given(st.lists(SHAPES, max_size=4))
def test_what_is_packed_comes_back(shapes):
    state = [np.random.default_rng(0).normal(size=shape) for shape in shapes]
    back = unpacked(packed(state), state)
    for mine, given_ in zip(back, state, strict=True):
        np.testing.assert_array_equal(mine, given_)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")
def test_the_last_layer_of_a_classifier_is_carried_along_one_axis():
    kernel, slots = jnp.ones((784, 10)), [jnp.ones((784, 10)), jnp.ones(10)]
    wide = jnp.ones((784, 400))
    carried = packed([kernel, slots, wide])
    assert [leaf.shape for leaf in jax.tree.leaves(carried)] == [
        (7840,),
        (7840,),
        (10,),
        (784, 400),
    ]
