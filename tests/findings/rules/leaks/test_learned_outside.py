"""KH206: a preprocessing layer has learned from rows that its model is judged on."""

from dataclasses import replace

import pytest

from kohort.data.inspection.learned import LearnedLayer
from kohort.findings.rules.leaks.learned_outside import AGREEMENT, RULE, source
from tests.findings.curve_builders import study_of

LEAK = LearnedLayer(
    "a", "norm", "Normalization", given=False, told=20, like_part=0, like_train=20, like_all=0,
    from_part=1.0, from_train=0.0,
)  # fmt: skip
SOUND = replace(LEAK, like_part=20, like_train=0, from_part=0.0, from_train=1.0)
WITH_TEST = replace(LEAK, like_train=0, like_all=20, from_train=0.4)
OTHER = replace(LEAK, like_train=0, from_part=3.0, from_train=4.0)
SILENT = replace(LEAK, told=0, like_train=0, from_part=float("nan"), from_train=float("nan"))
GIVEN = replace(OTHER, given=True)


def judged(*layers):
    return RULE.judge(study_of([[0.2, 0.3], [0.1, 0.2]], learned=layers))


def test_fires_where_numbers_are_those_of_all_training_rows():
    found = judged(LEAK, replace(SOUND, variant="b"))
    assert (found.code, found.title) == ("KH206", "preprocessing saw validation")
    assert (found.verdict, found.variant) == ("found", None)
    assert found.sentence == (
        "The preprocessing of a learned from all training rows, not from the training part alone: "
        "20 of 20 numbers of layer 'norm' that could differ are those of all training rows, and 0 "
        "those of the training part. So each model has seen something of its validation samples."
    )
    assert found.evidence["distance from the training part"] == 1.0
    assert found.evidence["distance from all training rows"] == 0.0
    assert "data.x" in found.advice
    # A search refuses a build(hp) that takes data.
    assert "give the search a space" in found.advice


def test_tells_of_test_rows_before_anything_else():
    found = judged(replace(LEAK, told=40, like_train=40), replace(WITH_TEST, variant="b"))
    assert found.verdict == "found"
    assert found.sentence.startswith("The preprocessing of a and b learned from all training and ")
    assert found.sentence.endswith("seen something of its validation and test samples.")
    assert "20 of 20 numbers of layer 'norm' that could differ are those of all" in found.sentence
    assert found.evidence["of them those of all training and test rows"] == 20


def test_given_constants_that_are_those_of_all_rows_leak():
    assert judged(replace(LEAK, given=True)).verdict == "found"


def test_is_silent_where_they_are_those_of_the_training_part():
    found = judged(SOUND, SILENT, replace(GIVEN, variant="b"))
    assert (found.verdict, found.advice) == ("not found", "")
    assert found.sentence == "The preprocessing of a learned from the training part alone."


def test_is_silent_where_nothing_could_differ():
    found = judged(SILENT)
    assert found.verdict == "not found"
    assert "cannot be told" in found.sentence
    assert "distance from the training part" not in found.evidence


def test_is_silent_of_constants_that_are_others():
    found = judged(GIVEN)
    assert found.verdict == "not found"
    assert found.sentence == "The constants of the preprocessing of a are not those of all rows."


def test_numbers_of_neither_are_inconclusive():
    found = judged(OTHER, replace(SOUND, variant="b"))
    assert found.verdict == "inconclusive"
    assert "its numbers are neither those of" in found.sentence


def test_many_variants_are_counted():
    found = judged(*[replace(LEAK, variant=f"v{n}") for n in range(9)])
    assert found.sentence.startswith("The preprocessing of v0, v1, v2 and 6 others learned from ")


@pytest.mark.parametrize(("learned", "told"), [(None, "Nobody looked"), ((), "No model has")])
def test_does_not_apply_without_such_layers(learned, told):
    found = RULE.judge(study_of([[0.2, 0.3]], learned=learned))
    assert found.verdict == "not applicable"
    assert found.sentence.startswith(told)


def test_how_many_numbers_must_agree():
    enough = round(20 * AGREEMENT)
    assert source(replace(LEAK, like_train=enough)) == "train"
    assert source(replace(LEAK, like_train=enough - 1)) == "unknown"
    assert source(replace(LEAK, told=2, like_train=2)) == "train"
    assert source(replace(LEAK, told=1, like_train=1)) == "silent"
