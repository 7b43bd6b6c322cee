"""Tables: what becomes of each kind of column, and which are refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.tables.columns import Column, Columns
from kohort.data.tables.frames import MOST_CATEGORIES
from kohort.errors import DataError

RANDOM = np.random.default_rng(17)
ROWS = 120
NUMBERS = RANDOM.normal(size=ROWS)
SPECIES = np.array(["dog", "cat", "eel"])[np.arange(ROWS) % 3]


def table(**columns):
    return pd.DataFrame({"kg": NUMBERS, "species": SPECIES, **columns})


def dataset(target="species", test=0, **columns):
    return kohort.Dataset.from_frame(table(**columns), target=target, test=test)


def inputs_of(test=0, **columns):
    """The inputs that columns become beside `kg`, by name."""
    data = dataset(test=test, **columns)
    x = np.concatenate([data.x_train, data.x_test])
    return {n: x[:, k].tolist() for k, n in enumerate(data.feature_names) if n != "kg"}


NUMBERS_ROWS = (
    "numbers the rows, as identifiers do, and is an input: drop it if it tells nothing else"
)


def test_numbers_are_inputs_as_they_are():
    data = dataset(count=np.arange(ROWS), flag=np.arange(ROWS) % 2 == 0)

    assert data.feature_names == ("kg", "count", "flag")
    assert data.x_train.dtype == np.float32
    expected = np.column_stack([NUMBERS, np.arange(ROWS), np.arange(ROWS) % 2 == 0])
    assert np.array_equal(data.x_train, expected.astype(np.float32))
    assert data.notes == (
        "target 'species': 3 classes, cat, dog, eel",
        "3 columns of inputs: kg, count, flag",
        f"count {NUMBERS_ROWS}",
        "no samples are held out as a test set",
    )


@pytest.mark.parametrize("kind", ["object", "str", "category"])
def test_categories_become_an_input_each(kind):
    colour = pd.Series(["red", " blue"] * (ROWS // 2)).astype(kind)
    # pandas itself makes the reference.
    expected = pd.get_dummies(colour.astype(str).str.strip(), dtype=float)
    found = inputs_of(colour=colour)
    assert found == {f"colour={name}": expected[name].tolist() for name in ("blue", "red")}


def test_missing_cells_are_0_and_told():
    gaps = [None, 3.0, 4.0] * (ROWS // 3)
    colour = ["red", None, "blue"] * (ROWS // 3)
    truth = [True, None, False] * (ROWS // 3)
    data = dataset(age=gaps, colour=colour, tame=truth)

    assert data.feature_names == (
        "kg", "age", "age is missing", "colour=blue", "colour=red", "colour is missing", "tame",
        "tame is missing",
    )  # fmt: skip
    assert data.x_train[:3, 1:].tolist() == [
        [0, 1, 0, 1, 0, 1, 0],
        [3, 0, 0, 0, 1, 0, 1],
        [4, 0, 1, 0, 0, 0, 0],
    ]
    told = "missing cells became 0, and another input is 1 there: age (40), colour (40), tame (40)"
    assert told in data.notes


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_columns_of_pandas_with_gaps_are_read(dtype):
    found = inputs_of(it=pd.array([1, None, 0] * (ROWS // 3), dtype=dtype))
    assert found == {"it": [1, 0, 0] * 40, "it is missing": [0, 1, 0] * 40}


def test_categories_of_test_rows_alone_are_none_of_those_known():
    data = kohort.Dataset.from_frame(table(), target="species", test=0.5)
    (row, *_) = np.flatnonzero(np.isin(NUMBERS.astype(np.float32), data.x_test))
    colour = ["red", "blue"] * (ROWS // 2)
    colour[row] = "mauve"
    data = dataset(test=0.5, colour=colour)

    assert data.feature_names == ("kg", "colour=blue", "colour=red")
    assert (data.x_test[:, 1:].sum(axis=1) == 0).sum() == 1
    assert "in test rows alone, and so none of the categories: colour=mauve" in data.notes


LEFT_OUT = {
    "a name each": ([f"n{k}" for k in range(ROWS)], "120 different texts"),
    "many texts": ([f"n{k % (MOST_CATEGORIES + 1)}" for k in range(ROWS)], "101 different texts"),
    "moments": (pd.date_range("2020-01-01", periods=ROWS), "moments; give them as numbers"),
    "nothing": ([None] * ROWS, "all cells empty"),
    "complex numbers": (np.arange(ROWS) * 1j, "complex numbers"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_cannot_be_an_input_is_left_out_and_told(case):
    cells, told = LEFT_OUT[case]
    data = dataset(it=cells)
    assert data.feature_names == ("kg",)
    assert any(note.startswith(f"columns left out: it ({told}") for note in data.notes)


def test_texts_are_told_why_they_are_no_inputs_and_what_to_do():
    told = (
        "texts are no inputs of a model here, since Keras's TextVectorization and StringLookup "
        "need TensorFlow: make numbers of texts first, such as counts of words"
    )
    reviews = [f"it was good for {k} days, and then it broke" for k in range(ROWS)]
    data = dataset(review=reviews)
    assert "columns left out: review (120 different texts)" in data.notes
    assert told in data.notes
    assert told not in dataset(it=[None] * ROWS).notes
    alone = pd.DataFrame({"review": reviews, "species": SPECIES})
    with pytest.raises(DataError, match=r"make numbers of texts first, .*, or add columns"):
        kohort.Dataset.from_frame(alone, target="species")


def test_of_many_texts_that_repeat_it_is_asked_whether_they_are_the_group():
    rows = {"kg": np.arange(360.0), "species": ["cat", "dog"] * 180}
    frame = pd.DataFrame(rows | {"the owner": [f"n{k // 3}" for k in range(360)]})
    data = kohort.Dataset.from_frame(frame, target="species")
    assert (
        "is the owner (each text in 3.0 rows on average) what belongs together, such as a patient? "
        "Then make it the group: group='the owner', --group 'the owner'"
    ) in data.notes
    assert Columns.from_json(data.columns.as_json()) == data.columns

    frame["vet"] = frame["the owner"]
    grouped = kohort.Dataset.from_frame(frame, target="species", group="the owner")
    assert "columns left out: vet (120 different texts)" in grouped.notes
    assert not any(note.startswith("is ") for note in grouped.notes)


def test_categories_that_may_be_patients_are_asked_about_though_they_are_inputs():
    """A model that knows patients by name is praised for the rows of those that it has seen."""
    patients = [f"P{k % 21}" for k in range(ROWS)]
    told = (
        f"is who (each text in {ROWS / 21:.1f} rows on average) what belongs together, such as a "
        "patient? Then make it the group: group='who', --group who"
    )
    assert told in dataset(who=patients).notes
    assert len(dataset(who=patients).feature_names) > 20  # inputs they are all the same
    few = dataset(who=[f"P{k % 20}" for k in range(ROWS)])
    assert not any(note.startswith("is ") for note in few.notes)
    frame = pd.DataFrame({"kg": np.arange(float(ROWS)), "who": patients, "species": SPECIES})
    grouped = kohort.Dataset.from_frame(frame.assign(vet=patients), target="species", group="who")
    assert not any(note.startswith("is ") for note in grouped.notes)


def test_texts_of_which_few_repeat_are_not_asked_about():
    data = dataset(review=[f"n{k // 2}" if k < 40 else f"n{k}" for k in range(ROWS)])
    assert "columns left out: review (100 different texts)" in data.notes
    assert not any(note.startswith("is ") for note in data.notes)


def test_up_to_a_hundred_categories_are_kept():
    cells = [f"n{k % 50}" for k in range(ROWS)]
    assert len(inputs_of(it=cells)) == 50


TARGETS = {
    "text": (list(SPECIES), ("cat", "dog", "eel"), [1, 0, 2]),
    "text among blanks": (["a ", " a", "b"] * 40, ("a", "b"), [0, 0, 1]),
    "truth": ([False, True, True] * 40, ("False", "True"), [0, 1, 1]),
    "categories in their order": (
        pd.Categorical(SPECIES, ["eel", "ant", "dog", "cat"]), ("eel", "dog", "cat"), [1, 2, 0],
    ),
    "from 1 to 10": ([k % 10 + 1 for k in range(ROWS)], tuple(map(str, range(1, 11))), [0, 1, 2]),
    "whole floats": ([3.0, 4.0, 8.0] * 40, ("3", "4", "8"), [0, 1, 2]),
    "minus and plus 1": ([-1, 1, 1] * 40, ("-1", "1"), [0, 1, 1]),
    "text of numbers": (["7", "5", "6"] * 40, ("5", "6", "7"), [2, 0, 1]),
    "many from 0": ([k % 60 for k in range(ROWS)], tuple(map(str, range(60))), [0, 1, 2]),
    "numbers": (list(NUMBERS), None, list(NUMBERS[:3].astype(np.float32))),
    "whole numbers, each once": ([5 * k for k in range(ROWS)], None, [0, 5, 10]),
    "many that leave some out": ([k % 60 + 1 for k in range(ROWS)], None, [1, 2, 3]),
}  # fmt: skip


@pytest.mark.parametrize("case", TARGETS)
def test_targets_are_encoded_and_their_names_kept(case):
    cells, names, first = TARGETS[case]
    data = dataset(target="it", it=cells)
    assert data.class_names == names
    assert data.y_train[:3].tolist() == first
    assert data.y_train.dtype == (np.float32 if names is None else np.int32)
    assert "it" not in data.feature_names


def test_groups_are_no_inputs_and_stay_on_one_side():
    patient = [f"p{k // 4}" for k in range(ROWS)]
    frame = table(patient=patient)
    data = kohort.Dataset.from_frame(frame, target="species", group="patient", test=0.25)

    assert data.feature_names == ("kg",)
    assert len(data.x_test) == 28
    of_test = frame.kg.astype(np.float32).isin(data.x_test[:, 0])
    in_both = set(frame.patient[of_test]) & set(frame.patient[~of_test])
    assert in_both == set()
    assert len(np.unique(data.groups)) == 30 - 7 == 30 - frame.patient[of_test].nunique()
    # Each has its own: the rows of a group are those of a patient.
    number_of = dict(zip(frame.patient[~of_test], data.groups, strict=True))
    assert [number_of[each] for each in frame.patient[~of_test]] == data.groups.tolist()


def test_negative_groups_are_groups_as_others():
    data = kohort.Dataset.from_frame(
        table(patient=[-1, 2, 3, 4] * 30), target="species", group="patient", test=0
    )
    assert data.groups.tolist() == [0, 1, 2, 3] * 30


def test_classes_have_equal_parts_of_the_test_set_and_it_is_always_the_same():
    rare = ["rare"] * 10 + ["often"] * (ROWS - 10)
    data = dataset(target="it", test=None, it=rare)
    assert np.bincount(data.y_test).tolist() == [22, 2]
    assert data.fingerprint == dataset(target="it", test=None, it=rare).fingerprint
    told = "24 of 120 samples are held out as the test set, as large a part of each class"
    assert data.notes[-1] == told


def test_notes_are_printed_with_the_data():
    data = dataset()
    assert str(data).splitlines() == [repr(data), *data.notes]


def test_the_same_rows_become_the_same_inputs_from_the_kept_columns():
    colour, age = ["red", None, "blue"] * 40, [None, 2.5, 3.0] * 40
    data = dataset(colour=colour, age=age)
    kept = Columns.from_json(data.columns.as_json())

    assert kept == data.columns
    frame = table(colour=colour, age=age).iloc[::-1, ::-1]
    assert np.array_equal(kept.encode(frame)[::-1], data.x_train)


MISSING = [*SPECIES[:-2], None, "cat"]
WRONG = {
    "no target": ({"target": None}, "target= one of the columns kg, species, got none; name the"),
    "another target": ({"target": "weight"}, "one of the columns kg, species, got 'weight'"),
    "no such group": ({"group": "patient"}, "group= one of the columns .*, got 'patient'"),
    "the target as group": ({"group": "species"}, "group= one of .*got 'species'"),
    "a target with gaps": (
        {"target": "it", "it": MISSING},
        "a target in each row of 'it', got 1 of 120 cells empty, the first in row 118 .from 0.;",
    ),
    "a target of one class": (
        {"target": "it", "it": ["u"] * 120},
        "two classes or more in the target 'it', got 'u' in each of the 120 rows; name the column",
    ),
    "a target of one truth value": ({"target": "it", "it": [True] * 120}, "got 'True' in each"),
    "a target of one number": ({"target": "it", "it": [2.5] * 120}, "got '2.5' in each of the 120"),
    "a target of one category": (
        {"target": "it", "it": pd.Categorical(["u"] * 120, categories=["u", "v"])},
        "got 'u' in each of the 120 rows",
    ),
    "a target of blanks": ({"target": "it", "it": ["a", " "] * 60}, "got 60 of 120 cells empty"),
    "a target of complex numbers": (
        {"target": "it", "it": np.arange(ROWS) * 1j},
        "in the target 'it', got complex numbers, complex128; give their real parts",
    ),
    "a target of NaN": ({"target": "it", "it": [np.nan, 1.0] * 60}, "got 60 of 120 cells empty"),
    "an infinite target": (
        {"target": "it", "it": [1.5, np.inf] * 60},
        "finite numbers in the target 'it', got infinity in 60 of 120 rows, the first in row 1",
    ),
    "a target of names": (
        {"target": "it", "it": [f"n{k}" for k in range(ROWS)]},
        "classes of several rows each in the target 'it', got 120 different texts in 120 rows",
    ),
    "a target of moments": (
        {"target": "it", "it": pd.date_range("2020-01-01", periods=ROWS)},
        "names of classes or numbers in the target 'it', got moments",
    ),
    "a group with gaps": ({"group": "it", "it": MISSING}, "a group for each sample.* row 118"),
    "an infinite number": ({"it": [np.inf, 1.5] * 60}, "numbers in column 'it', got 'inf'"),
    "a number beyond float32": ({"it": [1e300, 1.5] * 60}, r"got '1e\+300' in row 0 \(from 0\);"),
    "a target beyond float32": (
        {"target": "it", "it": [1e300, 1.5] * 60}, "numbers in y_train that float32 holds",
    ),
    "numbers with a mark": (
        {"it": [*map(str, range(ROWS - 2)), "?", "?"]},
        r"numbers in column 'it', got '\?' in 2 of 120 rows; leave such cells empty",
    ),
    "a part above 1": ({"test": 1.5}, "test as a part of the samples, from 0 to below 1, got 1.5"),
    "a negative part": ({"test": -0.1}, "from 0 to below 1, got -0.1"),
    "a part that is text": ({"test": "0.1"}, "from 0 to below 1, got '0.1'"),
    "too few groups": (
        {"group": "half", "half": [n % 2 for n in range(ROWS)]},
        "groups enough to hold some out.* 120 samples in 2 groups; .*name no group where its rows",
    ),
    "a part too small": ({"test": 0.001}, "samples enough to hold some out.*test=0 for no test"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refuses(case):
    columns, told = dict(WRONG[case][0]), WRONG[case][1]
    arguments = {"target": "species"} | {
        key: columns.pop(key) for key in ("target", "group", "test") if key in columns
    }
    with pytest.raises(DataError, match=told):
        kohort.Dataset.from_frame(table(**columns), **arguments)


def test_refuses_two_columns_of_one_name():
    frame = table(it=0).set_axis(["kg", "species", "kg"], axis="columns")
    with pytest.raises(DataError, match="different names, got two columns 'kg'; rename one"):
        kohort.Dataset.from_frame(frame, target="species")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"a": [1, None] * 10, "a is missing": [0, 1] * 10},
            "two called 'a is missing', of the columns 'a' and 'a is missing'; rename or drop",
        ),
        (
            {"a=b": ["c", "d"] * 10, "a": ["b=c", "e"] * 10},
            "two called 'a=b=c', of the columns 'a=b' and 'a'; rename or drop a column",
        ),
    ],
)
def test_refuses_two_inputs_of_one_name(columns, told):
    frame = pd.DataFrame(columns).assign(kind=["cat", "dog"] * 10)
    with pytest.raises(DataError, match=f"inputs of different names, got {told}"):
        kohort.Dataset.from_frame(frame, target="kind")
    names = kohort.Dataset.from_frame(frame.rename(columns={"a": "z"}), target="kind").feature_names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("group", [None, "owner"])
def test_refuses_a_table_without_rows(group):
    frame = pd.DataFrame({"kg": [], "owner": [], "species": []})
    with pytest.raises(DataError, match="a table with rows, got none, an empty table; add rows"):
        kohort.Dataset.from_frame(frame, target="species", group=group)


def test_refuses_a_table_of_a_target_alone():
    with pytest.raises(DataError, match=r"a column at least of numbers .*, got none"):
        kohort.Dataset.from_frame(table()[["species"]], target="species")


def test_refuses_what_is_no_frame():
    with pytest.raises(DataError, match="a pandas DataFrame, got dict"):
        kohort.Dataset.from_frame({"kg": [1]}, target="kg")


BETWEEN = ", as no row has the numbers between"


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([0, 1], "target 'rank': 2 classes, 0, 1"),
        ([1, 2], "target 'rank': 2 classes, 1, 2; their labels are 0 to 1"),
        ([10, 20], "target 'rank': 2 classes, 10, 20; their labels are 0 to 1" + BETWEEN),
    ],
)
def test_labels_that_are_not_the_numbers_of_the_target_are_told(numbers, told):
    frame = pd.DataFrame({"kg": NUMBERS, "rank": np.resize(numbers, ROWS)})
    data = kohort.Dataset.from_frame(frame, target="rank", test=0)
    assert data.notes[0] == told
    assert data.class_names == tuple(map(str, numbers))


@pytest.mark.parametrize("rest", [[Decimal("1.25")], [None], [0], [0.5]])
def test_decimal_numbers_are_numbers(rest):
    prices = [Decimal(f"{number}.50") for number in range(29)]
    frame = pd.DataFrame({"price": prices + rest, "x": np.arange(30) / 7})
    data = kohort.Dataset.from_frame(frame, target="x", test=0)
    assert data.columns.columns[0].kind == "number"
    assert data.x_train[:29, 0].tolist() == [number + 0.5 for number in range(29)]
    if rest != [None]:
        target = kohort.Dataset.from_frame(frame, target="price", test=0)
        assert target.y_train.tolist() == [*data.x_train[:29, 0], float(rest[0])]


def test_decimal_columns_of_parquet_are_numbers(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    prices = pa.array([Decimal(number) / 4 for number in range(30)], pa.decimal128(10, 2))
    parquet.write_table(pa.table({"price": prices, "x": np.arange(30) / 7}), tmp_path / "a.parquet")
    data = kohort.load(tmp_path / "a.parquet", target="price", test=0)
    assert data.y_train.tolist() == [number / 4 for number in range(30)]
    assert kohort.load(tmp_path / "a.parquet", target="x").feature_names == ("price",)


@pytest.mark.parametrize(
    ("column", "cells", "mend"),
    [
        ("tame", ["yes", "true"], "write true or false$"),
        ("age", ["old", "4"], "give a number that float32 holds, or empty it$"),
        ("kg", ["heavy", "4"], "give a number that float32 holds$"),
        ("kg", [4.0, None], "in column .kg., got an empty cell in row 1 .*; training had none: "),
        ("tame", [None, True], "in row 0 .*; training had none: fill it, or leave the row out$"),
    ],
)
def test_a_cell_that_cannot_be_read_is_mended_as_its_column_allows(column, cells, mend):
    """An empty cell is refused where training had none, and is no way out then."""
    kinds = {"kg": "number", "tame": "truth", "age": "number"}
    columns = tuple(Column(name, kind, has_gaps=name == "age") for name, kind in kinds.items())
    rows = pd.DataFrame({"kg": [1.0, 2.0], "tame": [True, False], "age": [1.0, None]})
    rows[column] = cells
    with pytest.raises(DataError, match=mend):
        Columns(columns).encode(rows)


@pytest.mark.parametrize("row", range(10))
def test_one_empty_cell_of_the_data_is_read_whichever_part_has_it(row):
    frame = pd.DataFrame({"kg": np.arange(10.0), "tame": [True, False] * 5, "y": list("ab") * 5})
    frame.loc[row, "kg"] = None
    data = kohort.load(frame, target="y", test=0.3)
    assert data.feature_names == ("kg", "kg is missing", "tame")


def test_all_columns_that_are_lacking_are_told():
    columns = Columns(tuple(Column(name, "number") for name in ("kg", "age", "height")))
    with pytest.raises(DataError, match="the columns 'kg', 'height' of the training data"):
        columns.encode(pd.DataFrame({"age": [1.0]}))


ORDER = np.random.default_rng(0).permutation(ROWS)
NUMBERED = {
    "in an order": (1000 + ORDER, True),
    "every other number": (2 * ORDER, True),
    "floats": (ORDER + 1.0, True),
    "one twice": (np.where(ORDER == 7, 8, ORDER), False),
    "far apart": (9 * ORDER, False),
    "no whole numbers": (ORDER + 0.5, False),
    "with a gap": (np.where(ORDER == 7, np.nan, ORDER), False),
}


@pytest.mark.parametrize("case", NUMBERED)
def test_a_column_that_numbers_the_rows_is_told(case):
    values, is_told = NUMBERED[case]
    told = f"patient {NUMBERS_ROWS}"
    assert (told in dataset(patient=values).notes) is is_told
    twice = dataset(patient=values, visit=values).notes
    assert any(note.startswith("patient, visit number the rows") for note in twice) is is_told


def test_numbers_in_text_are_named_with_their_signs_and_may_be_groups_all_the_same():
    prices = ["630", *(f"1,{k:03}" for k in range(ROWS - 1))]
    told = "columns left out: it (120 numbers written as text, such as 1,000)"
    assert told in dataset(it=prices).notes
    rows = {"kg": np.arange(360.0), "species": ["cat", "dog"] * 180}
    frame = pd.DataFrame(rows | {"owner": [str(1000 + k // 3) for k in range(360)]})
    data = kohort.Dataset.from_frame(frame, target="species")
    assert "columns left out: owner (120 numbers written as text, such as 1000)" in data.notes
    assert any(note.startswith("is owner (each text in 3.0 rows on") for note in data.notes)
    assert list(data.columns.left_out) == ["owner"]
    assert not any("TextVectorization" in note for note in data.notes)


def test_classes_that_differ_in_case_alone_are_told():
    data = dataset(target="it", it=["Yes", "yes", "no", "NO"] * 30)
    assert data.class_names == ("NO", "Yes", "no", "yes")
    assert data.notes[0] == (
        "target 'it': 4 classes, NO, Yes, no, yes; NO and no, Yes and yes differ in case alone: "
        "see whether that is a mistake"
    )


def test_an_index_that_says_something_is_told_to_be_no_column():
    frame = pd.DataFrame({"kg": np.arange(8.0), "y": ["a", "b"] * 4})
    days = frame.set_index(pd.date_range("2024-01-01", periods=8))
    named = frame.set_index(pd.Index(range(8), name="patient"))
    for given, told in ((days, "the index is"), (named, "the index patient is"), (frame, "")):
        notes = kohort.Dataset.from_frame(given, target="y", test=0).notes
        found = [note for note in notes if "the index" in note]
        assert found == ([f"{told} no column: frame.reset_index() makes it one"] if told else [])


def test_arrays_of_a_frame_lose_the_names_of_its_columns_and_it_is_told():
    frame = pd.DataFrame({"kg": np.arange(8.0), "cm": np.arange(8.0)})
    (note,) = kohort.Dataset(frame, np.arange(8) % 2).notes
    assert note.startswith("the names of the columns are not kept: kohort.Dataset.from_frame(")
