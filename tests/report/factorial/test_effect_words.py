"""What axes do, in sentences."""

import re

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer, what_axes_do
from tests.findings.factorial.records import grid_of, record_of
from tests.findings.test_from_record import scored_by_loss

NAN = np.nan


def told(scores, arguments, **more):
    scores = np.reshape(scores, (len(arguments), -1))
    return what_axes_do(Conclusions(record_of(arguments, scores, **more)))


def noise(*shape, spread=0.002):
    return spread * np.random.default_rng(0).normal(size=shape)


def test_one_axis_of_two_levels_is_a_sentence():
    scores = 0.5 + noise(2, 6) + [[0.0], [0.1]]
    (sentence,) = told(scores, grid_of(units=[1, 16]))
    assert sentence.startswith("units 1 to 16: +10.0 points (+")
    assert sentence.endswith("), better.")
    (turned,) = told(scores[::-1], grid_of(units=[1, 16]))
    assert turned.endswith("), worse.")


def test_a_loss_that_falls_is_better():
    record = scored_by_loss([[8.0, 8.2, 8.1, 8.0], [2.0, 2.1, 2.2, 2.0]], "'mse'")
    (sentence,) = what_axes_do(Conclusions(record))
    assert sentence.startswith("units 0 to 1: -6")
    assert sentence.endswith("), better.")


def test_the_axis_that_matters_most_is_named_with_how_far_each_moves_the_score():
    scores = 0.5 + noise(2, 3, 6)
    scores[:, 1] += 0.1
    units, rate, most, depends = told(scores, grid_of(units=[1, 16], rate=[0.0, 0.2, 0.5]))
    assert units.startswith("units 1 to 16: ")
    assert units.endswith("no difference of practical interest.")
    assert rate.startswith("rate 0.0 to 0.2: +9.9 points (")
    assert "; to 0.5: " in rate
    assert "; along a line from 0.0 to 0.5: " in rate
    assert most.startswith("rate matters most: from the worst level to the best accuracy moves by ")
    assert " along rate and by 0.1 points (" in most
    assert depends == "It is not decided that the effect of any axis depends on another one."


def test_undecided_is_said_of_what_matters_most():
    scores = 0.5 + noise(2, 2, 6)
    scores[1] += 0.1
    scores[:, 1] += 0.1
    *_, most, _ = told(scores, grid_of(a=[1, 2], b=[1, 2]))
    assert most.startswith(
        "Which axis matters most is undecided, since b is not shown to move accuracy further than "
        "each other axis: from the worst level to the best accuracy moves by "
    )


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([[0.5, 0.6, 0.4], [0.6, 0.5, 0.5]], ", since the interval is too wide."),
        ([[0.5], [0.6]], ", since there is no interval."),
    ],
)
def test_why_an_effect_is_undecided_is_said(scores, why):
    (sentence,) = told(scores, grid_of(units=[1, 16]))
    assert sentence.endswith(f", undecided{why}")
    assert ("no interval" in sentence) == ("no interval" in why)


def test_effects_that_the_correction_alone_keeps_undecided_are_told_of():
    # Of five levels against the first, the last differs by itself, with p 0.02.
    scores = 0.5 + np.array([[0, 0, 0, 0]] * 5 + [[0.03, 0.01, 0.05, 0.045]]) + 0.02 * noise(6, 4)
    scores[1:5] += [0.05, -0.05, 0.06, -0.04]
    sentences = told(scores, grid_of(act=list("uvwxyz")))
    assert ", undecided after correction for all that is compared" in sentences[0]
    assert ", undecided, since the interval is too wide" in sentences[0]


def test_where_no_effect_is_decided_that_is_why_no_axis_is_known_to_matter_most():
    *_, most, depends = told(0.5 + noise(2, 2, 3, spread=0.1), grid_of(a=[1, 2], b=[1, 2]))
    assert re.match(r"Which axis matters most is undecided, since no effect of [ab] is dec", most)
    assert depends.endswith(" depends on another one.")


def test_interactions_that_the_correction_takes_back_are_counted():
    scores = 0.5 + noise(2, 2, 2, 5, spread=0.06)
    scores[1, 1] += 0.06
    *_, depends = told(scores, grid_of(a=[1, 2], b=[1, 2], c=[1, 2]))
    assert depends == (
        "It is not decided that the effect of any axis depends on another one; without correction "
        "for all effects 1 of 3 would be."
    )


def test_where_no_axis_matters_none_matters_most():
    *_, most, _ = told(0.5 + noise(2, 2, 6), grid_of(a=[1, 2], b=[1, 2]))
    assert most.startswith(
        "No axis makes a difference of practical interest, on average over the others: "
    )


def test_axes_that_undo_each_other_are_not_told_to_make_no_difference():
    """The mean effect of each is nothing, and one turns that of the other round."""
    scores = 0.5 + noise(2, 2, 6)
    scores[[0, 1], [0, 1]] += 0.1
    *_, most, depends = told(scores, grid_of(a=[1, 2], b=[1, 2]))
    assert most.startswith("Which axis matters most is undecided, since no effect of ")
    assert depends.startswith("The effect of a (1 to 2) depends on b: ")


def test_levels_on_both_sides_of_the_first_may_lie_apart_by_what_matters():
    """Each is 0.8 points from the first, of a margin of 1."""
    scores = 0.5 + noise(2, 3, 6, spread=0.0005)
    scores[:, 1] += 0.008
    scores[:, 2] -= 0.008
    *_, most, _ = told(scores, grid_of(a=[1, 2], b=["x", "y", "z"]))
    assert not most.startswith("No axis makes a difference of practical interest")


def test_an_interaction_that_is_decided_is_told():
    scores = 0.5 + noise(2, 2, 6)
    scores[1, 1] += 0.1
    *_, sentence = told(scores, grid_of(units=[1, 16], act=["relu", "tanh"]))
    expected = (
        "The effect of units (1 to 16) depends on act: with tanh instead of relu it differs by +"
    )
    assert sentence.startswith(expected)
    assert sentence.endswith("), decided.")


def test_an_interaction_may_be_as_large_as_two_whole_differences():
    scores = np.array([[[0.0, 0.1, 0.0], [1.0, 1.0, 0.9]], [[1.0, 0.9, 1.0], [0.0, 0.1, 0.1]]])
    *_, sentence = told(scores, grid_of(units=[1, 16], act=["relu", "tanh"]))
    assert "it differs by -183.3 points (-200.0 to " in sentence
    levels = told([[0.0, 0.1, 0.0], [1.0, 0.8, 1.0]], grid_of(units=[1, 16]))
    assert levels[0].startswith("units 1 to 16: +90.0 points (+47.0 to +100.0), ")


def test_a_trend_is_not_told_to_reach_beyond_what_scores_of_none_and_all_make_of_it():
    scores = [[0.1, 0.9, 0.2, 0.0], [0.4, 0.6, 0.2, 0.5], [0.6, 0.9, 0.2, 1.0]]
    told_of = told(scores, grid_of(rate=[0.003, 0.008, 0.016]))[0]
    assert "; along a line from 0.003 to 0.016: +37.8 points (-35.1 to +105.8), " in told_of


def test_a_line_over_logarithms_is_called_so():
    sentence = told(0.5 + noise(3, 4), grid_of(lr=[0.1, 0.001, 0.01]))[0]
    assert "; along a line of logarithms from 0.001 to 0.1: " in sentence


def test_no_sentence_names_more_than_three_levels_axes_or_interactions():
    scores = 0.5 + noise(5, 5, 6)
    scores[1:, 1:] += 0.1 * np.arange(1, 17).reshape(4, 4, 1) / 16
    a, b, _, *interactions = told(scores, grid_of(a=list("vwxyz"), b=list("fghij")))
    for sentence in (a, b):
        assert sentence.count("points") == 3
        assert sentence.endswith("; and 1 other level.")
    assert len(interactions) == 4
    assert "other interactions are decided (see the table of effects)." in interactions[-1]
    arguments = grid_of(a=[1, 2], b=[1, 2], c=[1, 2], d=[1, 2], e=[1, 2])
    most = next(s for s in told(0.5 + noise(32, 3, spread=0.1), arguments) if "along" in s)
    assert most.count("points") == 3
    assert most.endswith("and by less along 2 others.")


def test_settings_that_diverged_are_told_of():
    scores = 0.5 + noise(2, 2, 4)
    scores[1, 1, 0] = NAN
    units, *_ = told(scores, grid_of(units=[1, 16], act=["relu", "tanh"]))
    assert units.endswith(
        "Settings of the other axes in which one of them diverged, or has no score, are left out."
    )


def test_a_level_that_never_trained_says_so():
    scores = 0.5 + noise(2, 4)
    scores[1] = NAN
    (sentence,) = told(scores, grid_of(lr=[0.1, 10.0]))
    assert sentence == "lr 0.1 to 10.0: not both trained to the end in any replicate."


def test_an_axis_that_never_differs_alone_is_not_told_of():
    arguments = [{"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "3", "b": "2"}]
    a, b = told(0.5 + noise(3, 4), arguments)
    assert a.startswith("a 1 to 2: ")
    assert b == "b: no two variants differ in it alone, so that what it does is not known."


def test_where_combinations_are_missing_ranges_are_not_held_against_each_other():
    arguments = [{"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "1", "b": "2"}]
    scores = 0.5 + noise(3, 5) + [[0.0], [0.2], [0.02]]
    *_, most = told(scores, arguments)
    assert most.startswith(
        "Which axis matters most cannot be told, since combinations of levels are missing: from "
    )
    assert most.endswith(" along b, each over settings of its own.")


def test_without_axes_nothing_is_told():
    assert told(0.5 + noise(2, 4), [{}, {}], builds=["one", "one"]) == []


def test_the_answer_names_a_smaller_variant_that_is_as_good():
    scores = 0.5 + noise(2, 6, spread=0.0005) + [[0.0], [0.003]]
    arguments = grid_of(units=[1, 2])
    found = Conclusions(record_of(arguments, scores, sizes=[200, 500]))
    assert answer(found).endswith(" v0 is as good within 1 point and 2.5 times smaller.")
    near = Conclusions(record_of(arguments, scores, sizes=[480, 500]))
    assert answer(near).endswith(" v0 is as good within 1 point and 4 % smaller.")
    far = Conclusions(record_of(arguments, scores, sizes=[2, 5000]))
    assert answer(far).endswith(" v0 is as good within 1 point and 2,500 times smaller.")
    alike = Conclusions(record_of(arguments, scores, sizes=[500, 500]))
    assert "smaller" not in answer(alike)
