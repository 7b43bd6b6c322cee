"""A table's columns as inputs by name: codes as pandas gives them, and what cannot have a name."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.tables.columns import Columns

PETS = pd.DataFrame(
    {
        "kg": [4.0, None, 30.0, 5.0] * 10,
        "fur": ["long", "short", None, "curly"] * 10,
        "tame": [True, False, False, True] * 10,
        "species": ["cat", "cat", "dog", "dog"] * 10,
    }
)


@pytest.fixture(scope="module")
def named():
    return kohort.Dataset.from_frame(PETS, target="species", test=0.2, name="pets").by_name()


def test_codes_are_those_of_pandas_and_numbers_stay(named):
    rows = PETS.iloc[named.source_rows[: len(named.x_train)]]
    inputs = named.inputs(named.x_train)
    assert list(inputs) == ["kg", "kg is missing", "fur", "tame"] == list(named.feature_names)
    assert {part.shape for part in inputs.values()} == {(len(rows), 1)}
    codes = pd.Categorical(rows["fur"], ["curly", "long", "short"]).codes + 1
    assert inputs["fur"][:, 0].tolist() == codes.tolist()
    assert inputs["fur"].dtype == np.int32
    assert inputs["kg"][:, 0].tolist() == rows["kg"].fillna(0).tolist()
    assert inputs["kg is missing"][:, 0].tolist() == rows["kg"].isna().tolist()
    assert inputs["tame"][:, 0].tolist() == rows["tame"].tolist()
    vocabulary = named.vocabularies["fur"]
    assert vocabulary == ("[UNK]", "curly", "long", "short")
    known = rows["fur"].fillna("[UNK]")
    assert [vocabulary[code] for code in inputs["fur"][:, 0]] == known.tolist()


def test_an_unknown_category_has_code_0(named):
    new = PETS.iloc[:2].assign(fur=["wavy", "curly"])
    rows = Columns.from_json(named.columns.as_json()).encode(new)
    assert named.columns.by_name(rows)["fur"][:, 0].tolist() == [0, 1]


def test_what_comes_by_name_is_told_and_is_other_data_to_a_study(named):
    plain = kohort.Dataset.from_frame(PETS, target="species", test=0.2, name="pets")
    assert "4 inputs by name, 2 classes" in repr(named)
    assert "models take 4 inputs by name: kg, kg is missing, fur, tame" in named.notes[-1]
    assert named.fingerprint != plain.fingerprint
    assert named.by_name() is named
    assert plain.feature_names[2:] == (
        *("fur=curly", "fur=long", "fur=short"),
        *("fur is missing", "tame"),
    )
    assert np.array_equal(named.scaled(named.x_train), plain.inputs(plain.x_train))


def test_arrays_have_no_names():
    data = kohort.Dataset(np.zeros((4, 2)), np.arange(4) % 2)
    with pytest.raises(kohort.errors.DataError, match="a table, whose columns have names"):
        data.by_name()


@pytest.mark.parametrize("column", ["km/h", "kg is missing"])
def test_a_column_that_names_no_input_is_refused(column):
    odd = PETS.assign(**{column: "some"})  # as a number, the second would name an input twice
    data = kohort.Dataset.from_frame(odd, target="species", test=0)
    with pytest.raises(kohort.errors.DataError, match=f"no / in it, got '{column}'"):
        data.by_name()
