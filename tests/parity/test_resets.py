"""Metrics that keep something when they are reset, as `reset_state` says."""

import keras
import numpy as np
import pytest

import kohort
from tests.models import numbers, seeded

X = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
Y = (np.arange(400) % 3).astype(np.int32)


class Highest(keras.metrics.Metric):
    """The most samples of class 0 that one run of batches has had, over all runs."""

    def __init__(self):
        super().__init__(name="highest")
        self.now = self.add_variable((), "zeros", name="now")
        self.best = self.add_variable((), "zeros", name="best")
        self.runs = self.add_variable((), "zeros", dtype="int32", name="runs")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.now.assign_add(keras.ops.sum(keras.ops.cast(keras.ops.equal(y_true, 0), "float32")))

    def result(self):
        runs = keras.ops.cast(self.runs, "float32")
        return keras.ops.maximum(self.now, self.best) + 1000 * runs

    def reset_state(self):
        self.best.assign(keras.ops.maximum(self.best, self.now))
        self.now.assign(0.0)
        self.runs.assign_add(1)


class Distiller(keras.Sequential):
    """Resets its metrics in its own way."""

    def reset_metrics(self):
        for metric in self.metrics:
            if metric.name != "highest":
                metric.reset_state()


def built(kind=keras.Sequential):
    keras.utils.set_random_seed(1)
    model = kind([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", Highest()])
    return model


SETTINGS = {
    "in whole batches": {"batch_size": 100},
    "in batches and a part": {"batch_size": 96},
    "validated": {"batch_size": 96, "validation_split": 0.3},
    "validated at times": {"batch_size": 96, "validation_split": 0.3, "validation_freq": 2},
}


@pytest.mark.parametrize("memory", [None, "12 KB"], ids=["resident", "streamed"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", [keras.Sequential, Distiller])
def test_they_have_keras_numbers(settings, memory, kind):
    arguments = {"epochs": 4, "shuffle": False, "verbose": 0} | settings
    mine, reference = built(kind), built(kind)
    history = kohort.fit(mine, X, Y, memory=memory, **arguments).history
    wanted = reference.fit(X, Y, **arguments).history
    assert list(history) == list(wanted)
    assert history["highest"] == wanted["highest"]
    for name, values in wanted.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for own, other in zip(numbers(mine), numbers(reference), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


def test_training_goes_on_from_what_they_have_kept():
    mine, reference = built(), built()
    for _ in range(2):
        history = kohort.fit(mine, X, Y, epochs=2, shuffle=False, verbose=0).history
        wanted = reference.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    assert history["highest"] == wanted["highest"]


def test_to_look_at_the_training_part_changes_nothing_that_they_keep():
    plain, measured = built(), built()
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0, "validation_split": 0.3}
    without = kohort.fit(plain, X, Y, **arguments).history
    history = kohort.fit(measured, X, Y, train_metrics="evaluated", **arguments).history
    assert {name: history[name] for name in without} == without


def test_members_side_by_side_keep_their_own():
    models = [seeded(seed) for seed in (1, 2)]
    for model in models:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=[Highest()])
    histories = kohort.fit(models, X, Y, epochs=3, shuffle=False, chunk_size=2, verbose=0)
    for seed, history in zip((1, 2), histories, strict=True):
        reference = seeded(seed)
        reference.compile("adam", "sparse_categorical_crossentropy", metrics=[Highest()])
        wanted = reference.fit(X, Y, epochs=3, shuffle=False, verbose=0)
        assert history.history["highest"] == wanted.history["highest"]
