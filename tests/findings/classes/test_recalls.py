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
    # Class c is in one part alone, so that the others have no balanced accuracy.
    means = [of_a.mean(), (0.25 + 0.5 + 0.4) / 3, 1.0]
    assert found.balanced_accuracy.mean == pytest.approx(np.mean(means))
    assert not found.balanced_accuracy.is_formed
    assert found.balanced_accuracy.n == 3
    assert found.of_class[2].n == 1
    assert np.isnan(found.of_class[2].low)


def test_the_balanced_accuracy_has_an_interval_where_each_part_holds_each_class():
    both = counts({(0, r): [76, found, 0] for r, found in enumerate((5, 10))}, SAMPLES[:2])
    found = recalls_of(both, study_of([[0.1, 0.1]]), 0).balanced_accuracy
    # As scikit-learn's balanced_accuracy_score of each part; class c is in none of them.
    of_part = np.array([(0.95 + 0.25) / 2, (0.95 + 0.5) / 2])
    half = 12.706205 * of_part.std(ddof=1) / 2**0.5
    assert found.mean == pytest.approx(of_part.mean())
    assert found.high - found.mean == pytest.approx(min(half, 1 - of_part.mean()))


def test_one_answer_for_all_has_a_balanced_accuracy_of_one_in_the_number_of_classes():
    """Of eight parts four hold no sample of the rare class: its whole groups are elsewhere."""
    rare = np.array([0, 3, 0, 0, 3, 3, 6, 0])
    samples = np.stack([90 - rare, rare], axis=1)
    always = ClassCounts(
        ("no", "yes"), samples, {(0, r): s * [1, 0] for r, s in enumerate(samples)}
    )
    found = recalls_of(always, study_of([[0.1] * 8]), 0).balanced_accuracy
    assert found.mean == 0.5
    assert not found.is_formed


def test_a_variant_whose_parts_all_lack_a_class_has_no_balanced_accuracy():
    two = {place: n for place, n in FOUND.items() if place[1] < 2}
    found = recalls_of(counts(two), study_of([[0.1, 0.1, 0.1]]), 0)
    assert np.isnan(found.balanced_accuracy.mean)
    assert found.of_class[0].n == 2


def test_splits_have_wider_intervals():
    samples = SAMPLES[:, :2]
    of = ClassCounts(("a", "b"), samples, {k: np.array(v[:2]) for k, v in FOUND.items()})
    plain = recalls_of(of, study_of([[0.1, 0.1, 0.1]]), 0).balanced_accuracy
    split = recalls_of(of, study_of([[0.1, 0.1, 0.1]], test_to_train=0.5), 0)
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
