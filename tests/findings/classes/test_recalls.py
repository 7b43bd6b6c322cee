"""Recalls and balanced accuracies of counts that are written down by hand."""

import numpy as np
import pytest

from kohort.evidence.class_counts import ClassCounts, counts_from_json, counts_to_json
from kohort.findings.classes.recalls import is_uneven, recalls_of
from tests.findings.curve_builders import study_of

SAMPLES = np.array([[80, 20, 0], [80, 20, 0], [80, 10, 10]])
FOUND = {(0, 0): [76, 5, 0], (0, 1): [80, 10, 0], (0, 2): [72, 4, 10]}


def counts(found=FOUND, samples=SAMPLES):
    return ClassCounts(("a", "b", "c"), samples, {k: np.array(v) for k, v in found.items()})


def test_a_recall_is_the_part_that_is_found_and_the_mean_is_over_replicates():
    found = recalls_of(counts(), study_of([[0.1, 0.1, 0.1]]), 0)
    of_a = np.array([0.95, 1.0, 0.9])
    assert found.of_class[0].mean == pytest.approx(of_a.mean())
    half = 4.302653 * of_a.std(ddof=1) / 3**0.5  # Student's t of 2 degrees of freedom
    assert found.of_class[0].low == pytest.approx(of_a.mean() - half)
    assert found.of_class[0].high == 1.0  # and not above
    # As scikit-learn's balanced_accuracy_score: classes that a part lacks are left out.
    balanced = [(0.95 + 0.25) / 2, (1.0 + 0.5) / 2, (0.9 + 0.4 + 1.0) / 3]
    assert found.balanced_accuracy.mean == pytest.approx(np.mean(balanced))
    assert found.of_class[2].n == 1
    assert np.isnan(found.of_class[2].low)


def test_splits_have_wider_intervals():
    plain = recalls_of(counts(), study_of([[0.1, 0.1, 0.1]]), 0).balanced_accuracy
    split = recalls_of(counts(), study_of([[0.1, 0.1, 0.1]], test_to_train=0.5), 0)
    assert split.balanced_accuracy.mean == plain.mean
    assert split.balanced_accuracy.low < plain.low


def test_a_replicate_that_diverged_or_is_not_known_is_left_out():
    two = {place: n for place, n in FOUND.items() if place[1]}
    diverged = study_of([[0.1, 0.1, 0.1]])
    diverged.variants[0].train_loss[0] = np.nan
    wanted = recalls_of(counts(two), study_of([[0.1, 0.1, 0.1]]), 0)
    assert repr(recalls_of(counts(), diverged, 0)) == repr(wanted)  # NaN is not NaN
    assert wanted.of_class[0].n == 2
    nothing = recalls_of(counts({}), study_of([[0.1, 0.1, 0.1]]), 0)
    assert np.isnan(nothing.balanced_accuracy.mean)
    assert nothing.balanced_accuracy.n == 0


@pytest.mark.parametrize("found", [0, 20], ids=["never", "always"])
def test_what_is_the_same_in_all_replicates_has_no_interval(found):
    of = counts({(0, r): [80, found, 0] for r in range(2)}, SAMPLES[:2])
    recall = recalls_of(of, study_of([[0.1, 0.1]]), 0).of_class[1]
    assert recall.mean == found / 20
    assert not recall.is_formed


@pytest.mark.parametrize(
    ("samples", "uneven"), [([[60, 40, 0]], False), ([[60, 30, 0]], True), ([[1, 1, 1]], False)]
)
def test_classes_are_uneven_where_one_is_twice_another(samples, uneven):
    assert is_uneven(counts({}, np.array(samples))) == uneven


def test_counts_come_back_from_json():
    again = counts_from_json(counts_to_json(counts()))
    assert again.names == ("a", "b", "c")
    assert again.samples.tolist() == SAMPLES.tolist()
    assert {place: found.tolist() for place, found in again.found.items()} == FOUND
    assert counts_from_json(counts_to_json(None)) is None
