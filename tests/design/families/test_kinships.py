"""Variants that differ in numbers alone follow from a few, as Keras builds them."""

import itertools
from unittest import mock

import jax
import keras
import numpy as np
import pytest
from keras import layers

import kohort
from kohort.design import building
from kohort.design.building import BuiltModels
from kohort.design.plan import make_plan
from kohort.keras_api.models import state_of
from kohort.runs.new_models import before_training
from tests.faults.studies import numbers as numbers_of_study


class Counting:
    """Builds small classifiers, and counts them."""

    def __init__(self, change=lambda model, rate: None):
        self.built, self._change = 0, change

    def __call__(self, rate, l2=1e-3, dropout=0.2, units=4):
        self.built += 1
        model = keras.Sequential([
            keras.Input((5,)),
            layers.Dense(units, "relu", kernel_regularizer=keras.regularizers.L2(l2)),
            layers.Dropout(dropout),
            layers.Dense(3, "softmax"),
        ])  # fmt: skip
        optimizer = keras.optimizers.AdamW(rate, weight_decay=l2)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        self._change(model, rate)
        return model


def study(data, build, points, **changes):
    variants = [kohort.Variant(str(n), build, **point) for n, point in enumerate(points)]
    arguments = {"replicates": kohort.Holdout(0.2, 1), "epochs": 1, "batch_size": 50}
    return kohort.Study("kin", variants, data, **(arguments | changes))


def grid(count, **axes):
    """So many points, with other values of each axis."""
    random = np.random.default_rng(0)
    return [
        {name: float(random.uniform(*ends)) for name, ends in axes.items()} for _ in range(count)
    ]


def bits(state):
    return [
        (leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in jax.device_get(jax.tree.leaves(state))
    ]


def planned(of):
    models = BuiltModels(of.spec, 1 << 30)
    return make_plan(of.spec, models), models


NUMBERS = {"rate": (1e-3, 1e-1), "l2": (1e-5, 1e-2), "dropout": (0.1, 0.6)}


@pytest.mark.parametrize("axes", [
    ("rate",),
    pytest.param(("rate", "l2", "dropout"), marks=pytest.mark.long),
], ids=len)  # fmt: skip
def test_the_plan_is_that_of_models_that_keras_builds(blobs, axes, monkeypatch):
    build = Counting()
    of = study(blobs, build, grid(30, **{name: NUMBERS[name] for name in axes}))
    plan, models = planned(of)
    assert build.built < 8
    monkeypatch.setattr(building, "_WORTH", 1 << 30)
    every, as_built = planned(of)
    assert plan.cohorts == every.cohorts
    assert plan.every_member == every.every_member
    replicate = of.spec.replicate(0, 1.0)
    for number in (5, 20, 29):
        found = models.start(number, replicate)
        # A penalty is in the evaluation: a model of another one does not stand for it.
        assert (found is None) is ("l2" in axes)
        assert as_built.start(number, replicate) is None
        own = state_of(as_built.kept(number, replicate))
        start = state_of(models.look_at(number, replicate)) if found is None else found[1]()
        assert bits(start) == bits(own)


def assert_planned_as_built(of):
    plan, _ = planned(of)
    with mock.patch.object(building, "_WORTH", 1 << 30):
        assert plan.every_member == planned(of)[0].every_member


@pytest.mark.long
def test_other_shapes_zeros_and_what_is_no_number_are_built_by_themselves(blobs):
    build = Counting()
    of_grid = grid(28, rate=(1e-3, 1e-1))
    assert_planned_as_built(study(blobs, build, [
        *of_grid,
        {"rate": 0.01, "units": 5},
        {"rate": 0.01, "dropout": 0.0},
        {"rate": 0.01, "l2": np.float64(0.02)},
        {"rate": 0.01, "l2": 0.0},
    ]))  # fmt: skip


@pytest.mark.long
def test_what_is_switched_on_by_a_number_is_told_as_it_is(blobs):
    """A weight decay of 0 is none, and takes the course of one that is not 0."""
    points = [point | {"l2": l2} for point, l2 in zip(
        grid(32, rate=(1e-3, 1e-1)), itertools.cycle([1e-3, 1e-2, 0.0]), strict=False
    )]  # fmt: skip
    assert_planned_as_built(study(blobs, Counting(), points))


def scale(model, rate):
    """The number hides in weights."""
    model.layers[0].kernel.assign(rate * np.ones((5, 4)))


def weigh(model, rate):
    """What is compiled beside the optimizer tells of it."""
    model.compile("sgd", "sparse_categorical_crossentropy", loss_weights=[rate])


@pytest.mark.long
@pytest.mark.parametrize("change", [scale, weigh], ids=lambda change: change.__name__)
def test_what_does_not_follow_is_built(blobs, change):
    build = Counting(change)
    of = study(blobs, build, grid(26, rate=(1e-3, 1e-1)))
    planned(of)
    assert build.built >= 26
    assert_planned_as_built(of)


@pytest.mark.long
@pytest.mark.parametrize(("axes", "are_built"), [(("rate", "dropout"), False), (("l2",), True)])
def test_losses_before_training_are_those_of_models_that_keras_builds(blobs, axes, are_built):
    build = Counting()
    points = [{"rate": 0.01} | of for of in grid(26, **{name: NUMBERS[name] for name in axes})]
    spec = study(blobs, build, points).spec
    models = BuiltModels(spec, 1 << 30)
    make_plan(spec, models)
    losses, _ = before_training(spec, models)
    assert (build.built >= 26) is are_built
    assert losses == before_training(spec, BuiltModels(spec, 1 << 30))[0]


@pytest.mark.long
def test_they_train_to_the_numbers_of_models_that_keras_builds(blobs, monkeypatch):
    of_grid = grid(26, **NUMBERS)

    def trained():
        of = study(blobs, Counting(), of_grid, replicates=kohort.Holdout(0.2, 2), epochs=2)
        return numbers_of_study(of.run(verbose=0, chunk_size=4))

    few = trained()
    monkeypatch.setattr(building, "_WORTH", 1 << 30)
    assert trained() == few


@pytest.mark.long
def test_classes_are_counted_by_a_model_of_the_members_own_slope(blobs):
    def build(slope):
        model = keras.Sequential([
            keras.Input((5,)), layers.Dense(8), layers.LeakyReLU(slope),
            layers.Dense(3, "softmax"),
        ])  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    points = [{"slope": 0.1 * number + 0.05} for number in range(26)]
    of = study(blobs, build, points, epochs=4)
    result = of.run(verbose=0)
    rows = of.spec.replicate(0, 1.0).valid
    inputs, truth = blobs.inputs(blobs.x_train[rows]), blobs.y_train[rows]
    for number in range(26):
        model = result.members[str(number), 0].model()
        given = model.predict(inputs, verbose=0).argmax(axis=1)
        found = np.bincount(truth[given == truth], minlength=3)
        np.testing.assert_array_equal(result.record.classes.found[number, 0], found)


@pytest.mark.long
def test_what_no_step_computes_with_is_not_taken_for_the_same(blobs):
    """The penalty of a frozen layer is in the configuration, and in no trace."""

    def build(l2, rate):
        half = keras.regularizers.L2(l2 / 2)
        frozen = layers.Dense(4, "relu", kernel_regularizer=half, trainable=False)
        model = keras.Sequential([keras.Input((5,)), frozen, layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        return model

    points = [{"l2": l2, "rate": rate} for l2 in np.arange(1, 11) / 100 for rate in (1e-2, 2e-2)]
    points = [{name: float(value) for name, value in point.items()} for point in points]
    assert_planned_as_built(
        study(blobs, build, [*points, *grid(8, l2=(0.2, 0.3), rate=(1e-2, 1e-1))])
    )
