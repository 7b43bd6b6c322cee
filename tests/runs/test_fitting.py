"""`kohort.fit` in the place of `keras.Model.fit`: arguments, callbacks and lines are Keras's."""

import inspect

import keras
import numpy as np
import pandas as pd
import pytest
from keras.src.backend.jax.trainer import JAXTrainer

import kohort
from kohort.keras_api.callbacks import why_inside_epochs
from tests.models import seeded
from tests.parity.zoo import assert_same

LEFT = "kohort.fit leaves to keras.Model.fit"


@pytest.fixture
def xy(blobs):
    return blobs.x_train, blobs.y_train


def averaging():
    model = seeded(0)
    model.compile(
        keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def test_arguments_stand_where_keras_has_them():
    ours = list(inspect.signature(kohort.fit).parameters.values())[1:]
    theirs = list(inspect.signature(keras.Model.fit).parameters.values())[1:]
    assert [p.name for p in ours[: len(theirs)]] == [p.name for p in theirs]
    for mine, yours in zip(ours, theirs, strict=False):
        assert (mine.default, mine.kind) == (yours.default, yours.kind), mine.name
    assert {p.kind for p in ours[len(theirs) :]} == {inspect.Parameter.KEYWORD_ONLY}


def test_by_position(xy):
    ours, theirs = seeded(0), seeded(0)
    given = (100, 2, 0, None, 0.2, None, False)
    assert_same(ours, theirs, kohort.fit(ours, *xy, *given), theirs.fit(*xy, *given))


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_the_lines_of_one_model_are_keras_lines(verbose, xy, capsys):
    def lines(fit):
        fit(*xy, epochs=2, validation_split=0.2, shuffle=False, verbose=verbose)
        seen = capsys.readouterr()
        shown = [part for part in seen.out.replace("\r", "\n").splitlines() if "val_loss" in part]
        # Times differ: all that stands before the first metric.
        return seen.err, seen.out.count("Epoch"), [part[part.index("accuracy") :] for part in shown]

    model = seeded(0)
    ours = lines(lambda *data, **arguments: kohort.fit(model, *data, **arguments))
    assert ours == lines(seeded(0).fit)
    assert ours[1] == 2


def test_a_generator_of_unknown_length_counts_its_steps(xy, capsys):
    def batches():
        for start in range(0, 500, 100):
            yield xy[0][start : start + 100], xy[1][start : start + 100]

    with pytest.warns(UserWarning, match="ran out of data"):
        kohort.fit(seeded(0), batches(), shuffle=False, verbose=2)
    assert capsys.readouterr().out.startswith("5/5 - ")


def test_a_list_shows_one_line_on_stderr(xy, capsys):
    kohort.fit([seeded(0)], *xy)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "cohort 1/1, 1 member, 1 epoch" in seen.err


class Recorder(keras.callbacks.Callback):
    """Records every hook that is called, and the loss that it is given."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append((batch, round(float(logs["loss"]), 3)))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch", epoch, sorted(logs)))


@pytest.mark.long
def test_batch_hooks_are_called_by_keras(xy):
    ours, theirs = Recorder(), Recorder()
    model, reference = seeded(0), seeded(0)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    with pytest.warns(UserWarning, match=f"{LEFT}.*sequential.*Recorder overrides on_train_batch"):
        history = kohort.fit(model, *xy, callbacks=[ours], **arguments)
    assert_same(model, reference, history, reference.fit(*xy, callbacks=[theirs], **arguments))
    assert ours.calls == theirs.calls
    with pytest.raises(kohort.ModelError, match="on_train_batch_end, which acts inside epochs"):
        kohort.fit(seeded(0), *xy, callbacks=[Recorder()], engine="fused", verbose=0)


def test_each_of_several_models_has_its_callbacks(xy):
    recorders = [Recorder(), keras.callbacks.EarlyStopping("loss")]
    models = [seeded(0), seeded(1)]
    with pytest.warns(UserWarning, match="sequential_?[0-9]* .its callback Recorder"):
        kohort.fit(models, *xy, epochs=2, callbacks=lambda number: [recorders[number]], verbose=0)
    assert len(recorders[0].calls) == 2 * 16 + 2
    assert recorders[1].best < np.inf


@pytest.mark.long
@pytest.mark.parametrize("at_epochs", [False, True])
def test_an_evaluation_of_averaged_weights(at_epochs, xy):
    ours, theirs = averaging(), averaging()
    arguments = {"epochs": 3, "validation_split": 0.2, "shuffle": False, "verbose": 0}
    swaps = [keras.callbacks.SwapEMAWeights(swap_on_epoch=at_epochs) for _ in range(2)]
    with pytest.warns(UserWarning, match="SwapEMAWeights swaps the weights for an evaluation"):
        history = kohort.fit(ours, *xy, callbacks=swaps[0], **arguments)
    assert_same(ours, theirs, history, theirs.fit(*xy, callbacks=swaps[1], **arguments))


def test_tensorboard_acts_at_epochs_or_at_batches():
    assert why_inside_epochs([keras.callbacks.TensorBoard("logs", profile_batch=0)]) is None
    for often in (5, "batch"):
        callback = keras.callbacks.TensorBoard("logs", profile_batch=0, update_freq=often)
        assert "TensorBoard overrides" in why_inside_epochs([callback])


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_a_generator_draws_from_the_users_numbers(engine, xy):
    def noisy():
        for start in range(0, 500, 100):
            noise = np.random.normal(size=(100, 5)).astype("float32")
            yield xy[0][start : start + 100] + noise, xy[1][start : start + 100]

    ours, theirs = seeded(0), seeded(0)
    arguments = {"steps_per_epoch": 5, "shuffle": False, "verbose": 0}
    for _ in range(2):
        np.random.seed(3)
        history = kohort.fit(ours, noisy(), engine=engine, **arguments)
        mine = np.random.random()
        np.random.seed(3)
        reference = theirs.fit(noisy(), **arguments)
        assert_same(ours, theirs, history, reference)
        assert mine == np.random.random()


class Stopped(keras.callbacks.Callback):
    """Ends training as a killed process would: after an epoch, by an error."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise RuntimeError("stopped")


@pytest.mark.long
def test_backup_and_restore_goes_on_as_in_keras(xy, tmp_path):
    def train(fit_of, folder):
        model = seeded(0)
        arguments = {"epochs": 4, "shuffle": False, "verbose": 0}
        backup = keras.callbacks.BackupAndRestore(tmp_path / folder)
        with pytest.raises(RuntimeError, match="stopped"):
            fit_of(model)(*xy, callbacks=[backup, Stopped(1)], **arguments)
        again = seeded(5)
        backup = keras.callbacks.BackupAndRestore(tmp_path / folder)
        return again, fit_of(again)(*xy, callbacks=[backup], **arguments)

    ours, history = train(lambda model: lambda *a, **k: kohort.fit(model, *a, **k), "ours")
    theirs, reference = train(lambda model: model.fit, "keras")
    assert history.epoch == reference.epoch == [2, 3]
    assert_same(ours, theirs, history, reference)


@pytest.mark.long
@pytest.mark.parametrize("name", ["ModelCheckpoint", "BackupAndRestore"])
def test_to_save_inside_an_epoch_is_left_to_keras(name, xy, tmp_path):
    saves = getattr(keras.callbacks, name)(str(tmp_path / "saved.keras"), save_freq=3)
    with pytest.warns(UserWarning, match=f"{name} overrides on_train_batch_end"):
        kohort.fit(seeded(0), *xy, callbacks=saves, verbose=0)


def test_a_container_of_callbacks(xy, tmp_path):
    def contained(model, name):
        log = keras.callbacks.CSVLogger(tmp_path / name)
        return keras.callbacks.CallbackList([log], add_history=True, model=model, epochs=2, steps=5)

    ours, theirs = seeded(0), seeded(0)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    with pytest.warns(UserWarning, match="its callbacks come in a CallbackList"):
        history = kohort.fit(ours, *xy, callbacks=contained(ours, "ours"), **arguments)
    reference = theirs.fit(*xy, callbacks=contained(theirs, "theirs"), **arguments)
    assert_same(ours, theirs, history, reference)
    logs = [pd.read_csv(tmp_path / name) for name in ("ours", "theirs")]
    pd.testing.assert_frame_equal(*logs, rtol=1e-5)


def test_a_container_is_of_one_model(xy):
    models = [seeded(0), seeded(1)]
    container = keras.callbacks.CallbackList([], model=models[0])
    with pytest.raises(kohort.DesignError, match=r"a CallbackList, which belongs to one model"):
        kohort.fit(models, *xy, callbacks=container, verbose=0)


def test_lists_of_callbacks_may_be_nested(xy):
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10.0)
    assert len(kohort.fit(seeded(0), *xy, epochs=9, callbacks=[[stop]], verbose=0).epoch) == 2


@pytest.mark.long
def test_a_layer_that_trains(xy):
    """Keras's own tests mix its trainer with a layer."""

    class Trained(JAXTrainer, keras.layers.Dense):
        def __init__(self):
            keras.layers.Dense.__init__(self, 3, "softmax")
            JAXTrainer.__init__(self)

    def build():
        model = Trained()
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    ours, theirs = seeded(0, build), seeded(0, build)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    assert_same(ours, theirs, kohort.fit(ours, *xy, **arguments), theirs.fit(*xy, **arguments))
