"""Models, data, arguments and callbacks that Hypothesis draws, trained by Keras and by kohort."""

import functools
import random
import warnings

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import kohort
from kohort.keras_api.models import prepare, variables_of
from kohort.tracing.signature import first_batch
from tests.parity.drawn import CALLBACKS, CASES, TOLERANCE, Case, Data, Design
from tests.parity.zoo import assert_close, assert_same, compiling_quickly

BLOCKS, DRAWS = 10, 200


class Watches(keras.callbacks.Callback):
    """Records the hooks of epochs and evaluations, in order, and the numbers they are given."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def record(self, hook, logs):
        self.calls.append((hook, {name: float(value) for name, value in (logs or {}).items()}))

    def on_train_begin(self, logs=None):
        self.record("train begins", logs)

    def on_train_end(self, logs=None):
        self.record("train ends", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.record(f"epoch {epoch} begins", logs)

    def on_epoch_end(self, epoch, logs=None):
        self.record(f"epoch {epoch} ends", logs)

    def on_test_end(self, logs=None):
        self.record("test ends", logs)


class Kept:
    """A model that is built once for all its draws, and the values that each begins with."""

    def __init__(self, design: Design, seed: int) -> None:
        self.model = design.build(seed)
        x, y, _ = Data(5, 0, "arrays", "").arrays(design.kind)
        prepare(self.model, first_batch((x, y), 4))
        self.variables = [variable for part in variables_of(self.model) for variable in part]
        self.values = [np.asarray(variable) for variable in self.variables]

    def anew(self) -> keras.Model:
        """The model as it is before it trains."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
        return self.model


@functools.cache
def kept(design: Design, seed: int, side: str) -> Kept:
    """The model of a side, "ours" or "theirs"."""
    del side
    return Kept(design, seed)


def models_of(case: Case, side: str) -> list[keras.Model]:
    """The models of a case as they are before they train."""
    seeds = range(case.members)
    if case.is_fresh:
        return [case.design.build(seed) for seed in seeds]
    return [kept(case.design, seed, side).anew() for seed in seeds]


def outcome(train, case):
    """What a side did: models, histories and calls of hooks; or the error that it raised."""
    watches = [Watches() for _ in range(case.members)]

    def callbacks(number):
        return [*[CALLBACKS[name]() for name in case.callbacks], watches[number]]

    try:
        models, histories = train(case, callbacks)
    except Exception as error:  # noqa: BLE001 (Keras's errors are of many kinds)
        kept.cache_clear()  # A model that failed may be broken.
        return error
    return models, histories, [watch.calls for watch in watches]


def by_keras(case, callbacks):
    models, histories = models_of(case, "theirs"), []
    for number, model in enumerate(models):
        random.seed(0)  # That of `seed=`, from which Keras draws the order of a PyDataset.
        np.random.seed(0)
        histories.append(model.fit(callbacks=callbacks(number), **case.fit_arguments()))
    return models, histories


def by_kohort(case, callbacks):
    models = models_of(case, "ours")
    # To build a model has seeded them.
    random.seed(5)
    np.random.seed(0)
    if case.members == 1:
        arguments = {"callbacks": callbacks(0), **case.fit_arguments()}
        return models, [kohort.fit(models[0], chunk_size=case.chunk_size, **arguments)]
    arguments = {"callbacks": callbacks, **case.fit_arguments()}
    return models, kohort.fit(models, chunk_size=case.chunk_size, **arguments)


def assert_like_keras(case):
    """Train a case both ways, and compare all that can be seen; or both ways fail."""
    theirs, ours = outcome(by_keras, case), outcome(by_kohort, case)
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert isinstance(theirs, Exception), f"kohort alone raises {ours!r}"
        assert isinstance(ours, Exception), f"Keras alone raises {theirs!r}"
        return
    for mine, yours, history, reference in zip(ours[0], theirs[0], ours[1], theirs[1], strict=True):
        assert_same(mine, yours, history, reference, TOLERANCE, must_train=False)
    for mine, yours in zip(ours[2], theirs[2], strict=True):
        assert [hook for hook, _ in mine] == [hook for hook, _ in yours]
        for (hook, logs), (_, reference) in zip(mine, yours, strict=True):
            assert sorted(logs) == sorted(reference), hook
            for name, value in reference.items():
                assert_close(logs[name], value, TOLERANCE, f"{hook}: {name}")


@pytest.mark.long
@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_is_drawn_trains_as_in_keras(block):
    @hypothesis.seed(block)
    @settings(
        max_examples=DRAWS, database=None, deadline=None, derandomize=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(CASES)
    def check(case):
        assert_like_keras(case)

    with compiling_quickly(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Some draws run out of data; both sides say so.
        check()
