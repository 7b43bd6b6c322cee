"""KH204: no variant is shown to beat the answer that is always the most common class."""

import numpy as np
import pytest

from kohort.data.labels import Majority
from kohort.findings.rules.majority import RULE, advantages
from tests.findings.curve_builders import percent_of, study_of


def study(errors, share=0.98, classes=2, **more):
    shares = np.full(len(errors[0]), share)
    given = {
        "majority": Majority("0", shares, shares, classes=classes, share=share),
        "valid_samples": 100,
        "test_to_train": 0.25,
        "kind": "splits",
    }
    return study_of(errors, **(given | more))


def test_fires_where_the_best_variant_is_right_as_often():
    found = RULE.judge(study([[0.3] * 4, [0.02] * 4]))

    assert (found.code, found.title) == ("KH204", "majority class not beaten")
    assert (found.verdict, found.variant) == ("found", None)
    assert found.evidence["accuracy of the majority class on validation"] == pytest.approx(0.98)
    assert found.evidence["accuracy of the best variant above it"].mean == pytest.approx(0)
    assert found.sentence.startswith(
        "No variant is shown to beat always answering class 0, right for 98.0 % of validation "
        "samples: the best, b, scores the same, 0.0 points ("
    )
    assert "metric=" in found.advice


def test_tells_a_net_at_chance():
    found = RULE.judge(study([[0.51, 0.52, 0.50, 0.51]], share=0.505))
    assert found.verdict == "found"
    assert "right for 50.5 % of validation samples (chance among 2 classes: 50 %)" in found.sentence
    assert "1.5 points" in found.sentence
    assert "lower" in found.sentence
    assert "chance" not in RULE.judge(study([[0.02] * 4])).sentence


def test_is_silent_where_a_variant_beats_it():
    found = RULE.judge(study([[0.5] * 4, [0.1] * 4], share=0.5))
    assert (found.verdict, found.advice) == ("not found", "")
    assert found.sentence.startswith("The majority class is beaten: b scores 40.0 points (")


def test_more_by_the_margin_that_chance_may_explain_is_inconclusive():
    errors = [[0.47] * 4]
    assert RULE.judge(study(errors, share=0.5)).verdict == "inconclusive"
    assert RULE.judge(study(errors, share=0.5, margin=0.04)).verdict == "found"
    many = RULE.judge(study(errors, share=0.5, valid_samples=100_000))
    assert many.verdict == "not found"


@pytest.mark.parametrize(
    "given",
    [
        {"majority": None},
        {"majority": None, "scale": percent_of(0.3)},
        {"valid_samples": None},
    ],
    ids=["no classes", "a loss", "unknown samples"],
)
def test_does_not_apply_without_an_accuracy_of_classes(given):
    found = RULE.judge(study([[0.1] * 4], **given))
    assert (found.verdict, found.evidence, found.advice) == ("not applicable", {}, "")


def test_does_not_apply_where_nothing_trained_to_the_end():
    assert RULE.judge(study([[np.nan] * 4])).verdict == "not applicable"


def test_scores_are_compared_on_the_replicates_that_trained():
    shares = np.array([0.5, 0.5, 0.9])
    some = study([[0.5, 0.5, np.nan]], majority=Majority("0", shares, shares, 2, 0.6))
    assert advantages(some)["a"].mean == pytest.approx(0)


def test_one_replicate_is_enough():
    assert RULE.judge(study([[0.1]], share=0.5)).verdict == "not found"
