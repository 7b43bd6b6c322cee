"""A step for full batches comes, on a filled up batch, to what the step for partial ones does."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax

from kohort.keras_api.models import prepare, state_of
from kohort.tracing.lifting import trace
from kohort.tracing.padded import Padded
from kohort.tracing.signature import first_batch, trace_step

FULL, PARTIAL = 8, 3
W = jnp.asarray(np.random.default_rng(1).normal(size=(4, 4)), jnp.float32)
X = np.random.default_rng(0).normal(size=(FULL, 4, 4)).astype(np.float32)


def batch(size):
    return jnp.asarray(X[:size])


def filled():
    """A partial batch, filled up with what would spoil any number that it entered."""
    return batch(FULL).at[PARTIAL:].set(jnp.nan)


def both(function):
    """A function of a batch for a full and for a partial one; None where one cannot serve both."""
    return Padded.of(*(trace(function, batch(size)) for size in (FULL, PARTIAL)))


def assert_serves_both(function):
    padded = both(function)
    assert padded is not None
    run, alone = jax.jit(padded.lifted((), ())), jax.jit(function)
    for is_full, given, size in ((True, batch(FULL), FULL), (False, filled(), PARTIAL)):
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6),
            run(is_full, (), (), given),
            alone(batch(size)),
        )


def gradient(of):
    """The gradient, for the weights, of the mean of a function of weights and a batch."""
    return lambda x: jax.grad(lambda w: of(w, x).mean())(W)


def recurrent(w, x):
    def step(carry, part):
        carry = jnp.tanh(carry @ w + part)
        return carry, carry.sum(-1)

    return lax.scan(step, jnp.zeros_like(x[:, 0]), x.swapaxes(0, 1))[1]


def convolved(w, x):
    kernel = w.reshape(2, 2, 1, 4)
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x[..., None], kernel, (1, 1), "SAME", dimension_numbers=numbers)


def pooled(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 2), "VALID")


def places(x):
    """Words, by number."""
    return (jnp.abs(x[..., 0]) * 2).astype(jnp.int32) % 4


def averaged(x):
    centered = x - x.mean((0, 1))
    return (centered / jnp.sqrt((centered**2).mean((0, 1)) + 1e-3)).max(-1).sum()


SERVED = {
    "mean": jnp.mean,
    "size": lambda x: x.sum() / x.shape[0] + jnp.array(x.shape[0]),
    "products": gradient(lambda w, x: jnp.tanh(x @ w)),
    "products in two layers": gradient(lambda w, x: jax.nn.softmax(jax.nn.relu(x @ w) @ w)),
    "rows in one axis": gradient(lambda w, x: x.reshape(-1, 4) @ w),
    "rows behind": gradient(lambda w, x: x.transpose(1, 0, 2) @ w),
    "attention": gradient(lambda w, x: jax.nn.softmax(x @ w @ x.swapaxes(1, 2)) @ x),
    "convolution": gradient(convolved),
    "pooling": gradient(lambda w, x: pooled(x @ w)),
    "recurrence": gradient(recurrent),
    "words": gradient(lambda w, x: w[places(x)]),
    "dropout": gradient(
        lambda w, x: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), x @ w, 0)
    ),
    "batch normalisation": averaged,
    "counts": lambda x: (x.argmax(-1) == 1).sum() / x.shape[0],
    "parts": lambda x: jnp.concatenate(jnp.split(jnp.flip(x, 2), 2, 1)[::-1], 1).sum((0, 2)),
    "padding": lambda x: jnp.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values=2).mean((0, 2)),
    "order": lambda x: jnp.sort(x, 1).cumsum(2).sum(0),
    "no rows": lambda x: W @ W,
}


SLOW = ["attention", "dropout", "pooling", "products in two layers", "recurrence"]
"""To compile."""


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(function, marks=[pytest.mark.long] * (name in SLOW), id=name)
        for name, function in SERVED.items()
    ],
)
def test_rows_that_fill_up_do_not_count(function):
    assert_serves_both(function)


REFUSED = {
    "the last row": lambda x: x[-1],
    "a row of each other": lambda x: x[::2].sum(0),
    "order of rows": lambda x: jnp.sort(x, 0)[0],
    "rows turned": lambda x: jnp.flip(x, 0).sum((1, 2)) @ jnp.arange(x.shape[0]),
    "sums so far": lambda x: jnp.cumsum(x, 0)[0],
    "the largest row": lambda x: x.max(0),
    "products of rows": lambda x: jnp.linalg.norm(x[:, 0] @ x[:, 0].T),
    "steps of rows": lambda x: lax.scan(lambda carry, row: (carry @ W + row, 0), W, x)[0],
    "another course": lambda x: x.sum() if x.shape[0] > 4 else x.mean(),
    "rows as they are": lambda x: x * 2,
    "rows between others": lambda x: x.swapaxes(0, 1).reshape(-1, 4)[:4],
    "neighbours": lambda x: lax.reduce_window(
        x, -jnp.inf, lax.max, (2, 1, 1), (1, 1, 1), "SAME"
    ).sum(),
    "draws in another order": lambda x: jax.random.normal(jax.random.key(0), (2, x.shape[0])).sum(),
    "draws of another generator": lambda x: jax.random.normal(
        jax.random.key(0, impl="rbg"), (x.shape[0], 4)
    ).sum(),
    "own numbers of rows": lambda x: (x.sum((1, 2)) * np.arange(1.0, x.shape[0] + 1)).sum(),
    "kernels of rows": lambda x: convolved(x.sum(0), x).sum() + x.prod(0),
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_may_mix_rows_has_a_program_for_each_size(function):
    assert both(function) is None


def test_by_the_older_way_to_draw_numbers_hang_on_the_size():
    def drawn(x):
        return jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), x, 0).sum()

    with jax.threefry_partitionable(False):
        assert both(drawn) is None
    assert both(drawn) is not None


FUNCTIONS = [
    *(jnp.sum, jnp.prod, jnp.max, jnp.min, jnp.mean, jnp.var, jnp.any, jnp.argmax, jnp.cumsum),
    *(jnp.cumprod, jnp.sort, jnp.flip, jnp.median, jnp.diff, jnp.argsort, jnp.ptp),
    *(jax.nn.softmax, jax.nn.logsumexp, jax.nn.standardize, lax.cummax),
]


@pytest.mark.long
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_along_any_axis_it_is_served_right_or_refused(function, axis):
    def summed(x):
        found = function(x, axis=axis)
        return found.sum(0, dtype=jnp.float32) if axis else found

    if both(summed) is None:
        assert axis == 0 or function in (jnp.median, jnp.argsort)
    else:
        assert_serves_both(summed)


L = keras.layers
MODELS = {
    "dense": lambda: [
        # A bias that normalization takes out again has gradients of rounding alone.
        *(L.Flatten(), L.Dense(5, use_bias=False), L.BatchNormalization(), L.ReLU()),
        *(L.Dropout(0.3), L.Dense(3, "softmax")),
    ],
    "noise": lambda: [L.GaussianNoise(0.1), L.LayerNormalization(), L.Flatten(), L.Dense(3)],
    "lstm": lambda: [L.Bidirectional(L.LSTM(3, dropout=0.2)), L.Dense(3, "softmax")],
    "convolution": lambda: [
        *(L.Reshape((4, 4, 1)), L.Conv2D(3, 3, padding="same", activation="relu")),
        *(L.MaxPooling2D(), L.SpatialDropout2D(0.3), L.GlobalAveragePooling2D()),
        L.Dense(3, "softmax", kernel_regularizer="l2", activity_regularizer="l2"),
    ],
}


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("step", ["train", "test"])
def test_so_do_steps_of_keras(name, step):
    model = keras.Sequential([keras.Input((4, 4)), *MODELS[name]()])
    metrics = ["accuracy", keras.metrics.AUC()] if name == "dense" else ["mae"]
    model.compile("adam", "categorical_crossentropy", metrics=metrics, weighted_metrics=["mse"])
    y = keras.utils.to_categorical(np.arange(FULL) % 3)
    data = X, y, np.linspace(0.5, 2, FULL).astype(np.float32)
    prepare(model, first_batch(data, FULL))
    full, partial = (trace_step(model, step, first_batch(data, n)) for n in (FULL, PARTIAL))
    padded = Padded.of(full, partial)
    assert padded is not None
    state = state_of(model)
    state = state if step == "train" else (*state[:2], state[3])
    spoilt = tuple(np.where(np.arange(FULL).reshape(-1, *[1] * (a.ndim - 1)) < PARTIAL, a, np.nan)
                   for a in data)  # fmt: skip
    found = jax.jit(padded.lifted((), ()))(False, (), (), state, spoilt)
    wanted = jax.jit(partial.lifted(()))((), state, tuple(a[:PARTIAL] for a in data))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-5)
