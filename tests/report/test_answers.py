"""The answer in a few sentences: of variants that are one model, and of scores that mislead."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.data.inspection.learned import LearnedLayer
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer, score_table, warnings, what_axes_do
from kohort.report.study_page.interval_plot import standings
from kohort.report.study_page.opening import headline, what_helped, what_next
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy, race_record

SCORES = np.array([[0.70, 0.72, 0.69], [0.75, 0.71, 0.74], [0.80, 0.82, 0.79]])


def told(*rows):
    scores = SCORES[list(rows)]
    return answer(Conclusions(record_of(grid_of(units=list(range(len(rows)))), scores)))


def test_variants_of_the_same_losses_are_told_to_seem_equal():
    twins = "have the same losses in every epoch"
    assert f"v0 and v2 {twins}: they seem to be equal." in told(0, 1, 0)
    assert f"v0 and v1 {twins} (as have 1 other group): they" in told(0, 0, 1, 2, 2)
    assert twins not in told(0, 1, 2)


def test_the_opening_tells_of_variants_that_seem_equal_too():
    for rows in ((0, 1, 0), (0, 0)):
        arguments = grid_of(units=list(range(len(rows))))
        opened = headline(Conclusions(record_of(arguments, SCORES[list(rows)])))
        assert "have the same losses in every epoch: they seem to be equal." in opened


def leaking(**overlap):
    """A study of two variants, with other facts about copies and groups."""
    record = record_of(grid_of(units=[1, 2]), SCORES[1:])
    return replace(record, overlap=replace(record.overlap, **overlap))


def test_a_leak_that_is_found_is_told_after_the_winner():
    learned = LearnedLayer("v0", "norm", "Normalization", False, 20, 0, 20, 0, 1.0, 0.0)
    conclusions = Conclusions(replace(leaking(test=50, test_exact=50), learned=(learned,)))
    text = answer(conclusions)
    assert text.startswith("v1 does best on validation data: accuracy 80.3 %")
    assert text.count("Copies of training samples (KH201): The data leak: 50 of 100 test") == 1
    assert text.count("Preprocessing saw validation (KH206): The preprocessing of v0 learned") == 1
    assert "KH2" not in answer(Conclusions(leaking()))
    # A page's opening has these already.
    assert "KH2" not in answer(conclusions, warns=False)
    assert all(told in text for told in warnings(conclusions, conclusions.findings))


def test_a_column_that_may_number_groups_is_told():
    told = "By its values, patient may number groups (KH201): if so, give `groups`"
    assert told in answer(Conclusions(leaking(has_groups=False, group_columns="patient")))
    assert "may number" not in answer(Conclusions(leaking(has_groups=True, group_columns="a")))
    assert "may number" not in answer(Conclusions(leaking(has_groups=False)))
    # With copies that are found the same is advised once.
    both = leaking(has_groups=False, group_columns="patient", test=50, test_exact=50)
    assert "may number" not in answer(Conclusions(both))


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


def test_only_variants_of_the_same_replicates_are_level():
    # v0 left as worse, by one point, with the mean of v1: but of the first four replicates.
    scores = np.full((3, 8), np.nan)
    scores[1] = np.repeat([0.82, 0.8], 4) + np.tile([0.01, -0.01, 0.02, -0.02], 2)
    scores[0, :4] = scores[1, :4] - 0.01 + 0.0005 * np.array([1, -1, 1, -1])
    scores[2] = scores[1] + 0.01 * np.array([1, -1, -1, -0.5, 1, 0.5, 1, -1])
    conclusions = Conclusions(race_record(scores, (4, 8)))
    assert conclusions.race.looks[0].verdicts == {0: "worse", 2: "open"}
    assert np.ptp(conclusions.mean_errors) < 1e-9
    for text in (answer(conclusions), headline(conclusions)):
        assert text.startswith("v1 does best on validation data, level with v2: accuracy 81.0 % (")


LOST = " among the variants that lost no replicate"
NOT_CHOSEN = (
    "scored better where training came to its end, and was not chosen since it diverged, or has "
    "no score, in some replicates"
)


def with_a_loss(number, *means, spread=0.004, sizes=None, wave=0.0):
    """A study of three, of which one lost a replicate; a wave parts the last two."""
    scores = noisy(*means, spread=spread)
    scores[number] += wave * np.resize([1, -1], 8)
    scores[number, 3] = np.nan
    return Conclusions(record_of(grid_of(units=[1, 2, 3]), scores, sizes=sizes))


UNDECIDED = {"number": 1, "means": (0.6, 0.93, 0.8), "wave": 0.25}


def lost(number, means, **others):
    return with_a_loss(number, *means, **others)


@pytest.mark.parametrize(
    ("conclusions", "name", "verdict"),
    [
        (lost(**UNDECIDED), "v1", "cannot tell"),
        (lost(0, (0.95, 0.7, 0.9)), "v0", "better"),
        (lost(1, (0.7, 0.95, 0.9)), "v1", "better"),
    ],
)
def test_a_better_one_that_lost_a_replicate_is_told_and_so_who_may_be_best(
    conclusions, name, verdict
):
    assert conclusions.winner_name == "v2"
    assert [(c.a, c.b) for c in conclusions.passed_over] == [(name, "v2")]
    open_ = verdict == "cannot tell"
    told = f"{name} {NOT_CHOSEN}" + "; these replicates do not decide between it and v2" * open_
    for text in (answer(conclusions), headline(conclusions)):
        assert text.startswith(f"v2 does best on validation data{LOST}: accuracy ")
        assert text.count(f" {told}.") == 1
        assert "cannot tell it from" not in text
    assert standings(conclusions)[name] == verdict
    assert what_next(conclusions).startswith(
        f"Lower the learning rate of {name}, or clip gradients (KH105): it diverged in some "
        "replicates, and scored better than v2 in others."
    )


def test_one_that_lost_a_replicate_and_is_no_better_changes_no_words():
    conclusions = lost(1, (0.7, 0.8, 0.9))
    assert conclusions.passed_over == []
    for text in (answer(conclusions), headline(conclusions)):
        assert text.startswith("v2 does best on validation data: accuracy ")
        assert "not chosen" not in text
    assert "learning rate" not in what_next(conclusions)


def test_where_all_lost_replicates_none_is_passed_over():
    scores = noisy(0.6, 0.9, 0.9)
    scores[0, 0] = scores[1, 1] = scores[2, 2] = np.nan
    scores[1, 3:] -= 0.01
    scores[1, 2] = 0.99
    conclusions = Conclusions(record_of(grid_of(units=[1, 2, 3]), scores))
    assert conclusions.passed_over == []
    assert LOST not in answer(conclusions)


def test_a_race_is_not_told_as_decided_of_a_better_one_that_diverged():
    scores = noisy(0.6, 0.95, 0.9)
    scores[1, 1] = np.nan
    scores[:2, 4:] = np.nan
    record = race_record(scores, (4, 8))
    trained = np.isfinite(scores).astype(int)
    trained[1, 1] = 1
    whole = replace(record.whole, lengths=trained)
    conclusions = Conclusions(replace(record, curves={1.0: whole}))
    text = answer(conclusions)
    assert text.startswith(f"v2 does best on validation data{LOST}: ")
    assert f"v1 {NOT_CHOSEN}; these replicates do not decide between it and v2." in text
    assert (
        "The race was decided at look 1 of 2, after 4 replicates, but for v1, which left since "
        "training diverged." in text
    )


def test_it_is_shown_that_one_that_lost_a_replicate_is_better_than_the_baseline():
    scores = noisy(0.8, 0.95, 0.81)
    scores[1, 3] = np.nan
    scores[2] = scores[0] + 0.01 + 0.05 * np.resize([1, -1], 8)
    conclusions = Conclusions(record_of(({}, {}, {}), scores))
    assert conclusions.winner_name == "v2"
    assert what_helped(conclusions).startswith("v1 +14.4 points (")


def test_a_larger_one_that_scored_better_is_not_told_as_no_better():
    for of, more in (
        (UNDECIDED, "; that is not decided"),
        ({"number": 1, "means": (0.7, 0.95, 0.9)}, ""),
    ):
        steps = {step.step: step for step in lost(**of, sizes=[10, 30, 20]).next_steps}
        assert steps["a bigger model"].verdict == "cannot tell"
        assert steps["a bigger model"].sentence == (
            "The larger v1 scored better than v2 where they trained to the end, and diverged "
            f"elsewhere{more}."
        )


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
