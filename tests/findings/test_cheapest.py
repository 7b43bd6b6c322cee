"""The cheapest variant that is as good as the winner."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.findings.cheapest import cheapest
from tests.findings.curve_builders import study_of

BASE = np.array([0.3, 0.31, 0.29, 0.305])
ERRORS = np.array([BASE + 0.2, BASE, BASE + 0.0011, BASE + 0.001, BASE + 0.02])
ERRORS[2:4] += [[0.0001, -0.0001, 0.0, 0.0]]
SIZES = (5, 500, 100, 200, 10)
NO_TIME = [0.0] * 5


def sized(errors=ERRORS, sizes=SIZES, **more):
    study = study_of(errors, **more)
    variants = tuple(replace(v, parameters=p) for v, p in zip(study.variants, sizes, strict=True))
    return replace(study, variants=variants)


def test_it_is_the_smallest_of_those_within_the_margin():
    assert cheapest(sized(), NO_TIME) == 2


def test_seconds_choose_between_equally_small_ones():
    sizes = (5, 500, 100, 100, 10)
    assert cheapest(sized(sizes=sizes), [0, 0, 3.0, 2.0, 0]) == 3
    assert cheapest(sized(sizes=sizes), [0, 0, 2.0, 3.0, 0]) == 2


@pytest.mark.parametrize("margin", [0.0, np.nan, 1e-5])
def test_without_equivalence_there_is_none(margin):
    assert cheapest(sized(margin=margin), NO_TIME) is None


@pytest.mark.parametrize("sizes", [(5, 100, 100, 200, 10), (0, 500, 0, 0, 0)])
def test_what_is_no_smaller_or_of_unknown_size_is_no_cheaper(sizes):
    assert cheapest(sized(sizes=sizes), [9.0, 9.0, 1.0, 1.0, 9.0]) is None


def test_what_diverged_in_a_replicate_is_not_named():
    errors = ERRORS.copy()
    errors[2, 0] = np.nan
    assert cheapest(sized(errors), NO_TIME) == 3


def test_the_baseline_can_be_the_cheapest():
    errors = ERRORS.copy()
    errors[0] = errors[2]
    assert cheapest(sized(errors), NO_TIME) == 0


def test_without_a_winner_there_is_none():
    assert cheapest(sized(np.full((5, 4), np.nan)), NO_TIME) is None
