"""Members that a callback stops: their models are written when they stop, and not before."""

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.loop import state
from kohort.engine.loop.block import Block
from kohort.engine.loop.checkpoints import parts_of
from tests.models import numbers, seeded

EPOCHS = 6
CLOSE = {"rtol": 2e-4, "atol": 2e-5}


class Own(keras.callbacks.EarlyStopping):
    """May do anything with its model, for all that is known of it."""


def stopping(patience, of=keras.callbacks.EarlyStopping, **options):
    """A callback that stops its member after `patience` + 1 epochs, since no loss falls by 9."""
    return of("loss", min_delta=9, patience=patience, **options)


def trained(data, callbacks, count, epochs=EPOCHS):
    models = [seeded(number) for number in range(count)]
    histories = kohort.fit(
        models, data.x_train, data.y_train, batch_size=50, epochs=epochs, shuffle=False, verbose=0,
        callbacks=callbacks, chunk_size=count,
    )  # fmt: skip
    return models, [len(history.epoch) for history in histories]


@pytest.fixture
def written(monkeypatch):
    """How often a model's state was written."""
    calls, assign = [], state.assign_state
    monkeypatch.setattr(state, "assign_state", lambda *given: (calls.append(0), assign(*given)))
    return calls


@pytest.fixture
def seated(monkeypatch):
    """The members in the seats of a block, after each of its epochs."""
    end_epoch, found = Block.end_epoch, []

    def keeps(block, outcome):
        epoch = end_epoch(block, outcome)
        found.append(list(block._state.seats))
        return epoch

    monkeypatch.setattr(Block, "end_epoch", keeps)
    return found


@pytest.mark.long
def test_a_member_that_stops_has_the_numbers_of_its_last_epoch(blobs, written, seated):
    # Two of four leave at once, which frees their seats; later one of the two that are left.
    patience = [1, 1, 3, 9]
    models, lengths = trained(blobs, lambda number: stopping(patience[number]), 4)
    assert lengths == [2, 2, 4, EPOCHS]
    assert len(written) == 4, "each model once"
    assert seated == [[0, 1, 2, 3], *[[2, 3]] * 2, *[[3]] * 3]
    for number, (model, epochs) in enumerate(zip(models, lengths, strict=True)):
        alone = trained(blobs, None, 4, epochs)[0][number]
        for mine, yours in zip(numbers(model), numbers(alone), strict=True):
            np.testing.assert_allclose(mine, yours, **CLOSE)


@pytest.mark.parametrize("callback", [stopping(9, Own), stopping(9, restore_best_weights=True)])
def test_who_may_read_its_model_finds_it_written_after_each_epoch(blobs, written, callback):
    trained(blobs, [callback], 2)
    assert len(written) >= 2 * EPOCHS


def test_a_checkpoint_has_what_a_stopped_member_ended_with(blobs, monkeypatch):
    end_epoch, kept = Block.end_epoch, []

    def keeps(block, outcome):
        found = end_epoch(block, outcome)
        kept.append((found.epoch, found.checkpoint()))
        return found

    monkeypatch.setattr(Block, "end_epoch", keeps)
    patience = [9, 1, 9, 9]
    models, lengths = trained(blobs, lambda number: stopping(patience[number]), 4)
    assert lengths == [EPOCHS, 2, EPOCHS, EPOCHS]
    monkeypatch.undo()
    alone, _ = trained(blobs, None, 4)
    for epoch, checkpoint in kept:
        weights = parts_of("state", checkpoint.arrays, 4)[0]
        if epoch >= 1:
            for leaf, variable in zip(weights, models[1].trainable_variables, strict=True):
                np.testing.assert_array_equal(leaf[1], variable.numpy())
    for mine, yours in zip(models[0].get_weights(), alone[0].get_weights(), strict=True):
        np.testing.assert_allclose(mine, yours, **CLOSE)
