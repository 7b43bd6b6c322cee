"""Columns that hold the target of an earlier row, in tables of every order."""

import keras
import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.inspection.column_facts import column_facts
from kohort.data.inspection.earlier_targets import earlier_answer


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
    return list(column_facts(data, None, np.arange(len(data.x_train))).earlier)


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


@pytest.mark.parametrize("weights", [None, np.arange(365) % 4], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("mse", keras.metrics.MeanSquaredError),
        ("rmse", keras.metrics.RootMeanSquaredError),
        ("mae", keras.metrics.MeanAbsoluteError),
        ("r2", keras.metrics.R2Score),
    ],
)
def test_the_best_of_them_scores_as_an_answer_what_keras_gives_to_it(kind, metric, weights):
    frame = lagged(series(373)).drop(columns=["day", "store"])
    data = kohort.Dataset.from_frame(frame, target="y", test=0)
    rows = np.arange(365)
    parts = [(rows[:300], rows[300:]), (rows[60:], rows[:60])]
    answer = earlier_answer(kind, data, parts, weights)
    assert answer.name == "the value of last"
    for number, sides in enumerate(parts):
        for some, score in zip(sides, (answer.train, answer.valid), strict=True):
            kept = metric()
            y, last = data.y_train[some].reshape(-1, 1), data.x_train[some, :1]
            kept.update_state(y, last, sample_weight=None if weights is None else weights[some])
            assert score[number] == pytest.approx(float(kept.result()), rel=1e-4)


def test_without_such_a_column_there_is_no_such_answer():
    data = kohort.Dataset(np.random.default_rng(0).normal(size=(90, 2)), series(90))
    assert earlier_answer("mse", data, [(np.arange(60), np.arange(60, 90))]) is None
    classes = kohort.Dataset(series(91)[:-1, None], series(91)[1:] > 0)
    assert earlier_answer("mse", classes, [(np.arange(60), np.arange(60, 90))]) is None


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("horizon", [1, 3])
def test_of_windows_it_is_a_step(inputs, horizon):
    values = np.stack([series(300, number) for number in range(inputs)], axis=1)
    x = np.stack([values[n : n + 12] for n in range(280)])
    y = np.stack([values[n + 12 : n + 12 + horizon, 0] for n in range(280)])
    data = kohort.Dataset(x[:200], y[:200], x[220:], y[220:])
    rows = np.arange(200)
    answer = earlier_answer("mae", data, [(rows[:150], rows[150:])])
    assert answer.name == "the value of the last step" + " of input 0" * (inputs == 2)
    wanted = np.abs(y[:200] - x[:200, -1:, 0])
    assert answer.valid == pytest.approx(wanted[150:].mean())
    # The last step is no target of these rows, but of the series that others are of.
    third = kohort.Dataset(x[:200:3], y[:200:3])
    last = earlier_answer("mae", third, [(np.arange(50), np.arange(50, 67))])
    assert last.name == answer.name
    other = kohort.Dataset(x[:200], np.random.default_rng(1).permutation(y[:200]))
    assert earlier_answer("mae", other, [(rows[:150], rows[150:])]) is None


@pytest.mark.parametrize("steps", [6, 10])
def test_of_a_season_it_is_the_one_before(steps):
    values = np.sin(np.arange(300) * 2 * np.pi / 6) * 5 + series(300) / 20
    x = np.stack([values[n : n + steps] for n in range(280)])[..., None]
    y = np.stack([values[n + steps : n + steps + 6] for n in range(280)])
    answer = earlier_answer("mse", kohort.Dataset(x, y), [(np.arange(200), np.arange(200, 280))])
    assert answer.name == "the values of the last steps"
    assert answer.train == pytest.approx(np.square(y[:200] - x[:200, -6:, 0]).mean(), rel=1e-4)
