"""The most confused pairs of classes, in words."""

import numpy as np
import pytest

from kohort.report.checks.confusion_rows import confused_pairs


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([[5, 0], [0, 5]], []),
        ([[1181, 12], [0, 5]], ["a is taken for b: 12 of 1,193"]),
        (
            [[90, 3, 0], [7, 40, 3], [9, 0, 80]],
            [
                "c is taken for a: 9 of 89",
                "b is taken for a: 7 of 50",
                "b is taken for c: 3 of 50",
                "1 more pair is confused as often as the last of these",
            ],
        ),
        (
            [[8, 1, 1], [1, 7, 1], [1, 1, 6]],
            [
                "c is taken for a: 1 of 8",
                "c is taken for b: 1 of 8",
                "b is taken for a: 1 of 9",
                "3 more pairs are confused as often as the last of these",
            ],
        ),
    ],
)
def test_the_most_confused_pairs_are_told_and_the_rest_that_ties_is_counted(counts, told):
    assert confused_pairs(np.array(counts), "abc") == told
