"""What a report opens with: the winner in a sentence, and three facts."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.data.labels import CountedClass, Majority
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.findings.statistics.interval import Interval
from kohort.report import tested_scores
from kohort.report.answers import answer, warnings
from kohort.report.study_page.opening import (
    ALL_RIGHT,
    USUAL_REASONS,
    facts,
    headline,
    how_training_went,
    on_test_set,
    what_helped,
    what_next,
)
from tests.findings.factorial.records import grid_of, record_of
from tests.findings.test_from_record import scored_by_loss
from tests.report.race.race_records import noisy, race_record
from tests.report.test_contradictions import record_of as curves_of


def of(scores, arguments=None, **options):
    arguments = arguments or grid_of(units=list(range(len(scores))))
    return Conclusions(record_of(arguments, scores, **options))


def test_a_winner_that_beats_all_is_said_to():
    conclusions = of(noisy(0.6, 0.8, 0.9))
    assert headline(conclusions).startswith("v2 does best on validation data: accuracy 9")
    assert headline(conclusions).endswith("It is better than all 2 others.")
    assert headline(of(noisy(0.6, 0.9))).endswith("It is better than v0.")


def test_a_tie_is_told_and_the_rest_left_to_the_answer_in_full():
    conclusions = of(noisy(0.6, 0.9, 0.9003))
    told = headline(conclusions)
    assert "v2 does best" in told or "v1 does best" in told
    assert "as good within 1 point" in told or "cannot tell it from" in told
    assert "v0" not in told
    assert "v0" in answer(conclusions)


def test_many_ties_are_counted():
    told = headline(of(noisy(*np.full(9, 0.8), spread=0.05, replicates=4)))
    assert "cannot tell it from 8 variants" in told
    assert "correction" not in told


def test_one_variant_has_nobody_to_be_better_than():
    told = headline(of(noisy(0.7)))
    assert "scores on validation data" in told
    assert "better" not in told
    assert what_helped(of(noisy(0.7))) == ""


def test_no_winner_is_told():
    conclusions = of(np.full((2, 4), np.nan))
    assert headline(conclusions).startswith("No variant trained to the end")
    assert what_next(conclusions) == "Lower the learning rate: no variant trained to the end."
    assert [fact.title for fact in facts(conclusions)] == ["How training went", "What to do next"]


def test_a_race_that_others_left_ahead_of_its_winner_says_so():
    scores = noisy(0.8, 0.802, replicates=8, spread=0.03)
    scores[1, 4:] = np.nan
    scores[1, :4] = scores[0, :4] + 0.002
    conclusions = Conclusions(race_record(scores, (4, 8)))
    told = headline(conclusions)
    assert ("stood to the end" in told) == ("left the race undecided" in told)


def finding(code, title, variant, verdict):
    return Finding(code, title, variant, verdict, {}, f"{variant} {verdict}.")


def test_what_was_found_in_curves_is_named_or_counted():
    found = [
        finding("KH101", "overfit", "a", "found"),
        *(finding("KH102", "gap", name, "found") for name in "abcd"),
        finding("KH103", "underfit", "b", "inconclusive"),
        finding("KH106", "unstable", "b", "found"),
    ]
    assert how_training_went(found) == "Overfit: a. Gap: 4 variants."
    assert how_training_went(found[5:]) == (
        "No variant is found to over- or underfit; these replicates leave it open for b."
    )
    sound = [finding("KH101", "overfit", "a", "not found")]
    assert how_training_went(sound) == "No variant is found to over- or underfit."


def test_findings_about_the_study_are_warnings_but_for_those_of_the_headline():
    found = [
        finding("KH201", "copies of training samples", None, "found"),
        finding("KH204", "majority class not beaten", None, "found"),
        finding("KH206", "preprocessing saw validation", None, "not found"),
        finding("KH101", "overfit", "a", "found"),
    ]
    assert warnings(of(noisy(0.7)), found) == ["Copies of training samples (KH201): None found."]


def test_additions_that_are_decided_come_before_axes():
    arguments = [{}, {"l2": "0.1"}, {"rate": "9.0"}]
    record = replace(record_of(arguments, noisy(0.8, 0.9, 0.6)), additions=((0, 1), (0, 2)))
    helped = what_helped(Conclusions(record))
    assert helped.startswith("Betters the accuracy: v1 +9.")
    assert "against v0. Worsens the accuracy: v2 -" in helped


def test_additions_of_which_none_is_decided_come_before_axes_that_nobody_can_rank():
    cells = grid_of(units=[1, 2], rate=[3, 4])[:3]
    record = record_of(cells, noisy(*np.full(3, 0.8), spread=0.05, replicates=2))
    told = what_helped(Conclusions(replace(record, additions=((0, 1), (0, 2)))))
    assert told == "No addition to a variant is shown to make a difference that matters."


def test_without_additions_the_axis_that_matters_is_told():
    told = what_helped(of(noisy(0.6, 0.8, 0.9)))
    assert told.startswith("units 0 to ")
    two = what_helped(of(noisy(0.6, 0.61, 0.9, 0.91), grid_of(units=[1, 2], rate=[3, 4])))
    assert two.startswith("units matters most: ")


def test_where_no_axis_is_told_to_matter_most_no_numbers_are():
    told = what_helped(of(noisy(*np.full(4, 0.8), spread=0.05), grid_of(units=[1, 2], rate=[3, 4])))
    assert told == "These replicates cannot tell which axis matters most."
    cells = grid_of(units=[1, 2], rate=[3, 4])[:3]
    told = what_helped(of(noisy(*np.full(3, 0.8), spread=0.05), cells))
    assert told == "Which axis matters most cannot be told: combinations of levels are missing."


@pytest.mark.parametrize(("replicates", "fewest"), [(2, True), (3, False)])
def test_few_replicates_are_the_first_thing_to_mend(replicates, fewest):
    told = what_next(of(noisy(0.6, 0.8, replicates=replicates)))
    assert ("run at least 3" in told) is fewest


def test_how_many_replicates_would_tell_is_said():
    told = what_next(of(noisy(0.8, 0.801, 0.802, spread=0.02, replicates=6)))
    assert re.search(
        r"About \d+ replicates in all would tell whether v\d and v\d differ by 1 point\.", told
    )
    assert "would tell" not in what_next(of(noisy(0.6, 0.8)))


def trained(*losses):
    """A study by losses `[epoch]` of each variant, with accuracies that follow them."""
    random, shape = np.random.default_rng(0), (len(losses), 6)
    noise = random.normal(0, 0.02, (*shape, 1))
    noise = noise + random.normal(0, 0.001, (*shape, len(losses[0])))
    values = np.array(losses)[:, None, :] + noise
    curves = np.stack([1 - values, values, 1 - values, values], axis=-1)
    return Conclusions(curves_of(curves, kind="seeds"))


FLAT = np.r_[0.9, np.full(11, 0.5)]
FALLING = np.linspace(0.9, 0.5, 12)


@pytest.mark.parametrize(
    ("losses", "first"),
    [
        ((FLAT, FALLING - 0.002), "v1 is undertrained (KH104): train it for more epochs first."),
        (
            (FALLING, FLAT - 0.02),
            "The baseline, v0, is undertrained (KH104): train it for more epochs first.",
        ),
    ],
)
def test_epochs_come_before_replicates_where_winner_or_baseline_is_undertrained(losses, first):
    told = what_next(trained(*losses))
    assert told.startswith(first)
    assert told.count("epochs") == 1
    assert re.search(r" As they are trained now, about \d+ replicates in all would tell", told)


def test_epochs_come_first_too_where_the_winner_is_not_told_from_what_is_undertrained():
    told = what_next(trained(FLAT + 0.1, FALLING + 0.004, FLAT))
    assert told.startswith(
        "v1, from which v2 is not told, is undertrained (KH104): train it for more epochs first. "
        "Name a margin above 0"
    )
    beaten = what_next(trained(FLAT + 0.1, FALLING + 0.2, FLAT))
    assert "undertrained" not in beaten
    both = what_next(trained(FLAT + 0.1, FALLING + 0.03, FALLING + 0.03, FLAT))
    assert both.startswith("v1 and v2, from which v3 is not told, are undertrained (KH104): ")


def test_replicates_of_what_has_levelled_out_come_alone():
    told = what_next(trained(FLAT, FLAT - 0.002))
    assert re.match(r"About \d+ replicates in all would tell", told)


def test_a_cheaper_variant_is_named():
    told = what_next(of(noisy(0.6, 0.9, 0.9001, spread=0.0005), sizes=[10, 100, 200]))
    assert "v1 is as good within 1 point and 2 times smaller: `result.best(cheapest=True)`." in told


def test_the_score_on_the_test_set_is_told_with_how_often_it_was_read():
    conclusions = of(noisy(0.6, 0.9))
    score = tested_scores.TestScore(
        "v1", "accuracy", Interval(0.88, 0.85, 0.91, 100, 0.0), np.zeros(100)
    )
    assert on_test_set(conclusions, [score], 1) == (
        "On the test set, read once and never to choose, the model of v1 to ship has accuracy "
        "88.0 % (85.0 to 91.0)."
    )
    assert "read 3 times" in on_test_set(conclusions, [score], 3)
    counted = replace(conclusions.record.settings, counted=CountedClass("ill", "well", 30, 100))
    of_one = Conclusions(replace(conclusions.record, settings=counted))
    assert "v1 to ship has accuracy of class ill 88.0 %" in on_test_set(of_one, [score], 1)
    assert on_test_set(conclusions, [], 0) == ""


def test_a_score_on_the_test_set_without_an_interval_says_why_and_of_none_that_it_is_over_groups():
    lacks = Interval(0.91, np.nan, np.nan, 100, np.nan)
    score = tested_scores.TestScore(
        "v1", "auc", lacks, np.zeros(100), groups=np.arange(100) // 4,
        no_interval="is 0.910 by thresholds and 0.932 by ranks",
    )  # fmt: skip
    told = on_test_set(of(noisy(0.6, 0.9)), [score], 1)
    assert told.endswith(
        "There is no interval: accuracy is 0.910 by thresholds and 0.932 by ranks."
    )
    formed = replace(score, score=Interval(0.91, 0.9, 0.92, 100, 0.0), no_interval="")
    assert on_test_set(of(noisy(0.6, 0.9)), [formed], 1).endswith(
        "Intervals are over the 25 groups of these 100 rows."
    )


def test_where_no_number_of_replicates_would_tell_it_is_said_with_what_would():
    record = record_of(grid_of(units=[1, 2]), noisy(0.8, 0.801, spread=0.05, replicates=6))
    settings = replace(record.settings, kind="splits", samples=(90, 45))
    told = what_next(Conclusions(replace(record, settings=settings)))
    assert re.fullmatch(
        r"No number of replicates would tell v\d from v\d by as little as 1 point, since the "
        r"splits share training samples, so that they share their luck however many there are: get "
        r"more data, or name a larger margin\.",
        told,
    )


def referred(losses, reference):
    record = scored_by_loss(losses, "'mse'")
    told = np.full(len(losses[0]), reference)
    constant = ConstantAnswer("the mean of the training targets", told, told, None)
    return Conclusions(replace(record, constant=constant))


def test_variants_that_are_no_better_than_one_answer_are_named_and_what_that_says_of_the_baseline():
    losses = [[8.0, 8.2, 8.1], [2.0, 2.1, 2.2], [6.0, 6.1, 6.2]]
    no_better = (
        "v0 and v2 do no better than always answering the mean of the training targets, whose loss "
        "is 5 on validation. To be better than the baseline says little."
    )
    assert headline(referred(losses, 5.0)).endswith(no_better)
    assert no_better in answer(referred(losses, 5.0))
    few = answer(referred([losses[0][:2]], 5.0))  # too few to open the answer by it
    assert "v0 does no better than always answering the mean of the training targets" in few
    assert "To be better than" not in few  # what nothing is compared with
    alone = headline(referred([losses[1], losses[0]], 5.0))
    assert alone.endswith(
        "v1 does no better than always answering the mean of the training "
        "targets, whose loss is 5 on validation."
    )
    assert "no better" not in headline(referred(losses, 9.0))


def test_where_none_is_shown_to_beat_it_that_is_said_once():
    told = headline(referred([[8.0, 8.2, 8.1], [7.0, 7.1, 7.3]], 5.0))
    assert told.startswith("Even the best variant is worse than always answering the mean")
    assert "no better" not in told
    nan = float("nan")
    told = headline(referred([[8.0, 8.2, 8.1], [2.0, 2.1, nan]], 5.0))
    assert told.startswith("No variant is shown to beat always answering the mean")
    told = headline(referred([[8.0, 9.2, 7.1], [8.9, 8.3, 6.0]], 7.5))
    assert told.startswith("No variant is shown to beat always answering the mean")
    assert "no better" not in told


def test_what_kept_them_from_learning_comes_before_all_else_that_one_could_do():
    losses = [[8.0, 9.2, 7.1], [8.9, 8.3, 6.0]]
    told = what_next(referred(losses, 5.0))
    assert told.startswith(USUAL_REASONS)
    assert "replicates" not in told
    told = what_next(referred(losses, 90.0))
    assert told.startswith("About 66 replicates in all would tell whether v1 and v0 differ by ")


@pytest.mark.parametrize(("share", "is_rare"), [(0.79, False), (0.81, True)])
def test_where_a_class_is_rare_what_counts_it_is_advised_and_no_scales(share, is_rare):
    record = record_of(grid_of(units=[1, 2]), noisy(share, share + 0.001, spread=0.05))
    shares = np.full(record.whole.lengths.shape[-1], share)
    majority = Majority("none", shares, shares, classes=2, share=share)
    told = what_next(Conclusions(replace(record, majority=majority)))
    assert told.startswith("Where a class is rare" if is_rare else "The usual reasons")


@pytest.mark.parametrize(
    ("lowest", "share", "is_told"), [(1.0, 0.5, True), (0.99, 0.5, False), (1.0, None, False)]
)
def test_a_winner_that_is_always_right_is_not_believed_at_once(lowest, share, is_told):
    """Of a score that counts no answers, such as an area, nothing is said."""
    record = record_of(grid_of(units=[1, 2]), [[0.7, 0.72, 0.69, 0.7], [lowest, 1.0, 1.0, 1.0]])
    if share is not None:
        shares = np.full(record.whole.lengths.shape[-1], share)
        majority = Majority("none", shares, shares, classes=2, share=share)
        record = replace(record, majority=majority)
    told = what_next(Conclusions(record))
    assert told.startswith(f"v1 {ALL_RIGHT}") is is_told
    assert (ALL_RIGHT in told) is is_told


def test_a_straight_line_that_is_not_shown_to_be_beaten_is_told_behind_the_score():
    losses = [[5.9, 5.7, 5.8], [3.8, 5.9, 5.0]]
    record = referred(losses, 5.6).record
    line = replace(record.constant, name="a straight line of x1", is_line=True)
    conclusions = Conclusions(replace(record, constant=line))
    told = (
        r"No variant is shown to beat a straight line of x1, whose loss is 5.6 on validation: v1, "
        r"the best replicate by replicate, scores 12.5 % better \(.* worse to .* better\)\. v0 "
        r"does no better than that answer\."
    )
    assert re.search(told, answer(conclusions))
    assert not answer(conclusions).startswith("No variant")
    assert "says little" not in answer(conclusions), "nothing is told from the baseline"
    assert re.search(f"{told}$", headline(conclusions))
    alone = Conclusions(replace(scored_by_loss(losses[1:], "'mse'"), constant=line))
    assert answer(alone).count("No variant is shown to beat a straight line of x1") == 1
    beaten = replace(line, valid=np.full(3, 9.0))
    assert "straight line" not in answer(Conclusions(replace(record, constant=beaten)))
