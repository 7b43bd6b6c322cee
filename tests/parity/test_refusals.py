"""What cannot be part of a compiled epoch: left to Keras and said so, or refused in words."""

import random

import jax
import keras
import numpy as np
import pytest
from jax.experimental import io_callback
from keras import layers, metrics

import kohort
from tests.models import seeded
from tests.parity.drawn import OwnStep
from tests.parity.zoo import BATCH, VALIDATE, assert_parity, assert_same, draws

X, Y = draws(6), draws(1, seed=1)


def assert_left_to_keras(build, why, x=X, y=Y, **arguments):
    """Keras's numbers, a line that says why, and a refusal by who insists."""
    with pytest.warns(UserWarning, match=f"leaves to keras.Model.fit.*{why}"):
        assert_parity(build, x, y, **arguments)
    with pytest.raises(kohort.ModelError, match=f"{why}.*; pass engine='auto', or engine='keras'"):
        kohort.fit([build()], x, y, engine="fused", verbose=0)


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


@pytest.mark.long
@pytest.mark.parametrize("own", [OwnFit, OwnTrainFunction, OwnTestFunction, OwnEvaluate])
def test_methods_that_the_engine_replaces(own):
    assert_left_to_keras(
        lambda: compiled(own()), f"class {own.__name__} overrides", validation_split=VALIDATE
    )


def set_fit(model):
    model.fit = lambda x, y, **arguments: Plain.fit(model, x, -y, **arguments)


def set_evaluate(model):
    model.evaluate = lambda *given, **named: {**Plain.evaluate(model, *given, **named), "more": 1.0}


def set_make_train_function(model):
    def make(force=False):
        Plain.make_train_function(model, force)
        model.train_function = standing_still(model.train_function)

    model.make_train_function = make


@pytest.mark.parametrize("set_own", [set_fit, set_evaluate, set_make_train_function])
def test_methods_that_are_set_on_one_model(set_own):
    def build():
        model = compiled(Plain())
        set_own(model)
        return model

    why = f"its attribute {set_own.__name__.removeprefix('set_')} was set"
    assert_left_to_keras(build, why, validation_split=VALIDATE)


class ResettingMore(Plain):
    """Counts the batches of an epoch in a variable that is no metric's."""

    def __init__(self):
        super().__init__()
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.seen.assign(self.seen + 1)
        return self.dense(x) * self.seen

    def reset_metrics(self):
        super().reset_metrics()
        self.seen.assign(0)


class Counted(metrics.MeanSquaredError):
    """Counts how often it was asked, in a variable of its own."""

    def __init__(self):
        super().__init__()
        self.asked = self.add_variable((), "zeros", name="asked")

    def result(self):
        self.asked.assign(self.asked + 1)
        return super().result()

    def reset_state(self):
        self.total.assign(0)
        self.count.assign(0)


def test_metrics_that_reset_more_than_themselves():
    why = "its reset_metrics changes variables that are no metric's"
    assert_left_to_keras(lambda: compiled(ResettingMore()), why)


def test_metrics_that_change_as_they_are_read():
    why = "its get_metrics_result changes variables"
    assert_left_to_keras(lambda: compiled(Plain(), metrics=[Counted()]), why)


@pytest.mark.parametrize("own", [OwnReset, OwnTrainOnBatch])
def test_methods_around_the_step(own):
    assert_parity(lambda: compiled(own()), X, Y, validation_split=VALIDATE)


def test_eager_models():
    assert_left_to_keras(lambda: compiled(Plain(), run_eagerly=True), "run_eagerly=True")


def test_models_that_are_not_jit_compiled():
    assert_left_to_keras(lambda: compiled(Plain(), jit_compile=False), "jit_compile=False")


def test_one_of_several_is_left_and_named():
    def build(**compiling):
        return compiled(Plain(), **compiling)

    members = [{"seed": 0}, {"seed": 1, "run_eagerly": True}, {"seed": 2}]
    with pytest.warns(UserWarning, match=r"to keras.Model.fit: plain \(it is compiled with"):
        assert_parity(build, X, Y, members, validation_split=VALIDATE)


def test_the_line_names_three_models_and_counts_the_rest():
    models = [compiled(Plain(), run_eagerly=True) for _ in range(5)]
    with pytest.warns(UserWarning, match=r": \w+, \w+, \w+ and 2 others \(it is compiled"):
        kohort.fit(models, X, Y, verbose=0)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_models_laid_out_over_devices():
    mesh = keras.distribution.DeviceMesh((1, 1), ["batch", "model"], devices=["cpu:0"])
    layout = keras.distribution.LayoutMap(mesh)
    layout["dense.*kernel"] = (None, "model")
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
    )
    why = "keras.distribution lays it out over devices"
    arguments = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    try:
        ours, theirs = (seeded(0, lambda: compiled(Plain())) for _ in range(2))
        with pytest.warns(UserWarning, match=why):
            history = kohort.fit(ours, X, Y, **arguments)
        assert_same(ours, theirs, history, theirs.fit(X, Y, **arguments))
        with pytest.raises(kohort.ModelError, match=why):
            kohort.fit(compiled(Plain()), X, Y, engine="fused", verbose=0)
    finally:
        keras.distribution.set_distribution(None)


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


@pytest.mark.parametrize("kind", ["sequential", "broadcast"])
def test_calls_from_the_program_into_python(kind):
    assert_parity(lambda: build_calling(CALLBACKS[kind]), X, Y)


@pytest.mark.parametrize("kind", ["unbatched", "ordered"])
def test_calls_into_python_that_cannot_be_mapped(kind):
    assert_left_to_keras(lambda: build_calling(CALLBACKS[kind]), "its steps call back into Python")


class DrawingByXla(layers.Layer):
    """Adds noise of XLA's own generator, which reads the first key alone of several."""

    def __init__(self, draw):
        super().__init__()
        self.draw, self.seeds = draw, keras.random.SeedGenerator()

    def call(self, x):
        seed = self.seeds.next()
        return x + self.draw(jax.numpy.concatenate([seed, seed]), x.shape)


def normal_by(implementation):
    def draw(words, shape):
        return jax.random.normal(jax.random.wrap_key_data(words, impl=implementation), shape)

    return draw


def in_bits(words, shape):
    _, bits = jax.lax.rng_bit_generator(words, shape, dtype="uint32")
    return (bits % 7).astype("float32")


def in_bits_of_a_loop(words, shape):
    return jax.lax.map(lambda _: in_bits(words, shape[1:]), jax.numpy.arange(shape[0]))


@pytest.mark.parametrize(
    "draw", [normal_by("rbg"), normal_by("unsafe_rbg"), in_bits, in_bits_of_a_loop]
)
def test_what_draws_other_numbers_side_by_side(draw):
    def build():
        inner = [layers.Dense(3), DrawingByXla(draw), layers.Dense(1)]
        return compiled(keras.Sequential([keras.Input((6,)), *inner]))

    assert_left_to_keras(build, "its steps draw from JAX's generator rbg")


def test_a_generator_loses_no_batch_where_its_model_is_left():
    def batches():
        for start in range(0, len(X), BATCH):
            yield X[start : start + BATCH], Y[start : start + BATCH]

    ours, theirs = (seeded(0, lambda: build_calling(out_of_jax)) for _ in range(2))
    with pytest.warns(UserWarning, match="its steps call back into Python"):
        history = kohort.fit(ours, batches(), steps_per_epoch=2, shuffle=False, verbose=0)
    reference = theirs.fit(batches(), steps_per_epoch=2, shuffle=False, verbose=0)
    assert_same(ours, theirs, history, reference)


class Counting(layers.Layer):
    """Counts its calls in Python: what it sees is how often it is traced."""

    def __init__(self, *, uses):
        super().__init__()
        self.uses, self.calls = uses, 0

    def call(self, x):
        self.calls += 1
        return x * (0.1 * self.calls) if self.uses else x


def build_counting(*, uses):
    inner = [Counting(uses=uses), layers.Dense(1)]
    return compiled(keras.Sequential([keras.Input((6,)), *inner]))


def test_layers_that_count_their_calls_in_python():
    assert_parity(lambda: build_counting(uses=False), X, Y)


@pytest.mark.parametrize("of_batches", [False, True])
def test_layers_that_compute_from_how_often_they_are_traced(of_batches):
    """Left to Keras, whose numbers hang on what it has traced before; and so no parity."""

    def data():
        if not of_batches:
            return {"x": X, "y": Y}
        batches = ((X[:BATCH], Y[:BATCH]) for _ in range(9))
        return {"x": batches, "steps_per_epoch": 2, "shuffle": False}

    with pytest.raises(kohort.ModelError, match=r"another one each time.*or pass engine='keras'"):
        kohort.fit(build_counting(uses=True), **data(), engine="fused", verbose=0)
    with pytest.warns(UserWarning, match="whose train step is another one each time"):
        history = kohort.fit(build_counting(uses=True), **data(), verbose=0)
    assert history.epoch == [0]


class Drawing(layers.Layer):
    """Draws, from a generator that is no part of the model, when it is traced."""

    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def call(self, x):
        return x * self.draw()


@pytest.mark.parametrize("draw", [random.random, np.random.random], ids=["Python", "NumPy"])
def test_layers_that_draw_when_they_are_traced(draw):
    """Left to Keras, with the draws that it would have: those of looking at it are put back."""

    def build():
        return compiled(keras.Sequential([keras.Input((6,)), Drawing(draw), layers.Dense(1)]))

    def trained(fit, **arguments):
        model = seeded(0, build)
        model.train_on_batch(X[:3], Y[:3])  # Builds it, which draws too.
        random.seed(1)
        np.random.seed(0)  # That of `seed=`.
        return fit(model, X, Y, epochs=2, batch_size=BATCH, verbose=0, **arguments).history

    why = "its steps draw from Python's or NumPy's generator"
    with pytest.warns(UserWarning, match=why):
        history = trained(kohort.fit)
    assert history == trained(keras.Model.fit)
    with pytest.raises(kohort.ModelError, match=why):
        trained(kohort.fit, engine="fused")


@pytest.mark.filterwarnings("ignore:.*structure of `inputs`:UserWarning")
def test_validation_data_may_be_held_otherwise_than_data_to_train_on():
    """The same shapes, in lists and not, are two programs, and not one that changes."""

    def build():
        x = keras.Input((6,))
        return compiled(OwnStep(x, layers.Dense(1)(x)))

    model, reference = seeded(0, build), seeded(0, build)
    arguments = {"validation_data": (X, Y), "shuffle": False, "verbose": 0}
    history = kohort.fit(model, [X], [Y], **arguments)
    assert_same(model, reference, history, reference.fit([X], [Y], **arguments))


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
    with pytest.warns(UserWarning, match="has a metric"), pytest.raises(TypeError):
        kohort.fit([seeded(0, build), seeded(1, build)], X, Y, verbose=0)
    with pytest.raises(kohort.ModelError, match="has a metric of its own"):
        kohort.fit(build(), X, Y, engine="fused", verbose=0)


class WatchingModel(Plain):
    """The same in the call of a model."""

    def __init__(self):
        super().__init__()
        self.watch = metrics.Mean(name="watch")

    def call(self, x):
        self.watch.update_state(x)
        return self.dense(x)


class RateInLogs(Plain):
    """Reads a variable of the optimizer past the state that its step gets."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "rate": keras.ops.convert_to_tensor(self.optimizer.learning_rate)}, state


@pytest.mark.parametrize("kind", [WatchingModel, RateInLogs])
def test_variables_that_a_step_reads_past_its_state(kind):
    with pytest.raises(TypeError) as theirs:
        compiled(kind()).fit(X, Y, verbose=0)
    with (
        pytest.warns(UserWarning, match="its steps cannot be traced"),
        pytest.raises(TypeError) as e,
    ):
        kohort.fit(compiled(kind()), X, Y, verbose=0)
    assert str(e.value) == str(theirs.value)
    with pytest.raises(kohort.ModelError, match="its steps cannot be traced"):
        kohort.fit(compiled(kind()), X, Y, engine="fused", verbose=0)


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

    assert_parity(build, X, Y, members=[{"seed": 0, "rate": 0.1}, {"seed": 1, "rate": 3.0}])
