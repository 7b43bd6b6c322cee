"""Columns: constant, repeated, or telling the target by themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import kohort
from kohort.data.inspection.column_facts import column_facts
from kohort.data.labels import class_labels
from tests.data.inspection.test_copy_facts import images


def facts_of(x, y, together=None):
    data = kohort.Dataset(x, y)
    together = np.arange(len(x)) if together is None else together
    return column_facts(data, class_labels(data), together)


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


def test_a_column_that_tells_the_class_is_right_out_of_sample(table):
    x, y = table
    x[:, 2] = y + np.random.default_rng(1).normal(0, 0.01, 600)
    facts = facts_of(x, y)
    assert (facts.of_class == np.bincount(y)).all()
    assert facts.right[2].sum() >= 598
    # A third by chance: bins that learn noise do not help with rows that they have not seen.
    assert (facts.right[[0, 1, 3]].sum(axis=1) < 0.45 * 600).all()


def test_a_number_of_the_row_tells_nothing_out_of_sample(table):
    x, y = table
    x[:, 0] = np.random.default_rng(1).permutation(600)
    assert facts_of(x, y).right[0].sum() < 0.45 * 600


def test_what_no_fold_may_part_is_not_learned_from_its_copies(table):
    x, _ = table
    patient = np.repeat(np.arange(60), 10)
    y = np.random.default_rng(1).integers(0, 2, 60)[patient]
    x[:, 0] = np.random.default_rng(2).normal(size=60)[patient]
    assert facts_of(x, y).right[0].mean() / 300 > 0.6
    assert facts_of(x, y, patient).right[0].sum() < 0.7 * 600


def test_a_rare_class_counts_as_much_as_a_common_one(table):
    x, _ = table
    y = (np.arange(600) % 50 == 0).astype(int)
    x[:, 0] = y
    assert facts_of(x, y).right[0].tolist() == [588, 12]


def test_of_numbers_the_variance_explained_is_told(table):
    x, _ = table
    y = np.exp(x[:, 1]) + 0.5
    facts = facts_of(x, y)
    assert facts.right is None
    assert facts.explained[1] > 0.8
    assert (facts.explained[[0, 2, 3]] < 0.2).all()


@pytest.mark.parametrize("rows", [20, 600, 4000])
def test_a_copy_of_a_skewed_number_and_its_functions_are_of_its_rank(rows):
    random = np.random.default_rng(0)
    y = np.exp(random.normal(0, 2, rows))
    x = np.column_stack([y, 0.9 * y + 2, -np.log(y), y.round(2), random.normal(size=(rows, 3))])
    ranked = facts_of(x, y).ranked
    assert (ranked[:4] > 0.999).all()
    assert (ranked[4:] < 0.8).all()
    assert ranked[4] == pytest.approx(abs(spearmanr(x[:, 4], y).statistic), abs=1e-6)


def test_a_copy_of_few_values_in_few_rows_is_of_its_rank(table):
    y = np.random.default_rng(1).integers(0, 8, 100) + 0.5
    assert facts_of(np.column_stack([table[0][:100], y]), y).ranked[4] == pytest.approx(1)


def test_an_order_that_may_be_chance_is_not_told(table):
    x, _ = table
    few = np.arange(8) + 0.5
    assert (facts_of(np.column_stack([x[:8], few]), few).ranked == 0).all()
    patient = np.repeat(np.arange(6), 100)
    y = patient + 0.5
    assert (facts_of(np.column_stack([x, y]), y, patient).ranked == 0).all()
    one = np.where(np.arange(600) == 7, 2.5, 0.5)
    assert (facts_of(np.column_stack([x, one]), one).ranked == 0).all()


def test_to_tell_the_most_common_number_is_not_enough(table):
    random = np.random.default_rng(1)
    is_some = random.random(600) < 0.05
    y = np.where(is_some, random.exponential(size=600), 0)
    x = np.column_stack([table[0], np.where(is_some, random.exponential(size=600), 0), y])
    assert spearmanr(x[:, 4], y).statistic > 0.99
    ranked = facts_of(x, y).ranked
    assert ranked[4] < 0.9
    assert ranked[5] == pytest.approx(1)


def test_images_have_no_columns():
    assert facts_of(images(20), np.arange(20) % 2) is None
    assert facts_of(images(20).reshape(20, 64), np.arange(20) % 2) is None


@pytest.fixture
def codes():
    """A table of 600 rows with six codes in text, which tell each of three classes and a number."""
    random = np.random.default_rng(0)
    code = random.integers(0, 6, 600)
    cells = {"code": np.array(list("abcdef"))[code], "x": random.normal(size=600)}
    cells |= {"y": np.array(["u", "v", "w"])[code % 3], "z": 1.5 * (code * 5 % 6)}
    return pd.DataFrame(cells)


def of_frame(frame, target):
    data = kohort.load(frame, target=target, test=0)
    return column_facts(data, class_labels(data), np.arange(len(frame)))


def test_a_column_of_categories_tells_the_class_as_a_whole(codes):
    facts = of_frame(codes.drop(columns="z"), "y")
    assert facts.names == (*(f"code={letter}" for letter in "abcdef"), "x")
    assert facts.alone == ("code", "x")
    assert facts.right.sum(axis=1)[0] == 600
    assert facts.right.sum(axis=1)[1] < 0.45 * 600


def test_columns_have_their_names_where_models_take_them_by_name(codes):
    data = kohort.load(codes.assign(one=1.0), target="y", test=0).by_name()
    facts = column_facts(data, class_labels(data), np.arange(len(codes)))
    assert [facts.names[place] for place in facts.constant] == ["one"]


def test_a_column_of_categories_tells_a_number_as_a_whole(codes):
    codes["z"] += np.random.default_rng(1).normal(0, 0.05, 600)
    facts = of_frame(codes.drop(columns="y")[:90], "z")
    assert facts.alone == ("code", "x")
    # So few rows have four bins of numbers, but a bin for each category.
    assert facts.explained[0] > 0.98
    assert facts.explained[1] < 0.2


def test_a_missing_category_tells_the_class_as_others_do(codes):
    codes.loc[codes.code == "c", "code"] = None
    facts = of_frame(codes.drop(columns="z"), "y")
    assert facts.alone == ("code", "x")
    assert facts.right.sum(axis=1)[0] == 600


def test_of_few_rows_one_is_not_said_to_outweigh_the_others():
    random = np.random.default_rng(0)
    y = np.arange(600) % 2
    for rows in (5, 10, 20):
        assert facts_of(random.normal(size=(rows, 20)), y[:rows]).outweighed == ()
    x = random.normal(size=(30, 20))
    x[3, 5] = -999
    assert facts_of(x, y[:30]).outweighed == (5,)
