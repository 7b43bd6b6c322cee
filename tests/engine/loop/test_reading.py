"""After callbacks, what is read of the models is what they changed, and Keras's numbers follow."""

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.loop import state
from kohort.engine.loop.block import Block
from tests.models import build_mlp

OPTIONS = {"epochs": 4, "batch_size": 50, "validation_split": 0.2, "shuffle": False, "verbose": 0}


class Watches(keras.callbacks.Callback):
    """Changes nothing."""


class Halves(keras.callbacks.Callback):
    """Changes one variable, of one model."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch % 2:
            bias = self.model.layers[-1].bias
            bias.assign(bias / 2)


class Swaps(keras.callbacks.Callback):
    """Takes a variable's value away where an epoch ends, and gives it back where one begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            self.model.layers[-1].bias.assign(self.kept)

    def on_epoch_end(self, epoch, logs=None):
        self.kept = self.model.layers[-1].bias.value
        self.model.layers[-1].bias.assign(keras.ops.zeros_like(self.kept))


CASES = {
    # By the values that are stacked anew before the epochs after the first.
    "nothing": (lambda number: [Watches()], [0, 0, 0]),
    "one value of one model": (lambda number: [Halves() if number else Watches()], [0, 1, 0]),
    "the same value again": (lambda number: [Swaps()], [0, 0, 0]),
    "learning rates": (
        lambda number: [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (1 + number + epoch))
        ],
        [1, 1, 1],
    ),
}


def models():
    made = []
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        made.append(build_mlp(dropout=0.3))
    return made


def check_equal(together, alone):
    for mine, keras_own in zip(together, alone, strict=True):
        for variable, expected in zip(mine.variables, keras_own.variables, strict=True):
            np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "case",
    [
        "one value of one model",
        *(pytest.param(case, marks=pytest.mark.long) for case in CASES if case[:3] != "one"),
    ],
)
def test_of_the_models_is_read_what_callbacks_changed(blobs, monkeypatch, case):
    callbacks, anew = CASES[case]
    data, stacked, stack = (blobs.x_train, blobs.y_train), [], state._stacked
    alone = models()
    for number, model in enumerate(alone):
        model.fit(*data, callbacks=callbacks(number), **OPTIONS)
    monkeypatch.setattr(
        state, "_stacked", lambda values, place: stacked.append(len(values)) or stack(values, place)
    )
    together = models()
    kohort.fit(together, *data, callbacks=callbacks, engine="fused", chunk_size=3, **OPTIONS)
    assert stacked[1:] == anew
    assert stacked[0] == len(state.jax.tree.leaves(state.state_of(together[0])))
    check_equal(together, alone)


def test_a_value_that_was_read_meanwhile_is_read_again_where_it_is_given_back(blobs, monkeypatch):
    """A checkpoint reads the models between the end of an epoch and the begin of the next."""
    end_epoch = Block.end_epoch

    def reads(block, outcome):
        epoch = end_epoch(block, outcome)
        block._state.seat()
        return epoch

    monkeypatch.setattr(Block, "end_epoch", reads)
    alone, together = models(), models()
    for model in alone:
        model.fit(blobs.x_train, blobs.y_train, callbacks=[Swaps()], **OPTIONS)
    kohort.fit(
        together,
        blobs.x_train,
        blobs.y_train,
        callbacks=lambda _: [Swaps()],
        chunk_size=3,
        **OPTIONS,
    )
    check_equal(together, alone)
