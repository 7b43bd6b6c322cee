"""What cannot be part of a compiled epoch: refused in words, or trained to Keras's numbers."""

import jax
import keras
import numpy as np
import pytest
from jax.experimental import io_callback
from keras import layers, metrics

import kohort
from tests.models import seeded
from tests.parity.zoo import BATCH, VALIDATE, assert_parity, draws

X, Y = draws(6), draws(1, seed=1)


def assert_refused_or_right(build, **arguments):
    try:
        assert_parity(build, X, Y, **arguments)
    except kohort.ModelError as error:
        assert "engine='keras'" in str(error)  # noqa: PT017 (raising is one of two right answers)


def compiled(model, **compiling):
    model.compile(keras.optimizers.SGD(0.05), "mse", **compiling)
    return model


class Plain(keras.Model):
    """A model of which each of the classes below changes one part of how Keras trains."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


class OwnFit(Plain):
    def fit(self, x, y, **arguments):
        return super().fit(x, -y, **arguments)


def standing_still(step):
    """A step that forgets what it has learnt."""

    def run(state, iterator):
        before = jax.tree.map(jax.numpy.copy, state)
        return step(state, iterator)[0], before

    return run


class OwnTrainFunction(Plain):
    def make_train_function(self, force=False):
        super().make_train_function(force)
        self.train_function = standing_still(self.train_function)


class OwnTestFunction(Plain):
    def make_test_function(self, force=False):
        super().make_test_function(force)
        self.test_function = standing_still(self.test_function)


class OwnEvaluate(Plain):
    def evaluate(self, *arguments, **named):
        return {**super().evaluate(*arguments, **named), "more": 1.0}


class OwnReset(Plain):
    """Metrics that go on over epochs."""

    def reset_metrics(self):
        pass


class OwnTrainOnBatch(Plain):
    """Which `fit` does not call."""

    def train_on_batch(self, *arguments, **named):
        raise NotImplementedError


@pytest.mark.parametrize(
    "own",
    [
        OwnFit,
        OwnTrainFunction,
        OwnTestFunction,
        OwnEvaluate,
        OwnReset,
        OwnTrainOnBatch,
    ],
)
def test_methods_around_the_step(own):
    assert_refused_or_right(lambda: compiled(own()), validation_split=VALIDATE)


def test_eager_models_are_refused():
    with pytest.raises(kohort.ModelError, match="engine='keras'"):
        kohort.fit([compiled(Plain(), run_eagerly=True)], X, Y, verbose=0)


def test_models_that_are_not_jit_compiled():
    assert_refused_or_right(lambda: compiled(Plain(), jit_compile=False))


def out_of_jax(x, **how):
    result = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(np.tanh, result, jax.lax.stop_gradient(x), **how)


def in_order(x):
    result = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return io_callback(np.tanh, result, jax.lax.stop_gradient(x), ordered=True)


class Calling(layers.Layer):
    """Computes by a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def build_calling(function):
    inner = [layers.Dense(3), Calling(function), layers.Dense(1)]
    return compiled(keras.Sequential([keras.Input((6,)), *inner]))


CALLBACKS = {
    "sequential": lambda x: out_of_jax(x, vmap_method="sequential"),
    "broadcast": lambda x: out_of_jax(x, vmap_method="broadcast_all"),
    "unbatched": out_of_jax,
    "ordered": in_order,
}


@pytest.mark.parametrize("function", CALLBACKS.values(), ids=CALLBACKS)
def test_calls_from_the_program_into_python(function):
    assert_refused_or_right(lambda: build_calling(function))


class Counting(layers.Layer):
    """Counts its calls in Python: what it sees is how often it is traced."""

    def __init__(self, *, uses):
        super().__init__()
        self.uses, self.calls = uses, 0

    def call(self, x):
        self.calls += 1
        return x * (0.1 * self.calls) if self.uses else x


@pytest.mark.parametrize(
    "uses",
    [
        False,
        True,
    ],
)
def test_layers_that_count_their_calls_in_python(uses):
    assert_refused_or_right(
        lambda: compiled(
            keras.Sequential([keras.Input((6,)), Counting(uses=uses), layers.Dense(1)])
        )
    )


class Watching(layers.Layer):
    """Updates a metric in its call; on JAX, Keras's own `fit` fails there."""

    def __init__(self):
        super().__init__()
        self.watch = metrics.Mean(name="watch")

    def call(self, x):
        self.watch.update_state(x)
        return x


def test_metrics_updated_by_layers_are_refused_as_keras_does():
    def build():
        return compiled(keras.Sequential([keras.Input((6,)), Watching(), layers.Dense(1)]))

    with pytest.raises(TypeError):
        build().fit(X, Y, verbose=0)
    with pytest.raises((TypeError, kohort.ModelError)):
        kohort.fit([seeded(0, build), seeded(1, build)], X, Y, verbose=0)


class LastBatch(layers.Layer):
    """Uses its constant in a partial batch only."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def call(self, x):
        return x if x.shape[0] == BATCH else x * self.rate


def test_constants_that_only_a_partial_batch_has():
    def build(rate):
        return compiled(keras.Sequential([keras.Input((6,)), LastBatch(rate), layers.Dense(1)]))

    assert_refused_or_right(build, members=[{"seed": 0, "rate": 0.1}, {"seed": 1, "rate": 3.0}])
