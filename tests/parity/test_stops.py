"""Callbacks that stop training, or choose where it starts, before a batch is taken."""

import keras
import numpy as np
import pytest

import kohort
from tests.models import numbers, seeded

X = np.random.default_rng(0).normal(size=(600, 5)).astype(np.float32)
Y = (np.arange(600) % 3).astype(np.int32)


class Stop(keras.callbacks.Callback):
    """Sets stop_training at a moment, and notes which epochs it sees end."""

    def __init__(self, moment, epoch=0):
        super().__init__()
        self.moment, self.at, self.ended = moment, epoch, []

    def on_train_begin(self, logs=None):
        self.model.stop_training = self.moment == "on_train_begin"

    def on_epoch_begin(self, epoch, logs=None):
        if self.moment == "on_epoch_begin" and epoch == self.at:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append((epoch, sorted(logs)))


class Start(keras.callbacks.Callback):
    """Chooses the first epoch, as BackupAndRestore does."""

    def on_train_begin(self, logs=None):
        self.model._initial_epoch = 2


@pytest.mark.parametrize("memory", [None, "16 KB"], ids=["resident", "streamed"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Stop("on_train_begin"),
        lambda: Stop("on_epoch_begin"),
        lambda: Stop("on_epoch_begin", 2),
        Start,
    ],
    ids=["before training", "before the first epoch", "before the third", "from the third"],
)
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_keras_epoch_that_is_left(make, memory, count):
    arguments = {"batch_size": 50, "epochs": 4, "validation_split": 0.2, "shuffle": False}
    mine, reference = seeded(1), seeded(1)
    for model in (mine, reference):
        model.compile(
            "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"],
            steps_per_execution=count,
        )  # fmt: skip
    own, other = make(), make()
    history = kohort.fit(mine, X, Y, callbacks=[own], memory=memory, verbose=0, **arguments)
    wanted = reference.fit(X, Y, callbacks=[other], verbose=0, **arguments)
    assert history.epoch == wanted.epoch
    for name, values in wanted.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5, err_msg=name)
    for value, right in zip(numbers(mine), numbers(reference), strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-4, atol=1e-6)
    assert getattr(own, "ended", None) == getattr(other, "ended", None)


def test_members_side_by_side_that_differ_are_refused():
    models = [seeded(seed) for seed in (1, 2)]
    stops = [Stop("on_epoch_begin", epoch) for epoch in (0, 1)]
    with pytest.raises(kohort.DesignError, match=r"set it in on_epoch_end, or pass chunk_size=1"):
        kohort.fit(models, X, Y, epochs=3, callbacks=lambda n: [stops[n]], chunk_size=2, verbose=0)
    models = [seeded(seed) for seed in (1, 2)]
    stops = [Stop("on_epoch_begin", epoch) for epoch in (0, 1)]
    histories = kohort.fit(
        models, X, Y, epochs=3, callbacks=lambda n: [stops[n]], chunk_size=1, verbose=0
    )
    assert [len(history.epoch) for history in histories] == [1, 2]
