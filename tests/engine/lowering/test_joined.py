"""Convolutions in a loop that read the same images, or are added up, are one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kohort.engine.lowering.convolutions.joined import run_joined
from kohort.tracing.jaxpr import bind, rewritten

RANDOM = np.random.default_rng(0)
IMAGES = jnp.asarray(RANDOM.normal(size=(4, 7, 6, 3)), jnp.float32)
KERNELS = [jnp.asarray(RANDOM.normal(size=(3, 3, 3, 5)), jnp.float32) for _ in range(3)]


def convolved(x, k, strides=(1, 1)):
    return lax.conv_general_dilated(
        x, k, strides, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def after(function, *arguments):
    """How many convolutions are left of a program, which keeps its numbers."""
    program = jax.make_jaxpr(function)(*arguments)
    joined = rewritten(program, lambda *given: run_joined(*given, bind))
    found, expected = (
        jax.core.eval_jaxpr(each.jaxpr, each.consts, *jax.tree.leaves(arguments))
        for each in (joined, program)
    )
    for mine, yours in zip(found, expected, strict=True):
        assert (mine.shape, mine.dtype) == (yours.shape, yours.dtype)
        largest = float(jnp.abs(yours).max())
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-5 * largest)
    return str(joined).count("conv_general_dilated[")


def of_all(x, *kernels):
    return sum(jnp.tanh(convolved(x, k) + number) for number, k in enumerate(kernels)).sum()


def test_of_the_same_images_they_are_one_and_so_is_their_gradient():
    assert after(of_all, IMAGES, *KERNELS) == 1
    # Forward; to the images, which is a sum; to the kernels.
    assert after(jax.grad(of_all, argnums=(0, 1, 2, 3)), IMAGES, *KERNELS) == 3


def test_they_are_joined_in_calls_too():
    assert after(lambda x, *kernels: jax.jit(of_all)(x, *kernels) * 2, IMAGES, *KERNELS) == 1


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(
            lambda x, a, b, c: (convolved(x, a), convolved(x + 1, b)), id="of other images"
        ),
        pytest.param(
            lambda x, a, b, c: (convolved(x, a), convolved(x, b, (2, 2))), id="with other strides"
        ),
        pytest.param(
            lambda x, a, b, c: (convolved(x, a), convolved(x, b[..., :4])),
            id="by kernels of other shapes",
        ),
        pytest.param(
            lambda x, a, b, c: convolved(convolved(x, a)[..., :3], b[..., :5]),
            id="one of what the other says",
        ),
    ],
)
def test_others_are_left_as_they_are(function):
    assert after(function, IMAGES, *KERNELS) == 2


def test_one_that_needs_what_another_says_is_not_joined_with_it():
    def function(x, a, b, c):
        first = convolved(x, a)
        return convolved(x, b * first.mean()), convolved(x, c)

    assert after(function, IMAGES, *KERNELS) == 2


def test_a_sum_is_joined_only_where_nothing_else_reads_its_parts():
    def gradients(x, y, reads):
        def loss(x, y):
            return (convolved(x, KERNELS[0]) * 2 + convolved(y, KERNELS[1])).sum()

        of_x, of_y = jax.grad(loss, argnums=(0, 1))(x, y)
        total = jax.vjp(lambda held: (held, held), x)[1]((of_x, of_y))[0]  # An `add_any`.
        return (total, of_x) if reads else total

    def count(reads):
        return after(lambda x, y: gradients(x, y, reads), IMAGES, IMAGES + 1)

    alone = count(reads=False)
    assert count(reads=True) == alone + 1
