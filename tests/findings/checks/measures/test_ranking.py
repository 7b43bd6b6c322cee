"""The AUC over folds: against SciPy, and how often its interval holds the truth."""

import numpy as np
import pytest
from scipy import stats

from kohort.findings.checks.measures.ranking import fold_auc


def draw(random, shift=0.0, samples=400):
    positive = random.random(samples) < 0.3
    scores = random.normal(size=samples) + shift * positive
    return scores, positive, random.integers(0, 5, samples)


def test_in_one_fold_it_is_the_statistic_of_mann_and_whitney():
    scores, positive, _ = draw(np.random.default_rng(0), 0.7)
    scores = scores.round(1)  # with ties
    found = fold_auc(scores, positive, np.zeros(400), np.arange(400))
    u = stats.mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert found.mean == pytest.approx(u / (positive.sum() * (~positive).sum()))
    assert found.low < found.mean < found.high


def test_the_scales_of_folds_do_not_matter():
    scores, positive, fold = draw(np.random.default_rng(0), 1.0)
    found = fold_auc(scores, positive, fold, np.arange(400))
    moved = fold_auc(scores * (1 + fold) + 100 * fold, positive, fold, np.arange(400))
    told = [(one.mean, one.low, one.high) for one in (found, moved)]
    assert told[0] == pytest.approx(told[1])


@pytest.mark.long
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_interval_holds_the_truth_as_often_as_it_says(shift):
    random = np.random.default_rng(0)
    truth = stats.norm.cdf(shift / np.sqrt(2))
    held = [
        found.low <= truth <= found.high
        for found in (fold_auc(*draw(random, shift), np.arange(400)) for _ in range(400))
    ]
    assert 0.91 <= np.mean(held) <= 0.98


@pytest.mark.long
def test_samples_of_one_cluster_count_as_one():
    random = np.random.default_rng(0)
    held, believed = [], []
    for _ in range(200):
        scores, positive, fold = (np.repeat(a, 5) for a in draw(random, samples=100))
        for clusters, into in ((np.repeat(np.arange(100), 5), held), (np.arange(500), believed)):
            found = fold_auc(scores, positive, fold, clusters)
            into.append(found.low <= 0.5 <= found.high)
    assert np.mean(held) > 0.88
    assert np.mean(believed) < 0.75


def test_without_both_kinds_in_a_fold_there_is_no_interval():
    found = fold_auc(np.arange(6.0), np.arange(6) < 3, np.arange(6) // 3, np.arange(6))
    assert not found.is_formed


def test_what_tells_perfectly_has_an_area_of_one():
    positive = np.arange(100) < 40
    found = fold_auc(positive.astype(float), positive, np.arange(100) % 5, np.arange(100))
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)
