"""A member's numbers depend on nobody beside it: not on company, chunk, or interruption."""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kohort
from tests.marks import long
from tests.models import numbers, seeded

CLOSE = {"rtol": 2e-4, "atol": 2e-5}
EPOCHS = 3
POINTS = [
    {"l2": 1e-2, "dropout": 0.2, "learning_rate": 1e-2},
    {"l2": 1e-1, "dropout": 0.5, "learning_rate": 1e-2},
    {"l2": 1e-3, "dropout": 0.3, "learning_rate": 1e-1},
    {"l2": 1e-2, "dropout": 0.2, "learning_rate": 1e-3},
    {"units": (4, 4)},
]


def member(number):
    return seeded(number, **POINTS[number])


def train(models, **arguments):
    generator = np.random.default_rng(1)
    x = generator.normal(size=(90, 5)).astype(np.float32)
    y = generator.integers(0, 3, 90, np.int32)
    arguments = {"epochs": EPOCHS, "shuffle": False} | arguments
    return kohort.fit(models, x, y, batch_size=24, validation_split=0.2, verbose=0, **arguments)


@pytest.fixture(scope="module")
def alone():
    """Every member trained by itself: its numbers and its curves."""
    found = {}
    for number in range(len(POINTS)):
        model = member(number)
        (history,) = train([model])
        found[number] = (numbers(model), history.history)
    return found


@pytest.mark.long
@settings(derandomize=True, max_examples=15)
@given(st.permutations(range(5)), st.integers(1, 5), st.integers(1, 5), st.integers(0, EPOCHS))
def test_any_company_chunk_and_interruption_gives_the_same_member(
    alone, order, count, chunk_size, interrupted
):
    company = order[:count]
    models = [member(number) for number in company]
    first = train(models, epochs=interrupted, chunk_size=chunk_size)
    second = train(models, initial_epoch=interrupted, chunk_size=chunk_size)
    for number, model, *histories in zip(company, models, first, second, strict=True):
        expected, curves = alone[number]
        for mine, yours in zip(numbers(model), expected, strict=True):
            np.testing.assert_allclose(mine, yours, **CLOSE)
        for name, values in curves.items():
            joined = [value for history in histories for value in history.history.get(name, [])]
            np.testing.assert_allclose(joined, values, **CLOSE, err_msg=name)


@pytest.mark.parametrize("chunk_size", [1, *long(3)])
def test_a_study_has_the_same_curves_in_any_chunk(blobs, chunk_size):
    variants = kohort.grid(seeded_build, dropout=[0.2, 0.5], learning_rate=[1e-2, 1e-3])
    study = kohort.Study(
        "chunks", variants, blobs, replicates=kohort.Holdout(0.2, 3), epochs=2, batch_size=50
    )
    whole = study.run(verbose=0, chunk_size=12).curves()
    part = study.run(verbose=0, chunk_size=chunk_size).curves()
    assert whole.drop(columns="value").equals(part.drop(columns="value"))
    np.testing.assert_allclose(part["value"], whole["value"], **CLOSE)


def seeded_build(**arguments):
    from tests.models import build_mlp

    return build_mlp(**arguments)


class Interrupts(keras.callbacks.Callback):
    """What Ctrl-C raises, when an epoch has ended."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_an_interrupted_model_holds_the_epochs_that_it_trained(alone):
    model, expected = member(0), member(0)
    with pytest.raises(KeyboardInterrupt):
        train([model], callbacks=[Interrupts()])
    train([expected], epochs=2)
    for mine, yours in zip(numbers(model), numbers(expected), strict=True):
        np.testing.assert_allclose(mine, yours, **CLOSE)
    train([model], initial_epoch=2)
    for mine, yours in zip(numbers(model), alone[0][0], strict=True):
        np.testing.assert_allclose(mine, yours, **CLOSE)


SIGNALLED = """
import sys
import kohort, keras, numpy as np

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(300, "relu"),
                          keras.layers.Dense(10, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")
x, y = np.random.default_rng(0).normal(size=(20000, 784)), np.arange(20000) % 10
kohort.fit(model, x, y, batch_size=64, epochs=1, verbose=0)
before = int(model.optimizer.iterations.numpy())
told = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: print("trained", epoch, flush=True))
try:
    kohort.fit(model, x, y, batch_size=64, epochs=1000, verbose=0, callbacks=[told])
except KeyboardInterrupt:
    steps = int(model.optimizer.iterations.numpy()) - before
    finite = all(np.isfinite(weights).all() for weights in model.get_weights())
    print("interrupted", steps % 313, steps > 0, finite)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
def test_a_real_interrupt_leaves_whole_epochs_in_the_model():
    with subprocess.Popen(
        [sys.executable, "-c", SIGNALLED], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        # Not after a fixed time: a loaded machine may not have trained an epoch by then.
        assert [process.stdout.readline() for _ in range(2)] == ["trained 0\n", "trained 1\n"]
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout
        assert last == "interrupted 0 True True\n"


class TestDivergence:
    def curves(self, rates):
        models = [seeded(seed, build_regression, rate=rate) for seed, rate in enumerate(rates)]
        histories = train(models, chunk_size=3)
        return [(numbers(m), h.history) for m, h in zip(models, histories, strict=True)]

    def test_it_moves_no_bit_of_the_others(self):
        tame, wild = self.curves([0.01, 0.02, 0.03]), self.curves([0.01, 1e30, 0.03])
        assert not np.isfinite(wild[1][1]["loss"]).all()
        for number in (0, 2):
            for mine, yours in zip(wild[number][0], tame[number][0], strict=True):
                np.testing.assert_array_equal(mine, yours)
            assert wild[number][1] == tame[number][1]

    @pytest.mark.long
    @pytest.mark.parametrize("engine", ["fused", "keras"])
    def test_a_studys_member_is_marked_and_trains_no_more(self, blobs, engine):
        variants = kohort.grid(build_regression, rate=[0.01, 1e30])
        study = kohort.Study(
            "wild", variants, blobs, replicates=kohort.Holdout(0.2, 3), epochs=5, batch_size=50
        )
        result = study.run(verbose=0, engine=engine)
        lengths = result.curves().groupby("variant", observed=True)["epoch"].max()
        assert lengths.tolist() == [5, 1]
        found = [f for f in result.findings() if f.code == "KH105"]
        assert {f.variant: f.verdict for f in found} == {
            "rate=0.01": "not found", "rate=1e+30": "found",
        }  # fmt: skip

    @pytest.mark.long
    @pytest.mark.parametrize("watched", [False, True])
    def test_a_studys_diverged_member_moves_no_bit_of_the_others(
        self, blobs, watched, count_compilations
    ):
        # Where callbacks watch, members find their seats anew after each epoch.
        patient = [keras.callbacks.EarlyStopping("val_loss", patience=99)] * watched
        curves = [
            kohort.Study(
                "wild",
                kohort.grid(build_regression, rate=[0.01, rate]),
                blobs,
                replicates=kohort.Holdout(0.2, 3),
                epochs=4,
                batch_size=50,
                callbacks=patient,
            ).run(verbose=0).curves()
            for rate in (0.02, 1e30)
        ]  # fmt: skip
        tame, wild = (c[c["variant"] == "rate=0.01"]["value"].to_numpy() for c in curves)
        np.testing.assert_array_equal(tame, wild)
        assert len(count_compilations) == 1, "its seat is kept, and so is the program"


def build_regression(rate):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


class TestTerminateOnNaN:
    def models(self):
        """The middle one meets infinity in the second batch or later."""
        found = []
        for seed, rate in enumerate((0.01, 3e3, 0.02)):
            keras.utils.set_random_seed(seed)
            found.append(build_regression(rate))
        return found

    @pytest.mark.long
    @pytest.mark.parametrize("batch_size", [7, 9, 90])
    def test_it_stops_at_the_batch_where_keras_stops(self, batch_size, capsys):
        generator = np.random.default_rng(1)
        x = generator.normal(size=(90, 5)).astype(np.float32)
        y = generator.normal(size=90).astype(np.float32)
        arguments = {
            "epochs": 8, "batch_size": batch_size, "shuffle": False, "verbose": 0,
            "validation_split": 0.1,
        }  # fmt: skip
        theirs, ours = self.models(), self.models()
        references = [
            model.fit(x, y, callbacks=[keras.callbacks.TerminateOnNaN()], **arguments)
            for model in theirs
        ]
        said = capsys.readouterr().out
        histories = kohort.fit(
            ours, x, y, callbacks=[keras.callbacks.TerminateOnNaN()], **arguments
        )
        assert capsys.readouterr().out == said
        assert "Invalid loss" in said
        for mine, yours, history, reference in zip(
            ours, theirs, histories, references, strict=True
        ):
            assert history.epoch == reference.epoch
            assert int(mine.optimizer.iterations.numpy()) == int(yours.optimizer.iterations.numpy())
            for name, values in reference.history.items():
                np.testing.assert_allclose(history.history[name], values, rtol=1e-3)
            for a, b in zip(numbers(mine), numbers(yours), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
        lengths = [len(history.epoch) for history in histories]
        assert lengths[1] < lengths[0] == lengths[2] == 8

    @pytest.mark.long
    @pytest.mark.parametrize("memory", [None, "2KB"])
    def test_it_stops_no_member_that_has_it_not(self, memory):
        x, y = np.ones((100, 5), np.float32), np.zeros(100, np.float32)
        y[15] = 1e25  # Its square is infinite, its gradient is not.
        models = []
        for seed in (0, 0, 0):
            keras.utils.set_random_seed(seed)
            models.append(build_regression(0.01))
            models[-1].compile(keras.optimizers.SGD(0.01, clipvalue=1.0), "mse", metrics=["mae"])
        arguments = {"batch_size": 10, "epochs": 2, "shuffle": False, "verbose": 0}
        arguments["memory"] = memory
        *beside, alone = models
        kohort.fit(
            beside, x, y, **arguments,
            callbacks=lambda number: [keras.callbacks.TerminateOnNaN()] * (number == 0),
        )  # fmt: skip
        kohort.fit(alone, x, y, **arguments)
        assert [int(model.optimizer.iterations.numpy()) for model in models] == [2, 20, 20]
        for mine, yours in zip(numbers(beside[1]), numbers(alone), strict=True):
            np.testing.assert_allclose(mine, yours, rtol=1e-5)

    def test_streamed_data_stop_at_the_same_batch(self):
        generator = np.random.default_rng(1)
        x = generator.normal(size=(900, 5)).astype(np.float32)
        y = generator.normal(size=900).astype(np.float32)
        seen = []
        for memory in (None, "20KB"):
            models = self.models()
            histories = kohort.fit(
                models, x, y, epochs=3, batch_size=10, verbose=0, memory=memory,
                callbacks=[keras.callbacks.TerminateOnNaN()],
            )  # fmt: skip
            steps = [int(model.optimizer.iterations.numpy()) for model in models]
            seen.append((steps, [h.history["loss"] for h in histories]))
        assert seen[0][0] == seen[1][0]
        assert seen[0][0][1] < 90 < seen[0][0][0]
        for one, other in zip(seen[0][1], seen[1][1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4)

    def test_it_can_raise_as_in_keras(self):
        callback = keras.callbacks.TerminateOnNaN(raise_error=True)
        with pytest.raises(RuntimeError, match="NaN or Inf loss"):
            train([self.models()[1]], epochs=9, callbacks=callback)
