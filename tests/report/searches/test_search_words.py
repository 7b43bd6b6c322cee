"""How far the search's numbers and the proved ones are apart, in words."""

import pytest

from kohort.findings.statistics.scale import Scale
from kohort.report.searches.search_words import _apart, _why


@pytest.mark.parametrize(
    ("more", "told"),
    [(0.021, "2.1 points better"), (-0.021, "2.1 points worse"), (0.0004, ""), (-1e-9, "")],
)
def test_what_is_not_seen_is_neither_better_nor_worse(more, told):
    assert _apart(more, Scale()) == told


def test_reasons_that_differ_only_in_numbers_are_of_one_kind():
    shapes = [
        f"ValueError: shapes {shape} and (3, {n}) do not fit at rate {rate}"
        for n, (shape, rate) in enumerate([("(8,)", 0.1), ("(64, 32)", 1e-05), ("(128, 64)", 3)])
    ]
    assert _why(shapes) == f"Why trials failed: {shapes[0]}."
    told = _why(["KeyError: 'x'", *shapes, "KeyError: 'y'"])
    assert told == f"Why trials failed: {shapes[0]} (3 of 5), and 2 other kinds of reason."
