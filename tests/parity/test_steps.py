"""How many batches an epoch has: steps_per_execution, and Keras's limits for debugging runs."""

import keras
import numpy as np
import pytest

import kohort
from tests.marks import long
from tests.models import build_mlp, numbers, seeded

pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")

X = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
Y = (np.arange(64) % 3).astype(np.int32)


def executed_by(count):
    def build():
        model = build_mlp()
        model.compile(
            "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"],
            steps_per_execution=count,
        )  # fmt: skip
        return model

    return build


def batches():
    while True:
        for start in range(0, 64, 8):
            yield X[start : start + 8], Y[start : start + 8]


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 8

    def __getitem__(self, number):
        return X[8 * number : 8 * number + 8], Y[8 * number : 8 * number + 8]


def assert_parity(build, data, engine="fused", **arguments):
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0} | arguments
    mine, reference = seeded(1, build), seeded(1, build)
    history = kohort.fit(mine, *data(), engine=engine, **arguments).history
    wanted = reference.fit(*data(), **arguments).history
    assert list(history) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for own, other in zip(numbers(mine), numbers(reference), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


DATA = {
    "arrays": (lambda: (X, Y), {"batch_size": 8}),
    "a generator": (lambda: (batches(),), {}),
    "a PyDataset": (lambda: (Sequence(),), {}),
}


@pytest.mark.long
@pytest.mark.parametrize(("data", "settings"), DATA.values(), ids=DATA)
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("steps", [2, 3, 4])
def test_whole_executions_are_taken(data, settings, count, steps):
    assert_parity(executed_by(count), data, steps_per_epoch=steps, **settings)


@pytest.mark.parametrize("count", [2, 3])
def test_so_does_validation(count):
    assert_parity(
        executed_by(count), lambda: (X, Y), batch_size=8, validation_data=(X, Y),
        validation_steps=4, validation_batch_size=8,
    )  # fmt: skip


def test_models_that_would_read_other_batches_are_refused():
    models = [seeded(1, executed_by(count)) for count in (1, 2)]
    with pytest.raises(kohort.ModelError, match=r"one steps_per_execution.*models of \[1, 2\]"):
        kohort.fit(models, X, Y, steps_per_epoch=3, verbose=0)
    assert len(kohort.fit(models, X, Y, verbose=0)) == 2


@pytest.fixture
def limits():
    yield keras.config.set_max_epochs, keras.config.set_max_steps_per_epoch
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Limiting")
@pytest.mark.parametrize("engine", ["fused", "keras"])
@pytest.mark.parametrize(("data", "settings"), DATA.values(), ids=DATA)
def test_limits_for_debugging_hold(limits, data, settings, engine):
    max_epochs, max_steps = limits
    max_epochs(2)
    max_steps(3)
    steps = {"steps_per_epoch": 5} if data is not DATA["a PyDataset"][0] else {}
    assert_parity(build_mlp, data, validation_data=(X, Y), engine=engine, **settings, **steps)


def test_limits_are_told_as_keras_tells_them(limits):
    limits[0](1)
    with pytest.warns(UserWarning, match="Limiting epochs to 1"):
        history = kohort.fit(seeded(1), X, Y, epochs=4, verbose=0)
    assert len(history.history["loss"]) == 1
    limits[1](2)
    with pytest.warns(UserWarning, match="Limiting steps_per_epoch to 2"):
        kohort.fit(seeded(1), X, Y, batch_size=8, verbose=0)


@pytest.mark.parametrize("engine", ["fused", *long("keras")])
def test_a_negative_initial_epoch_is_an_epoch_as_in_keras(engine):
    arguments = {"epochs": 2, "initial_epoch": -1, "shuffle": False, "verbose": 0}
    wanted = seeded(1).fit(X, Y, **arguments)
    found = kohort.fit(seeded(1), X, Y, engine=engine, **arguments)
    assert found.epoch == wanted.epoch == [-1, 0, 1]
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-5)


@pytest.mark.parametrize("name", ["epochs", "initial_epoch"])
def test_epochs_are_whole_numbers(name):
    with pytest.raises(kohort.DesignError, match=f"a whole number as {name}, got 2.0"):
        kohort.fit(seeded(1), X, Y, verbose=0, **{name: 2.0})
    assert len(kohort.fit(seeded(1), X, Y, verbose=0, epochs=np.int64(1)).epoch) == 1


class Curriculum(keras.utils.PyDataset):
    """Shows other samples in each epoch, as its hooks are called."""

    def __init__(self):
        super().__init__()
        self.level, self.heard = 0, []

    def __len__(self):
        return 2

    def __getitem__(self, number):
        start = 8 * ((self.level + number) % 8)
        return X[start : start + 8], Y[start : start + 8]

    def on_epoch_begin(self):
        self.heard.append("begin")
        self.level += 1

    def on_epoch_end(self):
        self.heard.append("end")
        self.level += 2


@pytest.mark.long
@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("is_built", [True, False])
def test_a_curriculum_hears_of_the_epochs_that_keras_tells_it(calls, is_built):
    mine, reference = seeded(1), seeded(1)
    if is_built:
        for model in (mine, reference):
            model.train_on_batch(X[:8], Y[:8])
    for _ in range(calls):
        own, other = Curriculum(), Curriculum()
        history = kohort.fit(mine, own, epochs=3, shuffle=False, verbose=0).history
        wanted = reference.fit(other, epochs=3, shuffle=False, verbose=0).history
        assert own.heard == other.heard
        np.testing.assert_allclose(history["loss"], wanted["loss"], rtol=1e-5)


@pytest.mark.parametrize("is_built", [True, False])
def test_a_generator_is_read_from_where_keras_reads_it(is_built):
    mine, reference = seeded(1), seeded(1)
    if is_built:
        for model in (mine, reference):
            model.train_on_batch(X[:8], Y[:8])
    arguments = {"steps_per_epoch": 3, "epochs": 3, "shuffle": False, "verbose": 0}
    history = kohort.fit(mine, batches(), **arguments).history
    wanted = reference.fit(batches(), **arguments).history
    np.testing.assert_allclose(history["loss"], wanted["loss"], rtol=1e-5)
