"""What is told of raw and clean data, of every outcome."""

import numpy as np
import pytest

from kohort.findings.cleaned.turning import turning
from kohort.findings.statistics.scale import POINTS
from kohort.report.cleaned.turn_words import turn_rows, turn_sentences
from tests.findings.cleaned.test_turning import OTHER, conclusions, found

ALIKE = (
    "No verdict turns where the data are cleaned: of 1 comparison 1 is decided on both, and alike."
)
NOTHING = "no difference of practical interest"
BOTH = (
    f"v1 against v0: on the raw data v1 is better, on the clean ones {NOTHING}. Both may hold of "
    "one difference, so this is no turn."
)
TOLD = {
    "turns": (
        ((0.80, 0.85), (0.85, 0.80)),
        ["A verdict turns where the data are cleaned, of 1 comparison.",
         "v1 is the winner on the raw data, v0 on the clean ones.",
         "v1 against v0: on the raw data v1 is better, on the clean ones v0 is better."],
    ),
    "the same": (((0.80, 0.85), (0.80, 0.90)), [ALIKE, "v1 is the winner on both."]),
    "nothing that matters": (
        ((0.80, 0.85), (0.85, 0.85)),
        ["A verdict turns where the data are cleaned, of 1 comparison.",
         f"v1 against v0: on the raw data v1 is better, on the clean ones {NOTHING}."],
    ),
    "what both may be true of": (
        ((0.80, 0.8095), (0.85, 0.85)),
        [ALIKE.replace("and alike", "0 alike"), BOTH],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_the_first_sentence_says_whether_a_verdict_turns(case):
    data, sentences = TOLD[case]
    told = turn_sentences(found(*data), POINTS)
    assert told[0] == sentences[0]
    assert set(sentences) <= set(told)
    assert told[-1].startswith("In each replicate 90 of 90 samples train, and 10 of 10 validate")


def test_several_verdicts_are_counted():
    told = turn_sentences(found((0.80, 0.85, 0.9), (0.9, 0.85, 0.8)), POINTS)
    assert told[0] == "3 verdicts turn where the data are cleaned, of 3 comparisons."


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_decided_on_one_alone_is_told_to_be_no_turn(turned):
    sure, unsure = conclusions(0.80, 0.85), conclusions(0.80, 0.84, wiggle=30 * OTHER)
    pair = (unsure, sure) if turned else (sure, unsure)
    told = turn_sentences(turning(*pair), POINTS)
    assert told[0] == (
        "No verdict turns where the data are cleaned; but none of 1 comparison is decided on both, "
        "so none could be seen to."
    )
    on = "clean" if turned else "raw"
    assert f"Decided on the {on} data alone, which is no turn: v1 against v0." in told
    assert "No difference between variants is shown to change." in told


def test_a_difference_that_changes_is_told():
    told = turn_sentences(found((0.80, 0.85), (0.80, 0.90)), POINTS)
    assert any(line.startswith("v1 less v0 changes by +5.0 points (") for line in told)
    assert not any("shown to change" in line for line in told)


def test_other_winners_that_neither_data_tell_apart():
    raw, clean = (
        conclusions(0.80, 0.81, wiggle=30 * OTHER),
        conclusions(0.81, 0.80, wiggle=30 * OTHER),
    )
    told = turn_sentences(turning(raw, clean), POINTS)
    assert told[1] == (
        "v1 is the winner on the raw data, v0 on the clean ones; between these two neither decides."
    )


def test_other_winners_that_are_as_good():
    told = turn_sentences(found((0.80, 0.801), (0.801, 0.80)), POINTS)
    assert told[0] == ALIKE
    assert told[1] == (
        "v1 is the winner on the raw data, v0 on the clean ones; between these two both say: no "
        "difference of practical interest."
    )


def test_without_a_winner():
    told = turn_sentences(found((0.80, 0.85), (np.nan, np.nan)), POINTS)
    assert told[1] == "On the clean data no variant trained to the end."


def test_rows_have_the_numbers():
    (row,) = turn_rows(found((0.80, 0.85), (0.80, 0.90)), POINTS)
    assert (row.variant, row.against, row.outcome) == ("v1", "v0", "the same")
    assert row.raw_verdict == row.clean_verdict == "v1 is better"
    for text, mean in ((row.raw, "+5.0"), (row.clean, "+10.0"), (row.change, "+5.0")):
        assert text.startswith(f"{mean} points (")
