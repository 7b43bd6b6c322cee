"""Out-of-fold predictions: folds that part nothing, and models that do not see their fold."""

import keras
import numpy as np
import pytest

import kohort
from kohort.runs.checks.model_inputs import FEATURES, LARGEST, SIDE, model_inputs
from kohort.runs.checks.out_of_fold import FOLDS, folds, probabilities


def clouds(samples=300, seed=0):
    random = np.random.default_rng(seed)
    label = random.integers(0, 3, samples)
    return (random.normal(size=(samples, 4)) + 4 * np.eye(4)[label]).astype(np.float32), label


def test_folds_part_nothing_that_is_kept_together_and_are_even():
    random = np.random.default_rng(0)
    together, label = random.integers(0, 200, 1000), random.integers(0, 2, 1000)
    fold = folds(together, label)
    assert all(len(np.unique(fold[together == number])) == 1 for number in set(together))
    assert np.ptp(np.bincount(fold, minlength=FOLDS)) <= 12


def test_each_class_is_in_each_fold_as_often():
    label = (np.arange(1000) % 50 == 0).astype(int)
    fold = folds(np.arange(1000), label)
    assert np.bincount(fold[label == 1]).tolist() == [4] * FOLDS
    assert np.bincount(fold).tolist() == [200] * FOLDS


@pytest.mark.long
def test_all_folds_are_one_program(capfd):
    x, label = clouds()
    probabilities(x, label, 3, folds(np.arange(300), label), told="looking for something")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("looking for something, 5 members, ")


@pytest.mark.long
def test_what_is_held_out_is_predicted_and_not_learned():
    x, label = clouds()
    fold = folds(np.arange(300), label)
    found = probabilities(x, label, 3, fold)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == label).mean() > 0.95
    # Labels by chance can be learned by heart, and not be told of what was held out.
    random = np.random.default_rng(1).integers(0, 3, 300)
    told = probabilities(x, random, 3, folds(np.arange(300), random)).argmax(axis=1)
    assert 0.2 < (told == random).mean() < 0.5


@pytest.mark.long
def test_the_labels_of_a_fold_do_not_move_its_predictions():
    x, label = clouds()
    fold = folds(np.arange(300), label)
    other = np.where(fold == 2, (label + 1) % 3, label)
    found, moved = probabilities(x, label, 3, fold), probabilities(x, other, 3, fold)
    assert np.allclose(found[fold == 2], moved[fold == 2], atol=1e-6)
    assert not np.allclose(found[fold == 1], moved[fold == 1], atol=1e-2)


@pytest.mark.long
def test_no_state_of_the_process_is_touched():
    x, label = clouds(60)
    keras.utils.set_random_seed(5)
    before = np.random.random(), keras.random.uniform((1,)).item()
    keras.utils.set_random_seed(5)
    first = np.random.random()
    probabilities(x, label, 3, folds(np.arange(60), label))
    assert (first, keras.random.uniform((1,)).item()) == before


def test_columns_are_scaled_and_no_value_is_huge():
    random = np.random.default_rng(0)
    x = random.normal(1000, 50, (100, 3))
    x[0, 0], x[:, 2] = 1e9, 7
    data = kohort.Dataset(x[:80], np.arange(80) % 2, x[80:], np.arange(20) % 2)
    found = model_inputs(data, np.arange(100))
    assert found.dtype == np.float32
    assert np.abs(found).max() <= LARGEST
    assert abs(found[:, 1].mean()) < 1e-3
    assert abs(found[:, 1].std() - 1) < 1e-3
    assert not found[:, 2].any()


def test_samples_are_taken_by_their_numbers():
    x = np.arange(20.0).reshape(10, 2)
    data = kohort.Dataset(x[:6], np.arange(6) % 2, x[6:], np.arange(4) % 2)
    whole = model_inputs(data, np.arange(10))
    some = model_inputs(data, np.array([1, 7, 9]))
    assert np.array_equal(np.argsort(some[:, 0]), [0, 1, 2])
    assert whole.shape == (10, 2)


def test_pixels_are_scaled_as_the_data_say_and_large_images_shrunk():
    images = np.full((4, 50, 70, 3), 255, np.uint8)
    data = kohort.Dataset(images, [0, 1, 0, 1])
    found = model_inputs(data, np.arange(4))
    height, width = 25, 23
    assert max(height, width) <= SIDE
    assert found.shape == (4, height * width * 3)
    assert np.allclose(found, 0.5)


def test_very_long_rows_are_projected():
    data = kohort.Dataset(np.random.default_rng(0).normal(size=(20, 4 * FEATURES + 1)), [0, 1] * 10)
    found = model_inputs(data, np.arange(20))
    assert found.shape == (20, FEATURES)
    assert 0.8 < found.std() < 1.2
