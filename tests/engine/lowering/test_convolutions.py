"""Convolutions: the same numbers in another order of axes, the one that loops run fast."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from tests.engine.lowering.rewriting import ours, same_numbers


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


@pytest.mark.long
@settings(derandomize=True, max_examples=10)
@given(convolutions())
def test_any_convolution_and_its_gradients_keep_their_numbers(drawn):
    convolve, *shapes = drawn
    random = np.random.default_rng(0)
    x, k = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)

    def step(x, k):
        return jax.value_and_grad(lambda *a: (convolve(*a) ** 2).sum(), argnums=(0, 1))(x, k)

    run = ours(step, x, k)
    for mine, yours in zip(jax.tree.leaves(run(x, k)), jax.tree.leaves(step(x, k)), strict=True):
        assert mine.shape == yours.shape
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs choose an order of their own")
def test_inside_a_loop_every_convolution_is_channels_last():
    x, k = jnp.ones((4, 9, 9, 16)), jnp.ones((3, 3, 16, 24))

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

    run = ours(step, x, k)
    assert {label.strip(",") for label in labels(run)} == {"b01f_01io->b01f"}
    assert len(labels(step)) > 1, "XLA brings them to that order itself: this is needed no more"


@st.composite
def plain_convolutions(draw):
    """Shapes of images and a kernel, channels last, and a padding."""
    spatial = draw(st.integers(1, 3))
    samples, features, filters = (draw(st.integers(1, most)) for most in (3, 10, 10))
    kernel = [draw(st.integers(1, 3)) for _ in range(spatial)]
    image = [size + draw(st.integers(0, 5)) for size in kernel]
    padding = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(spatial)]
    return (samples, *image, features), (*kernel, features, filters), padding


def convolution(padding, stride=1):
    axes = "XYZ"[: len(padding)]
    names = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    strides = (stride,) * len(padding)
    return lambda x, k: lax.conv_general_dilated(x, k, strides, padding, dimension_numbers=names)


def trained(convolve):
    """A step with a convolution and both of its gradients."""
    return jax.value_and_grad(
        lambda *a: (convolve(*a).astype(jnp.float32) ** 2).sum(), argnums=(0, 1)
    )


@pytest.mark.long
@settings(derandomize=True, max_examples=25)
@given(plain_convolutions(), st.sampled_from(["float32", "bfloat16"]))
def test_a_plain_convolution_and_its_gradients_keep_their_numbers(drawn, dtype):
    *shapes, padding = drawn
    random = np.random.default_rng(0)
    x, k = (jnp.asarray(random.normal(size=shape), dtype) for shape in shapes)
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    same_numbers(trained(convolution(padding)), x, k, rtol=tolerance, atol=tolerance)


# Images and a kernel: the first layer for grey and coloured images, the layer after it, and those
# that XLA's own kernels run best, some but for the gradient of the kernel. What is left of
# convolutions forward, and to either side.
LAYERS = {
    "grey": ((16, 12, 12, 1), (3, 3, 1, 8), 0),
    "coloured": ((16, 12, 12, 3), (3, 3, 3, 16), 0),
    "second": ((16, 12, 12, 8), (3, 3, 8, 16), 1),
    "wide": ((16, 12, 12, 16), (3, 3, 16, 16), 2),
    "series": ((16, 40, 16), (5, 16, 24), 3),
    "small images": ((16, 8, 8, 16), (3, 3, 16, 16), 3),
    "large kernels": ((4, 40, 40, 16), (8, 8, 16, 16), 3),
}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs have kernels for these")
@pytest.mark.parametrize(("image", "kernel", "left"), LAYERS.values(), ids=LAYERS)
def test_a_convolution_of_few_features_is_a_sum(image, kernel, left):
    random = np.random.default_rng(0)
    x, k = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in (image, kernel))
    convolve = convolution([(0, 0)] * (len(image) - 2))
    # The gradient of images is needed only where a layer lies below.
    over = (1,) if image[-1] <= 3 else (0, 1)

    def step(x, k):
        return jax.value_and_grad(lambda *a: (convolve(*a) ** 2).sum(), argnums=over)(x, k)

    run = ours(step, x, k)
    program = str(jax.make_jaxpr(run)(x, k))
    assert program.count("conv_general_dilated") == left
    same_numbers(step, x, k, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs have kernels for these")
@pytest.mark.parametrize("samples", [2, 9])
def test_few_filters_are_a_product_of_a_few_images_at_a_time(samples):
    random = np.random.default_rng(0)
    shapes = (samples, 40, 40, 12), (3, 3, 12, 3)
    x, k = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    convolve = convolution([(1, 1), (0, 2)])
    run = ours(convolve, x, k)
    program = str(jax.make_jaxpr(run)(x, k))
    # Two images take 86,400 numbers of 2^17, so nine are taken three by three.
    assert ("scan" in program) == (samples == 9)
    assert "conv_general_dilated" not in program
    same_numbers(convolve, x, k, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs have kernels for these")
def test_of_a_layer_with_strides_the_gradient_of_the_kernel_is_products():
    random = np.random.default_rng(0)
    shapes = (4, 12, 12, 8), (3, 3, 8, 16)
    x, k = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    step = trained(convolution([(0, 1), (0, 1)], stride=2))
    run = ours(step, x, k)
    program = str(jax.make_jaxpr(run)(x, k))
    assert program.count("conv_general_dilated") == 2
    same_numbers(step, x, k, rtol=1e-4, atol=1e-5)


def test_members_side_by_side_convolve_each_with_its_own_kernel():
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(4, 9, 9, 1)), jnp.float32)
    kernels = jnp.asarray(random.normal(size=(3, 3, 3, 1, 4)), jnp.float32)
    step = trained(convolution([(1, 1), (0, 2)]))
    run = ours(step, x, kernels[0])
    together = jax.jit(jax.vmap(run, (None, 0)))(x, kernels)
    for member, kernel in enumerate(kernels):
        for mine, yours in zip(
            jax.tree.leaves(together), jax.tree.leaves(step(x, kernel)), strict=True
        ):
            np.testing.assert_allclose(mine[member], yours, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_numbers_are_left_to_xla(dtype):
    with jax.enable_x64():
        x, k = (jnp.ones(shape, dtype) for shape in ((4, 9, 9, 1), (3, 3, 1, 4)))
        same_numbers(trained(convolution([(0, 0), (0, 0)])), x, k, rtol=1e-12, atol=0)
