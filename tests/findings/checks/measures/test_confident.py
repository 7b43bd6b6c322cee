"""Confident learning, by hand and with labels that were flipped."""

import numpy as np

from kohort.findings.checks.measures.confident import label_suspects


def test_the_confident_joint_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1])
    of_one = np.array([0.1, 0.3, 0.95, 0.9, 0.6, 0.2])
    found = label_suspects(np.stack([1 - of_one, of_one], axis=1), labels)
    # Means over the samples labelled so: (0.9 + 0.7 + 0.05) / 3 and (0.9 + 0.6 + 0.2) / 3.
    assert np.allclose(found.thresholds, [0.55, 1.7 / 3])
    # Sample 5 is a 0 with 0.8, sample 2 a 1 with 0.95; the second margin is the larger one.
    assert found.places.tolist() == [2, 5]
    assert (found.given.tolist(), found.suggested.tolist()) == ([0, 1], [1, 0])
    assert np.allclose(found.margins, [-0.9, -0.6])


def test_a_class_that_is_probable_but_not_confidently_so_is_not_suggested():
    # Class 1 is always given 0.99 where it is the label, and only 0.6 here.
    labels = np.array([0, 0, 1, 1])
    of_one = np.array([0.6, 0.1, 0.99, 0.99])
    assert label_suspects(np.stack([1 - of_one, of_one], axis=1), labels).places.tolist() == []


def test_a_label_that_is_the_most_probable_is_no_suspect():
    # Class 1 passes its low threshold, and 0 does not pass its high one.
    labels = np.array([0, 0, 1, 1])
    of_one = np.array([0.45, 0.0, 0.4, 0.42])
    assert label_suspects(np.stack([1 - of_one, of_one], axis=1), labels).places.tolist() == []


def test_of_several_confident_classes_the_most_probable_counts():
    probabilities = np.array([[0.2, 0.3, 0.5], [0.8, 0.1, 0.1], [0.4, 0.25, 0.35], [0.5, 0.1, 0.4]])
    found = label_suspects(probabilities, np.array([0, 0, 1, 2]))
    assert dict(zip(found.places.tolist(), found.suggested.tolist(), strict=True))[0] == 2


def test_a_class_without_samples_is_never_suggested():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.2, 0.6, 0.2]])
    found = label_suspects(probabilities, np.array([0, 1]))
    assert 2 not in found.suggested
    assert np.isinf(found.thresholds[2])


def test_flipped_labels_of_well_told_classes_are_all_found():
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, 1000)
    scores = random.normal(size=(1000, 5)) + 8 * np.eye(5)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    flipped = random.random(1000) < 0.05
    labels = np.where(flipped, (truth + random.integers(1, 5, 1000)) % 5, truth)
    assert sorted(label_suspects(probabilities, labels).places) == np.flatnonzero(flipped).tolist()
