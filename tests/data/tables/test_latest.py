"""The latest rows as the test set."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.errors import DataError

ROWS = 200
DAYS = pd.date_range("2020-01-01", periods=ROWS)
SHUFFLED = np.random.default_rng(0).permutation(ROWS)


def table(**columns):
    random = np.random.default_rng(1)
    numbers = {"kg": random.normal(size=ROWS), "y": random.normal(size=ROWS)}
    return pd.DataFrame(numbers | {"day": DAYS[SHUFFLED]} | columns)


def read(frame, **options):
    return kohort.Dataset.from_frame(frame, target="y", time="day", **options)


@pytest.mark.parametrize(
    "day",
    [
        DAYS[SHUFFLED],
        DAYS[SHUFFLED].strftime("%Y-%m-%d"),
        DAYS[SHUFFLED].tz_localize("America/New_York"),
        SHUFFLED,
        SHUFFLED / 7,
    ],
    ids=["moments", "text", "a time zone", "whole numbers", "numbers"],
)
@pytest.mark.parametrize(("test", "size"), [(None, 40), (0.1, 20), (0.5, 100)])
def test_the_latest_rows_are_the_test_set(day, test, size):
    data = read(table(day=day), test=test)
    assert sorted(SHUFFLED[data.source_rows[-size:]]) == list(range(ROWS - size, ROWS))
    assert (len(data.x_train), len(data.x_test)) == (ROWS - size, size)
    assert data.feature_names == ("kg",)
    told = f"{size} of 200 samples are held out as the test set, the latest by day: from "
    assert data.test_from.startswith(told)
    assert data.test_from in data.notes


def test_it_is_told_where_the_test_set_begins():
    assert read(table(day=DAYS[SHUFFLED].strftime("%Y-%m-%d"))).test_from == (
        "40 of 200 samples are held out as the test set, the latest by day: from 2020-06-09 on; "
        "training samples end at 2020-06-08"
    )
    assert "from 2020-06-09 on" in read(table()).test_from


def test_rows_of_one_moment_are_on_one_side():
    months = DAYS[SHUFFLED].strftime("%Y-%m")
    data = read(table(day=months))
    sides = np.split(months[data.source_rows], [len(data.x_train)])
    assert max(sides[0]) == "2020-05"
    assert min(sides[1]) == "2020-06"


def test_groups_are_on_one_side():
    months = DAYS[SHUFFLED].strftime("%Y-%m")
    data = read(table(month=months), group="month")
    assert not set(data.groups) & set(data.test_groups)
    assert len(data.x_test) == 48  # June, and 18 days of July
    assert "from 2020-06-01 on" in data.test_from
    assert data.test_from.endswith("and no group has rows on both sides")
    # The time may be the group.
    same = kohort.Dataset.from_frame(table(day=months), target="y", time="day", group="day")
    assert len(same.x_test) == 48
    assert same.feature_names == ("kg",)


def test_no_test_set_is_held_out_where_none_is_asked_for():
    data = read(table(), test=0)
    assert len(data.x_test) == 0
    assert list(data.columns.moments) == ["day"]


def test_moments_of_others_are_not_the_time():
    data = read(table(born=DAYS))
    assert list(data.columns.moments) == ["day"]
    assert not any("splits are random" in note for note in data.notes)


REFUSED = {
    "a missing moment": (
        {"day": [pd.NaT, *DAYS[1:]]},
        {},
        r"a moment for each row in time='day', got 1 without one, such as row 0 \(from 0\); fill",
    ),
    "text of which the order is not known": (
        {"day": ["1/2/2020", "3/4/2020"] * (ROWS // 2)},
        {},
        r"moments or numbers in time='day', got cells such as '1/2/2020', .*; write moments as 20",
    ),
    "truth": ({"day": [True, False] * (ROWS // 2)}, {}, "moments or numbers in time='day'"),
    "one moment": (
        {"day": [DAYS[0]] * ROWS},
        {},
        "about 0.2 of the rows are, got one moment in all rows; name another column",
    ),
    "two moments": (
        {"day": [DAYS[0], DAYS[1]] * (ROWS // 2)},
        {},
        "about 0.2 of the rows are, got 0.5 as the nearest part; give test=0.5",
    ),
    "groups over all of the time": (
        {"who": [f"n{k}" for k in SHUFFLED % 20]},
        {"group": "who"},
        "with no group on both sides, got groups that are on both sides of each; name no group",
    ),
    "a part that is none": ({}, {"test": 1.5}, "test as a part of the samples"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_latest_rows_is_refused(case):
    columns, options, told = REFUSED[case]
    with pytest.raises(DataError, match=told):
        read(table(**columns), **options)


@pytest.mark.parametrize("time", ["y", "month"])
def test_a_time_that_is_no_other_column_is_refused(time):
    with pytest.raises(DataError, match=r"time= one of the columns kg, y, day, got .*; name"):
        kohort.Dataset.from_frame(table(), target="y", time=time)


def test_files_are_read_so_too(tmp_path):
    table().to_csv(tmp_path / "t.csv", index=False)
    data = kohort.load(tmp_path / "t.csv", target="y", time="day", test=0.1)
    assert data.test_from == read(table(), test=0.1).test_from
    assert kohort.load(table(), target="y", time="day", test=0.1).test_from == data.test_from
    x = np.random.default_rng(0).normal(size=(9, 2))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=x[:, 0])
    with pytest.raises(DataError, match=r"no time= for an \.npz file"):
        kohort.load(tmp_path / "a.npz", time="day")


def test_random_splits_over_moments_are_told():
    told = (
        "day holds moments, and splits are random: test and validation samples lie between "
        "training samples in time. If the model is to predict later rows, make the latest ones the "
        "test set: time='day', --time day; kohort data check tells whether targets are alike over "
        "time"
    )
    notes = kohort.Dataset.from_frame(table(), target="y").notes
    assert [note for note in notes if "time=" in note] == [told]
    text = kohort.Dataset.from_frame(table(day=DAYS.strftime("%Y-%m-%d")), target="y").notes
    assert "columns left out: day (moments; give them as numbers, such as days)" in text
    assert told in text
    two = kohort.Dataset.from_frame(table(born=DAYS), target="y").notes
    assert any(note.startswith("day, born hold moments") for note in two)
