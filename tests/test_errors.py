"""Names in sentences."""

import numpy as np
import pytest

from kohort.errors import (
    DataError,
    count,
    in_brackets,
    received_text,
    shortened,
    told_apart,
)


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


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (1200, "1,200 epochs")]
)
def test_a_number_has_its_noun(number, told):
    assert count(number, "epoch") == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1e12, "1e+12"),
        (-1234567.0, "-1.23457e+06"),
        (1.5, "1.5"),
        (10**12, "1,000,000,000,000"),
        (2, "2"),
        (True, "True"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        ("many", "'many'"),
        (np.float32(2.0), "np.float32(2.0)"),
    ],
)
def test_large_numbers_are_told_as_one_reads_them(value, told):
    assert received_text(value) == told
    assert len(received_text(10**400)) < 100


def test_of_many_names_the_first_are_told_and_how_many_others():
    names = list("abcdef")
    assert [shortened(names[:many]) for many in range(6)] == [
        *("", "a", "a, b", "a, b, c", "a, b, c, d", "a, b, c and 2 others"),
    ]
    assert shortened(names, 2, between="; ", rest="more") == "a; b and 4 more"
    assert in_brackets(names, 4) == " (a, b, c, d and 2 more)"
    assert in_brackets(names, 5) == " (a, b, c, d, e, f)"
    assert in_brackets([]) == ""


def test_a_long_path_is_told_by_its_ends():
    path = f"/data/{'a' * 100}/{'b' * 100}/table.csv"
    told = str(DataError("a file that is there", f"{path!r}: no such file", "check the path"))
    assert told.startswith("expected a file that is there, got '/data/aaa")
    assert told.endswith("bbb/table.csv': no such file; check the path")
    assert "..." in told
    assert len(told) < 300
    short = str(DataError("a file", "/data/" + "a" * 150, "check it"))
    assert short == f"expected a file, got /data/{'a' * 150}; check it"


def test_a_message_is_one_line():
    assert str(DataError("a file", "a\nb\x1b[2J", "check it")) == (
        "expected a file, got a\\nb\\x1b[2J; check it"
    )
