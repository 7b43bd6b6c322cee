"""Arguments that are kept as Python code, as values, texts and columns."""

import numpy as np
import pandas as pd
import pytest

from kohort.evidence.given_values import columns, number, plain, short, shorts


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1", 1), ("-0.5", -0.5), ("True", True), ("'adam'", "adam"), ("(2,)", "(2,)"),
        ("None", "None"), ("np.float64(0.1)", 0.1), ("np.int64(3)", 3), ("nan", "nan"),
        ("f(x)", "f(x)"), ("np.array([1])", "np.array([1])"), ("1j", "1j"), ("", ""),
    ],
)  # fmt: skip
def test_code_is_a_number_or_a_text(code, value):
    assert plain(code) == value
    assert type(plain(code)) is type(value)


@pytest.mark.parametrize("code", ["True", "'1'", "(1,)", "None", str(2**60), "inf"])
def test_what_is_no_number(code):
    assert np.isnan(number(code))


def test_numbers_of_all_kinds():
    assert [number(code) for code in ("1", "-2.5", "1e-4", "np.float32(0.5)")] == [
        1,
        -2.5,
        1e-4,
        0.5,
    ]


def test_texts_are_short_and_have_no_addresses():
    assert short("<keras.optimizers.Adam object at 0x7f12ab>") == "Adam"
    assert short("<function keras.activations.relu>") == "relu"
    assert short("keras.regularizers.L2(l2=0.001)") == "L2(l2=0.001)"
    assert short("keras.optimizers.SGD(name='sgd', learning_rate=1.0, momentum=0.0)") == "SGD"
    assert short("<Adam name=adam>") == "<Adam name=adam>"
    assert short("'" + "a" * 41 + "'") == "a" * 37 + "..."


def test_texts_that_look_alike_get_numbers():
    assert shorts(["<f.A object at 0x1>", "'b'", "<g.A object at 0x2>"]) == ["A 1", "b", "A 2"]


def test_columns_have_the_types_of_their_values():
    rows = [
        {"units": "1", "rate": "0", "bias": "True", "act": "'relu'", "mixed": "1"},
        {"units": "16", "rate": "0.5", "bias": "False", "mixed": "'auto'"},
        {"rate": "0.1", "act": "<function tanh at 0x1>", "mixed": "(2, 3)"},
    ]
    table = pd.DataFrame(columns(rows))
    assert table["units"].tolist()[:2] == [1, 16]
    assert table["units"].isna().tolist() == [False, False, True]
    assert table["units"].dtype == "Int64"
    assert table["rate"].tolist() == [0.0, 0.5, 0.1]
    assert table["bias"].dtype == "boolean"
    assert table["act"].tolist() == ["relu", None, "tanh"]
    assert table["mixed"].tolist() == ["1", "auto", "(2, 3)"]


def test_a_column_is_not_taken_by_an_argument_of_its_name():
    assert list(columns([{"seconds": "1", "units": "2"}], ["seconds"])) == [
        "seconds (argument)",
        "units",
    ]


def test_numbers_beyond_whole_floats_are_texts():
    assert columns([{"seed": str(2**70)}, {"seed": "1"}])["seed"].tolist() == [str(2**70)[:40], "1"]


def test_a_column_of_numbers_stays_one_where_some_are_not_finite():
    codes = ["1", "inf", "-inf", "np.float64(nan)"]
    table = pd.DataFrame(columns([{"limit": code} for code in codes]))
    assert table["limit"].dtype == float
    np.testing.assert_equal(table["limit"].tolist(), [1.0, np.inf, -np.inf, np.nan])
    texts = columns([{"limit": "'auto'"}, {"limit": "inf"}])["limit"]
    assert texts.tolist() == ["auto", "inf"]
