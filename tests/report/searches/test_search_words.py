"""How far the search's numbers and the proved ones are apart, in words."""

import pytest

from kohort.findings.statistics.scale import Scale
from kohort.report.searches.search_words import _apart


@pytest.mark.parametrize(
    ("more", "told"),
    [(0.021, "2.1 points better"), (-0.021, "2.1 points worse"), (0.0004, ""), (-1e-9, "")],
)
def test_what_is_not_seen_is_neither_better_nor_worse(more, told):
    assert _apart(more, Scale()) == told
