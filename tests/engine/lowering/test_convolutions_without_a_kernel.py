"""Convolutions that XLA's CPU compiler has no kernel for: groups, dilated images, three axes.

It computes each of their numbers by itself, in a loop that it calls "wrapped_convolution".
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from kohort.engine.lowering.convolutions import group_gradients, planes
from tests.engine.lowering.rewriting import ours, same_numbers

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")


def convolution(axes, strides=1, padding="SAME", dilation=1, holes=1, groups=1):
    """A convolution channels last; numbers stand for as many along each axis."""
    strides, dilation, holes = (
        (given_,) * axes if isinstance(given_, int) else given_
        for given_ in (strides, dilation, holes)
    )
    names = "XYZ"[:axes]
    return lambda x, k: lax.conv_general_dilated(
        x, k, strides, padding, dilation, holes, (f"N{names}C", f"{names}IO", f"N{names}C"),
        feature_group_count=groups,
    )  # fmt: skip


def trained(convolve):
    """A step with a convolution and both of its gradients, of errors that differ."""

    def loss(x, k):
        made = convolve(x, k).astype(jnp.float32)
        return (made**2).sum() + (made * jnp.arange(made.size).reshape(made.shape)).mean()

    return jax.value_and_grad(loss, argnums=(0, 1))


def drawn_arrays(shapes, dtype="float32"):
    random = np.random.default_rng(0)
    return [jnp.asarray(random.normal(size=shape), dtype) for shape in shapes]


def left(step, *arguments):
    """How many convolutions a step has."""
    return str(jax.make_jaxpr(step)(*arguments)).count("conv_general_dilated[")


def compiled(step, x, k):
    """What XLA makes of a loop over steps, as text."""

    def run(x, k):
        def turn(held, at):
            loss, changed = step(*held)
            return jax.tree.map(lambda new: new + at, changed), loss

        return lax.scan(turn, (x, k), jnp.arange(3.0))

    return jax.jit(run).lower(x, k).compile().as_text()


@st.composite
def convolutions(draw):
    """Any convolution of one to three axes, and shapes of images and of a kernel."""
    axes = draw(st.sampled_from([1, 2, 2, 3]))

    def each(*values):
        return tuple(draw(st.sampled_from(values)) for _ in range(axes))

    # Most have one of three: strides, dilated images, holes in the kernel.
    kind = draw(st.sampled_from(["strides", "dilation", "holes", "none", "any"]))
    strides, dilation, holes = (
        each(1, 2, 3) if kind in (name, "any") else (1,) * axes
        for name in ("strides", "dilation", "holes")
    )
    groups = draw(st.sampled_from([1, 2, 4]))
    features, filters = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 3), (3, 1)]))
    sizes, beyond = each(1, 2, 3, 4), each(1, 2, 4, 6)
    space = (
        hole * (size - 1) + more for hole, size, more in zip(holes, sizes, beyond, strict=True)
    )
    padding = tuple(zip(each(-1, 0, 1, 3), each(0, 1, 2), strict=True))
    images = (draw(st.sampled_from([1, 2, 5, 6])), *space, groups * features)
    kernel = (*sizes, features, groups * filters)
    return convolution(axes, strides, padding, dilation, holes, groups), (images, kernel)


@pytest.mark.long
@settings(derandomize=True, max_examples=120)
@given(convolutions(), st.sampled_from(["float32", "float32", "bfloat16"]))
def test_any_convolution_and_its_gradients_keep_their_numbers(drawn, dtype):
    convolve, shapes = drawn
    x, k = drawn_arrays(shapes, dtype)
    tolerance = 1e-4 if dtype == "float32" else 3e-2
    same_numbers(trained(convolve), x, k, rtol=tolerance, atol=tolerance)


# What Keras's layers do, and the shapes of images and of a kernel: depthwise and separable layers,
# with one filter for a feature and with two; groups; transposed layers, whose kernel is larger than
# their strides, as large, and smaller; three axes; a layer on small images, whose kernel is larger.
WITHOUT = {
    "depthwise": (convolution(2, groups=8), (6, 9, 9, 8), (3, 3, 1, 8)),
    "depthwise, strides": (convolution(2, 2, groups=8), (6, 9, 9, 8), (3, 3, 1, 8)),
    "depthwise, two filters": (convolution(2, groups=8), (6, 9, 9, 8), (3, 3, 1, 16)),
    "depthwise, holes": (convolution(2, holes=2, groups=8), (6, 9, 9, 8), (3, 3, 1, 8)),
    "depthwise, one axis": (convolution(1, groups=8), (6, 20, 8), (5, 1, 8)),
    "depthwise, large kernel": (convolution(2, groups=8), (4, 9, 9, 8), (7, 7, 1, 8)),
    "depthwise, many terms": (convolution(2, groups=4), (5, 70, 3, 4), (64, 1, 1, 8)),
    "groups": (convolution(2, groups=4), (6, 9, 9, 16), (3, 3, 4, 24)),
    "narrow groups": (convolution(2, groups=8), (6, 9, 9, 24), (3, 3, 3, 16)),
    "groups, strides": (convolution(2, 2, groups=4), (6, 9, 9, 16), (3, 3, 4, 24)),
    "transposed": (
        convolution(2, padding=[(2, 1), (2, 1)], dilation=2), (6, 5, 6, 12), (3, 3, 12, 16),
    ),
    "transposed, as large as strides": (
        convolution(2, padding=[(1, 1), (1, 1)], dilation=2), (6, 5, 6, 12), (2, 2, 12, 16),
    ),
    "transposed, large kernel": (
        convolution(2, padding=[(2, 2), (2, 2)], dilation=2), (6, 5, 6, 16), (4, 4, 16, 16),
    ),
    "transposed, smaller than strides": (
        convolution(2, padding=[(1, 2), (1, 2)], dilation=3), (6, 5, 6, 12), (2, 2, 12, 16),
    ),
    "transposed, tiny images": (
        convolution(2, padding=[(2, 2), (2, 2)], dilation=2), (6, 2, 2, 12), (4, 4, 12, 16),
    ),
    "transposed, one axis": (convolution(1, padding=[(2, 2)], dilation=2), (6, 9, 12), (4, 12, 16)),
    "transposed, three axes": (
        convolution(3, padding=[(2, 1)] * 3, dilation=2), (3, 4, 3, 4, 6), (3, 3, 3, 6, 9),
    ),
    "three axes": (convolution(3), (3, 6, 7, 8, 9), (3, 3, 3, 9, 12)),
    "three axes, strides in two": (convolution(3, (1, 2, 2)), (3, 4, 8, 9, 6), (1, 3, 3, 6, 12)),
    "three axes, large kernel": (convolution(3), (2, 10, 9, 8, 3), (5, 5, 5, 3, 16)),
    "three axes, many planes": (convolution(3), (2, 10, 6, 6, 9), (3, 3, 3, 9, 12)),
    "three axes, strides": (convolution(3, 2), (3, 6, 7, 8, 9), (3, 3, 3, 9, 12)),
}  # fmt: skip


LEFT = {
    **dict.fromkeys(["groups", "narrow groups"], 1),
    "groups, strides": 2,
    **dict.fromkeys((kind for kind in WITHOUT if kind.startswith("transposed")), 1),
    **dict.fromkeys(["transposed", "transposed, one axis"], 2),
    **dict.fromkeys(["three axes", "three axes, many planes"], 2),
    **dict.fromkeys((f"three axes, {what}" for what in ("strides", "strides in two")), 1),
    "three axes, large kernel": 1,
}
"""Of them, how many convolutions are left: XLA's kernels are best for these."""


@pytest.mark.parametrize("kind", WITHOUT)
def test_what_xla_has_no_kernel_for_is_sums_and_products(kind):
    convolve, *shapes = WITHOUT[kind]
    x, k = drawn_arrays(shapes)
    step = trained(convolve)
    same_numbers(step, x, k, rtol=1e-4, atol=1e-4)
    assert "wrapped_convolution" not in compiled(ours(step, x, k), x, k)
    # Forward, to the images, to the kernel: what is left is over two axes, of one group.
    assert left(ours(step, x, k), x, k) == LEFT.get(kind, 0)


@pytest.mark.parametrize("kind", ["depthwise", "groups", "transposed", "three axes, strides"])
def test_xla_has_no_kernel_as_yet(kind):
    convolve, *shapes = WITHOUT[kind]
    x, k = drawn_arrays(shapes)
    assert "wrapped_convolution" in compiled(trained(convolve), x, k), "this is needed no more"


def test_over_large_images_the_gradient_takes_some_rows_at_a_time(monkeypatch):
    step = trained(convolution(2, 2, groups=4))
    x, k = drawn_arrays([(3, 12, 10, 4), (3, 3, 1, 4)])

    def program():
        return str(jax.make_jaxpr(ours(step, x, k))(x, k))

    # For each of nine places, as many sums as there are results in an image: six rows of five.
    assert "f32[9,6,5,4,1,1]" in program()
    monkeypatch.setattr(group_gradients, "_HELD", 9 * 4 * 5 * 2)
    assert "f32[9,2,5,4,1,1]" in program()
    same_numbers(step, x, k, rtol=1e-4, atol=1e-4)


def test_convolutions_in_a_loop_over_a_series_are_rewritten_too():
    def loss(x, k):
        held = jnp.zeros(x.shape[1:])
        held, _ = lax.scan(lambda h, at: (jnp.tanh(convolve(h + at, k)), None), held, x)
        return (held**2).sum()

    step = jax.value_and_grad(loss, argnums=(0, 1))

    convolve = convolution(2)
    x, k = drawn_arrays([(5, 4, 8, 8, 6), (3, 3, 6, 6)])
    same_numbers(step, x, k, rtol=1e-4, atol=1e-4)

    assert "wrapped_convolution" not in compiled(ours(step, x, k), x, k)
    assert "wrapped_convolution" in compiled(step, x, k), "this is needed no more"


def are_left(step, *arguments):
    """Whether all convolutions of a step are left to XLA, and none is taken apart."""
    mine = ours(step, *arguments)
    is_apart = "scan[" in str(jax.make_jaxpr(mine)(*arguments))
    return left(mine, *arguments) == left(step, *arguments) > 0 and not is_apart


def test_what_there_is_nothing_of_is_left_to_xla():
    for shapes in ([(0, 5, 5, 4), (3, 3, 2, 4)], [(2, 2, 2, 4), (5, 5, 2, 4)]):
        x, k = drawn_arrays(shapes)
        step = trained(convolution(2, padding="VALID", groups=2))
        same_numbers(step, x, k, rtol=1e-4, atol=1e-4)
        assert are_left(step, x, k)


@pytest.mark.parametrize(
    ("kind", "convolve"),
    [
        (
            "four axes",
            lambda x, k: lax.conv_general_dilated(x, k, (1,) * 4, [(1, 1)] * 4, (2,) * 4),
        ),
        ("strides over dilated images", convolution(1, 2, [(1, 1)], 3, groups=2)),
    ],
)
def test_what_no_layer_does_is_left_to_xla(kind, convolve):
    four = kind == "four axes"
    shapes = [(2, 3, 2, 3, 2, 2), (4, 3, 2, 2, 2, 2)] if four else [(3, 6, 4), (3, 2, 4)]
    x, k = drawn_arrays(shapes)
    # To the images: the gradient of the kernel has no strides of its own.
    step = jax.value_and_grad(lambda *a: (convolve(*a) ** 2).sum())
    same_numbers(step, x, k, rtol=1e-4, atol=1e-4)
    assert are_left(step, x, k)


@pytest.mark.parametrize("kind", ["depthwise, strides", "groups", "transposed", "three axes"])
def test_members_side_by_side_convolve_each_with_its_kernel(kind):
    convolve, *shapes = WITHOUT[kind]
    x, k = drawn_arrays(shapes)
    kernels = jnp.stack([k, 2 * k, k[::-1]])
    step = trained(convolve)
    together = jax.jit(jax.vmap(ours(step, x, k), (None, 0)))(x, kernels)
    for member, kernel in enumerate(kernels):
        for mine, yours in zip(
            jax.tree.leaves(together), jax.tree.leaves(step(x, kernel)), strict=True
        ):
            largest = float(jnp.abs(yours).max())
            np.testing.assert_allclose(mine[member], yours, rtol=1e-4, atol=1e-4 * largest)


def test_many_terms_are_added_up_in_parts():
    convolve, *shapes = WITHOUT["depthwise, many terms"]
    x, k = drawn_arrays(shapes)
    program = str(jax.make_jaxpr(ours(convolve, x, k))(x, k))
    # Around the images; after 64 terms; at the end: for each of two filters.
    assert program.count("optimization_barrier") == 2 * 3


def test_volumes_are_convolved_a_few_at_a_time(monkeypatch):
    convolve, *shapes = WITHOUT["three axes"]
    x, k = drawn_arrays(shapes)
    assert "scan[" not in str(jax.make_jaxpr(ours(convolve, x, k))(x, k))
    monkeypatch.setattr(planes, "_TURN", 3 * x[0].size)
    assert "scan[" in str(jax.make_jaxpr(ours(convolve, x, k))(x, k))
    same_numbers(convolve, x, k, rtol=1e-4, atol=1e-4)
