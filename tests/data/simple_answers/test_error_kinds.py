"""The best answer that is one for all samples has Keras's loss, and no other has a lower one."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kohort
from kohort.data.simple_answers import error_kinds
from kohort.data.simple_answers.constant_answers import constant_answer
from kohort.data.simple_answers.error_kinds import best_constant, error_of

RANDOM = np.random.default_rng(0)
COUNTS = RANDOM.poisson(4.0, 200).astype(float)
AMOUNTS = RANDOM.gamma(2.0, size=200)
TAILED = RANDOM.standard_t(2, size=(200, 3)) * [1e-6, 1.0, 30.0]
WEIGHTS = RANDOM.integers(0, 5, 200)
LOSSES = {
    "huber": (keras.losses.Huber, TAILED),
    "log_cosh": (keras.losses.LogCosh, TAILED),
    "mape": (keras.losses.MeanAbsolutePercentageError, AMOUNTS),
    "msle": (keras.losses.MeanSquaredLogarithmicError, AMOUNTS),
    "poisson": (keras.losses.Poisson, COUNTS),
}


def by_keras(kind, targets, answer, weights=None):
    mean = keras.metrics.MeanMetricWrapper(keras.losses.get(LOSSES[kind][0].__name__).call)
    given_answer = np.broadcast_to(answer, targets.shape)
    shape = (len(targets), -1)
    mean.update_state(targets.reshape(shape), given_answer.reshape(shape), weights)
    return float(mean.result())


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("kind", LOSSES)
def test_its_error_is_keras_s_and_the_lowest(kind, weights):
    targets = LOSSES[kind][1]
    answer, told = best_constant(kind, targets, weights)
    assert told.endswith("the training targets")
    lowest = error_of(kind, targets, answer, weights)
    assert lowest == pytest.approx(by_keras(kind, targets, answer, weights), rel=1e-5)
    for apart in (1e-3, 1e-2, 0.3):
        for side in (-1, 1):
            other = error_of(kind, targets, answer + side * apart * targets.std(axis=0), weights)
            assert other > lowest * (1 - 1e-9)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(["huber", "log_cosh"]), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_it_is_found_on_any_scale(kind, level, scale):
    targets = level + scale * TAILED[:, 1]
    answer, _ = best_constant(kind, targets, None)
    assert targets.min() <= answer <= targets.max()
    lowest = error_of(kind, targets, answer, None)
    # Far from zero numbers are as coarse as that, beside how far targets are apart.
    coarse = 8 * np.spacing(abs(level) + scale) / scale
    for middle in (np.mean(targets), np.median(targets)):
        assert lowest <= error_of(kind, targets, middle, None) * (1 + 1e-6 + coarse)


def dataset(targets):
    return kohort.Dataset(np.zeros((len(targets), 1)), targets)


PARTS = [(np.arange(150), np.arange(150, 200))]


@pytest.mark.parametrize("kind", LOSSES)
def test_a_study_has_it_by_its_loss(kind):
    targets = LOSSES[kind][1]
    answer = constant_answer(kind, dataset(targets), PARTS)
    best, told = best_constant(kind, targets[:150], None)
    assert answer.name == told
    assert answer.valid[0] == pytest.approx(by_keras(kind, targets[150:], best), rel=1e-4)
    assert answer.from_zero is (kind != "poisson")


def test_of_very_many_numbers_none_is_sought():
    wide = np.zeros((200, 65))
    wide[0] = 1.0
    assert constant_answer("huber", dataset(wide), PARTS) is None
    assert constant_answer("huber", dataset(wide[:, :64]), PARTS) is not None


IMAGES = RANDOM.random((200, 4, 4, 1)) * np.linspace(0.1, 1.0, 4)[:, None]


@pytest.mark.parametrize(
    ("kind", "metric", "middle"),
    [
        ("mse", keras.metrics.MeanSquaredError, np.mean),
        ("rmse", keras.metrics.RootMeanSquaredError, np.mean),
        ("mae", keras.metrics.MeanAbsoluteError, np.median),
        ("binary crossentropy", keras.metrics.BinaryCrossentropy, np.mean),
    ],
)
def test_of_images_it_is_the_mean_image(kind, metric, middle):
    answer = constant_answer(kind, dataset(IMAGES), PARTS)
    assert answer.name.endswith("of the training targets in each place")
    kept = metric()
    image = middle(IMAGES[:150], axis=0)
    kept.update_state(IMAGES[150:], np.broadcast_to(image, (50, 4, 4, 1)))
    assert answer.valid[0] == pytest.approx(float(kept.result()), rel=1e-4)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_of_several_labels_it_is_the_share_of_each(weights):
    labels = (RANDOM.random((200, 3)) < [0.05, 0.3, 0.6]).astype(int)
    labels[:, 2] |= labels[:, 0]  # more than one of them at once
    answer = constant_answer("binary crossentropy", dataset(labels), PARTS, weights)
    kept = keras.metrics.BinaryCrossentropy()
    counts = None if weights is None else weights[:150]
    shares = np.average(labels[:150], axis=0, weights=counts)
    some = None if weights is None else weights[150:]
    kept.update_state(labels[150:], np.tile(shares, (50, 1)), some)
    assert answer.valid[0] == pytest.approx(float(kept.result()), rel=1e-4)
    weighted = "weighted " * (weights is not None)
    assert answer.name == f"the {weighted}mean of the training targets in each place"


def test_numbers_beyond_one_have_no_crossentropy():
    assert constant_answer("binary crossentropy", dataset(IMAGES * 9), PARTS) is None


@pytest.mark.parametrize("kind", [*LOSSES, "mse", "mae", "rmse", "r2"])
@pytest.mark.parametrize("weights", [None, WEIGHTS * (np.arange(200) > 20)])
def test_few_samples_at_once_change_nothing(kind, weights, monkeypatch):
    targets = LOSSES.get(kind, (None, TAILED))[1]
    lines = targets[::-1].copy()  # an answer for each sample
    constant, _ = best_constant(kind, targets, weights)
    whole = [error_of(kind, targets, answers, weights) for answers in (constant, lines)]
    monkeypatch.setattr(error_kinds, "_AT_ONCE", 8)
    parted = [error_of(kind, targets, answers, weights) for answers in (constant, lines)]
    assert parted == pytest.approx(whole, rel=1e-9)
