"""Convolutions: the same numbers in another order of axes, the one that loops run fast."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from kohort.design.lifting import trace
from kohort.engine.operations import bind_fast


@st.composite
def convolutions(draw):
    """A convolution with any order of axes, strides, dilation and groups."""
    spatial = draw(st.integers(1, 3))
    rank = spatial + 2
    images, kernels, results = (tuple(draw(st.permutations(range(rank)))) for _ in range(3))
    groups = draw(st.sampled_from([1, 2]))
    image = dict(zip(images, (2, 2 * groups, *[5] * spatial), strict=True))
    kernel = dict(zip(kernels, (4, 2, *[3] * spatial), strict=True))

    def convolve(x, k):
        return lax.conv_general_dilated(
            x,
            k,
            window_strides=draw_strides,
            padding=draw_padding,
            rhs_dilation=draw_dilation,
            dimension_numbers=lax.ConvDimensionNumbers(images, kernels, results),
            feature_group_count=groups,
        )

    draw_strides = [draw(st.integers(1, 2)) for _ in range(spatial)]
    draw_dilation = [draw(st.integers(1, 2)) for _ in range(spatial)]
    draw_padding = draw(st.sampled_from(["SAME", [(0, 2)] * spatial]))
    return convolve, *([sizes[axis] for axis in range(rank)] for sizes in (image, kernel))


@settings(deadline=None, derandomize=True, max_examples=10)
@given(convolutions())
def test_any_convolution_and_its_gradients_keep_their_numbers(drawn):
    convolve, *shapes = drawn
    random = np.random.default_rng(0)
    x, k = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)

    def step(x, k):
        return jax.value_and_grad(lambda *a: (convolve(*a) ** 2).sum(), argnums=(0, 1))(x, k)

    run = trace(step, x, k).lifted((), bind_fast)
    for mine, yours in zip(
        jax.tree.leaves(run([], x, k)), jax.tree.leaves(step(x, k)), strict=True
    ):
        assert mine.shape == yours.shape
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs choose an order of their own")
def test_inside_a_loop_every_convolution_is_channels_last():
    x, k = jnp.ones((4, 9, 9, 3)), jnp.ones((3, 3, 3, 8))

    def step(x, k):
        return jax.grad(
            lambda *a: (lax.conv_general_dilated(
                *a, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) ** 2).sum(),
            argnums=(0, 1),
        )(x, k)  # fmt: skip

    def labels(function):
        def looped(x, k):
            return lax.scan(lambda held, _: (function(*held), None), (x, k), None, length=3)[0]

        text = jax.jit(looped).lower(x, k).compile().as_text()
        return set(re.findall(r"dim_labels=(\S+)", text))

    run = trace(step, x, k).lifted((), bind_fast)
    assert {label.strip(",") for label in labels(lambda *a: run([], *a))} == {"b01f_01io->b01f"}
    assert len(labels(step)) > 1, "XLA brings them to that order itself: this is needed no more"
