"""Lifting: a constant as an input gives the numbers that it gives as a constant."""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.keras_api.models import prepare, state_of
from kohort.tracing.jaxpr import array_bytes
from kohort.tracing.lifting import MOST_LIFTED, differing, trace
from kohort.tracing.signature import first_batch, trace_step

X = jnp.linspace(-2.0, 2.0, 6).reshape(2, 3)


def formula(a, b):
    """Constants in the open, in a jitted call, and in a call with a derivative of its own."""

    @jax.jit
    def inner(x):
        return jnp.where(x > a, x * b, jax.nn.relu(x) + a)

    return lambda x: inner(x).sum(axis=0) / (b + 3.0)


@settings(derandomize=True, max_examples=30)
@given(*[st.floats(-2, 2, width=32) for _ in range(4)])
def test_lifted_constants_give_what_constants_give(a, b, c, d):
    first, second = (trace(formula(*pair), X) for pair in ((a, b), (c, d)))
    assert first.skeleton == second.skeleton
    positions = differing([first.constants, second.constants])
    run = first.lifted(positions)
    for other, pair in ((first, (a, b)), (second, (c, d))):
        values = [other.constants[position] for position in positions]
        np.testing.assert_array_equal(run(values, X), formula(*pair)(X))


def test_a_scalar_that_is_captured_as_an_array_is_a_constant_too():
    first, second = (trace(captured(jnp.float32(value)), X) for value in (2.0, 3.0))
    assert first.skeleton == second.skeleton
    assert (first.constants, second.constants) == ((2.0,), (3.0,))
    np.testing.assert_array_equal(first.lifted((0,))([jnp.float32(3.0)], X), X * 3.0)


def test_an_array_that_is_captured_is_a_constant_too():
    arrays = [np.arange(3, dtype=np.float32), np.arange(3, dtype=np.float32) + 1]
    first, second, again = (trace(captured(a), X) for a in (*arrays, arrays[0].copy()))
    assert first.skeleton == second.skeleton
    assert first.digest == again.digest != second.digest
    assert differing([first.constants, again.constants]) == ()
    (position,) = differing([first.constants, second.constants])
    lifted = first.lifted([position])
    for other, array in ((first, arrays[0]), (second, arrays[1])):
        np.testing.assert_array_equal(lifted([np.asarray(other.constants[position])], X), X * array)


def test_arrays_with_equal_ends_are_told_apart():
    """Their texts are shortened where they are long."""
    one = np.zeros(5000, np.float32)
    other = one.copy()
    other[2500] = 1e-7
    traces = [trace(lambda x, a=a: x.sum() + jnp.asarray(a).sum(), X) for a in (one, other)]
    assert len(differing([t.constants for t in traces])) == 1


def test_keys_that_are_captured_are_told_apart_by_their_numbers_and_their_kind():
    def drawing(key):
        return trace(lambda x: x + jax.random.normal(key, x.shape), jnp.ones(3)).skeleton

    keys = [jax.random.key(0), jax.random.key(1), jax.random.key(0, impl="rbg")]
    assert len({drawing(key) for key in keys}) == 3
    assert drawing(jax.random.key(0)) == drawing(keys[0])
    numbers = jax.random.key_data(keys[2])
    kinds = [jax.random.wrap_key_data(numbers, impl=kind) for kind in ("rbg", "unsafe_rbg")]
    assert len({array_bytes(each) for each in (*kinds, numbers)}) == 3


def test_a_large_array_stays_a_constant():
    large = [np.full(MOST_LIFTED + 1, value, np.float32) for value in (1.0, 2.0)]
    one, other = (trace(lambda x, a=a: x.sum() + jnp.asarray(a).sum(), X) for a in large)
    assert one.skeleton != other.skeleton


def test_only_what_differs_is_lifted():
    first, second = trace(formula(0.5, 2.0), X), trace(formula(0.5, 3.0), X)
    for position in differing([first.constants, second.constants]):
        assert first.constants[position] in (2.0, 5.0)
    assert differing([first.constants, first.constants]) == ()


def captured(array):
    return jax.jit(lambda x: x * array)


def looped(factor):
    return lambda x: jax.lax.fori_loop(0, 3, lambda _, y: y * factor, x)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x: x**2, lambda x: x**3),
        (lambda x: x.sum(0), lambda x: x.sum(1)),
        (jnp.sin, jnp.cos),
        (lambda x: x[:1], lambda x: x[:2]),
        (captured(np.arange(3)), captured(np.arange(3) + 1)),
        (captured(np.ones((2, 1))), captured(np.ones((1, 3)))),
        (looped(2.0), looped(3.0)),
        (lambda x: x.astype(int) + 1, lambda x: x.astype(int) + 2),
        (lambda x: (x, x + 1.0), lambda x: (x + 1.0, x)),
    ],
    ids=[
        "power",
        "axis",
        "function",
        "shape",
        "integers",
        "captured shape",
        "loop",
        "integer",
        "order",
    ],
)
def test_whatever_else_differs_is_another_skeleton(one, other):
    assert trace(one, X).skeleton != trace(other, X).skeleton
    assert trace(one, X).skeleton == trace(one, X).skeleton


def test_a_call_into_python_is_like_no_other():
    def called(function):
        return lambda x: jax.pure_callback(function, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    assert trace(called(np.sin), X).skeleton != trace(called(np.cos), X).skeleton
    call = called(lambda x: x + 1)
    assert trace(call, X).skeleton != trace(call, X).skeleton


def test_the_names_of_results_are_part_of_what_is_computed():
    assert trace(lambda x: {"a": x}, X).skeleton != trace(lambda x: {"b": x}, X).skeleton


def test_a_nan_is_equal_to_itself():
    assert differing([(float("nan"), 1.0), (float("nan"), 2.0)]) == (1,)


@keras.saving.register_keras_serializable("tests")
class Wave(keras.layers.Layer):
    """A layer of a user's own, with a hyperparameter that nobody registered."""

    def __init__(self, pitch):
        super().__init__()
        self.pitch = pitch

    def call(self, x):
        return keras.ops.sin(self.pitch * x) + x


@keras.saving.register_keras_serializable("tests")
class Cubic(keras.regularizers.Regularizer):
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x):
        return self.strength * keras.ops.sum(keras.ops.abs(x) ** 3)


def model(layers=(), optimizer=None, loss=None, kernel_regularizer=None):
    net = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(8, "relu", kernel_regularizer=kernel_regularizer),
            *layers,
            keras.layers.Dense(3, "softmax"),
        ]
    )
    net.compile(optimizer or "adam", loss or keras.losses.CategoricalCrossentropy())
    return net


SGD, ADAM = keras.optimizers.SGD, keras.optimizers.Adam
DECAY = keras.optimizers.schedules.InverseTimeDecay
SMOOTH = keras.losses.CategoricalCrossentropy
HYPERPARAMETERS = {
    "dropout": (lambda v: {"layers": [keras.layers.Dropout(v)]}, 0.2, 0.6),
    "gaussian noise": (lambda v: {"layers": [keras.layers.GaussianNoise(v)]}, 0.2, 0.6),
    "alpha dropout": (lambda v: {"layers": [keras.layers.AlphaDropout(v)]}, 0.2, 0.6),
    "slope": (lambda v: {"layers": [keras.layers.LeakyReLU(v)]}, 0.1, 0.3),
    "batch norm momentum": (
        lambda v: {"layers": [keras.layers.BatchNormalization(momentum=v)]}, 0.9, 0.5,
    ),
    "l1": (lambda v: {"kernel_regularizer": keras.regularizers.L1(v)}, 0.01, 0.1),
    "l2": (lambda v: {"kernel_regularizer": keras.regularizers.L2(v)}, 0.01, 0.1),
    "momentum": (lambda v: {"optimizer": SGD(0.1, momentum=v)}, 0.5, 0.9),
    "schedule": (lambda v: {"optimizer": SGD(DECAY(v, 1, 0.3))}, 0.5, 0.1),
    "decay": (lambda v: {"optimizer": SGD(DECAY(0.1, 1, v))}, 0.5, 0.1),
    "beta": (lambda v: {"optimizer": ADAM(beta_2=v)}, 0.9, 0.99),
    "epsilon": (lambda v: {"optimizer": ADAM(epsilon=v)}, 1e-3, 1e-1),
    "weight decay": (lambda v: {"optimizer": keras.optimizers.AdamW(weight_decay=v)}, 0.1, 0.01),
    "clipping": (lambda v: {"optimizer": SGD(0.1, clipnorm=v)}, 0.1, 0.3),
    "label smoothing": (lambda v: {"loss": SMOOTH(label_smoothing=v)}, 0.1, 0.3),
    "a layer of one's own": (lambda v: {"layers": [Wave(v)]}, 0.5, 2.0),
    "a penalty of one's own": (lambda v: {"kernel_regularizer": Cubic(v)}, 0.1, 0.5),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_any_hyperparameter_of_a_step_is_lifted_to_its_own_numbers(name):
    arguments, one, other = HYPERPARAMETERS[name]
    random = np.random.default_rng(0)
    batch = (
        random.normal(size=(16, 5)).astype(np.float32),
        np.eye(3, dtype=np.float32)[np.arange(16) % 3],
    )
    shapes, models = first_batch(batch, 16), []
    for value in (one, other):
        keras.utils.set_random_seed(0)
        models.append(model(**arguments(value)))
        prepare(models[-1], shapes)
    traces = [trace_step(each, "train", shapes) for each in models]
    assert traces[0].skeleton == traces[1].skeleton
    positions = differing([t.constants for t in traces])
    assert positions
    values = [traces[1].constants[position] for position in positions]
    state = state_of(models[1])
    logs, after = jax.jit(models[1].train_step)(state, batch)
    expected = (jax.tree.leaves(logs), after)
    found = jax.jit(traces[0].lifted(positions))(values, state, batch)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for mine, yours in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-5, atol=1e-6)


def test_the_dtype_that_an_input_is_read_in():
    def step(state, rounded, used, unread, within):
        half = rounded.astype(jnp.bfloat16)
        used = used.astype(jnp.bfloat16).sum() + used.sum()
        inner = jax.jit(lambda x: x.astype(jnp.float16) * 2)(within)
        return state + half.sum() + rounded.astype(jnp.bfloat16).max(), used, inner

    x = jnp.ones(3)
    dtypes = trace(step, jnp.zeros((), jnp.bfloat16), x, x, x, x).read_as(4)
    assert dtypes == [jnp.bfloat16, None, None, jnp.float16]
    assert trace(lambda x: (x, x.astype(jnp.bfloat16)), x).read_as(1) == [None]


def test_the_operations_of_products_are_counted():
    a, b, batch = jnp.zeros((3, 4)), jnp.zeros((4, 5)), jnp.zeros((7, 3, 4))

    def several(a, b, batch):
        return a @ b, jnp.einsum("nij,kj->nik", batch, b.T), jax.jit(jnp.dot)(a, b).sum() + a.sum()

    each = 2 * 3 * 4 * 5
    assert trace(several, a, b, batch).work().products == each + 7 * each + each
    assert trace(jnp.add, a, a).work() == (1, 12, 0, False)


def test_so_are_those_of_every_pass_of_a_loop():
    a, b = jnp.zeros((3, 4)), jnp.zeros((4, 4))

    def pass_of(carried, _):
        return jax.jit(jnp.dot)(carried, b), carried.sum()

    once = trace(pass_of, a, None).work()
    often = trace(lambda a: jax.lax.scan(pass_of, a, None, length=9), a).work()
    nested = trace(
        lambda a: jax.lax.scan(
            lambda a, _: jax.lax.scan(pass_of, a, None, length=9), a, None, length=5
        ),
        a,
    ).work()
    assert once.products == 2 * 3 * 4 * 4
    assert (often.products, nested.products) == (9 * once.products, 45 * once.products)
    assert 9 * once.equations <= often.equations <= 9 * once.equations + 2
    assert often.numbers >= 9 * once.numbers
    assert not nested.is_open
    until = trace(lambda a: jax.lax.while_loop(lambda a: a.sum() < 9, lambda a: a + 1, a), a)
    assert until.work().is_open


def test_so_are_those_of_convolutions_and_of_their_gradients():
    images, kernel = jnp.ones((2, 8, 8, 3)), jnp.ones((3, 3, 3, 5))

    def convolved(images, kernel, strides):
        axes = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(
            images, kernel, strides, "VALID", dimension_numbers=axes
        )

    def products(function, *arguments):
        return trace(function, *arguments).work().products

    for strides, size in ((1, 1), 6), ((2, 2), 3):
        each = 2 * (2 * size * size * 5) * (3 * 3 * 3)
        run = functools.partial(convolved, strides=strides)
        assert products(run, images, kernel) == each
        of_kernel = jax.grad(lambda kernel, run=run: run(images, kernel).sum())
        assert products(of_kernel, kernel) == 2 * each, "forward and backward"
        of_images = jax.grad(lambda images, run=run: run(images, kernel).sum())
        # The gradient of the input is padded: products with the padding are counted, too.
        assert 2 * each <= products(of_images, images) < 3.2 * each


@pytest.mark.parametrize("power", [2.0, 1.5])
def test_a_division_by_a_lifted_constant_rounds_as_one_by_a_constant(power):
    """XLA multiplies by the reciprocal: 21 / 7 is above 3, and is rounded up to 4.

    Without the same, a learning rate of Keras's was 0.0156 there, and that of a cohort 0.01; past
    its end, at a power of 1.5, Keras's is NaN.
    """
    cycle = power == 2.0
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 7, 0.01, power, cycle=cycle)
    found = trace(schedule, jnp.int32(0))
    values = [np.full(2, constant, "float32") for constant in found.constants]
    lifted = found.lifted(range(len(values)))
    run = jax.jit(jax.vmap(lifted, in_axes=(0, None)))
    wanted = jax.jit(schedule)
    for step in map(np.int32, (6, 7, 8, 21, 42)):
        np.testing.assert_allclose(run(values, step), [wanted(step)] * 2, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_division_by_a_lifted_constant_has_the_bits_of_one_by_a_constant(dtype):
    x = jnp.asarray(np.random.default_rng(0).normal(size=2000), dtype)

    def divided(x):
        return x / jnp.asarray(0.7, x.dtype)

    found = trace(divided, x)
    run = jax.jit(found.lifted([0]))
    np.testing.assert_array_equal(run([np.float32(found.constants[0])], x), jax.jit(divided)(x))
