"""How often a reading of the test set builds models and runs them; compiling takes most of it."""

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.data.labels import class_labels
from kohort.keras_api.samples import _at_once, measured
from kohort.member import candidate
from kohort.report import held_out

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(90, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
built = []


class Counts(keras.layers.Layer):
    """Adds the number of calls of the model, as a layer does that remembers batches."""

    def build(self, shape):
        del shape
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x + self.calls


def build(units):
    built.append(units)
    layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def counted(monkeypatch, name):
    calls, given = [], getattr(keras.Model, name)
    monkeypatch.setattr(keras.Model, name, lambda *a, **k: [calls.append(1), given(*a, **k)][1])
    return calls


def test_a_member_that_is_tested_is_built_once_and_predicts_once(monkeypatch):
    data = kohort.Dataset(X[:60], Y[:60], X[60:], Y[60:])
    replicate = next(iter(kohort.Holdout(0.2, 2).replicates(data, seed=0)))
    variant = kohort.Variant("two", build, units=2)
    weights = build(2).get_weights()
    member = kohort.Member(variant, replicate, data, weights, epoch=1)
    built.clear()
    predicted, evaluated = (counted(monkeypatch, name) for name in ("predict", "evaluate"))
    labels = class_labels(data, floats_are_labels=False)
    (tested,) = held_out.TestSet(data, labels, "accuracy").read([candidate(member, "accuracy")])
    assert (len(built), len(predicted), len(evaluated)) == (1, 1, 1)
    outputs = member.model().predict(X[60:], verbose=0)
    assert tested.classes.tolist() == outputs.argmax(axis=1).tolist()
    assert float(tested.score) == pytest.approx((outputs.argmax(axis=1) == Y[60:]).mean())


def compiled(layers, metrics=()):
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", "mse", metrics=list(metrics))
    return model


def test_what_is_measured_has_its_outputs():
    model = compiled([keras.layers.Dense(1)])
    found = measured(model, "data_loss", X, Y)
    assert np.array_equal(found.outputs, model.predict(X, verbose=0, batch_size=1024))


def test_of_a_model_that_remembers_batches_a_new_one_is_asked():
    model = compiled([Counts(), keras.layers.Dense(1)])
    assert measured(model, "data_loss", X, Y).outputs is None


def test_a_loss_of_samples_is_one_program():
    """Each operation by itself would compile one."""
    traced = []

    def squares(y, outputs):
        traced.append(isinstance(outputs, jax.core.Tracer))
        return keras.ops.square(y - outputs[:, 0])

    model = compiled([keras.layers.Dense(1)], metrics=[squares])
    found = measured(model, "squares", X, Y)
    assert traced[-1]
    outputs = model.predict(X, verbose=0)
    assert found.values == pytest.approx((Y - outputs[:, 0]) ** 2, rel=1e-5)


def test_a_function_that_needs_numbers_gets_them():
    found = _at_once(lambda y, outputs: np.abs(y - np.asarray(outputs)), Y, Y + 2.0)
    assert np.asarray(found).tolist() == [2.0] * len(Y)
