"""Models whose descriptions are equal have equal traces; whatever else differs is seen."""

import functools
import random
import threading

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort.keras_api.description import described
from kohort.keras_api.models import prepare
from kohort.keras_api.seeding import fresh_names, seeded
from kohort.tracing.signature import first_batch, trace_steps

layers = keras.layers


def dense(**compilation):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, "relu", kernel_regularizer=keras.regularizers.L2(0.1)),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, "softmax"),
        ]
    )
    compilation = {"optimizer": keras.optimizers.AdamW(weight_decay=0.1)} | compilation
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(), **compilation)
    return model


def residual():
    x = keras.Input((6,), name="x")
    shaped = layers.Reshape((3, 2))(x)
    read = layers.LSTM(4, return_sequences=True, recurrent_dropout=0.2)(shaped)
    read = layers.MultiHeadAttention(2, 3)(read, read)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(read))
    skipped = layers.Add()([layers.Dense(4)(x), pooled])
    model = keras.Model(x, layers.Dense(3, "softmax")(layers.GaussianNoise(0.1)(skipped)))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(
        keras.optimizers.SGD(schedule, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    return model


def pictures():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Reshape((3, 2, 1)),
            layers.RandomFlip(),
            layers.Conv2D(4, 2, padding="same", activation="gelu"),
            layers.SpatialDropout2D(0.2),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


BATCH = first_batch((np.zeros((8, 6), np.float32), np.zeros(8, np.int32)), 8)


def made(build, seed, change=None):
    with seeded(seed), fresh_names():
        model = build()
        if change is not None:
            change(model)
    prepare(model, BATCH)
    return model


@pytest.mark.parametrize("build", [dense, residual, pictures])
def test_seeds_change_no_description_and_equal_descriptions_have_equal_traces(build):
    one, other = (made(build, seed) for seed in (1, 2))
    description = described(one)
    assert description is not None
    assert description == described(other)
    traces = [trace_steps(model, BATCH).traces for model in (one, other)]
    assert [t.digest for t in traces[0].values()] == [t.digest for t in traces[1].values()]


def test_a_walk_changes_nothing_and_ends_the_same():
    model = made(dense, 1)
    assert described(model) == described(model)


CHANGES = {
    "a rate": lambda m: setattr(m.layers[2], "rate", 0.31),
    "a sign of zero": lambda m: setattr(m.layers[1], "epsilon", -0.0),
    "an integer for a float": lambda m: setattr(m.layers[1], "momentum", 1),
    "a penalty in a configuration": lambda m: setattr(m.layers[0].kernel_regularizer, "l2", 0.2),
    "a penalty on a variable": lambda m: setattr(
        m.layers[3].bias, "regularizer", keras.regularizers.L1(0.1)
    ),
    "a constraint": lambda m: setattr(m.layers[3].kernel, "constraint", keras.constraints.NonNeg()),
    "an activation": lambda m: setattr(m.layers[0], "activation", keras.activations.gelu),
    "what trains": lambda m: setattr(m.layers[3], "trainable", False),
    "a beta": lambda m: setattr(m.optimizer, "beta_1", 0.8),
    "what is clipped": lambda m: setattr(m.optimizer, "clipnorm", 1.0),
    "a class to ignore": lambda m: m.compile(
        m.optimizer, keras.losses.SparseCategoricalCrossentropy(ignore_class=1)
    ),
    "a metric": lambda m: m.compile(m.optimizer, m.loss, metrics=["accuracy"]),
    "an array in an attribute": lambda m: setattr(m.layers[2], "noise_shape", np.arange(2)),
    "a variable that is no state": lambda m: m.layers[2].__dict__.update(
        extra=keras.Variable(np.ones(2))
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_trace_may_read_is_in_it(change):
    changed = described(made(dense, 1, change))
    assert changed is not None
    assert changed != described(made(dense, 1))


def test_names_of_metrics_are_in_it():
    def named(name):
        metric = keras.metrics.SparseCategoricalAccuracy(name)
        return described(made(lambda: dense(metrics=[metric]), 1))

    assert named("right") == named("right") is not None
    assert named("right") != named("correct")


def test_arrays_are_told_apart_by_their_numbers():
    def with_scale(value):
        def change(model):
            model.layers[2].noise_shape = np.array([value, np.nan])

        return described(made(dense, 1, change))

    assert with_scale(1.0) == with_scale(1.0)
    assert with_scale(1.0) != with_scale(1.5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array(2.0), np.array([2.0])),
        (jnp.asarray(2.0), jnp.array(2.0, "float32")),
        (np.float32(2.0), np.array(2.0, "float32")),
        (2.0, 2),
    ],
    ids=["ranks", "weak types of JAX", "a number and an array", "a float and an integer"],
)
def test_numbers_are_told_apart_by_rank_and_kind(one, other):
    def scaled(factor):
        scaling = layers.Rescaling(factor)
        model = keras.Sequential([keras.Input((6,)), scaling, layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    descriptions = [described(made(lambda f=f: scaled(f), 1)) for f in (one, other)]
    assert None not in descriptions
    assert descriptions[0] != descriptions[1]


def test_an_attribute_belongs_to_its_object():
    """Without counts, one at the end of the last child reads like one at the end of its parent."""

    def at(choose):
        def change(model):
            choose(model).__dict__["zzz"] = 1.5

        return described(made(dense, 1, change))

    places = [lambda m: m, lambda m: m.optimizer, lambda m: m.layers[3], lambda m: m.layers[0]]
    found = [at(place) for place in places]
    assert None not in found
    assert len(set(found)) == len(found)


class Mine(layers.Dense):
    """A layer that is not Keras's."""


class Hidden:
    """Holds what nobody sees."""

    __slots__ = ()


UNKNOWN = {
    "a layer": lambda m: m.layers[2].__dict__.update(other=Mine(3)),
    "a pattern": lambda m: m.optimizer.exclude_from_weight_decay(var_names=["bias"]),
    "a function": lambda m: setattr(m.layers[0], "activation", lambda x: x),
    "a partial function": lambda m: setattr(
        m.layers[0], "activation", functools.partial(lambda x, y: x, y=1)
    ),
    "a class": lambda m: setattr(m.layers[2], "other", Mine),
    "a set of objects": lambda m: setattr(m.layers[2], "other", frozenset([Hidden()])),
    "a generator of numbers": lambda m: setattr(m.layers[2], "other", np.random.default_rng(0)),
    "an iterator": lambda m: setattr(m.layers[2], "other", iter([1])),
    "objects in an array": lambda m: setattr(m.layers[2], "noise_shape", np.array([Hidden()])),
    "numbers drawn by C code": lambda m: setattr(m.layers[2], "other", random.Random(0)),
    "an array of another class": lambda m: setattr(m.layers[2], "noise_shape", np.ma.array([1])),
    "a text with an address": lambda m: setattr(m.layers[2], "other", repr(object())),
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_has_no_description(change):
    assert described(made(dense, 1, change)) is None


def test_locks_are_alike():
    def locked(model):
        model.layers[2].__dict__["lock"] = threading.Lock()

    assert described(made(dense, 1, locked)) == described(made(dense, 2, locked)) is not None
