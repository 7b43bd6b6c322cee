"""Gradients of kernels, a few samples at a time, against XLA's own convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kohort.engine.lowering.convolutions.kernel_gradients import is_kernel_gradient, kernel_gradient
from kohort.tracing.jaxpr import equations

# Samples, space, features and filters; the kernel's sizes; the padding; the strides. One turn and
# several, of one sample and of three, other numbers of rows than of columns, rows that are cut off.
CASES = {
    "one turn": ((5, 12, 9, 4, 3), (3, 3), [(1, 1), (1, 1)], (1, 1)),
    "seven turns": ((7, 40, 40, 32, 32), (3, 3), [(1, 1), (1, 1)], (1, 1)),
    "two turns of three": ((6, 28, 28, 32, 32), (3, 3), [(1, 1), (1, 1)], (1, 1)),
    "oblong": ((3, 24, 7, 5, 6), (5, 2), [(0, 3), (2, 1)], (1, 1)),
    "few filters": ((6, 16, 14, 32, 2), (3, 3), [(1, 1), (0, 2)], (1, 1)),
    "few filters, small images": ((6, 6, 6, 32, 1), (2, 3), [(1, 0), (0, 2)], (1, 1)),
    "fewer filters than features": ((6, 16, 14, 40, 8), (3, 3), [(1, 1), (1, 1)], (1, 1)),
    "as many numbers as drive each other out": ((4, 9, 9, 32, 4), (2, 2), [(1, 0), (0, 1)], (2, 2)),
    "points": ((4, 9, 8, 6, 5), (1, 1), [(0, 0), (0, 0)], (1, 1)),
    "cut": ((3, 16, 16, 4, 4), (3, 3), [(-1, 1), (0, -2)], (1, 1)),
    "strides": ((4, 17, 12, 5, 6), (3, 2), [(1, 1), (0, -1)], (2, 3)),
    "strides of one axis": ((4, 21, 12, 5, 6), (3, 3), [(0, 0), (1, 0)], (1, 2)),
    "strided points": ((4, 9, 8, 6, 5), (1, 1), [(0, 0), (0, -1)], (2, 2)),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("sizes", "places", "padding", "strides"), CASES.values(), ids=CASES)
def test_it_has_the_numbers_of_xlas_convolution(sizes, places, padding, strides, dtype):
    samples, *space, features, filters = sizes
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(features, *space, samples)), dtype)
    left = [
        (size + low + high - place) // stride + 1
        for size, (low, high), place, stride in zip(space, padding, places, strides, strict=True)
    ]
    errors = jnp.asarray(random.normal(size=(*left, samples, filters)), dtype)
    assert is_kernel_gradient(images, errors, places, strides)
    found = jax.jit(lambda *a: kernel_gradient(*a, padding, strides))(images, errors)
    expected = lax.conv_general_dilated(
        images.astype(jnp.float32),
        errors.astype(jnp.float32),
        (1, 1),
        padding,
        rhs_dilation=strides,
        dimension_numbers=("NXYC", "XYIO", "NXYC"),
        precision="highest",
    )
    assert (found.dtype, found.shape) == (jnp.float32, (features, *places, filters))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("features", "filters", "product"),
    [
        pytest.param(8, 8, (3 * 8, 3 * 8), id="as many filters"),
        pytest.param(32, 8, (32, 9 * 8), id="fewer"),
        pytest.param(8, 1, (8, 9), id="one"),
        pytest.param(2, 1, (3 * 2, 3), id="one of few features"),
        pytest.param(160, 24, (3 * 160, 3 * 24), id="many"),
    ],
)
def test_what_is_widened_is_what_makes_the_narrower_operands(features, filters, product):
    images, errors = jnp.zeros((features, 18, 18, 2)), jnp.zeros((16, 16, 2, filters))
    program = jax.make_jaxpr(lambda *a: kernel_gradient(*a, [(0, 0)] * 2, (1, 1)))(images, errors)
    (made,) = (one for one in equations(program) if one.primitive.name == "dot_general")
    assert made.outvars[0].aval.shape == product


@pytest.mark.parametrize(
    ("errors", "places"),
    [
        pytest.param((50, 3, 4), (5,), id="one axis"),
        pytest.param((8, 8, 8, 3, 4), (3, 3, 3), id="three axes"),
        pytest.param((6, 30, 3, 4), (3, 3), id="more than a quarter of zeros"),
        pytest.param((40, 40, 3, 4), (8, 8), id="many places"),
        pytest.param((3, 3, 3, 4), (1, 9), id="as many places as numbers in an image"),
        pytest.param((30, 30, 3, 0), (3, 3), id="no filters"),
    ],
)
def test_what_gains_nothing_is_left_to_xla(errors, places):
    images = jnp.zeros((2, *(size + 2 for size in errors[:-2]), errors[-2]))
    assert not is_kernel_gradient(images, jnp.zeros(errors), places, (1,) * len(places))
