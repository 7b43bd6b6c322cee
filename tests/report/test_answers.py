"""The answer in a few sentences: what it says of variants that are one model by two names."""

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer, score_table, what_axes_do
from tests.findings.factorial.records import grid_of, record_of

SCORES = np.array([[0.70, 0.72, 0.69], [0.75, 0.71, 0.74], [0.80, 0.82, 0.79]])


def told(*rows):
    scores = SCORES[list(rows)]
    return answer(Conclusions(record_of(grid_of(units=list(range(len(rows)))), scores)))


def test_variants_of_the_same_losses_are_told_to_seem_equal():
    twins = "have the same losses in every epoch"
    assert f"v0 and v2 {twins}: they seem to be equal." in told(0, 1, 0)
    assert f"v0 and v1 {twins} (as have 1 other group): they" in told(0, 0, 1, 2, 2)
    assert twins not in told(0, 1, 2)


def test_variants_of_the_winners_mean_are_said_to_be_level_with_it():
    scores = [[0.5, 0.6, 0.5], [0.75, 0.875, 0.75], [0.875, 0.75, 0.75]]
    text = answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), scores)))
    assert text.startswith("v1 does best on validation data, level with v2: accuracy 79.2 %")
    rounded = [scores[0], scores[1], [0.875, 0.75 - 6e-8, 0.75]]
    assert answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), rounded))).startswith(
        "v1 does best on validation data, level with v2: "
    )
    same = answer(Conclusions(record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.5 + 6e-8, 0.6]])))
    assert same.startswith("All variants score the same in every replicate")
    apart = answer(Conclusions(record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.75, 0.8]])))
    assert "level" not in apart


def test_a_score_that_is_zero_everywhere_is_not_told_as_certain():
    nothing = Conclusions(record_of(grid_of(units=[1, 2]), np.zeros((2, 4))))
    assert answer(nothing).startswith(
        "All variants score the same in every replicate: accuracy 0.0 % (no interval)."
    )
    assert score_table(nothing)[["low", "high"]].isna().all(axis=None)
    grid = Conclusions(record_of(grid_of(units=[1, 2], layers=[1, 2]), np.zeros((4, 4))))
    assert what_axes_do(grid)[2].endswith(
        "accuracy moves by 0.0 points along units and by 0.0 points along layers."
    )
