"""What is said of a race, by hand-made looks."""

import numpy as np
import pytest

from kohort.findings.race import Look, RaceState, Standing
from kohort.report.race.race_words import how_it_ended, how_it_left, look_text
from tests.findings.curve_builders import study_of

STUDY = study_of(np.full((7, 12), 0.5), names="abcdefg", kind="splits")
NAN = float("nan")


def look(replicates, leader, **verdicts):
    """A look, with the verdicts by the variants' letters."""
    standings = {"abcdefg".index(name): Standing(v, 0.01, NAN) for name, v in verdicts.items()}
    return Look(replicates, leader, standings, 0.01, 0.01)


def state(*looks, ends=None, sizes=(4, 8, 12)):
    return RaceState(tuple(looks), (), ends, sizes)


FIRST = look(4, 0, b="worse", c="worse", d="worse", e="worse", f="equivalent", g="open")
OTHER = look(8, 6, a="diverged")


def test_a_look_says_who_left_and_how_and_names_few():
    race = state(FIRST, OTHER, ends="decided")
    assert look_text(STUDY, race, 0) == (
        "Look 1 of 3, after 4 replicates: a leads; b, c, d and e left as worse; f left as "
        "equally good within 1 point; g stayed open."
    )
    assert look_text(STUDY, race, 1) == (
        "Look 2 of 3, after 8 replicates: g leads; a left, since training diverged."
    )


def test_the_end_says_whether_it_is_decided_and_what_would_decide():
    assert how_it_ended(STUDY, state(FIRST, OTHER, ends="decided")) == (
        "The race was decided at look 2 of 3, after 8 replicates, but for a, which left since "
        "training diverged."
    )
    assert how_it_ended(STUDY, state(look(4, 0, b="worse"), ends="decided")) == (
        "The race was decided at look 1 of 3, after 4 replicates."
    )
    still = look(12, 0, b="open", c="worse")
    last = how_it_ended(STUDY, state(FIRST, OTHER, still, ends="last look"))
    assert last.endswith("look 3 of 3, after 12 replicates: b stayed open.")
    given_up = state(FIRST, look(8, 0, g="undecidable"), ends="undecidable")
    never = how_it_ended(STUDY, given_up)
    assert never.startswith(
        "The race ended undecided at look 2 of 3, after 8 replicates. At the difference and spread "
        "seen in 8 replicates, no number of splits of these data is likely to tell g from"
    )
    assert look_text(STUDY, given_up, 1).endswith(
        "a leads; g left, since no number of splits is likely to decide."
    )
    assert "more data, steadier training or a wider margin may" in never
    few = look(8, 0, g="unlikely")
    hardly = how_it_ended(STUDY, state(FIRST, few, ends="unlikely"))
    assert "last look" not in hardly
    assert hardly.endswith(
        "in 8 replicates, 12 replicates would hardly tell g from the leader; more may."
    )
    assert look_text(STUDY, state(FIRST, few), 1).endswith(
        "a leads; g left, since 12 replicates would hardly decide."
    )
    both = how_it_ended(STUDY, state(look(4, 0, f="unlikely", g="undecidable"), ends="undecidable"))
    assert "to tell g from the leader, since" in both
    assert both.endswith(
        "in 4 replicates, 12 replicates would hardly tell f from the leader; more may."
    )
    gone = state(look(4, None, a="diverged", b="diverged"), ends="diverged")
    assert "since every variant diverged" in how_it_ended(STUDY, gone)
    assert "all diverged; a and b left" in look_text(STUDY, gone, 0)


@pytest.mark.parametrize("ends", ["last look", "decided", "undecidable"])
def test_whoever_was_given_up_is_named_however_the_race_ended(ends):
    looks = look(4, 0, b="undecidable", c="unlikely", d="open"), look(8, 0, d="undecidable")
    text = how_it_ended(STUDY, state(*looks, look(12, 0, e="open"), ends=ends))
    assert (
        "At the difference and spread seen in 4 or 8 replicates, no number of splits of these data "
        "is likely to tell b and d from the leader"
    ) in text
    assert "in 4 replicates, 12 replicates would hardly tell c from the leader; more may." in text
    assert ("e stayed open. At" in text) == (ends == "last look")


def test_a_race_that_was_ended_before_its_first_look_says_so():
    assert how_it_ended(STUDY, state()) == "The race has not come to its first look."
    assert how_it_left(state(), 0) == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [("g", ""), ("a", "diverged, look 2"), ("b", "worse, look 1"), ("f", "equivalent, look 1")],
)
def test_who_left_is_told_by_its_last_look(name, told):
    assert how_it_left(state(FIRST, OTHER, ends="decided"), "abcdefg".index(name)) == told
