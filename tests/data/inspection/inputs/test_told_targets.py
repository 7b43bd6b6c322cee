"""Inputs that tell one of the several numbers of targets."""

import numpy as np
import pytest

import kohort
from kohort.data.inspection.inputs.told_targets import told_of_targets
from kohort.findings.checks import giveaway
from kohort.findings.rules.leaks.single_inputs import judged

STEPS, HORIZON = 24, 6


def told(x, y):
    return told_of_targets(kohort.Dataset(x, y), None, np.arange(len(x)))


def verdict_of(x, y):
    return judged(giveaway.RULE, told(x, y), 0.95)


def forecasts(series, *, overlap, steps=STEPS):
    """Windows of a series, and the next values, of which so many are in the window by mistake."""
    starts = np.arange(len(series) - steps - HORIZON)
    x = series[starts[:, None] + np.arange(steps)]
    y = series[starts[:, None] + steps - overlap + np.arange(HORIZON)]
    return x[..., None].astype("float32"), y.astype("float32")


def series(kind, count=700):
    random = np.random.default_rng(0)
    noise = random.normal(size=count)
    if kind == "walk":
        return noise.cumsum()
    if kind == "season":
        return np.sin(2 * np.pi * np.arange(count) / 24) * (1 + 0.05 * noise)
    return noise


@pytest.mark.parametrize("kind", ["noise", "walk", "season"])
@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_a_horizon_that_begins_in_its_window_is_found_and_no_other(kind, overlap):
    found = verdict_of(*forecasts(series(kind), overlap=overlap))
    assert found.verdict == ("found" if overlap else "not found"), found.sentence
    if overlap == 1:
        assert found.sentence.startswith(
            "By itself the last step gives number 1 of 6 of a target away: "
        )
        assert "The same" not in found.sentence
    if overlap == 3:
        assert all(f"number {number}" in found.sentence for number in (1, 2, 3))
        assert "number 4" not in found.sentence


def test_a_horizon_of_several_series_is_asked_one_by_one():
    x, y = forecasts(series("walk"), overlap=0)
    other = np.random.default_rng(1).normal(size=(len(y), HORIZON, 1)).astype("float32")
    y = np.concatenate([y[..., None], other], axis=2)
    assert verdict_of(x, y).verdict == "not found"
    x = np.concatenate([x, np.repeat(other[:, 2:3], STEPS, axis=1)], axis=2)
    found = verdict_of(x, y).sentence
    assert found.startswith(
        "By itself the last step of input 2 of 2, step 23 of 24 of input 2 of 2,"
    )
    assert "give number 6 of 12 of a target away" in found


def test_of_a_table_each_number_of_a_target_may_be_a_column():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(300, 5)), random.normal(size=(300, 2))
    assert [of_one.number for of_one in told(x, y)] in ([0, 1], [1, 0])
    assert verdict_of(x, y).verdict == "not found"
    x[:, 4] = np.exp(y[:, 1])
    found = verdict_of(x, y)
    assert found.verdict == "found"
    assert "gives number 2 of 2 of a target away" in found.sentence


def test_of_many_numbers_those_are_asked_that_an_input_is_nearest_to():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(400, 3)), random.normal(size=(400, 50))
    y[:, 33] = -(x[:, 1] ** 3)
    assert told(x, y)[0].number == 33
    assert len(told(x, y)) == 4
    wide = random.normal(size=(40, 5000))
    assert [of_one.number for of_one in told(np.column_stack([wide, y[:40, 7:8]]), y[:40])] == [7]
    assert told(x, np.ones((400, 2))) == ()


def test_targets_that_are_the_inputs_on_purpose_are_not_asked():
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 3))
    assert told(x, x) == ()
    windows = random.normal(size=(40, 12, 2))
    assert told(windows, windows) == ()
    assert told(windows, windows[:, :, 0]) == ()
    assert told(random.normal(size=(40, 8, 8, 1)), x) == ()


def test_labels_of_windows_are_no_numbers_of_a_series():
    random = np.random.default_rng(0)
    windows = random.normal(size=(200, 12, 2)).astype("float32")
    assert told(windows, random.integers(0, 2, (200, 3)).astype("float32")) == ()
