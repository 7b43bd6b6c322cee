"""What members read, held in the dtype that they read it in."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort.engine.loop.cohort import Cohort
from tests.models import seeded


@pytest.fixture
def held(monkeypatch):
    """The dtypes of the data of each cohort that is made: for training, then for validation."""
    seen = []
    made = Cohort.__init__

    def spy(self, *arguments, **named):
        made(self, *arguments, **named)
        data = (self.source.train, self.source.valid)
        seen.append([str(leaf.dtype) for leaf in jax.tree.leaves(data)])

    monkeypatch.setattr(Cohort, "__init__", spy)
    return seen


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
