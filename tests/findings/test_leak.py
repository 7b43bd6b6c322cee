"""KH201: what a model is judged by holds copies of what it was trained on."""

import numpy as np
import pytest

from kohort.findings.curves import Overlap, StudyCurves
from kohort.findings.leak import LEAK_PERCENT, RULE
from tests.findings.curve_builders import percent_of, variant

CURVES = (variant(train=[[1.0]], valid=[[1.0]]),)


def judge(*, test=0, exact=0, of=1000, valid=(0, 0), valid_of=(100, 100), **study):
    overlap = Overlap(test, exact, of, np.array(valid), np.array(valid_of))
    return RULE.judge(StudyCurves(CURVES, overlap=overlap, **study))


def test_fires_with_the_numbers_that_it_stands_on():
    # Of two validation parts 3 of 100 and 2 of 50: 3.5 % on average.
    found = judge(test=123, exact=45, of=1000, valid=(3, 2), valid_of=(100, 50))

    assert (found.code, found.title, found.verdict) == ("KH201", "leak", "found")
    assert found.variant is None
    assert found.evidence == {
        "test samples with a copy in the training data": 123,
        "of them exact": 45,
        "test samples with a copy, %": pytest.approx(12.3),
        "validation samples with a copy in their training part, %": pytest.approx(3.5),
    }
    assert "123 of 1,000 test samples (12.3 %)" in found.sentence
    assert "(45 exact), and 3.5 % of the validation samples" in found.sentence
    assert "groups" in found.advice


@pytest.mark.parametrize("where", [{"test": 500}, {"valid": (50, 50)}])
def test_fires_where_either_part_leaks(where):
    assert judge(**where).verdict == "found"


def test_is_silent_where_few_are_copies():
    found = judge(test=9, exact=9, valid=(1, 0))

    assert found.verdict == "not found"
    assert found.sentence.startswith("The data do not leak: 9 of 1,000 test samples (0.9 %)")
    assert found.advice == ""


def test_the_threshold_is_where_the_verdict_turns():
    assert LEAK_PERCENT == 1.0
    assert judge(test=10).verdict == "found"
    assert judge(valid=(2, 0)).verdict == "found"
    assert judge(valid=(1, 0)).verdict == "not found"


def test_does_not_apply_where_nobody_looked():
    found = RULE.judge(StudyCurves(CURVES))

    assert found.verdict == "not applicable"
    assert found.evidence == {}


def test_nothing_to_judge_by_does_not_leak():
    assert judge(of=0, valid=(0, 0), valid_of=(0, 0)).verdict == "not found"


def test_all_are_a_hundred_percent():
    found = judge(test=1000, exact=1000, valid=(100, 100))
    assert found.sentence.count("100 %") == 2


def test_one_replicate_is_enough():
    assert judge(valid=(7,), valid_of=(100,)).verdict == "found"


def test_the_scale_of_the_errors_does_not_matter():
    assert judge(test=123, scale=percent_of(0.1), margin=5.0) == judge(test=123)
