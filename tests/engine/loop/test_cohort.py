"""What members read, in the dtype that they read it in, and last batches that are filled up."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort.engine.loop import cohort
from kohort.engine.loop.cohort import Cohort
from kohort.engine.program.compilation import PROGRAMS, recorded_compilations
from tests.models import build_mlp, numbers, seeded


def of_each_cohort(monkeypatch, look):
    """What a look at each cohort tells when it is made."""
    seen = []
    made = Cohort.__init__

    def spy(self, *arguments, **named):
        made(self, *arguments, **named)
        seen.append(look(self))

    monkeypatch.setattr(Cohort, "__init__", spy)
    return seen


@pytest.fixture
def held(monkeypatch):
    """The dtypes of the data of each cohort that is made: for training, then for validation."""

    def dtypes(cohort):
        data = (cohort.source.train, cohort.source.valid)
        return [str(leaf.dtype) for leaf in jax.tree.leaves(data)]

    return of_each_cohort(monkeypatch, dtypes)


@pytest.fixture
def in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def trained(blobs, **arguments):
    model = seeded(0)
    history = kohort.fit(
        model, blobs.x_train, blobs.y_train, batch_size=50, epochs=2, validation_split=0.2,
        verbose=0, **arguments,
    )  # fmt: skip
    return history.history, model.get_weights()


def test_models_of_bfloat16_read_inputs_that_are_rounded_before(
    blobs, held, in_bfloat16, monkeypatch
):
    history, weights = trained(blobs)
    assert held == [["bfloat16", "int32", "bfloat16", "int32"]]
    monkeypatch.setattr(Cohort, "_as_read", lambda self, source: source)
    reference, theirs = trained(blobs)
    assert held[1] == ["float32", "int32", "float32", "int32"]
    for name, values in reference.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-6)
    for mine, yours in zip(weights, theirs, strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-6, atol=1e-7)


def test_what_is_read_as_it_is_stays_as_it_is(blobs, held):
    trained(blobs)
    assert held == [["float32", "int32", "float32", "int32"]]


def test_inputs_that_a_step_reads_exactly_are_not_rounded(blobs, held, in_bfloat16):
    class Both(keras.Model):
        """Rounds its inputs for one layer, and takes them as they are for another."""

        def __init__(self):
            super().__init__(dtype="float32")
            self.rounding = keras.layers.Dense(8, "relu")
            self.exact = keras.layers.Dense(3, "softmax", dtype="float32")

        def call(self, x):
            parts = [self.rounding(x), x]
            exact = [keras.ops.cast(part, "float32") for part in parts]
            return self.exact(keras.ops.concatenate(exact, -1))

    model = Both()
    model.compile("adam", "sparse_categorical_crossentropy")
    kohort.fit(model, blobs.x_train, blobs.y_train, verbose=0)
    assert held == [["float32", "int32"]]
    assert jnp.isfinite(model.history.history["loss"][0])


@pytest.fixture
def filled(monkeypatch):
    """Whether the last batches of each cohort that is made are filled up."""
    return of_each_cohort(monkeypatch, lambda cohort: cohort.spec.pads)


def trained_on_parts(blobs, monkeypatch, short, rates=(0.1, 0.4), **arguments):
    """Histories, weights, and how long the program is, where so many steps are short training."""
    monkeypatch.setattr(cohort, "_SHORT", short)
    PROGRAMS.clear()
    models = [seeded(seed, dropout=0.3, l2=rate) for seed, rate in enumerate(rates)]
    with recorded_compilations() as programs:
        histories = kohort.fit(
            models, blobs.x_train, blobs.y_train, batch_size=40, epochs=2, validation_split=0.3,
            train_metrics="evaluated", verbose=0, **arguments,
        )  # fmt: skip
    text = programs[0].run.as_text()
    return [history.history for history in histories], [numbers(m) for m in models], len(text)


@pytest.mark.parametrize("stops", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_last_batch_is_filled_up_to_the_same_numbers_by_less_code(
    blobs, filled, monkeypatch, stops
):
    arguments = {"callbacks": [keras.callbacks.TerminateOnNaN()]} if stops else {}
    found, mine, length = trained_on_parts(blobs, monkeypatch, 2000, **arguments)
    wanted, theirs, whole = trained_on_parts(blobs, monkeypatch, 0, **arguments)
    assert filled == [True, False]
    assert length < 0.85 * whole, "XLA shares the code of both batches now, and needs no help"
    for one, other in zip(found, wanted, strict=True):
        assert list(one) == list(other)
        for name, values in other.items():
            np.testing.assert_allclose(one[name], values, rtol=1e-5, err_msg=name)
    for one, other in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_longer_training_has_a_step_of_its_size_for_the_last_batch(blobs, filled):
    for epochs in (1, 101):
        kohort.fit(seeded(0), blobs.x_train, blobs.y_train, epochs=epochs, verbose=0)
    assert filled == [True, False]


@pytest.mark.long
def test_a_study_fills_up_none_whose_numbers_would_depend_on_its_length(blobs, filled):
    data = kohort.Dataset(blobs.x_train, blobs.y_train)
    study = kohort.Study(
        "short", [kohort.Variant("small", build_mlp)], data,
        replicates=kohort.Holdout(0.2, repeats=2), epochs=1, batch_size=99,
    )  # fmt: skip
    study.run(verbose=0)
    assert filled == [False]
