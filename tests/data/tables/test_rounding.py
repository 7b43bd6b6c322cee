"""Numbers that differ, and that float32 makes equal, are told of; targets of such are refused."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.tables.rounding import MOST_LOOKED_AT

NOISE = np.random.default_rng(0).normal(size=(300, 2))
MOMENTS = 1_700_000_000 + 60 * np.arange(300)
DAYS = 20240101 + np.arange(300) % 28 + 100 * (np.arange(300) // 28)
EQUAL = "numbers are rounded to float32, and different ones become equal: "


def lost(values):
    return f"{len(np.unique(values))} become {len(np.unique(np.float32(values)))}"


def told(data):
    return [note for note in data.notes if note.startswith(EQUAL)]


def test_columns_of_a_table_are_named():
    frame = pd.DataFrame({"a": NOISE[:, 0], "t": MOMENTS, "day": DAYS, "y": NOISE[:, 1]})
    frame["gaps"] = pd.array(MOMENTS, dtype="Int64")
    frame.loc[:99, "gaps"] = pd.NA
    columns = f"t ({lost(MOMENTS)}), day ({lost(DAYS)}), gaps ({lost(MOMENTS[100:])})"
    data = kohort.Dataset.from_frame(frame, target="y")
    assert told(data) == [f"{EQUAL}{columns}; subtract the least first"]
    assert told(data.by_name()) == told(data)


def test_columns_of_arrays_are_told_by_their_places():
    data = kohort.Dataset(np.column_stack([NOISE, MOMENTS]), NOISE)
    assert told(data) == [f"{EQUAL}column 2 of x_train ({lost(MOMENTS)}); subtract the least first"]
    series = np.zeros((300, 2, 3))
    series[:, 1, 2] = DAYS
    (note,) = told(kohort.Dataset(series, NOISE))
    assert f"x_train[:, 1, 2] ({lost(DAYS)})" in note
    (note,) = told(kohort.Dataset(NOISE, np.column_stack([MOMENTS, DAYS])))
    assert f"column 0 of y_train ({lost(MOMENTS)}), column 1" in note


def test_of_many_columns_some_are_looked_at():
    x = 1e9 + np.random.default_rng(0).normal(size=(20, MOST_LOOKED_AT + 4))
    (note,) = told(kohort.Dataset(x, NOISE[:20]))
    assert note.endswith("; others were not looked at")


def test_what_subtracting_does_not_help_is_told_so():
    (note,) = told(kohort.Dataset(np.append(MOMENTS, 0)[:, None], np.arange(301) % 2))
    assert note.endswith("; make smaller numbers of them first")


@pytest.mark.parametrize(
    "x", [NOISE, 1e9 * NOISE, np.float32(1e9 + NOISE), np.full((300, 1), 2**30), DAYS[:, None] // 9]
)
def test_nothing_is_told_of_others(x):
    assert told(kohort.Dataset(x, np.arange(300) % 2)) == []


@pytest.mark.parametrize("target", [1e9 + NOISE[:, 0], 2_000_000_000 + np.arange(300)])
def test_a_target_of_which_too_little_is_left_is_refused(target):
    frame = pd.DataFrame({"a": NOISE[:, 0], "price": target})
    left = len(np.unique(np.float32(target)))
    match = f"300 different ones that become {left}, .*; subtract the least"
    with pytest.raises(kohort.DataError, match=f"in the target 'price' .*{match}"):
        kohort.Dataset.from_frame(frame, target="price")
    with pytest.raises(kohort.DataError, match=f"in column 0 of y_train .*{match}"):
        kohort.Dataset(NOISE, target.astype(float)[:, None])


def test_a_target_that_is_hardly_moved_is_told():
    frame = pd.DataFrame({"a": NOISE[:, 0], "day": DAYS})
    (note, *_) = kohort.Dataset.from_frame(frame, target="day").notes
    assert note.endswith("; rounded to float32, 300 different ones become 161")


def test_infinite_numbers_keep_their_error():
    with pytest.raises(kohort.DataError, match="'inf' in row 0"):
        kohort.Dataset.from_frame(pd.DataFrame({"a": np.inf, "y": [1.5, 2, 3]}), target="y")
