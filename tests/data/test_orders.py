"""The order of samples in an epoch, against Keras itself."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kohort  # noqa: F401 - chooses Keras's backend before Keras is imported
from kohort.data.orders import epoch_orders

EPOCHS = 3
SHUFFLES = (True, False, "batch")


def ours(samples, batch_size, shuffle, seed):
    return list(islice(epoch_orders(samples, batch_size, shuffle=shuffle, seed=seed), EPOCHS))


def keras_batches(samples, batch_size, shuffle, seed):
    """The batches of sample numbers that Keras's adapter for arrays gives, epoch by epoch."""
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    adapter = ArrayDataAdapter(np.arange(samples), batch_size=batch_size, shuffle=shuffle)
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        return [
            [np.asarray(batch) for batch in adapter.get_numpy_iterator()] for _ in range(EPOCHS)
        ]
    finally:
        np.random.set_state(before)


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize(("samples", "batch_size"), [(12, 4), (13, 4), (3, 4), (4, 4), (5, 1)])
def test_batches_are_those_of_keras(samples, batch_size, shuffle):
    for rows, theirs in zip(
        ours(samples, batch_size, shuffle, seed=7),
        keras_batches(samples, batch_size, shuffle, seed=7),
        strict=True,
    ):
        cut = [rows[start : start + batch_size] for start in range(0, samples, batch_size)]
        assert [batch.tolist() for batch in cut] == [batch.tolist() for batch in theirs]


@settings(derandomize=True)
@given(
    samples=st.integers(1, 50),
    batch_size=st.integers(1, 60),
    shuffle=st.sampled_from(SHUFFLES),
    seed=st.integers(0, 2**31 - 1),
)
def test_orders_are_those_of_keras_for_any_sizes(samples, batch_size, shuffle, seed):
    theirs = keras_batches(samples, batch_size, shuffle, seed)
    for rows, batches in zip(ours(samples, batch_size, shuffle, seed), theirs, strict=True):
        assert rows.tolist() == np.concatenate(batches).tolist()
        assert rows.dtype == np.int32
        assert sorted(rows) == list(range(samples))


@pytest.mark.long
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_a_built_model_is_fitted_in_this_order(shuffle):
    import keras

    class Watched(keras.Sequential):
        def train_step(self, state, data):
            seen.append(np.asarray(data[0]).ravel().astype(int))
            return super().train_step(state, data)

    seen = []
    x = np.arange(10, dtype=np.float32)[:, None]
    model = Watched([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    # Keras draws an order more where the first batch has to build the metrics.
    model.fit(x, x, batch_size=10, verbose=0)
    seen.clear()
    before = np.random.get_state()
    np.random.seed(11)
    try:
        model.fit(x, x, batch_size=4, epochs=EPOCHS, shuffle=shuffle, verbose=0)
    finally:
        np.random.set_state(before)

    expected = np.concatenate(ours(10, 4, shuffle, seed=11))
    assert np.concatenate(seen).tolist() == expected.tolist()
    assert [len(batch) for batch in seen] == [4, 4, 2] * EPOCHS


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].tolist()
    ours(20, 4, shuffle=True, seed=3)

    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_each_epoch_has_an_order_of_its_own(shuffle):
    orders = {tuple(order) for order in ours(50, 10, shuffle, seed=0)}
    assert len(orders) == EPOCHS


def test_batches_keep_their_samples_where_shuffled_inside():
    for order in ours(11, 4, "batch", seed=0):
        parts = [sorted(order[:4]), sorted(order[4:8]), sorted(order[8:])]
        assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
