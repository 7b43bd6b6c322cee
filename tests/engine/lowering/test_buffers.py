"""Weights that are overwritten where they lie: the same bits, and no copy of them in the loop."""

import itertools
import re

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax

import kohort
from kohort.engine.lowering.buffers import after, updating_in_place
from kohort.engine.lowering.operations import bind_fast
from kohort.tracing.lifting import trace

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for XLA's CPU compiler")
SIZES = (48, 80, 96, 72)


def drawn(dtype, *shape):
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape) / 8, dtype)


def descent(weights, x):
    """A step down the gradient: each product with a weight but the first has one by its input."""

    def loss(weights):
        h = x
        for weight in weights:
            h = jnp.tanh(h @ weight)
        return jnp.square(h.astype(jnp.float32)).mean()

    return [w - 0.5 * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]


def ascent(weights, x):
    """The same, added to the weights as momentum is."""
    return [w + (w - new) for w, new in zip(weights, descent(weights, x), strict=True)]


def looped(step, dtype, in_place, members=None):
    """Forty steps, compiled, and what they are called with."""
    weights = [drawn(dtype, *shape) for shape in itertools.pairwise(SIZES)]
    x = drawn(dtype, 256, SIZES[0])
    traced = trace(step, weights, x)

    def one(weights, x):
        run = traced.lifted((), updating_in_place(bind_fast) if in_place else bind_fast)
        return lax.scan(lambda held, _: (run([], held, x), None), weights, None, length=40)[0]

    if members:
        weights = [jnp.stack([w * (1 + n / 8) for n in range(members)]) for w in weights]
        one = jax.vmap(one, (0, None))
    return jax.jit(one).lower(weights, x).compile(), (weights, x)


def copies(compiled, shape):
    """How often an array of a shape is copied in the bodies of a program's loops."""
    text = compiled.as_text()
    found = 0
    for name in re.findall(r"body=%?([\w.-]+)", text):
        body = re.search(rf"^%?{re.escape(name)} \(.*?^\}}", text, re.MULTILINE | re.DOTALL)
        found += len(re.findall(rf"= {re.escape(shape)}\S* copy\(", body.group()))
    return found


@pytest.mark.parametrize("step", [descent, ascent])
@pytest.mark.parametrize("members", [None, 3])
def test_nothing_copies_a_weight_that_is_updated(step, members):
    (plain, arguments), (in_place, _) = (
        looped(step, "float32", wanted, members) for wanted in (False, True)
    )
    for rows, columns in [(80, 96), (96, 72)]:
        shape = f"f32[{f'{members},' if members else ''}{rows},{columns}]"
        assert copies(plain, shape), "XLA copies it no more: this is not needed"
        assert not copies(in_place, shape)
    for before, now in zip(plain(*arguments), in_place(*arguments), strict=True):
        np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_as_near(dtype):
    (plain, arguments), (in_place, _) = (looped(descent, dtype, wanted) for wanted in (False, True))
    for start, before, now in zip(
        arguments[0], plain(*arguments), in_place(*arguments), strict=True
    ):
        assert now.dtype == dtype
        moved, apart = (
            np.abs(np.asarray(other, np.float64) - np.asarray(before, np.float64)).mean()
            for other in (start, now)
        )
        # XLA keeps half precision wider from one operation to the next where it fuses them.
        assert apart < moved / 5


def train(optimizer, members):
    """Train members side by side."""
    models = []
    for _ in range(members):
        layers = [keras.layers.Dense(units, "relu") for units in (80, 96, 72, 70)]
        models.append(keras.Sequential([keras.Input((48,)), *layers]))
        models[-1].compile(type(optimizer).from_config(optimizer.get_config()), "mse")
    x, y = drawn("float32", 512, 48), drawn("float32", 512, 70)
    kohort.fit(models, x, y, batch_size=64, verbose=0, chunk_size=members)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        keras.optimizers.Adam(),
        keras.optimizers.AdamW(weight_decay=0.01),
        keras.optimizers.RMSprop(),
    ],
    ids=lambda case: case.name,
)
def test_nothing_copies_the_weights_of_keras_models(count_compilations, optimizer, members):
    train(optimizer, members)
    prefix = f"{members}," if members > 1 else ""
    assert count_compilations
    for program in count_compilations:
        for shape in ("80,96", "96,72"):
            assert not copies(program.run, f"f32[{prefix}{shape}]")


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf, -0.0, 3.0, -3.0])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_weight_takes_no_bit_from_what_it_waits_for(dtype, bad):
    weight = jnp.asarray([bad, -0.0, 0.0, 1.5, -1.5], dtype)
    for function in (after, jax.jit(after)):
        waited = function(weight, [jnp.full((2, 3), bad, kind) for kind in ("float32", dtype)])
        assert waited.dtype == dtype
        assert np.asarray(waited).tobytes() == np.asarray(weight).tobytes()


@pytest.mark.parametrize("case", ["complex", "complex result", "empty", "integers"])
def test_what_cannot_wait_runs_as_it_is(case):
    weight, x = drawn("float32", 9, 9), drawn("float32", 9, 9)
    dtype = "int8" if case == "integers" else "float32"
    weight, x = weight.astype(dtype), x.astype(dtype)
    weight = weight + 1j if case == "complex" else weight
    x = x[:, :0] if case == "empty" else x + 1j if "complex" in case else x
    wide = "complex64" if "complex" in case else "float32"

    def step(weight, x):
        first, second = (
            lax.dot(weight, operand, preferred_element_type=wide) for operand in (x, x * x)
        )
        return first, second, weight - weight

    run = trace(step, weight, x).lifted((), updating_in_place(bind_fast))
    for one, other in zip(run([], weight, x), step(weight, x), strict=True):
        np.testing.assert_array_equal(one, other)
