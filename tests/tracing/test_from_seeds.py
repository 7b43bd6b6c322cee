"""First states that follow from seeds are those of models that Keras builds, to the last bit."""

import itertools
import random

import jax
import keras
import numpy as np
import pytest
from keras import initializers, layers

import kohort
from kohort.keras_api.beginning.watched import watching
from kohort.keras_api.description import described
from kohort.keras_api.models import prepare, state_of
from kohort.keras_api.seeding import fresh_names, seeded
from kohort.tracing import from_seeds
from kohort.tracing.from_seeds import PROOFS, SeededModels
from kohort.tracing.signature import first_batch
from tests.faults.studies import numbers as numbers_of_study
from tests.models import build_mlp

BATCH = first_batch((np.zeros((8, 5), np.float32), np.zeros((8, 1), np.float32)), 8)


def net(*hidden, optimizer="adam", **compiled):
    model = keras.Sequential([keras.Input((5,)), *hidden, layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"], **compiled)
    return model


def initialized(*kinds):
    return lambda: net(*(layers.Dense(6, kernel_initializer=kind) for kind in kinds))


def regularized():
    return net(layers.Dense(7, "relu"), layers.BatchNormalization(), layers.Dropout(0.3))


def recurrent():
    return net(
        layers.Reshape((5, 1)),
        layers.Bidirectional(layers.LSTM(3, recurrent_dropout=0.1, return_sequences=True)),
        layers.GRU(3),
    )


def attention():
    inputs = keras.Input((5,))
    rows = layers.Reshape((5, 1))(inputs)
    rows = layers.MultiHeadAttention(2, 3, dropout=0.1)(rows, rows)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(rows)))
    model.compile(keras.optimizers.AdamW(1e-2, use_ema=True), "mse")
    return model


def half_precision():
    return net(
        layers.Dense(4, dtype="mixed_bfloat16"),
        layers.Dense(4, kernel_initializer=initializers.HeNormal(seed=3)),
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
    )


def assigned():
    model = net(layers.Dense(4))
    model.layers[0].set_weights([np.ones((5, 4)), np.ones(4)])
    return model


FOLLOWS = [
    *(regularized, assigned),
    *(
        pytest.param(build, marks=pytest.mark.long)
        for build in (
            initialized("he_normal", "lecun_uniform", "truncated_normal", "random_normal"),
            initialized("orthogonal", "random_uniform", "variance_scaling"),
            *(recurrent, attention, half_precision),
        )
    ),
]


def built(build, seed):
    with watching() as watch:
        with seeded(seed), fresh_names():
            model = build()
        prepare(model, BATCH)
    return watch, model


def learned(build, seeds=range(PROOFS + 1)):
    models = SeededModels()
    for seed in seeds:
        watch, model = built(build, seed)
        models.learn("it", seed, watch, model, described(model))
    return models


def bits(state):
    return [
        (leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in jax.device_get(jax.tree.leaves(state))
    ]


@pytest.mark.parametrize("build", FOLLOWS, ids=lambda build: build.__name__)
def test_first_states_are_those_of_models_that_keras_builds(build):
    models = learned(build)
    assert models.is_known("it")
    for seed in (100, 2**32 - 1):
        with seeded(seed), fresh_names():
            model = build()
        prepare(model, BATCH)
        assert bits(models.start("it", seed)) == bits(state_of(model))


def test_to_learn_from_models_compiles_nothing_that_their_building_has_not(caplog):
    seeds = range(PROOFS + 1)
    with kohort.building():  # as studies build
        models = [built(lambda: net(layers.Dense(11)), seed) for seed in seeds]
    known = SeededModels()
    with jax.log_compiles():
        for seed, (watch, model) in zip(seeds, models, strict=True):
            known.learn("it", seed, watch, model, described(model))
    assert known.is_known("it")
    assert "Finished XLA compilation" not in caplog.text


def draws_a_rate():
    return net(layers.Dense(4), optimizer=keras.optimizers.SGD(np.random.uniform(0.1, 0.2)))


def draws_a_width():
    return net(layers.Dense(random.choice([3, 4, 5, 6])))


def draws_what_changes_nothing():
    return net(layers.Dense(3 if random.random() < 2 else 4))


def draws_by_keras():
    model = net(layers.Dense(4))
    model.layers[0].bias.assign(keras.random.normal((4,)))
    return model


def draws_from_a_seed():
    layer = layers.Dense(4)
    layer.kernel_initializer((1, 1))  # It may decide something by it.
    return net(layer)


def scales_what_was_drawn():
    model = net(layers.Dense(4))
    model.layers[0].set_weights([2 * weights for weights in model.layers[0].get_weights()])
    return model


def looks_at_what_was_drawn():
    model = net(layers.Dense(4), layers.Dropout(0.1))
    if model.layers[0].kernel.numpy().max() > 1e3:  # No seed at hand does.
        return net(layers.Dense(5))
    return model


def predicts():
    model = net(layers.Dense(4))
    model(np.ones((1, 5)))
    return model


def seeds_itself():
    keras.utils.set_random_seed(0)
    return net(layers.Dense(4))


class Counts:
    """Another width each time."""

    __name__ = "counts"

    def __init__(self):
        self._widths = itertools.count(1)

    def __call__(self):
        return net(layers.Dense(next(self._widths)))


class Whims:
    """Weights that no seed decides."""

    __name__ = "whims"

    def __init__(self):
        self._random = np.random.default_rng()

    def __call__(self):
        model = net(layers.Dense(4))
        model.layers[0].kernel.assign(self._random.random((5, 4)))
        return model


def with_a_loss_of_its_own():
    model = net(layers.Dense(4))
    model.compile("sgd", lambda y, p: keras.ops.mean((y - p) ** 2))
    return model


OTHERS = [
    *(draws_a_rate, draws_a_width, draws_what_changes_nothing, draws_by_keras, draws_from_a_seed),
    *(scales_what_was_drawn, looks_at_what_was_drawn, predicts, seeds_itself, Counts(), Whims()),
    with_a_loss_of_its_own,
]


@pytest.mark.parametrize("build", OTHERS, ids=lambda build: build.__name__)
def test_what_depends_on_its_seed_in_another_way_is_built(build):
    models = learned(build)
    assert not models.is_known("it")
    assert not models.may_learn("it")


def test_nothing_is_known_of_few_models():
    models = learned(regularized, range(PROOFS))
    assert models.may_learn("it")
    assert not models.is_known("it")


def test_what_was_replaced_in_keras_is_put_back():
    value, draw = keras.src.backend.common.KerasVariable.value, keras.src.backend.random.draw_seed
    learned(regularized, [0])
    assert keras.src.backend.common.KerasVariable.value is value
    assert keras.src.backend.random.draw_seed is draw


class Counting:
    """Builds small classifiers, and counts them."""

    def __init__(self):
        self.built = 0

    def __call__(self, l2=0.0):
        self.built += 1
        return build_mlp((4,), l2, dropout=0.2)


def study(data, build, **changes):
    variants = [kohort.Variant("plain", build), kohort.Variant("l2", build, l2=1e-3)]
    arguments = {"replicates": kohort.Holdout(0.2, 6), "epochs": 2, "batch_size": 50}
    return kohort.Study("seeded", variants, data, **(arguments | changes))


@pytest.mark.long
def test_replicates_train_to_the_numbers_of_models_that_keras_builds(blobs, monkeypatch):
    build = Counting()
    result = study(blobs, build).run(verbose=0)
    assert build.built == 2 * (PROOFS + 1)
    monkeypatch.setattr(from_seeds, "PROOFS", 100)
    every = study(blobs, build).run(verbose=0)
    assert numbers_of_study(result) == numbers_of_study(every)
    assert build.built == 2 * (PROOFS + 1) + 2 * 6


@pytest.mark.parametrize("changes", [
    {"engine": "keras"},
    {"callbacks": [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)]},
], ids=["by Keras", "with callbacks"])  # fmt: skip
@pytest.mark.long
def test_models_are_there_where_something_needs_them(blobs, monkeypatch, changes):
    run = {"engine": changes.pop("engine", "auto"), "verbose": 0}
    build = Counting()
    result = study(blobs, build, **changes).run(**run)
    assert build.built >= 2 * 6
    monkeypatch.setattr(from_seeds, "PROOFS", 100)
    assert numbers_of_study(result) == numbers_of_study(study(blobs, build, **changes).run(**run))
