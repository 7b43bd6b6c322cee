"""What is seen of data, from arrays to findings."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

import kohort
from kohort.findings.checks.data_rules import check
from kohort.runs.checks.data_check import inspect
from tests.marks import long


def table(samples=600, classes=3, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, samples)
    x = random.normal(size=(samples, 6)) + 4 * np.eye(6)[y]
    return x, y


def verdicts(data, **options):
    return {finding.code: finding.verdict for finding in check(inspect(data, **options))}


@pytest.mark.parametrize("classes", [3, *long(2)])
def test_flipped_labels_are_the_suspects(classes):
    x, y = table(classes=classes)
    flipped = np.random.default_rng(1).random(600) < 0.1
    given = np.where(flipped, (y + 1) % classes, y)
    checked = inspect(kohort.Dataset(x[:500], given[:500], x[500:], given[500:]))
    suspects = set(checked.predicted.samples[checked.predicted.suspects.places])
    wrong = set(np.flatnonzero(flipped))
    assert len(suspects & wrong) >= 0.7 * len(wrong)
    assert len(suspects & wrong) >= 0.85 * len(suspects)
    assert {f.code: f.verdict for f in check(checked)}["KD104"] == "found"


@pytest.mark.long
def test_sound_data_are_found_sound():
    x, y = table()
    found = verdicts(kohort.Dataset(x[:400], y[:400], x[400:], y[400:]))
    assert {code for code, verdict in found.items() if verdict == "found"} == set()
    assert found["KD109"] == "not found"


@pytest.mark.long
def test_a_test_set_from_elsewhere_is_told_from_the_training_set():
    x, y = table()
    x[400:, 5] += 2
    checked = inspect(kohort.Dataset(x[:400], y[:400], x[400:], y[400:]))
    (found,) = [finding for finding in check(checked) if finding.code == "KD109"]
    assert found.verdict == "found"
    statistic = ks_2samp(x[:400, 5], x[400:, 5]).statistic
    assert checked.columns.apart[5] == pytest.approx(statistic)
    assert found.sentence.endswith(f"most apart: column 5 ({checked.columns.apart[5]:.2f}).")


def test_a_copied_label_is_told_for_what_it_is():
    x, y = table()
    x[:, 3] = 10 * y
    assert verdicts(kohort.Dataset(x, y), trains=False)["KD107"] == "found"


@pytest.mark.parametrize("rows", [30, 4000])
@pytest.mark.parametrize("change", [lambda y: y, lambda y: 0.9 * y + 2, lambda y: -np.log(y)])
def test_a_copied_number_is_told_however_skewed_it_is(rows, change):
    random = np.random.default_rng(0)
    y = np.exp(random.normal(0, 2, rows))
    x = np.column_stack([random.normal(size=(rows, 4)), change(y)])
    assert verdicts(kohort.Dataset(x, y), trains=False)["KD107"] == "found"


@pytest.mark.long
def test_one_hot_targets_are_classes_and_numbers_are_none():
    x, y = table()
    one_hot = inspect(kohort.Dataset(x, np.eye(3)[y]))
    assert one_hot.predicted.accuracy > 0.9
    numbers = verdicts(kohort.Dataset(x, x[:, 0] * 1.7 + 0.1))
    assert numbers["KD104"] == numbers["KD105"] == "not applicable"
    assert numbers["KD107"] == "found"


def test_nothing_is_trained_that_is_not_asked_for():
    x, y = table()
    checked = inspect(kohort.Dataset(x[:400], y[:400], x[400:], y[400:]), trains=False)
    assert (checked.predicted, checked.shift) == (None, None)


@pytest.mark.long
@pytest.mark.parametrize("samples", [1, 2, 9, 30])
def test_few_samples_are_no_error(samples):
    x, _ = table(2 * samples)
    y = np.arange(2 * samples) % 2
    found = verdicts(kohort.Dataset(x[:samples], y[:samples], x[samples:], y[samples:]))
    assert found["KD109"] == "not applicable"


@pytest.mark.long
def test_classes_that_are_too_rare_are_left_out_of_the_checked_labels():
    x, y = table()
    y = np.where(np.arange(600) < 5, 3, y)
    checked = inspect(kohort.Dataset(x, y))
    assert len(checked.predicted.labels) == 595
    assert 3 not in checked.predicted.labels


def test_blank_images_are_counted_on_both_sides():
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 5)).astype(np.uint8)
    images[3], images[35] = 0, 255
    data = kohort.Dataset(images[:30], np.arange(30) % 2, images[30:], np.arange(10) % 2)
    assert inspect(data, trains=False).blank.tolist() == [3, 35]
    alone = kohort.Dataset(images[:30], np.arange(30) % 2)
    assert inspect(alone, trains=False).blank.tolist() == [3]


def test_a_table_in_order_of_time_is_told():
    random = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=300)
    frame = pd.DataFrame({"kg": random.normal(size=300), "day": days})
    frame["price"] = random.normal(size=300).cumsum()
    for options in ({}, {"time": "day"}):
        data = kohort.Dataset.from_frame(frame, target="price", **options)
        assert verdicts(data, trains=False)["KD111"] == "found"
    frame["price"] = random.normal(size=300)
    noise = kohort.Dataset.from_frame(frame, target="price")
    assert verdicts(noise, trains=False)["KD111"] == "not found"


def test_copied_rows_of_continuous_columns_are_no_chance():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(920, 6)), random.integers(0, 2, 920)
    x[800:], y[800:] = x[:120], y[:120]
    order = random.permutation(920)
    x, y = x[order], y[order]
    found = verdicts(kohort.Dataset(x[:736], y[:736], x[736:], y[736:]), trains=False)
    assert found["KD101"] == "found"
    coarse = kohort.Dataset(x[:736].round(), y[:736], x[736:].round(), y[736:])
    assert verdicts(coarse, trains=False)["KD101"] == "inconclusive"
