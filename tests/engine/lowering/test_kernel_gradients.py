"""Gradients of kernels, a few samples at a time, against XLA's own convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kohort.engine.lowering.kernel_gradients import is_kernel_gradient, kernel_gradient

# Samples, space, features and filters; the kernel's sizes; the padding. One turn and several, of
# one sample and of three, other numbers of rows than of columns, one axis, rows that are cut off.
CASES = {
    "one turn": ((5, 12, 9, 4, 3), (3, 3), [(1, 1), (1, 1)]),
    "seven turns": ((7, 40, 40, 32, 32), (3, 3), [(1, 1), (1, 1)]),
    "two turns of three": ((6, 28, 28, 32, 32), (3, 3), [(1, 1), (1, 1)]),
    "oblong": ((3, 24, 7, 5, 6), (5, 2), [(0, 3), (2, 1)]),
    "points": ((4, 9, 8, 6, 5), (1, 1), [(0, 0), (0, 0)]),
    "one axis": ((4, 50, 6, 5), (5,), [(4, 0)]),
    "cut": ((3, 16, 16, 4, 4), (3, 3), [(-1, 1), (0, -2)]),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("sizes", "places", "padding"), CASES.values(), ids=CASES)
def test_it_has_the_numbers_of_xlas_convolution(sizes, places, padding, dtype):
    samples, *space, features, filters = sizes
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(features, *space, samples)), dtype)
    left = [
        size + low + high - place + 1
        for size, (low, high), place in zip(space, padding, places, strict=True)
    ]
    errors = jnp.asarray(random.normal(size=(*left, samples, filters)), dtype)
    assert is_kernel_gradient(images, errors, places)
    found = jax.jit(lambda *a: kernel_gradient(*a, padding))(images, errors)
    axes = "XY"[: len(space)]
    expected = lax.conv_general_dilated(
        images.astype(jnp.float32),
        errors.astype(jnp.float32),
        [1] * len(space),
        padding,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        precision="highest",
    )
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("errors", "places"),
    [
        pytest.param((8, 8, 8, 3, 4), (3, 3, 3), id="three axes"),
        pytest.param((6, 30, 3, 4), (3, 3), id="more than a quarter of zeros"),
        pytest.param((40, 40, 3, 4), (8, 8), id="many places"),
        pytest.param((3, 3, 3, 4), (3, 3), id="as many places as numbers in an image"),
        pytest.param((30, 30, 3, 0), (3, 3), id="no filters"),
    ],
)
def test_what_gains_nothing_is_left_to_xla(errors, places):
    images = jnp.zeros((2, *(size + 2 for size in errors[:-2]), errors[-2]))
    assert not is_kernel_gradient(images, jnp.zeros(errors), places)
