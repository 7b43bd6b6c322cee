"""Columns that hold the target of an earlier row, in tables of every order."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.inspection.inputs.earlier_targets import (
    by_themselves,
    hold_earlier_targets,
    targets_of,
)
from kohort.data.inspection.inputs.told_alone import told_alone


def series(rows, seed=0):
    return np.random.default_rng(seed).normal(size=rows).cumsum()


def lagged(y, *, store="one"):
    """A table of a series, with its last value, that of a week before, and the next one."""
    last, week, after = (pd.Series(y).shift(rows) for rows in (1, 7, -1))
    day = pd.date_range("2020-01-01", periods=len(y))
    cells = {
        "last": last,
        "week": week,
        "after": after,
        "same": y + 0.0,
        "drawn": series(len(y), 9),
    }
    return pd.DataFrame({**cells, "day": day, "store": store, "y": y}).dropna()


@pytest.fixture
def panel():
    """Seven series of half a year, one after the other."""
    return pd.concat([lagged(series(180, seed), store=f"store {seed}") for seed in range(7)])


def holding(frame, **how):
    """The columns that hold an earlier target."""
    data = kohort.Dataset.from_frame(frame, target="y", **how)
    sides = data.x_train, data.x_test
    return list(
        hold_earlier_targets(data, targets_of(data, None), sides, partial(by_themselves, data))
    )


@pytest.mark.parametrize("test", [0, 0.3], ids=["train", "train and test"])
def test_lags_hold_earlier_targets_and_leads_and_copies_do_not(test):
    frame = lagged(series(400)).drop(columns=["day", "store"])
    # Rows that were drawn at random as the test set still stand where they stood in the table.
    assert holding(frame, test=test) == ["last", "week"]
    assert holding(frame[:20], test=0) == []


def test_moments_tell_the_order():
    frame = lagged(series(400)).drop(columns="store")
    for rows in (frame, frame[::-1], frame.sample(frac=1, random_state=0)):
        assert holding(rows, time="day") == ["last", "week"]
    # Nothing tells that this table begins with its newest rows: what comes next stands above.
    assert holding(frame[::-1].drop(columns="day")) == ["after"]


def test_series_of_a_panel_may_stand_in_either_order(panel):
    assert holding(panel, time="day") == ["last", "week"]
    assert holding(panel.sort_values(["day", "store"]), time="day") == ["last", "week"]
    some = panel.sample(frac=0.8, random_state=0)
    assert holding(some.sort_values(["store", "day"]), time="day") == ["last"]


def test_groups_have_their_own_order(panel):
    some = panel.sample(frac=0.8, random_state=0)
    for rows in (some, some.sort_values(["day", "store"])):
        assert holding(rows, group="store") == ["last"]


def test_every_column_of_moments_must_tell_the_order():
    frame = lagged(series(400)).drop(columns="store")
    frame["until"] = frame["day"].max() - (frame["day"] - frame["day"].min())
    assert holding(frame[["until", "last", "after", "y"]]) == ["after"]
    assert holding(frame) == []
    assert holding(frame.assign(until=frame["day"])) == ["last", "week"]


def test_what_holds_its_own_target_now_and_then_is_no_earlier_one():
    frame = lagged(series(400)).drop(columns=["day", "store"])
    now_and_then = np.random.default_rng(1).random(len(frame)) < 0.3
    half = np.where(now_and_then, frame["y"], frame["last"])
    assert holding(frame.assign(half=half)) == ["last", "week"]


def test_the_row_before_is_that_of_the_order():
    frame = lagged(series(400)).drop(columns="store")
    data = kohort.Dataset.from_frame(frame[::-1], target="y", time="day", test=0)
    facts = told_alone(data, None, np.arange(len(data.x_train)))
    explained = dict(zip(facts.names, facts.explained, strict=True))
    assert facts.before[0] == pytest.approx(explained["last"], abs=0.02)
    assert facts.before[1] == pytest.approx(facts.ranked[facts.names.index("last")], abs=0.02)
    mixed = frame.drop(columns="day").sample(frac=1, random_state=0)
    data = kohort.Dataset.from_frame(mixed, target="y", test=0)
    assert told_alone(data, None, np.arange(len(mixed))).before[0] < 0.1


def test_a_frequent_target_is_no_earlier_one():
    y = np.where(np.random.default_rng(0).random(600) < 0.9, 0.0, series(600))
    other = np.random.default_rng(1).permutation(y)
    frame = pd.DataFrame({"other": other, "last": pd.Series(y).shift(1), "y": y}).dropna()
    assert holding(frame) == ["last"]


def test_two_events_are_too_few_to_tell():
    y, column = np.zeros((2, 60))
    y[[10, 22]], column[[14, 26]] = 1.5, 1.5
    assert holding(pd.DataFrame({"column": column, "y": y})) == []


def test_a_slow_target_is_not_taken_for_its_earlier_one():
    y = np.repeat(series(60), 10)
    frame = pd.DataFrame({"copy": y, "after": pd.Series(y).shift(-1), "y": y}).dropna()
    assert holding(frame) == []
