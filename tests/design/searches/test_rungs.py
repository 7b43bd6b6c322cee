import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort import DesignError
from kohort.design.searches.rungs import (
    BRACKETS,
    Schedule,
    best_first,
    generations,
    ladder,
    left_out,
)

SIZES = st.integers(2, 2000)


def test_rungs_are_those_of_the_papers():
    assert ladder(27, 128, 3, learns=False).epochs == (1, 3, 9, 27)
    assert ladder(81, 81, 3, learns=False).epochs == (1, 3, 9, 27, 81)
    # Hyperband (Li et al. 2018), table 1, of R = 81 and eta = 3: so many begin, rounded up.
    paper = [81, 34, 15, 8]
    begun = ladder(81, 1000, 3, brackets=4, learns=False).begin_with(sum(paper))
    assert begun == pytest.approx(paper, abs=2)


@given(st.integers(1, 300), SIZES, st.integers(2, 5), st.booleans())
def test_all_trials_begin_and_one_of_each_part_climbs_all_rungs(epochs, trials, reduction, learns):
    climbs = ladder(epochs, trials, reduction, learns=learns)
    assert climbs.epochs[-1] == epochs
    assert list(climbs.epochs) == sorted(set(climbs.epochs))
    parts = generations(trials, climbs, learns=learns)
    assert sum(parts) == trials
    assert max(parts) - min(parts) <= 1
    for part in set(parts):
        begun = climbs.begin_with(part)
        assert sum(begun) == part
        assert all(count >= 0 for count in begun)
    if len(parts) == 1 and trials <= 256:
        assert trials >= reduction ** (len(climbs.epochs) - 1)


def test_what_learns_is_drawn_in_parts_and_what_does_not_at_once():
    climbs = ladder(27, 128, 3, learns=True)
    assert generations(128, climbs, learns=True) == [32, 32, 32, 32]
    assert generations(128, climbs, learns=False) == [128]
    assert generations(1000, climbs, learns=False) == [250] * 4


def test_a_bracket_keeps_one_of_so_many():
    climbs = ladder(27, 128, 3, learns=True)
    assert [climbs.kept(count) for count in (27, 28, 9, 3, 2, 1, 0)] == [9, 9, 3, 1, 1, 1, 0]


def test_no_bracket_begins_with_the_last_rung():
    assert ladder(27, 100, 3, brackets=3, learns=False).brackets == 3
    assert ladder(3, 100, 3, learns=False).brackets == 1
    assert ladder(27, 100, 3, learns=False).brackets == BRACKETS
    assert ladder(1, 100, 3, learns=False).brackets == 1


@pytest.mark.parametrize(
    ("epochs", "trials", "brackets", "told"),
    [
        (27, 4, 9, "at most 1 bracket where 4 trials of 27 epochs climb 2 rungs, got 9; give"),
        (27, 100, 4, "at most 3 brackets where 100 trials of 27 epochs climb 4 rungs, got 4"),
        (3, 100, 5, "at most 1 bracket where 100 trials of 3 epochs climb 2 rungs, got 5"),
    ],
)
def test_more_brackets_than_the_rungs_allow_are_refused(epochs, trials, brackets, told):
    with pytest.raises(DesignError) as caught:
        ladder(epochs, trials, 3, brackets=brackets, learns=False)
    assert told in str(caught.value)


def test_rungs_that_few_trials_leave_out_are_told():
    few = ladder(27, 2, 3, learns=True)
    assert few.epochs == (27,)
    assert left_out(few, 2, learns=True) == (
        "2 trials climb one rung (after 27 of 27 epochs), where 108 would climb 4: "
        "fewer rungs end fewer trials early"
    )
    assert "climb 3 rungs (after 3, 9, 27 of 27 epochs), where 27 would climb 4" in left_out(
        ladder(27, 26, 3, learns=False), 26, learns=False
    )


@given(st.integers(1, 300), SIZES, st.integers(2, 5), st.booleans())
def test_as_many_trials_as_are_told_climb_all_rungs(epochs, trials, reduction, learns):
    told = left_out(ladder(epochs, trials, reduction, learns=learns), trials, learns=learns)
    if not told:
        return
    enough, most = map(int, re.findall(r"where (\d+) would climb (\d+)", told)[0])
    assert enough > trials
    for more, climbs_all in ((enough, True), (enough - 1, False)):
        rungs = ladder(epochs, more, reduction, learns=learns)
        assert (len(rungs.epochs) == most) == climbs_all
        assert (left_out(rungs, more, learns=learns) == "") == climbs_all


def test_rungs_beyond_the_epochs_are_refused():
    with pytest.raises(DesignError, match="at most 3 rungs in 9 epochs, with a reduction of 3"):
        ladder(9, 100, 3, rungs=4, learns=False)
    with pytest.raises(DesignError, match="at most 1 rung in 1 epoch, with a reduction of 3"):
        ladder(1, 100, 3, rungs=2, learns=False)


def test_trials_fewer_than_a_bracket_needs_are_refused():
    with pytest.raises(DesignError, match="27 trials or more, so that one of them climbs 4 rungs"):
        ladder(27, 26, 3, rungs=4, learns=False)
    assert ladder(27, 27, 3, rungs=4, learns=False).epochs == (1, 3, 9, 27)


def test_of_equal_scores_the_lower_loss_comes_first():
    assert best_first([0.9, 0.9, 0.95], [2.0, 1.0, 9.0], higher_is_better=True) == [2, 1, 0]
    assert best_first([0.9, 0.9], [1.0, 1.0], higher_is_better=False) == [0, 1]


@given(st.lists(st.floats(allow_infinity=False)), st.booleans())
def test_the_best_come_first_and_nan_last(scores, higher):
    order = best_first(scores, [0.0] * len(scores), higher_is_better=higher)
    assert sorted(order) == list(range(len(scores)))
    ranked = [scores[place] for place in order]
    numbers = [score for score in ranked if not math.isnan(score)]
    assert all(math.isnan(score) for score in ranked[len(numbers) :])
    assert numbers == sorted(numbers, reverse=higher)


def test_more_epochs_move_the_last_rung_or_add_others_above_it():
    climbs = ladder(27, 128, 3, learns=True)
    grown = {epochs: climbs.grown(epochs, adds_rungs=True) for epochs in (30, 81, 100, 300)}
    assert {epochs: later.epochs for epochs, later in grown.items()} == {
        30: (1, 3, 9, 30),
        81: (1, 3, 9, 27, 81),
        100: (1, 3, 9, 27, 100),
        300: (1, 3, 9, 27, 81, 300),
    }
    assert climbs.grown(300, adds_rungs=False).epochs == (1, 3, 9, 300)
    assert grown[81].grown(82, adds_rungs=True).epochs == (1, 3, 9, 27, 82)
    for later in grown.values():
        assert later.begin_with(32) == climbs.begin_with(32)
        assert later.begun == climbs.epochs


@given(SIZES, st.integers(0, 500), st.integers(1, 100), st.integers(0, 300), st.booleans())
def test_what_grows_keeps_what_was_drawn_and_decided(trials, more, epochs, longer, learns):
    climbs = ladder(epochs, trials, 3, learns=learns)
    before = Schedule(climbs, tuple(generations(trials, climbs, learns=learns)))
    size = trials + more, epochs + longer
    now = before.grown(*size, learns=learns, adds_rungs=True)
    assert now.parts[: len(before.parts)] == before.parts
    assert sum(now.parts) == trials + more
    assert now.ladder.epochs[: len(climbs.epochs) - 1] == climbs.epochs[:-1]
    assert now.ladder.epochs[-1] == epochs + longer
    assert list(now.ladder.epochs) == sorted(set(now.ladder.epochs))
    assert now.grown(*size, learns=learns, adds_rungs=True) == now


def test_rungs_are_rounded_to_the_nearest_epoch():
    assert ladder(20, 81, 3, learns=False).epochs == (2, 7, 20)
    assert ladder(10, 81, 4, learns=False).epochs == (3, 10)  # 2.5 to the larger


def test_trials_that_do_not_divide_begin_where_they_cost_least():
    climbs = ladder(27, 100, 3, brackets=2, learns=False)
    assert climbs.begin_with(10) == [7, 3]
    assert climbs.begin_with(1) == [1, 0]
