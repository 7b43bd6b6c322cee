"""KH201: what a model is judged by holds copies of what it was trained on."""

import numpy as np
import pytest

from kohort.data.inspection.overlap import Overlap
from kohort.findings.judged import StudyCurves
from kohort.findings.rules.leak import COPIES_PERCENT, EXACT_PERCENT, RULE
from tests.findings.curve_builders import percent_of, variant

CURVES = (variant(train=[[1.0]], valid=[[1.0]]),)


def judge(
    *, test=0, exact=0, of=1000, valid=(0, 0), valid_exact=(0, 0), valid_of=(100, 100), near=True,
    groups=None, copied=0.0, columns="", chance=False, made_of="", across=None, **study,
):  # fmt: skip
    parts = map(np.array, (valid, valid_exact, valid_of))
    overlap = Overlap(
        test, exact, of, *parts, near_sought=near, has_groups=groups, copied=copied,
        group_columns=columns, by_chance=chance, groups_of=made_of, test_across=across,
    )  # fmt: skip
    return RULE.judge(StudyCurves(CURVES, overlap=overlap, **study))


def test_fires_with_the_numbers_that_it_stands_on():
    # Of two validation parts 3 of 100 and 2 of 50: 3.5 % on average; exact are 1 and 0, 0.5 %.
    found = judge(
        test=123, exact=45, of=1000, valid=(3, 2), valid_exact=(1, 0), valid_of=(100, 50)
    )  # fmt: skip

    assert (found.code, found.title, found.verdict) == (
        *("KH201", "copies of training samples", "found"),
    )
    assert found.variant is None
    assert found.evidence == {
        "test samples with a copy in the training data": 123,
        "of them exact": 45,
        "test samples with a copy, %": pytest.approx(12.3),
        "validation samples with a copy in their training part, %": pytest.approx(3.5),
        "validation samples with an exact copy there, %": pytest.approx(0.5),
        "training samples with a copy outside their group, %": 0.0,
    }
    assert found.sentence == (
        "The data leak: 123 of 1,000 test samples (12.3 %) have a copy, exact or near, among the "
        "training samples, 45 of them an exact one; of the validation samples 3.5 % have one in "
        "their training part, 0.5 % an exact one."
    )
    assert "groups" in found.advice


@pytest.mark.parametrize("where", [{"test": 500}, {"valid": (50, 50)}])
def test_fires_where_either_part_leaks(where):
    assert judge(**where).verdict == "found"


def test_is_silent_where_few_are_copies():
    found = judge(test=9, exact=9, valid=(1, 0))

    assert found.verdict == "not found"
    assert found.sentence.startswith("Few copies were found: 9 of 1,000 test samples (0.9 %)")
    assert found.sentence.endswith("; groups were not checked.")
    assert found.advice == ""


def test_says_what_was_looked_for_and_never_that_nothing_leaks():
    assert judge().sentence == (
        "No copies, exact or near, of training samples were found in validation or test; groups "
        "were not checked."
    )
    assert judge(near=False).sentence == (
        "No exact copies of training samples were found in validation or test; near copies were "
        "not looked for, and groups were not checked."
    )
    for given in ({}, {"near": False}, {"test": 9}, {"valid": (1, 0), "near": False}):
        assert judge(**given).verdict == "not found"
        assert "not leak" not in judge(**given).sentence


@pytest.mark.parametrize("given", [{}, {"near": False}, {"test": 9}])
def test_where_nobody_has_said_what_belongs_together_it_says_so(given):
    found = judge(groups=False, **given)
    assert found.verdict == "not found"
    assert found.sentence.endswith(
        "nobody has said which samples belong together (are of one patient, font, document), which "
        "need not be alike, so that leaks of that kind are not ruled out."
    )
    assert found.advice == ""


def test_groups_are_suggested_by_copies_and_by_columns():
    by_copies = judge(groups=False, copied=1.0)
    assert by_copies.sentence.endswith(
        " Groups are suggested: 1 % of the training samples are copies of each other."
    )
    assert by_copies.advice == "Give `groups` to the Dataset where samples have one origin."
    by_column = judge(groups=False, test=9, columns="patient")
    assert by_column.sentence.endswith(
        " Groups are suggested: by its values, patient may number groups."
    )
    for undecided in ({"test": 20}, {"test": 20, "exact": 20, "chance": True}):
        told = judge(groups=False, columns="patient", **undecided)
        assert told.verdict == "inconclusive"
        assert told.sentence.endswith("by its values, patient may number groups.")
    assert "suggested" not in judge(groups=False, copied=0.99).sentence
    assert "suggested" not in judge(groups=False, copied=9, near=False, chance=True).sentence
    assert "suggested" not in judge(groups=True, copied=2.0, columns="patient").sentence


def test_where_groups_were_made_it_says_of_what_and_that_nobody_gave_any():
    assert (
        "; no split parts equal file names; beyond these nobody has said which samples belong "
        "together (are of one patient, font, document)"
    ) in judge(groups=True, made_of="equal file names").sentence


def test_where_groups_are_given_it_says_what_they_do_and_what_is_not_known():
    assert judge(groups=True).sentence.endswith(
        "; no split parts the groups that are given, and those of test samples are not known."
    )
    assert judge(groups=True, across=0).sentence.endswith(
        "; no split parts the groups that are given, and no test sample is of a group that trains."
    )
    assert judge(groups=True, across=1200).sentence.endswith(
        "groups that are given; 1,200 test samples are of groups that train."
    )
    assert judge(groups=True, of=0).sentence.endswith("no split parts the groups that are given.")


def test_the_threshold_is_where_the_verdict_turns():
    assert (EXACT_PERCENT, COPIES_PERCENT) == (1.0, 5.0)
    assert judge(test=10, exact=10).verdict == "found"
    assert judge(valid=(2, 0), valid_exact=(2, 0)).verdict == "found"
    assert judge(valid=(1, 0), valid_exact=(1, 0)).verdict == "not found"
    assert judge(test=50).verdict == "found"
    assert judge(valid=(10, 0)).verdict == "found"


@pytest.mark.parametrize("where", [{"test": 10}, {"test": 49, "exact": 9}, {"valid": (9, 0)}])
def test_some_near_copies_may_be_of_one_origin(where):
    found = judge(**where)
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(
        " Near copies can come from one origin, such as a font, the frames of a film or a patient, "
        "or only look alike."
    )
    assert "Look at the near copies" in found.advice


def test_rows_that_may_be_equal_by_chance_are_left_open():
    found = judge(test=179, exact=179, near=False, chance=True)
    assert found.verdict == "inconclusive"
    assert found.sentence.endswith(" Rows of few different numbers may be equal by chance.")
    assert judge(test=179, exact=179, near=False).verdict == "found"


def test_says_where_near_copies_were_not_looked_for():
    unsought = judge(test=9, near=False).sentence
    assert "near copies were not looked for" in unsought
    assert "have a copy among" in unsought
    assert "not looked for" not in judge(test=9).sentence


def test_does_not_apply_where_nobody_looked():
    found = RULE.judge(StudyCurves(CURVES))

    assert found.verdict == "not applicable"
    assert found.evidence == {}


def test_nothing_to_judge_by_does_not_leak():
    assert judge(of=0, valid=(0, 0), valid_of=(0, 0)).verdict == "not found"


def test_all_are_a_hundred_percent():
    found = judge(test=1000, exact=1000, valid=(100, 100))
    assert found.sentence.count("100 %") == 2
    assert "1e" not in found.sentence


def test_one_replicate_is_enough():
    assert judge(valid=(7,), valid_exact=(0,), valid_of=(100,)).verdict == "found"


def test_the_scale_of_the_errors_does_not_matter():
    assert judge(test=123, scale=percent_of(0.1), margin=5.0) == judge(test=123)
