"""Of integers of 64 bits nothing is said that the user can do nothing about."""

import warnings

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.needless import WIDTHS, without_needless_warnings


def build():
    layers = [keras.layers.Embedding(9, 2), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,), dtype="int64"), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


@pytest.fixture
def strict():
    """Warnings of widths are errors, as a filter of the user would have it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", WIDTHS)
        yield


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return random.integers(0, 9, (60, 3)), random.integers(0, 2, 60)


def test_keras_on_jax_says_it_by_itself(strict, arrays):
    with pytest.raises(UserWarning, match=WIDTHS):
        build().predict(arrays[0], verbose=0)


def test_fit_says_nothing(arrays):
    models = [build(), build()]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", WIDTHS)
        kohort.fit(models, *arrays, validation_split=0.2, verbose=0)


def test_a_study_its_test_set_and_its_winner_say_nothing(strict, arrays, tmp_path):
    x, y = arrays
    data = kohort.Dataset(x[:40], y[:40], x[40:], y[40:])
    splits = kohort.Holdout(0.2, repeats=2)
    variants = [kohort.Variant("embedded", build)]
    study = kohort.Study("wide", variants, data, replicates=splits, epochs=1)
    result = study.run(verbose=0)
    assert len(result.test()) == 1
    result.best().save(tmp_path / "winner.keras")


def test_other_warnings_are_shown():
    with pytest.warns(UserWarning, match="of another kind"), without_needless_warnings():
        warnings.warn("of another kind", UserWarning, stacklevel=1)
