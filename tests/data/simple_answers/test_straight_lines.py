"""The straight line of one input is what SciPy fits, and scores what Keras's metrics give to it."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

import kohort
from kohort.data.simple_answers import straight_lines
from kohort.data.simple_answers.straight_lines import straight_line

RANDOM = np.random.default_rng(0)
ROWS = np.arange(300)
PARTS = [(ROWS[:200], ROWS[200:]), (ROWS[90:], ROWS[:90])]
X = RANDOM.normal(size=(300, 4)) * [1, 9, 0.01, 1] + [0, 100, 3, 0]
X[:, 3] = 5.0  # a constant tells nothing
Y = 2.5 * X[:, 1] + RANDOM.normal(0, 3, 300)
METRICS = {
    "mse": keras.metrics.MeanSquaredError,
    "rmse": keras.metrics.RootMeanSquaredError,
    "mae": keras.metrics.MeanAbsoluteError,
    "r2": keras.metrics.R2Score,
}


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("weights", [None, RANDOM.integers(0, 4, 300)], ids=["alike", "weighted"])
def test_it_is_the_line_of_scipy_and_scores_what_keras_gives_to_it(kind, weights):
    data = kohort.Dataset(X, Y[:, None])
    found = straight_line(kind, data, PARTS, weights)
    assert (found.name, found.told("always")) == ("a straight line of column 1",) * 2
    x, y = (values.astype(float) for values in (data.x_train[:, 1], data.y_train[:, 0]))
    counts = np.ones(300, int) if weights is None else weights
    for number, (train, valid) in enumerate(PARTS):
        line = linregress(np.repeat(x[train], counts[train]), np.repeat(y[train], counts[train]))
        for rows, score in ((train, found.train), (valid, found.valid)):
            metric = METRICS[kind]()
            answers = line.slope * x[rows] + line.intercept
            metric.update_state(y[rows, None], answers[:, None], sample_weight=counts[rows])
            assert score[number] == pytest.approx(float(metric.result()), rel=1e-3)


def test_the_scale_of_an_input_does_not_matter():
    small = kohort.Dataset(X, 300 * X[:, 2] + RANDOM.normal(size=300))
    assert straight_line("mse", small, PARTS).name == "a straight line of column 2"


def test_few_rows_at_once_change_nothing(monkeypatch):
    frame = pd.DataFrame({"lag": Y, "other": Y + RANDOM.normal(0, 20, 300), "y": Y})
    frame.loc[::7, "lag"] = np.nan
    data = kohort.Dataset.from_frame(frame, target="y", test=0)
    whole = straight_line("mse", data, PARTS)
    monkeypatch.setattr(straight_lines, "_AT_ONCE", 50)
    parted = straight_line("mse", data, PARTS)
    assert parted.name == whole.name
    assert parted.valid == pytest.approx(whole.valid)


def test_a_missing_cell_counts_as_the_mean_of_the_others():
    frame = pd.DataFrame({"lag": Y, "other": X[:, 0], "y": Y})
    frame.loc[::7, "lag"] = np.nan
    found = straight_line("mae", kohort.Dataset.from_frame(frame, target="y", test=0), PARTS)
    assert found.name == "a straight line of lag"
    gone = np.abs(Y[::7] - np.delete(Y, np.s_[::7]).mean()).sum() / 300
    assert np.mean([*found.train, *found.valid]) == pytest.approx(gone, rel=0.15)


def test_of_columns_by_name_it_is_the_same():
    frame = pd.DataFrame({"colour": ["red", "blue", "green"] * 100, "x": X[:, 1], "y": Y})
    data = kohort.Dataset.from_frame(frame, target="y", test=0)
    one, other = (straight_line("mse", each, PARTS) for each in (data, data.by_name()))
    assert one.name == other.name == "a straight line of x"
    assert one.valid == pytest.approx(other.valid)


def windows(steps, horizon, inputs=1):
    """Windows of a series of period 6, and of others."""
    values = RANDOM.normal(size=(400, inputs))
    values[:, 0] = np.sin(np.arange(400) * 2 * np.pi / 6) * 5 + values[:, 0].cumsum() / 20
    x = np.stack([values[n : n + steps] for n in ROWS])
    return x, np.stack([values[n + steps : n + steps + horizon, 0] for n in ROWS])


def test_of_windows_it_is_a_step_whatever_the_scale():
    x, y = windows(6, 1, inputs=2)
    told = "a straight line of step 1 of 6 of input 1 of 2"
    for scaled in (x, (x - x.mean(axis=0)) / x.std(axis=0)):
        assert straight_line("mse", kohort.Dataset(scaled, y), PARTS).name == told
    one, y = windows(1, 1)
    assert straight_line("mse", kohort.Dataset(one, y), PARTS).name.endswith("of the last step")


def test_of_several_numbers_each_has_its_own():
    x, y = windows(6, 6)
    found = straight_line("mse", kohort.Dataset(x, y), PARTS)
    assert found.name == "straight lines, each of one step"
    for number, (train, valid) in enumerate(PARTS):
        lines = [linregress(x[train, place, 0], y[train, place]) for place in range(6)]
        answers = [
            line.slope * x[valid, place, 0] + line.intercept for place, line in enumerate(lines)
        ]
        squares = np.square(y[valid] - np.stack(answers, axis=1)).mean()
        assert found.valid[number] == pytest.approx(squares, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.full((300, 2), 7.0), Y),
        (np.full((300, 4), [1e4 + 1 / 3, 0.1, 7.7, 1e-3]), Y),
        (RANDOM.integers(0, 255, (300, 8, 8), dtype=np.uint8), Y),
        (RANDOM.normal(size=(300, 4, 4, 3)), Y),
        (X, RANDOM.normal(size=(300, 4, 4))),
    ],
    ids=["constant", "rounded", "pixels", "images", "maps"],
)
def test_where_there_is_none_nothing_is_told(x, y):
    data = kohort.Dataset(x, y)
    for weights in (None, RANDOM.uniform(1, 2, 300)):
        assert straight_line("mse", data, PARTS, weights) is None


def test_samples_without_weight_give_no_line():
    assert straight_line("mse", kohort.Dataset(X, Y), PARTS, np.zeros(300)) is None


def test_validation_samples_have_no_say_in_which_input_it_is():
    noise = np.random.default_rng(1).normal(size=(300, 500))
    targets = np.random.default_rng(2).normal(size=(300, 1))
    found = straight_line("mse", kohort.Dataset(noise, targets), PARTS)
    assert found.name == "straight lines, each of one column"  # a part may choose another one
    # Chosen with them, the best of 500 inputs that tell nothing looks better than the mean.
    assert (found.valid > [targets[valid].var() for _, valid in PARTS]).all()
    for number, (_, valid) in enumerate(PARTS):
        other = targets.copy()
        other[valid] = 9 * other[valid][::-1]
        changed = straight_line("mse", kohort.Dataset(noise, other), PARTS[number : number + 1])
        assert changed.train[0] == pytest.approx(found.train[number], rel=1e-6)


def test_the_input_is_chosen_by_some_of_very_many_numbers(monkeypatch):
    data = kohort.Dataset(X, Y[:, None])
    whole = straight_line("mse", data, PARTS)
    monkeypatch.setattr(straight_lines, "_TO_CHOOSE", 300)
    assert straight_line("mse", data, PARTS).name == whole.name
    assert straight_line("mse", data, PARTS).valid == pytest.approx(whole.valid)
