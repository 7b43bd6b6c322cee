"""Batches that a user's code makes: how often, where and into what, as in Keras."""

import sqlite3
from contextlib import closing

import keras
import numpy as np
import pytest

import kohort

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 6)).astype("float32")
Y = RANDOM.normal(size=(48, 1)).astype("float32")


def build():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


class Refilled(keras.utils.PyDataset):
    """Three batches, all of them in one buffer."""

    def __init__(self):
        super().__init__()
        # One byte beside what JAX takes without a copy: Keras itself reads the buffer late else.
        self.x = np.empty(16 * 6 + 1, "float32")[1:].reshape(16, 6)
        self.y = np.empty(16 + 1, "float32")[1:].reshape(16, 1)

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = slice(16 * number, 16 * number + 16)
        self.x[:], self.y[:] = X[rows], Y[rows]
        return self.x, self.y


class Counting(keras.utils.PyDataset):
    """Three batches, whose inputs grow each time that one is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def __len__(self):
        return 3

    def __getitem__(self, number):
        self.asked.append(number)
        rows = slice(16 * number, 16 * number + 16)
        return X[rows] * len(self.asked), Y[rows]


def of_database():
    """Batches from a connection that only the thread which made it may use."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table rows (x, y)")
        pairs = zip(X[:, 0].tolist(), Y[:, 0].tolist(), strict=True)
        connection.executemany("insert into rows values (?, ?)", pairs)
        while True:
            read = np.array(connection.execute("select x, y from rows").fetchall(), "float32")
            yield np.repeat(read[:, :1], 6, axis=1), read[:, 1:]


def fitted(fit, *data, **arguments):
    return fit(build(), *data, epochs=2, verbose=0, shuffle=False, **arguments).history


def both(*data, **arguments):
    """What Keras's `fit` and kohort's give to data that functions make."""
    made = [
        ([d() for d in data], {n: v() if callable(v) else v for n, v in arguments.items()})
        for _ in range(2)
    ]
    fits = (lambda model, *a, **k: model.fit(*a, **k)), kohort.fit
    return [fitted(fit, *a, **k) for fit, (a, k) in zip(fits, made, strict=True)]


@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_buffer_that_is_filled_anew_for_each_batch_is_read_in_time(where):
    if where == "training":
        theirs, ours = both(Refilled)
    else:
        theirs, ours = both(lambda: X, lambda: Y, batch_size=16, validation_data=Refilled)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5)


def test_batches_are_asked_for_as_often_as_keras_asks():
    theirs, ours = both(lambda: X, lambda: Y, batch_size=16, validation_data=Counting)
    np.testing.assert_allclose(ours["val_loss"], theirs["val_loss"], rtol=1e-5)
    counted = Counting()
    fitted(kohort.fit, X, Y, validation_data=counted)
    assert counted.asked == [0, 1, 2, 0, 1, 2]


def test_batches_are_made_in_the_thread_that_trains():
    theirs, ours = both(of_database, steps_per_epoch=2)
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-5)
