"""Names in a sentence."""

import pytest

from kohort.findings.names import listing, shortlist


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_a_few_names_are_all_listed(names, text):
    assert listing(names) == shortlist(names) == text


def test_of_many_names_three_are_listed():
    assert shortlist("abcd") == "a, b, c and d"
    assert shortlist("abcde") == "a, b, c and 2 others"
    assert shortlist("abcdef", "or") == "a, b, c or 3 others"
    assert listing("abcd") == "a, b, c and d"


def test_names_that_hold_commas_are_in_quotes():
    names = ["units=16, l2=0.1", "units=1, l2=0.1", "softmax"]
    assert listing(names) == '"units=16, l2=0.1", "units=1, l2=0.1" and "softmax"'
    assert shortlist([*names, "wide"]).endswith(', "softmax" and "wide"')
    assert shortlist([*names, "wide", "b"]).endswith(', "softmax" and 2 others')
