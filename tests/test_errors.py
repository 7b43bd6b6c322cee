"""Names in sentences."""

import pytest

from kohort.errors import told_apart


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b"], ["a", "b"]),
        (["a, b", "c"], ['"a, b"', '"c"']),
        # A name alone cannot be taken for two, and a comma in parentheses ends nothing.
        (["a, b"], ["a, b"]),
        (["units=(4, 8)", "units=(4,)"], ["units=(4, 8)", "units=(4,)"]),
        (["units=(4, 8), l2=0.1", "softmax"], ['"units=(4, 8), l2=0.1"', '"softmax"']),
        # So little as one between thousands.
        (["by 2,226 along units", "by 1,234,567"], ["by 2,226 along units", "by 1,234,567"]),
        (["a,200 b", "c"], ["a,200 b", "c"]),
        (["a,2000", "c"], ['"a,2000"', '"c"']),
        ([], []),
    ],
)
def test_names_with_commas_are_told_apart(names, told):
    assert told_apart(names) == told
