"""Trials that follow from others have the numbers that they would have alone."""

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort.design.families.kinships import Kinships
from kohort.design.searches.sampling import Asking
from kohort.keras_api.models import state_of
from kohort.runs.searches.trial_models import TrialModels
from kohort.tracing.eligibility import StepTracer
from tests.marks import long
from tests.runs.searches.searched import build, small, without_times

SPACE = {
    "units": [4, 8],
    "rate": kohort.Range(1e-3, 0.3, log=True),
    "dropout": [0.0, 0.1, 0.3],
}


@pytest.fixture
def derived(monkeypatch):
    """What was asked for, and whether it followed."""
    real, asked = Kinships.derived, []

    def counted(kinships, arguments):
        found = real(kinships, arguments)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(Kinships, "derived", counted)
    return asked


@pytest.mark.long
@pytest.mark.parametrize("callbacks", [(), *long(((keras.callbacks.EarlyStopping(patience=1),),))])
def test_a_search_has_the_same_numbers_whether_trials_follow_or_not(
    blobs, derived, monkeypatch, callbacks
):
    search = small(blobs, trials=16, epochs=2, space=SPACE, callbacks=callbacks)
    found = search.run(verbose=0, confirm=2)
    assert sum(derived) >= 3
    monkeypatch.setattr(Kinships, "derived", lambda *_: None)
    again = small(blobs, trials=16, epochs=2, space=SPACE, callbacks=callbacks)
    assert without_times(again.run(verbose=0, confirm=2)) == without_times(found)


@pytest.mark.long
def test_a_space_that_build_writes_is_followed_too(blobs, derived):
    def tuned(hp):
        units = hp.Choice("units", [4, 8])
        rate = hp.Float("rate", 1e-3, 0.3, sampling="log")
        return build(units, rate, hp.Float("dropout", 0.1, 0.5))

    small(blobs, trials=12, epochs=2, build=tuned, space=None).run(verbose=0, confirm=2)
    assert sum(derived) >= 3


@pytest.mark.long
def test_a_trial_that_fails_for_its_numbers_fails_still(blobs, derived):
    def picky(units, rate, dropout):
        if rate > 0.03:
            raise ValueError(f"a rate of {rate}")
        return build(units, rate, dropout)

    result = small(blobs, trials=16, epochs=2, build=picky).run(verbose=0, confirm=2)
    trials = result.trials()
    assert sum(derived) >= 1
    assert ((trials["state"] == "failed") == (trials["rate"] > 0.03)).all()


@pytest.mark.long
def test_where_there_is_no_room_nothing_is_kept_to_follow(blobs):
    spec = small(blobs, space=SPACE).spec
    asking = Asking(spec.choices, "random", 0)
    draws = [asking.ask() for _ in range(8)]
    for room, followed in ((0, 0), (1 << 20, 2)):
        models = TrialModels(spec, draws, StepTracer(), Kinships(room), 1 << 20)
        for draw in draws:
            models.planned(draw.number)
        assert len(models._derived) >= followed
        assert room or not models._derived


@pytest.mark.long
def test_trials_that_nobody_follows_take_no_room(blobs):
    def printed(units, rate, dropout):
        return build(units, float(f"{rate:.3f}"), dropout)

    spec = small(blobs, build=printed).spec
    asking = Asking(spec.choices, "random", 0)
    draws = [asking.ask() for _ in range(12)]
    kinships = Kinships(1 << 20)
    models = TrialModels(spec, draws, StepTracer(), kinships, 1 << 20)
    taken = [models.planned(draw.number).state_bytes for draw in draws]
    kinds = len({draw.arguments["units"] for draw in draws})
    assert (1 << 20) - kinships._room <= 2 * kinds * max(taken) < sum(taken)


@pytest.mark.long
def test_a_model_that_trials_share_is_not_written_to(blobs, derived, monkeypatch):
    real, shared = TrialModels.shared, []

    def noted(models, number):
        shared.append(real(models, number))
        return shared[-1]

    def averaged(units, rate, dropout):  # Keras writes the averages when training ends.
        model = build(units, rate, dropout)
        optimizer = keras.optimizers.Adam(rate, use_ema=True)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    monkeypatch.setattr(TrialModels, "shared", noted)
    small(blobs, trials=12, epochs=2, build=averaged).run(verbose=0, confirm=2)
    assert sum(derived) >= 3
    for model, start in shared:
        first, now = (jax.tree.leaves(state) for state in (start(), state_of(model)))
        numbers = [array.ndim > 0 for array in first]  # A single number may be a derived one.
        for before, after, is_array in zip(first, now, numbers, strict=True):
            assert not is_array or np.array_equal(before, after)


@pytest.mark.long
def test_trials_whose_losses_have_numbers_are_traced(blobs, derived):
    def weighted(units, rate, dropout):
        model = build(units, rate)
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=dropout)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model

    one_hot = (blobs.x_train, np.eye(3, dtype=np.float32)[blobs.y_train])
    small(one_hot, trials=8, epochs=1, build=weighted).run(verbose=0, confirm=2)
    assert not any(derived)


@pytest.mark.long
def test_trials_with_layers_of_their_own_are_traced(blobs, derived):
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    def doubled(units, rate, dropout):
        model = keras.Sequential(
            [keras.Input((5,)), Twice(), keras.layers.Dropout(dropout), keras.layers.Dense(units)]
        )
        model.add(keras.layers.Dense(3, "softmax"))
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model

    small(blobs, trials=8, epochs=1, build=doubled).run(verbose=0, confirm=2)
    assert not any(derived)
