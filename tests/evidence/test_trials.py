"""The record of a search counts, ranks and names what its trials were."""

import math

from kohort.evidence.trials import SearchRecord, Trial


def record(*trials, higher_is_better=True):
    return SearchRecord("s", "accuracy", higher_is_better, (1, 3, 9), 3, "tpe", trials, (1,), 6.0)


CLIMBED = Trial(0, {"units": 8}, 0, 0, "finished", {1: 0.9, 3: 0.5, 9: 0.6}, 0.4, 9, 100, 3.0)
LEFT = Trial(1, {"units": 4}, 0, 0, "left", {1: 0.95}, 0.1, 1, 50, 1.0)
DIVERGED = Trial(2, {"units": 2}, 0, 1, "diverged", {3: math.nan}, math.inf, 3, 20, 1.0)
FAILED = Trial(3, {"reason": "x", "epochs": 5}, 0, 0, "failed", reason="no room")


def test_trials_that_failed_would_have_trained_nothing():
    found = record(CLIMBED, LEFT, DIVERGED, FAILED)
    assert (found.member_epochs, found.whole_epochs) == (13, 27)


def test_the_higher_a_trial_climbed_the_better_it_ranks_and_its_last_score_counts():
    found = record(LEFT, DIVERGED, FAILED, CLIMBED)
    assert [trial.number for trial in found.ranked()] == [0, 1]
    assert CLIMBED.score == 0.6
    assert math.isnan(FAILED.score)


def test_arguments_that_are_called_as_columns_have_columns_of_their_own():
    row = record(CLIMBED, LEFT, DIVERGED, FAILED).frame().loc[3]
    assert (row["argument reason"], row["reason"]) == ("x", "no room")
    assert (row["argument epochs"], row["epochs"]) == (5, 0)
    assert row["state"] == "failed"


def test_an_argument_stays_what_it_is_where_some_trials_lack_it_or_have_none():
    given = [{"n": 1, "clip": None, "units": [4]}, {"clip": 0.5}, {"n": 2, "clip": 1.0}, {}]
    trials = [Trial(n, of, 0, 0, "left") for n, of in enumerate(given)]
    frame = record(*trials).frame()
    assert [str(value) for value in frame["n"]] == ["1", "<NA>", "2", "<NA>"]
    assert [str(value) for value in frame["clip"]] == ["None", "0.5", "1.0", "nan"]
    assert frame["units"][0] == [4]
    assert list(frame.columns[:4]) == ["n", "clip", "units", "bracket"]
