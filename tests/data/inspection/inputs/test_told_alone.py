"""Inputs that tell the target by themselves: columns of tables, places of windows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import kohort
from kohort.data.inspection.inputs.told_alone import EXPLAINED, told_alone
from kohort.data.inspection.inputs.told_targets import told_of_targets
from kohort.data.labels import class_labels
from kohort.findings.checks import giveaway
from kohort.findings.rules.leaks.single_inputs import judged


def facts_of(x, y, together=None):
    data = kohort.Dataset(x, y)
    together = np.arange(len(x)) if together is None else together
    return told_alone(data, class_labels(data), together)


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    return random.normal(size=(600, 4)), random.integers(0, 3, 600)


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
    return told_alone(data, class_labels(data), np.arange(len(frame)))


def test_a_column_of_categories_tells_the_class_as_a_whole(codes):
    facts = of_frame(codes.drop(columns="z"), "y")
    assert facts.names == ("code", "x")
    assert facts.right.sum(axis=1)[0] == 600
    assert facts.right.sum(axis=1)[1] < 0.45 * 600


def test_a_column_of_categories_tells_a_number_as_a_whole(codes):
    codes["z"] += np.random.default_rng(1).normal(0, 0.05, 600)
    facts = of_frame(codes.drop(columns="y")[:90], "z")
    assert facts.names == ("code", "x")
    # So few rows have four bins of numbers, but a bin for each category.
    assert facts.explained[0] > 0.98
    assert facts.explained[1] < 0.2


def test_a_missing_category_tells_the_class_as_others_do(codes):
    codes.loc[codes.code == "c", "code"] = None
    facts = of_frame(codes.drop(columns="z"), "y")
    assert facts.names == ("code", "x")
    assert facts.right.sum(axis=1)[0] == 600


def windows(series, steps=12, ahead=0):
    """Windows of a series, and the value so many steps after the last of each."""
    starts = np.arange(len(series) - steps - ahead)
    x = series[starts[:, None] + np.arange(steps)]
    return x[..., None].astype("float32"), series[starts + steps - 1 + ahead].astype("float32")


def verdict_of(x, y):
    data = kohort.Dataset(x, y)
    told = told_of_targets(data, class_labels(data), np.arange(len(x)))
    return judged(giveaway.RULE, told, 0.95)


@pytest.mark.parametrize("smooth", [0.5, 0.99])
@pytest.mark.parametrize("in_order", [True, False])
def test_windows_that_hold_their_own_target_give_it_away(smooth, in_order):
    random, series = np.random.default_rng(0), np.zeros(800)
    for step, noise in enumerate(random.normal(size=799)):
        series[step + 1] = smooth * series[step] + noise
    for ahead, expected in ((0, "found"), (1, "not found")):
        x, y = windows(series, ahead=ahead)
        order = np.arange(len(x)) if in_order else random.permutation(len(x))
        found = verdict_of(x[order], y[order])
        assert found.verdict == expected
    assert verdict_of(x, x[:, 3, 0]).sentence.startswith("By itself step 4 of 12 gives the target")


def test_the_next_value_of_a_smooth_series_is_told_by_the_last_and_that_gives_nothing_away():
    series = np.random.default_rng(0).normal(size=3000).cumsum().cumsum()
    found = verdict_of(*windows(series, ahead=1))
    assert found.evidence["variance explained by the best one"] > EXPLAINED
    assert found.verdict == "not found"
    assert found.sentence.endswith(
        "of the target's variance, about as much as steps tell of each other."
    )


@pytest.mark.parametrize("in_order", [True, False])
def test_a_season_as_long_as_the_windows_gives_nothing_away(in_order):
    """A day ago tells most of the hour after the last one; so it is known before."""
    random = np.random.default_rng(0)
    day = np.maximum(0, np.sin(np.arange(24) / 24 * 2 * np.pi))
    x, y = windows(np.tile(day, 40) * (1 + 0.05 * random.normal(size=960)), steps=24, ahead=1)
    order = np.arange(len(x)) if in_order else random.permutation(len(x))
    found = verdict_of(x[order], y[order])
    assert found.evidence["variance explained by the best one"] > EXPLAINED
    assert found.verdict == "not found"


def test_the_lag_of_a_class_that_lasts_is_known_before():
    random = np.random.default_rng(0)
    state = (random.random(2000) < 0.02).cumsum() % 2
    noise = random.normal(size=1999)
    lags = verdict_of(np.column_stack([state[:-1], noise]), state[1:])
    assert lags.verdict == "inconclusive"
    assert lags.sentence.endswith(
        "earlier row, if rows are in order of time; else it gives the class away."
    )
    # Of a reading of the state before, and of rows in no order, nothing is known.
    x, shuffled = np.column_stack([2.5 * state[:-1] + 1, noise]), random.permutation(1999)
    near = verdict_of(x, state[1:])
    assert near.verdict == "inconclusive"
    assert "So about does the class of the row before" in near.sentence
    assert verdict_of(x[shuffled], state[1:][shuffled]).verdict == "found"
    x, y = windows(state, ahead=1)
    seen = verdict_of(x, y.astype(int))
    # Of windows in which nothing changes nobody knows that they are in order.
    assert seen.verdict == "inconclusive"
    assert "It holds the class of an earlier row, if rows are in order" in seen.sentence
    walk = random.normal(size=2000).cumsum()
    x, y = windows(walk, ahead=1)
    left_open = verdict_of(x, (y > np.median(y)).astype(int))
    assert left_open.verdict == "inconclusive"
    assert left_open.sentence.endswith("So may a series that keeps its class tell of itself.")


def test_an_input_of_all_steps_that_holds_the_target_gives_it_away():
    x, y = windows(np.random.default_rng(0).normal(size=600).cumsum(), ahead=1)
    always = np.repeat(y[:, None, None], 12, axis=1)
    found = verdict_of(np.concatenate([x, always], axis=2), y)
    assert found.verdict == "found"
    assert "the last step of input 2 of 2" in found.sentence
    classes = (y > np.median(y)).astype(int)
    found = verdict_of(np.concatenate([x, always > np.median(y)], axis=2), classes)
    assert found.verdict == "found"
    assert verdict_of(np.random.default_rng(1).normal(size=(len(y), 5, 2)), classes).verdict == (
        "not found"
    )


def test_of_long_windows_the_last_places_are_asked():
    x = np.random.default_rng(0).normal(size=(40, 300, 3)).astype("float32")
    told = told_alone(kohort.Dataset(x, x[:, -1, 2]), None, np.arange(40), 2**20)
    assert (told.count, told.names[0]) == (512, "the last step of input 3 of 3")
    assert told.ranked[0] == pytest.approx(1)
    assert len(told.names) == 64
    # Those that seem to tell most are asked, wherever they are.
    far = told_alone(kohort.Dataset(x, x[:, 150, 0] ** 3), None, np.arange(40), 2**20)
    assert far.names[int(far.ranked.argmax())] == "step 151 of 300 of input 1 of 3"
    classes = (x[:, 140, 1] > 0).astype(int)
    data = kohort.Dataset(x, classes)
    right = told_alone(data, class_labels(data), np.arange(40), 2**20)
    assert right.names[int(right.right.sum(axis=1).argmax())] == "step 141 of 300 of input 2 of 3"
    first = told.first(2)
    assert first.names[0] == told.names[0]
    assert (first.count, first.before.shape, first.explained.shape) == (512, (2, 2), (2,))
