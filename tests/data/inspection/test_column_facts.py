"""Columns: constant, repeated, or of a few rows alone."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.inspection.column_facts import column_facts
from tests.data.inspection.test_copy_facts import images


def facts_of(x, y):
    return column_facts(kohort.Dataset(x, y))


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    return random.normal(size=(600, 4)), random.integers(0, 3, 600)


def test_constant_and_repeated_columns_are_told_once(table):
    x, y = table
    x = np.column_stack([x, np.full(600, 7.0), x[:, 1], np.full(600, 7.0), x[:, 1]])
    facts = facts_of(x, y)
    assert facts.constant == (4, 6)
    assert facts.copies == ((5, 1), (7, 1))
    assert facts.names[5] == "column 5"


def test_a_negative_zero_is_a_zero(table):
    x, y = table
    x[:, 0], x[:, 1] = np.where(y, 1.0, 0.0), np.where(y, 1.0, -0.0)
    assert facts_of(x, y).copies == ((1, 0),)


def test_images_have_no_columns():
    assert facts_of(images(20), np.arange(20) % 2) is None
    assert facts_of(images(20).reshape(20, 64), np.arange(20) % 2) is None


def test_columns_have_their_names_where_models_take_them_by_name():
    frame = pd.DataFrame({"code": list("abc") * 20, "one": 1.0, "y": ["u", "v"] * 30})
    facts = column_facts(kohort.load(frame, target="y", test=0).by_name())
    assert [facts.names[place] for place in facts.constant] == ["one"]


def test_of_few_rows_one_is_not_said_to_outweigh_the_others():
    random = np.random.default_rng(0)
    y = np.arange(600) % 2
    for rows in (5, 10, 20):
        assert facts_of(random.normal(size=(rows, 20)), y[:rows]).outweighed == ()
    x = random.normal(size=(30, 20))
    x[3, 5] = -999
    assert facts_of(x, y[:30]).outweighed == (5,)
