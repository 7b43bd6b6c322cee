"""Models that are prepared without Keras's symbolic calls are those that Keras prepares."""

import random

import keras
import numpy as np
import pytest
from keras import layers

import kohort
from kohort.keras_api.description import described
from kohort.keras_api.models import prepare
from kohort.keras_api.seeding import fresh_names, seeded
from kohort.tracing import alike, from_seeds
from kohort.tracing.alike import Preparer
from kohort.tracing.signature import first_batch
from tests.faults.studies import numbers as numbers_of_study
from tests.models import build_mlp, numbers

X, Y = np.zeros((8, 5), np.float32), np.zeros((8, 1), np.float32)
BATCH = first_batch((X, Y), 8)


def net(*, metrics=("mae",), hidden=None, **compiled):
    model = keras.Sequential(
        [keras.Input((5,)), *(hidden or [layers.Dense(4, "relu")]), layers.Dense(1)]
    )
    model.compile(**{"optimizer": "adam", "loss": "mse", "metrics": list(metrics)} | compiled)
    return model


def unbuilt():
    model = keras.Sequential([layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def noisy():
    return net(
        hidden=[layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.3)],
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        weighted_metrics=["mse"],
    )


def two_outputs():
    inputs = keras.Input((5,))
    outputs = {"a": layers.Dense(1, name="a")(inputs), "b": layers.Dense(1, name="b")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("rmsprop", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse"]})
    return model


def lazy():
    return net(metrics=[keras.metrics.R2Score()])


def own_loss():
    return net(loss=lambda y, p: keras.ops.mean((y - p) ** 2))


def drawn():
    """A build function that draws what is no seed."""
    return net(hidden=[layers.Dense(4), layers.Dropout(random.choice([0.1, 0.2]))])


def built(build, seed):
    with seeded(seed), fresh_names():
        return build()


@pytest.fixture
def calls(monkeypatch):
    """The models that Keras prepared."""
    seen, real = [], keras.Model._symbolic_build
    monkeypatch.setattr(
        keras.Model, "_symbolic_build", lambda self, **k: seen.append(self) or real(self, **k)
    )
    return seen


def assert_as_keras_prepares(preparer, build, seed, batch):
    again = lambda: built(build, seed)  # noqa: E731
    mine, description = preparer.prepare(again(), again, "variant", batch)
    theirs = again()
    prepare(theirs, batch)
    if build is not unbuilt:  # Keras counts what it builds, and puts the numbers into names.
        assert described(mine) == described(theirs) == description
    for one, other in zip(numbers(mine), numbers(theirs), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert [v.path for v in mine.optimizer.variables] == [
        v.path for v in theirs.optimizer.variables
    ]
    return mine


@pytest.mark.parametrize(
    ("build", "by_keras"),
    [(net, 3), (noisy, 3), (two_outputs, 6), (unbuilt, 6), (lazy, 6), (own_loss, 6)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_models_come_out_as_keras_prepares_them(build, by_keras, calls):
    batch, preparer = BATCH, Preparer()
    if build is two_outputs:
        batch = first_batch((X, {"a": Y, "b": Y}), 8)
    models = [assert_as_keras_prepares(preparer, build, seed, batch) for seed in range(6)]
    assert sum(model in models for model in calls) == by_keras


@pytest.mark.long
def test_models_that_differ_are_of_kinds_of_their_own(calls):
    preparer = Preparer()
    models = [assert_as_keras_prepares(preparer, drawn, seed, BATCH) for seed in range(12)]
    rates = {model.layers[1].rate for model in models}
    assert rates == {0.1, 0.2}
    # The first two, and the first one of each kind after them.
    assert sum(model in models for model in calls) == 4


@pytest.mark.long
def test_replicates_of_a_study_have_the_bits_of_models_that_keras_prepares(
    blobs, calls, monkeypatch
):
    monkeypatch.setattr(from_seeds, "PROOFS", 100)  # All are built.

    def trained():
        study = kohort.Study(
            "alike", [kohort.Variant("a", build_mlp, dropout=0.2)], blobs,
            replicates=kohort.Holdout(0.2, 6), epochs=2, batch_size=50,
        )  # fmt: skip
        return numbers_of_study(study.run(verbose=0))

    few = trained()
    assert len(calls) == 3
    monkeypatch.setattr(alike, "_FEW", 100)
    assert trained() == few
    assert len(calls) == 9
