"""`kohort.fit` against `keras.Model.fit`: the same weights, the same history."""

import re
import threading

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.engine.program.precision import matmul_precision
from tests.marks import long
from tests.models import build_mlp, numbers, seeded

# float32 rounding, grown over the steps of these short runs.
CLOSE = {"rtol": 2e-4, "atol": 2e-5}


@pytest.fixture
def xy(blobs):
    """Ten batches of 32: a partial one is a program more to compile, for Keras and for kohort.

    Cases of which it is a part say so by the batch size, or by the share that validates.
    """
    return blobs.x_train[:320], blobs.y_train[:320]


def assert_same(ours, theirs, history, reference):
    for mine, yours in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_allclose(mine, yours, **CLOSE)
    assert list(history.history) == list(reference.history)
    assert history.epoch == reference.epoch
    assert history.params == reference.params
    for name, values in reference.history.items():
        np.testing.assert_allclose(history.history[name], values, **CLOSE, err_msg=name)


def check(build, x, y, seeds=(0,), **arguments):
    """Train by kohort, all at once, and by Keras, in turn; compare everything."""
    ours = [seeded(seed, build) for seed in seeds]
    histories = kohort.fit(ours, x, y, verbose=0, **arguments)
    for seed, model, history in zip(seeds, ours, histories, strict=True):
        theirs = seeded(seed, build)
        reference = theirs.fit(x, y, verbose=0, **arguments)
        assert_same(model, theirs, history, reference)


def build_varied():
    """Batch normalisation, dropout, a penalty, a schedule, momentum, a metric with state."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(16, "relu", kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 5, 0.9)
    model.compile(
        keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    return model


def build_images():
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Reshape((5, 1)),
            keras.layers.Conv1D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    return model


class PlainStep(keras.Model):
    """A model whose own `train_step` reports something of its own."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3, "softmax")

    def call(self, x):
        return self.dense(x)

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {"loss": logs["loss"], "twice": 2 * logs["loss"]}, state


def build_own_step():
    model = PlainStep()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("build", [build_mlp, build_varied, build_images, build_own_step])
def test_one_model_gets_keras_numbers(build, xy):
    model = seeded(0, build)
    history = kohort.fit(model, *xy, epochs=3, shuffle=False, verbose=0)
    theirs = seeded(0, build)
    reference = theirs.fit(*xy, epochs=3, shuffle=False, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert_same(model, theirs, history, reference)


@pytest.mark.parametrize("build", [build_varied, build_own_step, *long(build_mlp)])
def test_four_models_get_keras_numbers(build, xy):
    check(build, *xy, seeds=range(4), epochs=3, batch_size=64, shuffle=False)


@pytest.mark.long
@pytest.mark.parametrize("batch_size", [10, None, *long(1, 33, 330, 1000)])
def test_any_batch_size_and_last_partial_batch(batch_size, xy):
    x, y = xy[0][:66], xy[1][:66]
    check(build_mlp, x, y, seeds=(0, 1), epochs=2, batch_size=batch_size, shuffle=False)


@pytest.mark.long
@pytest.mark.parametrize("fraction", [0.33, *long(0.1)])
def test_validation_split_is_taken_from_the_end(fraction, xy):
    check(build_varied, *xy, seeds=(0, 1), epochs=2, validation_split=fraction, shuffle=False)


@pytest.mark.long
def test_validation_data_go_before_the_split(xy, blobs):
    valid = (blobs.x_test, blobs.y_test, np.linspace(0, 1, 100))
    check(
        build_mlp,
        *xy,
        seeds=(0, 1),
        epochs=2,
        validation_split=0.5,
        validation_data=valid,
        shuffle=False,
    )


@pytest.mark.long
def test_sample_weights_and_class_weights(xy):
    weight = np.linspace(0.1, 2, len(xy[0]))
    check(build_mlp, *xy, seeds=(0, 1), epochs=2, sample_weight=weight, shuffle=False)
    weights = {0: 3.0, 2: 0.5}
    check(build_mlp, *xy, epochs=2, class_weight=weights, validation_split=0.2, shuffle=False)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras's own fit
def test_float64_and_int64_data_are_taken_as_keras_takes_them(xy):
    check(build_mlp, xy[0].astype("float64"), xy[1].astype("int64"), epochs=2, shuffle=False)


@pytest.mark.long
def test_several_inputs_and_outputs(xy):
    def build():
        left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right")
        both = keras.layers.Concatenate()([left, right])
        kind = keras.layers.Dense(3, "softmax", name="kind")(both)
        size = keras.layers.Dense(1, name="size")(both)
        model = keras.Model({"left": left, "right": right}, {"kind": kind, "size": size})
        model.compile(
            "adam",
            {"kind": "sparse_categorical_crossentropy", "size": "mse"},
            loss_weights={"kind": 1.0, "size": 0.3},
            metrics={"kind": ["accuracy"], "size": ["mae"]},
        )
        return model

    x, y = xy
    inputs = {"left": x[:, :2], "right": x[:, 2:]}
    targets = {"kind": y, "size": x.sum(axis=1, keepdims=True)}
    check(build, inputs, targets, seeds=(0, 1), epochs=2, validation_split=0.2, shuffle=False)


@pytest.mark.long
@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_shuffled_order_is_that_of_numpys_seed(shuffle, xy):
    ours, theirs = seeded(0), seeded(0)
    arguments = {"epochs": 3, "batch_size": 50, "shuffle": shuffle, "verbose": 0}
    history = kohort.fit(ours, *xy, seed=11, **arguments)
    # Keras draws one order more when its first batch has to build metrics and optimizer.
    theirs.evaluate(xy[0][:2], xy[1][:2], verbose=0)
    theirs.optimizer.build(theirs.trainable_variables)
    np.random.seed(11)
    assert_same(ours, theirs, history, theirs.fit(*xy, **arguments))


def test_shuffled_steps_are_those_of_numpys_seed_for_every_model(xy):
    ours, theirs = [seeded(0), seeded(0, units=(6,)), seeded(0)], seeded(0)
    arguments = {"epochs": 2, "batch_size": 32, "steps_per_epoch": 4, "verbose": 0}
    np.random.seed(3)
    histories = kohort.fit(ours, *xy, seed=11, chunk_size=1, **arguments)
    np.testing.assert_array_equal(np.random.random(4), np.random.RandomState(3).random(4))
    theirs.evaluate(xy[0][:2], xy[1][:2], verbose=0)
    np.random.seed(11)
    reference = theirs.fit(*xy, **arguments)
    for place in (0, 2):
        assert_same(ours[place], theirs, histories[place], reference)


def test_steps_without_a_batch_size_see_all_samples_once(xy):
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    arguments |= {"steps_per_epoch": 4, "validation_data": xy, "validation_steps": 2}
    ours, theirs = seeded(0), seeded(0)
    history = kohort.fit(ours, *xy, **arguments)
    assert_same(ours, theirs, history, theirs.fit(*xy, **arguments))
    assert int(ours.optimizer.iterations.numpy()) == 8


@pytest.mark.long
@pytest.mark.parametrize("shuffle", [True, *long(False, "batch")])
def test_engines_agree(shuffle, xy):
    arguments = {
        "epochs": 3, "batch_size": 48, "shuffle": shuffle, "verbose": 0, "seed": 5,
        "validation_split": 0.1, "train_metrics": "evaluated", "class_weight": {1: 2.0},
    }  # fmt: skip
    ours, theirs = ([seeded(0, build_varied), seeded(1), seeded(2, build_varied)] for _ in range(2))
    histories = kohort.fit(ours, *xy, **arguments)
    references = kohort.fit(theirs, *xy, engine="keras", **arguments)
    for pair in zip(ours, theirs, histories, references, strict=True):
        assert_same(*pair)


def test_reference_engine_leaves_numpys_generator_alone(xy):
    model = seeded(0)
    np.random.seed(3)
    kohort.fit(model, *xy, engine="keras", verbose=0)
    np.testing.assert_array_equal(np.random.random(4), np.random.RandomState(3).random(4))


def test_evaluated_metrics_are_those_of_evaluate(xy):
    model = seeded(0, build_varied)
    history = kohort.fit(
        model, *xy, epochs=2, train_metrics="evaluated", validation_split=0.15, verbose=0
    )
    n = 272  # The last batches are half ones, on both sides: they count half.
    train = model.evaluate(xy[0][:n], xy[1][:n], verbose=0, return_dict=True)
    valid = model.evaluate(xy[0][n:], xy[1][n:], verbose=0, return_dict=True)
    for name, value in train.items():
        np.testing.assert_allclose(history.history[f"eval_{name}"][-1], value, rtol=1e-4)
    penalty = float(sum(model.layers[0].losses))
    assert penalty > 0.1
    for side, seen in (("eval", train), ("val", valid)):
        np.testing.assert_allclose(
            history.history[f"{side}_data_loss"][-1], seen["loss"] - penalty, rtol=1e-4
        )


@pytest.mark.long
def test_models_of_several_programs_train_each_as_alone(xy):
    together = [seeded(0), seeded(1, units=(4, 4)), seeded(2), seeded(3, dropout=0.5)]
    histories = kohort.fit(together, *xy, epochs=2, verbose=0)
    alone = [seeded(0), seeded(1, units=(4, 4)), seeded(2), seeded(3, dropout=0.5)]
    for model, other, history in zip(together, alone, histories, strict=True):
        assert_same(model, other, history, kohort.fit(other, *xy, epochs=2, verbose=0))


@pytest.mark.long
def test_learning_rates_of_their_own_share_a_program(xy, count_compilations):
    rates = [1e-1, 1e-2, 1e-3]
    models = [seeded(0, learning_rate=rate) for rate in rates]
    kohort.fit(models, *xy, epochs=2, shuffle=False, verbose=0)
    assert len(count_compilations) == 1
    for rate, model in zip(rates, models, strict=True):
        theirs = seeded(0, learning_rate=rate)
        theirs.fit(*xy, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(numbers(model)[0], numbers(theirs)[0], **CLOSE)


@pytest.mark.long
def test_the_second_call_compiles_nothing(xy, count_compilations):
    kohort.fit([seeded(0), seeded(1)], *xy, epochs=1, verbose=0)
    kohort.fit([seeded(2), seeded(3, learning_rate=0.3)], *xy, epochs=2, seed=4, verbose=0)
    assert len(count_compilations) == 1
    kohort.fit([seeded(2), seeded(3), seeded(4)], *xy, epochs=1, verbose=0)
    kohort.fit([seeded(2), seeded(3)], *xy, epochs=1, batch_size=50, verbose=0)
    assert len(count_compilations) == 3


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "tensorfloat32", "bfloat16"])
def test_precision_is_part_of_the_program(precision, xy, count_compilations):
    """A CPU multiplies float32 exactly in any case; a GPU does as it is told here."""
    plain, told = seeded(0), seeded(0)
    kohort.fit(plain, *xy, epochs=2, verbose=0)
    kohort.fit(told, *xy, epochs=2, verbose=0, precision=precision)
    np.testing.assert_allclose(told.get_weights()[0], plain.get_weights()[0], **CLOSE)
    asked = {"float32": "HIGHEST", "tensorfloat32": "HIGH", "bfloat16": "DEFAULT"}[precision]
    with matmul_precision(precision):
        text = str(jax.make_jaxpr(jnp.dot)(jnp.ones((2, 2)), jnp.ones((2, 2))))
    assert f"Precision.{asked}, Precision.{asked}" in text
    assert len(count_compilations) == 2
    assert jax.config.jax_default_matmul_precision is None


class UntrackedLoss(PlainStep):
    """Reports a loss under the name of a metric that it never updates."""

    def train_step(self, state, data):
        logs, (*rest, _) = super().train_step(state, data)
        return {"loss": logs["loss"] + 1}, (*rest, state[-1])


def test_metrics_are_told_where_a_step_has_their_names(xy):
    def build():
        model = UntrackedLoss()
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    check(build, *xy, epochs=2, shuffle=False)


GRID = [
    {"l2": l2, "dropout": dropout, "learning_rate": rate}
    for l2 in (0.01, 0.1)
    for dropout in (0.2, 0.5)
    for rate in (1e-3, 3e-2)
]


@pytest.mark.long
def test_a_grid_of_constants_is_one_program_with_the_numbers_of_keras(xy, count_compilations):
    ours = [seeded(seed, **point) for seed, point in enumerate(GRID)]
    arguments = {
        "epochs": 2, "shuffle": False, "validation_split": 0.1, "verbose": 0,
    }  # fmt: skip
    histories = kohort.fit(ours, *xy, **arguments)
    assert len(count_compilations) == 1
    # Keras compiles each anew: those four that have every pair of constants' values among them.
    for seed in (0, 3, 5, 6):
        theirs = seeded(seed, **GRID[seed])
        assert_same(ours[seed], theirs, histories[seed], theirs.fit(*xy, **arguments))


@pytest.mark.long
def test_other_constants_use_the_kept_program_as_inputs(xy, count_compilations):
    for first, second in ((0.1, 0.2), (0.3, 0.01)):
        models = [seeded(0, l2=first), seeded(1, l2=second)]
        kohort.fit(models, *xy, epochs=2, shuffle=False, verbose=0)
        theirs = seeded(1, l2=second)
        theirs.fit(*xy, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(numbers(models[1])[0], numbers(theirs)[0], **CLOSE)
    assert len(count_compilations) == 1


@pytest.mark.long
def test_a_program_that_is_kept_is_not_used_for_another(xy, count_compilations):
    """Models alike in every shape, each alone with another constant in its step."""
    for l2 in (0.1, 0.2):
        model, theirs = seeded(0, l2=l2), seeded(0, l2=l2)
        kohort.fit(model, *xy, epochs=2, shuffle=False, verbose=0)
        theirs.fit(*xy, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(numbers(model)[0], numbers(theirs)[0], **CLOSE)
    assert len(count_compilations) == 2


class FastStops(keras.callbacks.Callback):
    """Stops a member with a high learning rate after its first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if float(self.model.optimizer.learning_rate) > 0.1:
            self.model.stop_training = True


@pytest.mark.long
def test_constants_follow_their_members_when_others_leave(xy, count_compilations):
    points = [
        {"l2": 0.01, "learning_rate": 0.5}, {"l2": 0.1, "learning_rate": 0.5},
        {"l2": 0.3}, {"l2": 1.0},
    ]  # fmt: skip
    arguments = {"epochs": 4, "shuffle": False, "validation_split": 0.3, "verbose": 0}
    ours = [seeded(i, **point) for i, point in enumerate(points)]
    histories = kohort.fit(ours, *xy, callbacks=[FastStops()], **arguments)
    assert [len(history.epoch) for history in histories] == [1, 1, 4, 4]
    assert len(count_compilations) == 2, "half of the members have left the program"
    for i, (model, history) in enumerate(zip(ours, histories, strict=True)):
        theirs = seeded(i, **points[i])
        reference = theirs.fit(*xy, callbacks=[FastStops()], **arguments)
        assert_same(model, theirs, history, reference)


@pytest.mark.long
def test_arrays_inside_jitted_losses_are_not_shared(xy):
    def weighted(weights):
        @jax.jit
        def loss(labels, scores):
            k = labels.reshape(-1).astype(int)
            return -jnp.asarray(weights)[k] * jnp.log(scores[jnp.arange(len(k)), k])

        return loss

    weights = ([1.0, 1.0, 1.0], [1.0, 1.0, 9.0])
    ours, theirs = [], []
    for models in (ours, theirs):
        for weight in weights:
            model = seeded(0)
            model.compile("adam", weighted(weight))
            models.append(model)
    histories = kohort.fit(ours, *xy, epochs=2, shuffle=False, verbose=0)
    for mine, yours, history in zip(ours, theirs, histories, strict=True):
        assert_same(mine, yours, history, yours.fit(*xy, epochs=2, shuffle=False, verbose=0))


@pytest.mark.long
def test_names_that_keras_makes_up_do_not_keep_models_apart(xy, count_compilations):
    def build():
        model = seeded(0)
        # Keras names it anew in every model.
        metric = keras.metrics.MeanMetricWrapper(keras.losses.sparse_categorical_crossentropy)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", metric])
        return model

    arguments = {
        "epochs": 2, "shuffle": False, "validation_split": 0.2, "verbose": 0,
    }  # fmt: skip
    ours, theirs = ([build() for _ in range(3)] for _ in range(2))
    histories = kohort.fit(ours, *xy, train_metrics="evaluated", **arguments)
    assert len(count_compilations) == 1
    assert len({name for history in histories for name in history.history if "wrap" in name}) == 9
    for mine, yours, history in zip(ours, theirs, histories, strict=True):
        assert set(mine.get_metrics_result()) < set(history.history)
        assert list(history.history) == sorted(history.history)
        reference = yours.fit(*xy, **arguments).history
        numbered = dict(zip(map(unnumbered, history.history), history.history, strict=True))
        for name, values in reference.items():
            name_of = numbered[unnumbered(name)]
            np.testing.assert_allclose(history.history[name_of], values, **CLOSE)


def unnumbered(name):
    return name.rstrip("_0123456789")


def test_metrics_keep_their_own_names(xy):
    def named(name):
        model = seeded(0)
        metric = keras.metrics.SparseCategoricalAccuracy(name=name)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
        return model

    histories = kohort.fit([named("acc"), named("right")], *xy, verbose=0)
    assert [sorted(history.history) for history in histories] == [
        ["acc", "loss"],
        ["loss", "right"],
    ]


@pytest.mark.long
def test_training_goes_on_where_it_stopped(xy):
    once, twice = seeded(0), seeded(0)
    kohort.fit(once, *xy, epochs=4, shuffle=False, verbose=0)
    kohort.fit(twice, *xy, epochs=2, shuffle=False, verbose=0)
    history = kohort.fit(twice, *xy, epochs=4, initial_epoch=2, shuffle=False, verbose=0)
    assert history.epoch == [2, 3]
    for mine, yours in zip(numbers(once), numbers(twice), strict=True):
        np.testing.assert_allclose(mine, yours, **CLOSE)


class TestCallbacks:
    def test_early_stopping_restores_and_stops_as_in_keras(self, xy):
        def stop():
            return keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)

        rates = [0.5, 0.05, 1e-3, 0.3]
        ours = [seeded(i, learning_rate=rate) for i, rate in enumerate(rates)]
        arguments = {"epochs": 12, "validation_split": 0.3, "shuffle": False, "verbose": 0}
        histories = kohort.fit(ours, *xy, callbacks=[stop()], **arguments)
        lengths = set()
        for i, (model, history) in enumerate(zip(ours, histories, strict=True)):
            theirs = seeded(i, learning_rate=rates[i])
            reference = theirs.fit(*xy, callbacks=[stop()], **arguments)
            assert_same(model, theirs, history, reference)
            lengths.add(len(history.epoch))
        assert len(lengths) > 1, "the case must have members that stop at different epochs"

    def test_schedules_and_plateaus_change_the_learning_rate_as_in_keras(self, xy):
        def callbacks():
            return [
                keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
                keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=0, min_delta=0.05),
            ]

        ours, theirs = seeded(0), seeded(0)
        arguments = {"epochs": 6, "shuffle": False, "verbose": 0}
        history = kohort.fit(ours, *xy, callbacks=callbacks(), **arguments)
        reference = theirs.fit(*xy, callbacks=callbacks(), **arguments)
        assert_same(ours, theirs, history, reference)
        assert len(set(history.history["learning_rate"])) == 6

    def test_one_model_uses_the_users_own_callback(self, xy):
        stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10.0)
        kohort.fit(seeded(0), *xy, epochs=9, callbacks=stop, verbose=0)
        assert stop.stopped_epoch == 1

    def test_checkpoints_by_epoch_are_taken(self, xy, tmp_path):
        path = str(tmp_path / "{epoch}.weights.h5")
        save = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
        kohort.fit(seeded(0), *xy, epochs=2, callbacks=[save], verbose=0)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]

    @pytest.mark.long
    def test_a_callback_that_can_be_called_is_a_callback(self, xy):
        class Called(keras.callbacks.Callback):
            epochs = 0

            def __call__(self, number):
                raise AssertionError("it is no function from a number to callbacks")

            def on_epoch_end(self, epoch, logs=None):
                self.epochs += 1

        called = Called()
        kohort.fit(seeded(0), *xy, epochs=2, callbacks=called, verbose=0)
        assert called.epochs == 2

    def test_a_callback_that_cannot_be_copied_is_asked_for_as_a_function(self, xy):
        class Holds(keras.callbacks.Callback):
            def __init__(self):
                super().__init__()
                self.lock = threading.Lock()

        models = [seeded(0), seeded(1)]
        with pytest.raises(kohort.DesignError, match=r"a Holds that cannot \(.*as a function of"):
            kohort.fit(models, *xy, callbacks=[Holds()], verbose=0)
        kohort.fit(models, *xy, callbacks=lambda _: [Holds()], verbose=0)

    def test_files_need_a_path_for_each_model(self, xy, tmp_path):
        csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
        with pytest.raises(kohort.DesignError, match=r"for each of 2 models.*lambda number"):
            kohort.fit([seeded(0), seeded(1)], *xy, callbacks=csv, verbose=0)
        assert list(tmp_path.iterdir()) == []

        def writing_to(folder):
            return lambda number: keras.callbacks.CSVLogger(tmp_path / f"{folder}{number}.csv")

        models = [seeded(0), seeded(1), seeded(2, units=(4, 4))]
        kohort.fit(models, *xy, epochs=2, callbacks=writing_to("ours"), shuffle=False, verbose=0)
        for number, build in enumerate([{}, {}, {"units": (4, 4)}]):
            theirs = seeded(number, **build)
            theirs.fit(
                *xy, epochs=2, callbacks=[writing_to("keras")(number)], shuffle=False, verbose=0
            )
            mine, yours = (pd.read_csv(tmp_path / f"{s}{number}.csv") for s in ("ours", "keras"))
            pd.testing.assert_frame_equal(mine, yours, rtol=1e-4)

    @pytest.mark.long
    @pytest.mark.parametrize("often", [1, 2])
    def test_evaluations_are_told_as_in_keras(self, often, xy):
        class Tells(keras.callbacks.Callback):
            def __init__(self):
                super().__init__()
                self.told = []

            def on_epoch_begin(self, epoch, logs=None):
                self.told.append(("epoch begins", epoch))

            def on_test_begin(self, logs=None):
                self.told.append(("test begins",))

            def on_test_end(self, logs=None):
                self.told.append(("test ends", sorted(logs), round(logs["loss"], 3)))

            def on_epoch_end(self, epoch, logs=None):
                self.told.append(("epoch ends", sorted(logs), round(logs["loss"], 3)))

        ours, theirs = Tells(), Tells()
        arguments = {
            "epochs": 3, "validation_split": 0.2, "validation_freq": often, "shuffle": False,
            "verbose": 0,
        }  # fmt: skip
        kohort.fit(seeded(0), *xy, callbacks=[ours], **arguments)
        seeded(0).fit(*xy, callbacks=[theirs], **arguments)
        assert ours.told == theirs.told
        assert ("test begins",) in ours.told

    def test_no_epoch_leaves_weights_that_are_averaged(self, xy):
        model = seeded(0)
        optimizer = keras.optimizers.SGD(0.5, use_ema=True)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        before = model.get_weights()
        kohort.fit(model, *xy, epochs=0, verbose=0)
        for mine, yours in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(mine, yours)


def test_weights_of_classes_may_be_a_series(xy):
    weights = {0: 2.0, 1: 0.5}
    ours, theirs = seeded(0), seeded(0)
    kohort.fit(ours, *xy, class_weight=pd.Series(weights), verbose=0)
    kohort.fit(theirs, *xy, class_weight=weights, verbose=0)
    for mine, yours in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_array_equal(mine, yours)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"batch_size": 16.0}, "a whole number as batch_size, got 16.0"),
            ({"batch_size": -1}, "batch_size above 0, got -1"),
            ({"validation_batch_size": "8"}, "a whole number as validation_batch_size, got '8'"),
            ({"steps_per_epoch": 2.5}, "a whole number as steps_per_epoch, got 2.5"),
            (
                {"steps_per_epoch": -1},
                "steps_per_epoch above 0, got -1; give more, or leave it out",
            ),
            ({"validation_steps": 1.0}, "a whole number as validation_steps"),
            ({"validation_freq": 0}, "validation_freq of 1 or more, or a list of epochs"),
            ({"validation_freq": 2.0}, "a whole number as validation_freq, got 2.0"),
            ({"validation_freq": [1, 2.5]}, "a whole number as each of validation_freq, got 2.5"),
            ({"validation_split": -0.2}, "validation_split as a fraction from 0 to 1, got -0.2"),
            ({"validation_split": "0.2"}, "validation_split as a fraction from 0 to 1, got '0.2'"),
            ({"class_weight": "balanced"}, "class_weight as a dictionary, a weight for each class"),
            ({"class_weight": [1.0, 2.0]}, "class_weight as a dictionary"),
            ({"validation_freq": "1"}, "a whole number as each of validation_freq, got '1'"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("engine", ["auto", "keras"])
    def test_numbers_that_are_none(self, xy, given, told, engine):
        with pytest.raises(kohort.DesignError, match=re.escape(told)):
            kohort.fit(seeded(0), *xy, validation_data=xy, engine=engine, verbose=0, **given)

    def test_numbers_of_numpy_and_other_sequences_are_taken(self, xy):
        given = {"batch_size": np.int64(50), "epochs": 3, "verbose": 0, "validation_split": None}
        often = [
            kohort.fit(
                seeded(0), *xy, validation_data=xy, validation_freq=freq, engine=engine, **given
            ).history["val_loss"]
            for freq in ([1, 3], (1, 3), np.array([1, 3]))
            for engine in ("fused", "keras")
        ]
        for values in often[1:]:
            assert values == pytest.approx(often[0], rel=1e-4)

    def test_models_that_are_not_compiled(self, xy):
        with pytest.raises(kohort.ModelError, match=r"compiled model.*call model\.compile"):
            kohort.fit(keras.Sequential([keras.layers.Dense(3)]), *xy, verbose=0)

    @pytest.mark.parametrize("engine", ["auto", "fused"])
    def test_models_that_share_an_optimizer(self, engine, xy):
        models, optimizer = [seeded(0), seeded(1)], keras.optimizers.Adam()
        for model in models:
            model.compile(optimizer, "sparse_categorical_crossentropy")
        before = [model.get_weights() for model in models]
        with pytest.raises(kohort.ModelError, match="an optimizer for each model"):
            kohort.fit(models, *xy, verbose=0, engine=engine)
        for model, weights in zip(models, before, strict=True):
            for now, then in zip(model.get_weights(), weights, strict=True):
                np.testing.assert_array_equal(now, then)

    def test_one_model_in_two_places(self, xy):
        model = seeded(0)
        with pytest.raises(kohort.ModelError, match="one model more than once"):
            kohort.fit([model, model], *xy, verbose=0)

    @pytest.mark.parametrize("models", [[], ["model"]])
    def test_what_is_no_model(self, models, xy):
        with pytest.raises(kohort.ModelError, match=r"keras\.Model or a list"):
            kohort.fit(models, *xy, verbose=0)

    def test_what_keras_does_not_take_is_keras_complaint(self):
        with pytest.raises(ValueError, match="Unrecognized data type"):
            kohort.fit(seeded(0), iter([]), verbose=0)

    @pytest.mark.parametrize("argument", ["engine", "train_metrics", "precision"])
    def test_choices_that_there_are_not(self, argument, xy):
        with pytest.raises(kohort.DesignError, match=argument):
            kohort.fit(seeded(0), *xy, verbose=0, **{argument: "fast"})

    def test_unequal_lengths_are_keras_complaint(self, xy):
        with pytest.raises(ValueError, match="cardinality"):
            kohort.fit(seeded(0), xy[0], xy[1][:-1], verbose=0)


def classes(units, **loss):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
    loss = keras.losses.SparseCategoricalCrossentropy(**loss) if loss else (
        "sparse_categorical_crossentropy"
    )  # fmt: skip
    model.compile("adam", loss)
    return model


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "more", "told"),
    [
        (1, [], "y holds class numbers from 1 to 3, and model .* has outputs for 0 to 2: .* y - 1"),
        (-1, [], r"y holds class numbers from -1 to 1, .* such as by y \+ 1"),
        (0, [7], "from 0 to 7, .* give the last layer a unit for each"),
    ],
)
def test_class_numbers_without_an_output_are_warned_of_and_numbers_stay_keras(first, more, told):
    """Keras on JAX makes a row of zeros of such a number, whose loss is 0."""
    x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    y = np.array([*(first + np.arange(20 - len(more)) % 3), *more], "int32")
    models = [seeded(0, classes, units=3), seeded(0, classes, units=3)]
    with pytest.warns(UserWarning, match=told) as caught:
        history = kohort.fit(models[0], x, y, epochs=2, shuffle=False, verbose=0)
    (warned,) = (each for each in caught if each.category is UserWarning)
    assert "\n" not in str(warned.message)
    assert warned.filename == __file__
    own = models[1].fit(x, y, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], own.history["loss"], rtol=1e-5)
    with pytest.warns(UserWarning, match="y of validation_data holds class numbers"):
        kohort.fit(classes(3), x, np.arange(20) % 3, validation_data=(x, y), verbose=0)


@pytest.mark.long
@pytest.mark.parametrize("y", [np.arange(20) % 3, np.arange(20) % 2, jnp.arange(20) % 3])
def test_class_numbers_that_have_outputs_are_not_warned_of(y):
    x = np.zeros((20, 4), "float32")
    kohort.fit([classes(3), classes(4)], x, y, verbose=0)
    kohort.fit(classes(3, ignore_class=-1), x, np.arange(20) % 4 - 1, verbose=0)


def test_progress_goes_to_stderr_and_silence_is_silent(xy, capsys):
    kohort.fit([seeded(0), seeded(1)], *xy)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "cohort 1/1, 2 members, 1 epoch" in seen.err
    kohort.fit(seeded(0), *xy, verbose=0)
    assert capsys.readouterr() == ("", "")
