"""Where no callback can change or stop training, an epoch starts before the last one is told."""

import threading
import time

import keras
import numpy as np
import pytest

import kohort
from kohort.data.system import cores
from kohort.engine.feed.resident import ResidentRunner
from kohort.engine.loop import state as loop_state
from kohort.engine.loop.callback_lists import CallbackLists
from kohort.engine.loop.cohort import _AT_ONCE
from kohort.engine.loop.state import BlockState
from tests.models import numbers, seeded


class Batches(keras.utils.PyDataset):
    """Twelve samples in three batches; notes in a list that one is read."""

    def __init__(self, happened):
        super().__init__()
        self.happened = happened

    def __len__(self):
        return 3

    def __getitem__(self, number):
        self.happened.append("read")
        x = np.random.default_rng(number).normal(size=(4, 5)).astype(np.float32)
        return x, np.arange(4) % 3


STEPS = 3
"""Of an epoch: 72 samples in batches of 24."""
MANY = 5000


def train(models, **arguments):
    generator = np.random.default_rng(1)
    x = generator.normal(size=(90, 5)).astype(np.float32)
    y = generator.integers(0, 3, 90, np.int32)
    return kohort.fit(
        models, x, y, **{"batch_size": 24, "validation_split": 0.2, "verbose": 0} | arguments
    )


def members():
    return [
        seeded(number, dropout=0.2, learning_rate=rate) for number, rate in enumerate((0.01, 0.03))
    ]


def trained_steps(model):
    return int(model.optimizer.iterations.numpy())


@pytest.fixture
def told(monkeypatch):
    """What happens, in turn: epochs begin, and end with their callbacks; and the bytes of one."""
    happened, needed = [], []
    begin, end = ResidentRunner.begin, CallbackLists.on_epoch_end

    def noting_begin(self, *arguments):
        happened.append("begins")
        call = begin(self, *arguments)
        needed.append(call.needed)
        return call

    def noting_end(self, members, epoch, logs):
        happened.append("told")
        return end(self, members, epoch, logs)

    monkeypatch.setattr(ResidentRunner, "begin", noting_begin)
    monkeypatch.setattr(CallbackLists, "on_epoch_end", noting_end)
    return happened, needed


IN_TURN = ["begins", "told"] * 4
# How long an epoch takes is known from the first one on.
AHEAD = ["begins", "told", "begins", *["begins", "told"] * 2, "told"]


@pytest.fixture(autouse=True)
def _epochs_are_short(monkeypatch):
    """On a loaded machine they may take any time."""
    monkeypatch.setattr(loop_state, "_SHORT", 3600.0)


class TestWhen:
    def test_nothing_watches(self, told):
        train(members(), epochs=4)
        assert told[0] == AHEAD

    def test_a_callback_only_logs(self, told, tmp_path):
        logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
        train(members()[:1], epochs=4, callbacks=[logger])
        assert told[0] == AHEAD
        assert len((tmp_path / "log.csv").read_text().splitlines()) == 5

    @pytest.mark.parametrize(
        "callback",
        [
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
            keras.callbacks.EarlyStopping(patience=9),
            keras.callbacks.TerminateOnNaN(),
        ],
        ids=lambda callback: type(callback).__name__,
    )
    def test_not_where_a_callback_may_change_or_stop_it(self, told, callback):
        train(members(), epochs=4, callbacks=[callback])
        assert told[0] == IN_TURN

    def test_not_where_epochs_are_long(self, told, monkeypatch):
        monkeypatch.setattr(loop_state, "_SHORT", 0.0)
        train(members(), epochs=4)
        assert told[0] == IN_TURN

    def test_not_data_that_are_streamed(self, told):
        model, (happened, _) = members()[0], told
        kohort.fit(model, Batches(happened), epochs=4, verbose=0)
        assert happened[-12:] == ["read", "read", "read", "told"] * 3
        assert trained_steps(model) == 12

    def test_not_an_epoch_that_does_another_thing(self, told):
        train(members(), epochs=4, validation_freq=2)
        assert told[0] == IN_TURN

    def test_not_where_two_do_not_fit(self, told):
        happened, needed = told
        train(members(), epochs=1, memory=1 << 30)
        happened.clear()
        of_two = 2 * needed[0] * (1 + min(_AT_ONCE, cores()))
        train(members(), epochs=4, memory=of_two - 1)
        assert happened == IN_TURN
        happened.clear()
        train(members(), epochs=4, memory=of_two)
        assert happened == AHEAD


@pytest.mark.parametrize("arguments", [{}, {"chunk_size": 1}, {"validation_freq": [1, 4, 5]}])
def test_it_moves_no_bit(arguments):
    ahead, watched = members(), members()
    curves = train(ahead, epochs=6, **arguments)
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    expected = train(watched, epochs=6, callbacks=[watch], **arguments)
    assert [h.history for h in curves] == [h.history for h in expected]
    assert [h.epoch for h in curves] == [h.epoch for h in expected]
    for mine, yours in zip(ahead, watched, strict=True):
        np.testing.assert_equal(numbers(mine), numbers(yours))


def test_an_interrupted_model_holds_the_epochs_that_are_told(monkeypatch):
    waited, logs = [], BlockState.logs

    def interrupted_once(self):
        waited.append(self)
        if len(waited) == 3:
            raise KeyboardInterrupt
        return logs(self)

    monkeypatch.setattr(BlockState, "logs", interrupted_once)
    both = members()
    with pytest.raises(KeyboardInterrupt):
        train(both, epochs=9)
    for model in both:
        assert model.history.epoch == [0, 1, 2, 3]
        assert len(model.history.history["val_loss"]) == 4
        assert trained_steps(model) == STEPS * 4


def test_a_model_that_is_interrupted_twice_holds_whole_epochs(monkeypatch):
    waited, logs = [], BlockState.logs

    def interrupted(self):
        waited.append(self)
        if len(waited) >= 3:
            raise KeyboardInterrupt
        return logs(self)

    monkeypatch.setattr(BlockState, "logs", interrupted)
    both = members()
    with pytest.raises(KeyboardInterrupt):
        train(both, epochs=9)
    for model in both:
        assert model.history.epoch == [0, 1]
        assert trained_steps(model) == STEPS * 4


def test_where_a_logger_fails_all_models_hold_whole_epochs(monkeypatch, tmp_path):
    write, failed = keras.callbacks.CSVLogger.on_epoch_end, []

    def fails(self, epoch, logs=None):
        if self.filename.endswith("full.csv") and epoch >= 2:
            failed.append(epoch)
            raise OSError(28, "No space left on device")
        write(self, epoch, logs)

    monkeypatch.setattr(keras.callbacks.CSVLogger, "on_epoch_end", fails)
    both = members()
    loggers = [keras.callbacks.CSVLogger(tmp_path / name) for name in ("full.csv", "log.csv")]
    with pytest.raises(OSError, match="No space left"):
        train(both, epochs=9, chunk_size=1, callbacks=lambda number: [loggers[number]])
    for logger in loggers:
        logger.csv_file.close()
    assert failed == [2], "it is told no further epoch"
    assert trained_steps(both[0]) == STEPS * 4  # the third was told, the fourth had begun
    assert both[1].history.epoch
    assert trained_steps(both[1]) == STEPS * len(both[1].history.epoch)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + len(both[1].history.epoch)


def test_a_model_that_is_stopped_from_elsewhere_holds_the_epochs_that_are_told():
    model, expected = members()[0], members()[0]

    def stop_after_three_epochs():
        while len(getattr(getattr(model, "history", None), "epoch", ())) < 3:
            time.sleep(0.001)
        model.stop_training = True

    thread = threading.Thread(target=stop_after_three_epochs, daemon=True)
    thread.start()
    (history,) = train([model], epochs=MANY)
    thread.join()
    assert 3 <= len(history.epoch) < MANY
    train([expected], epochs=len(history.epoch))
    assert trained_steps(model) == STEPS * len(history.epoch)
    np.testing.assert_equal(numbers(model), numbers(expected))
