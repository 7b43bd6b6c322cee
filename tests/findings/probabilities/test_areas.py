"""Areas under ROC and under precision and recall, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from kohort.findings.probabilities.areas import areas, at_thresholds
from kohort.findings.statistics.proportion import area_interval


@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_areas_are_those_of_scikit_learn_with_ties_and_rare_classes(digits, share):
    random = np.random.default_rng(3)
    truth = random.random(700) < share
    scores = np.round(truth + random.normal(size=700), digits)
    found = areas(scores, truth)
    assert found.roc.mean == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(truth, scores))
    assert found.share == pytest.approx(truth.mean())
    expected = area_interval(found.roc.mean, (~truth).sum(), truth.sum())
    assert repr(found.roc) == repr(expected)


def test_thresholds_are_those_of_the_roc_curve():
    scores = np.array([0.1, 0.4, 0.4, 0.35, 0.8])
    truth = np.array([False, True, False, True, True])
    found, alarms = at_thresholds(scores, truth)
    assert found.tolist() == [1, 2, 3, 3]
    assert alarms.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("scores", "truth"),
    [([0.2, 0.4], [True, True]), ([0.2, 0.4], [False, False]), ([0.2, np.nan], [False, True])],
)
def test_there_are_none_of_one_class_or_of_what_is_no_number(scores, truth):
    assert areas(np.array(scores), np.array(truth)) is None
