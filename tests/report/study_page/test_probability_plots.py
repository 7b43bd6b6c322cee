"""Reliability, ROC and precision, against what SciPy and the calibration error say of the same."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from kohort.data.labels import ClassLabels
from kohort.evidence import readings
from kohort.findings.probabilities.calibration import log_losses
from kohort.keras_api.class_outputs import class_probabilities
from kohort.report.held_out import _with_classes, score
from kohort.report.study_page.mistakes import mistakes_part
from kohort.report.study_page.probability_plots import (
    areas_of_rarer,
    areas_text,
    calibration_text,
    precision_svg,
    rarer_class,
    reliability_points,
    reliability_svg,
    roc_svg,
    threshold_points,
)


def held_out(truth, scores, name="v"):
    """What a model is found to be on a test set, by its probabilities `[sample, class]`."""
    truth = np.asarray(truth)
    names = tuple("abc"[: scores.shape[1]])
    classes, sure = scores.argmax(axis=1), scores.max(axis=1)
    tested = readings.Tested(
        name, 0, 1, "w", "accuracy", names, 0, truth=truth, classes=classes, probabilities=sure,
        losses=log_losses(scores, truth),
    )  # fmt: skip
    return score(tested, 0.95)


def two_classes(seed=0, samples=300, rounded=3):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, samples)
    second = 1 / (1 + np.exp(-(2 * truth - 1 + 1.5 * random.standard_normal(samples))))
    return truth, class_probabilities(np.round(second, rounded)[:, None])


@pytest.mark.parametrize("rounded", [1, 6])
def test_the_area_under_roc_is_that_of_mann_and_whitney(rounded):
    truth, scores = two_classes(rounded=rounded)
    points = threshold_points([held_out(truth, scores)])
    area = np.trapezoid(points["recall"], points["false_alarms"])
    second = scores[:, 1]
    ranks = stats.mannwhitneyu(second[truth == 1], second[truth == 0]).statistic
    assert area == pytest.approx(ranks / (truth == 1).sum() / (truth == 0).sum(), abs=1e-9)


def test_areas_are_told_as_numbers_beside_the_curves():
    truth, scores = two_classes()
    tests = [held_out(truth, scores), held_out(np.ones(4, int), scores[:4], "of one class")]
    (told,) = areas_text(tests)
    roc, precision = (
        f"{score(truth, scores[:, 1]):.3f}"
        for score in (metrics.roc_auc_score, metrics.average_precision_score)
    )
    assert told.startswith(f"v: area under ROC {roc} (")
    assert f"; average precision {precision}, where chance has {truth.mean():.3f}," in told
    assert ", the part of the test samples that are b; that of a, the rarer class, " in told
    (told,) = areas_text([held_out(1 - truth, scores[:, ::-1])])
    assert told.endswith("of the test samples that are b.")
    assert "where chance has 0.5; " in told
    random = np.random.default_rng(0).permutation(truth)
    (told,) = areas_text([held_out(random, scores)])
    assert "), not shown to differ from the 0.5 of chance; average" in told


@pytest.mark.parametrize("width", [1, 2])
def test_a_model_is_ranked_by_its_logits_where_its_probabilities_are_all_alike(width):
    truth = np.array([0, 0, 1, 1])
    logits = np.array([[40.0], [60.0], [50.0], [70.0]], np.float32)
    outputs = logits if width == 1 else np.hstack([np.zeros_like(logits), logits])
    labels = ClassLabels(truth, truth, ("a", "b"), "integers")
    tested = _with_classes(readings.Tested("v", 0, 1, "w", "accuracy"), outputs, labels)
    found = score(tested, 0.95)
    assert len(set(found.sure.tolist())) == 1
    assert found.areas.roc.mean == metrics.roc_auc_score(truth, logits[:, 0]) == 0.75


def test_each_threshold_is_counted_by_hand():
    scores = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    points = threshold_points([held_out([1, 0, 1, 0], scores)])
    assert points["false_alarms"].to_list() == [0, 0, 0.5, 0.5, 1]
    assert points["recall"].to_list() == [0, 0.5, 0.5, 1, 1]
    assert points["precision"].to_list()[1:] == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])


def rare_first(rounded):
    """Of 300 samples 30 of the first class: probabilities of the second, with ties."""
    random = np.random.default_rng(1)
    truth = (np.arange(300) >= 30).astype(int)
    logits = 3 * truth + 1.5 * random.standard_normal(300)
    return truth, class_probabilities(np.round(1 / (1 + np.exp(-logits)), rounded)[:, None])


@pytest.mark.parametrize("rounded", [1, 6])
def test_precision_and_recall_of_a_rarer_first_class_are_those_of_scikit_learn(rounded):
    truth, scores = rare_first(rounded)
    test = held_out(truth, scores)
    assert rarer_class([test]) == 0
    found, turned = areas_of_rarer(test), -test.second
    average = metrics.average_precision_score(truth == 0, turned)
    assert (found.average_precision, found.share) == (pytest.approx(average), 0.1)
    points = threshold_points([test], of=0).dropna()
    precision, recall, _ = metrics.precision_recall_curve(truth == 0, turned)
    assert points["precision"].to_list() == pytest.approx(precision[-2::-1])
    assert points["recall"].to_list() == pytest.approx(recall[-2::-1])
    (told,) = areas_text([test])
    assert told.endswith(
        "where chance has 0.900, the part of the test samples that are b; that of a, the rarer "
        f"class, {average:.3f}, where chance has 0.100."
    )


def test_the_picture_is_that_of_the_rarer_class():
    truth, scores = rare_first(3)
    for test, rarer in (
        (held_out(truth, scores), "a"),
        (held_out(1 - truth, scores[:, ::-1]), "b"),
        (held_out(np.tile([0, 1], 150), scores), "b"),
    ):
        part = mistakes_part([test], None)
        assert part["ranked"] == rarer
        assert f">recall of class {rarer}</text>" in part["precision"]
        assert (areas_of_rarer(test) is None) == (rarer == "b")
    first, second = (
        mistakes_part([of], None)["precision"].split("recall of class")[0]
        for of in (held_out(truth, scores), held_out(1 - truth, scores[:, ::-1]))
    )
    assert first == second


def test_three_classes_and_one_class_have_no_thresholds():
    scores = np.full((4, 3), 1 / 3)
    assert threshold_points([held_out([0, 1, 2, 0], scores)]).empty
    assert threshold_points([held_out([1, 1], np.array([[0.2, 0.8], [0.4, 0.6]]))]).empty
    assert roc_svg(threshold_points([]), ()) == precision_svg(threshold_points([]), "b") == ""


def test_the_bins_make_the_calibration_error():
    test = held_out(*two_classes())
    points = reliability_points([test])
    assert points["samples"].sum() == 300
    apart = (points["samples"] * (points["right"] - points["sure"]).abs()).sum() / 300
    assert apart == pytest.approx(test.calibration.error)
    assert f"v is {100 * apart:.1f} %" in calibration_text(test)


def test_the_brier_score_of_two_classes_is_told_beside_that_of_one_probability_for_all():
    truth, scores = two_classes()
    test = held_out(truth, scores)
    expected, share = metrics.brier_score_loss(truth, scores[:, 1]), np.mean(truth)
    assert test.brier.score.mean == pytest.approx(expected)
    told, of_one = calibration_text(test), share * (1 - share)
    assert f" Its Brier score is {expected:.3g} (" in told
    assert told.endswith(f"), where one probability for all samples has {of_one:.3g} at best.")
    three = held_out([0, 1, 2, 0], np.full((4, 3), 1 / 3))
    assert "Brier" not in calibration_text(three)


def test_pictures_name_both_models_and_their_axes():
    tests = [held_out(*two_classes(), name="won"), held_out(*two_classes(1), name="base")]
    points = threshold_points(tests)
    for svg, axis in (
        (reliability_svg(reliability_points(tests)), "how often it is right"),
        (roc_svg(points, ("a", "b")), "recall of class b"),
        (roc_svg(points, ("a", "b")), "part of class a that is given b"),
        (precision_svg(points, "b"), "its precision"),
        (precision_svg(points, "b"), "recall of class b"),
    ):
        for text in ("won", "base", axis):
            assert f">{text}</text>" in svg
