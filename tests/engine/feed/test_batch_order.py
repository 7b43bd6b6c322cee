"""The order in which the batches of a PyDataset are read: that of `seed=`, for all models."""

import random

import keras
import numpy as np
import pytest

import kohort
from tests.models import seeded

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(56, 2)).astype("float32"), RNG.integers(0, 3, 56)
ENGINES = ["auto", "keras"]


class Batches(keras.utils.PyDataset):
    """Seven batches, which note their order: read from the first call that asks for one."""

    def __init__(self, **workers):
        super().__init__(**workers)
        self.read = []

    def __len__(self):
        return 7

    def __getitem__(self, number):
        self.read.append(number)
        rows = slice(number * 8, number * 8 + 8)
        return X[rows], Y[rows]


def built(seed=0, **build):
    """A model that has been built and trained on a batch."""
    model = seeded(seed, features=2, **build)
    model.train_on_batch(X[:8], Y[:8])
    return model


def as_keras_reads(seed):
    """What `keras.Model.fit` does after `random.seed(seed)`: its order and its losses."""
    model, data = built(), Batches()
    random.seed(seed)
    return data.read, model.fit(data, epochs=2, verbose=0).history["loss"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pydataset_is_read_in_the_order_of_the_seed(engine):
    theirs, losses = as_keras_reads(5)
    model, data = built(), Batches()
    random.seed(99)
    history = kohort.fit(model, data, epochs=2, verbose=0, seed=5, engine=engine)
    assert data.read[-14:] == theirs
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_all_models_read_a_pydataset_in_one_order(engine):
    theirs, losses = as_keras_reads(5)
    # Built or not, in one program or in several.
    models = [built(), built(1, units=(4,)), seeded(2, features=2), built()]
    data = Batches()
    random.seed(99)
    histories = kohort.fit(models, data, epochs=2, verbose=0, seed=5, engine=engine)
    read = " ".join(map(str, data.read))
    assert read.count(" ".join(map(str, theirs))) == (4 if engine == "keras" else 2)
    for number in (0, 3):
        np.testing.assert_allclose(histories[number].history["loss"], losses, rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("is_built", [True, False])
def test_the_callers_generators_are_left_as_they_were(engine, is_built):
    model = built() if is_built else seeded(0, features=2)
    random.seed(3)
    np.random.seed(3)
    kohort.fit(model, Batches(), verbose=0, engine=engine)
    if is_built:  # To build one draws seeds.
        assert random.random() == random.Random(3).random()
    np.testing.assert_array_equal(np.random.random(4), np.random.RandomState(3).random(4))


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_workers_read_in_that_order_too(engine):
    theirs, losses = as_keras_reads(5)
    model, data = built(), Batches(workers=2)
    random.seed(99)
    history = kohort.fit(model, data, epochs=2, verbose=0, seed=5, engine=engine)
    assert sorted(data.read[-7:]) == sorted(theirs[-7:])
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


def test_a_new_model_reads_as_a_built_one_does_and_draws_a_batch_as_in_keras():
    reads = {}
    for engine in ENGINES:
        data = Batches()
        kohort.fit(seeded(0, features=2), data, epochs=2, verbose=0, seed=5, engine=engine)
        reads[engine] = data.read
    theirs, _ = as_keras_reads(5)
    # Keras draws one batch, of the same order, to build the model.
    assert reads == {engine: [theirs[0], *theirs] for engine in ENGINES}
