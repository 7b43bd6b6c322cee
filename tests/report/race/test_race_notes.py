"""What is told of the replicates and the intervals behind scores and differences."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kohort.evidence.curves import Curves
from kohort.findings.conclusions import Conclusions
from kohort.report import words
from kohort.report.answers import answer, score_table
from kohort.report.factorial.effect_table import effect_rows, effect_table
from kohort.report.race.race_notes import of_which, over_what
from kohort.report.study_page.opening import headline
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy, race_record, rendered

BOTH = "Scores are over the replicates that each variant trained"


def left_early():
    """A race of three, of which the first left at its first look."""
    scores = noisy(0.6, 0.8, 0.803)
    scores[0, 4:] = np.nan
    return Conclusions(race_record(scores, (4, 8)))


@pytest.mark.long
def test_scores_of_who_left_are_told_to_be_of_fewer_replicates():
    conclusions = left_early()
    assert conclusions.study.variants[0].trained == 4
    order = "In the table those that trained more stand first."
    told = f"{BOTH}; differences are over those that both trained. {order}"
    assert answer(conclusions).count(told) == 1
    told = told.replace(BOTH, f"{BOTH} (column replicates)")
    assert over_what(conclusions, " (column replicates)") == told
    assert told in " ".join(rendered(conclusions).split())


def test_so_are_those_of_who_lost_some_and_nothing_is_told_where_all_trained_all():
    scores = noisy(0.6, 0.8)
    record = record_of(grid_of(units=[1, 2]), scores)
    assert over_what(Conclusions(record)) == ""
    assert BOTH not in answer(Conclusions(record))
    scores[0, 1] = np.nan
    lost = Conclusions(record_of(grid_of(units=[1, 2]), scores))
    told = f"{BOTH} to the end; differences are over those that both did."
    assert f"{told} In the table those that lost some stand last." in answer(lost)
    assert score_table(lost).index[-1] == lost.record.variant_names[0]
    scores[1, 1:3] = np.nan  # now each has lost some
    assert told == over_what(Conclusions(record_of(grid_of(units=[1, 2]), scores)))
    scores[0] = np.nan
    assert over_what(Conclusions(record_of(grid_of(units=[1, 2]), scores))) == ""


@pytest.mark.long
def test_effects_of_two_variants_are_told_to_be_the_races_comparisons():
    conclusions = left_early()
    rows = effect_rows(conclusions.effects, "seeds", conclusions.study.scale)
    levels = [row for row in rows if row["kind"] == "level"]
    assert [row["replicates"] for row in levels] == [4, 4]
    assert all(row["text"].endswith("), the 98.5 % interval of a look") for row in levels)
    assert not any("of a look" in row["text"] for row in rows if row["kind"] != "level")
    text = of_which(conclusions.effects, (4, 8))
    assert text.startswith("Of a race this is of the first 4 replicates alone, which all")
    assert "the race's comparison of the two: of all replicates up to the last look in" in text
    assert "race&#39;s comparison of the two" in rendered(conclusions)


def test_effects_over_several_settings_are_of_the_first_look():
    arguments = grid_of(units=[1, 2], rate=[0, 1])
    effects = Conclusions(race_record(noisy(0.5, 0.6, 0.7, 0.8), (4, 8), arguments)).effects
    assert of_which(effects, (4, 8)).endswith("later ones have those that did well.")
    assert of_which(effects, ()) == of_which(None, (4, 8)) == ""


def test_what_is_undecided_at_the_first_look_asks_for_a_larger_one():
    """A line through three levels is of the first look alone, however many replicates follow."""
    arguments, scores = grid_of(units=[1, 2, 4]), noisy(0.5, 0.51, 0.52, spread=0.03)
    record = race_record(scores, (4, 8), arguments)
    raced = effect_table(Conclusions(record).effects, "seeds").set_index("kind")["verdict"]
    fixed = effect_table(Conclusions(record_of(arguments, scores[:, :4])).effects, "seeds")

    assert re.fullmatch(
        r"undecided; a first look \(`first=`\) of about \d+ replicates would tell", raced["trend"]
    )
    trend = fixed.set_index("kind")["verdict"]["trend"]
    assert re.fullmatch(r"undecided; about \d+ replicates would tell", trend)
    assert not raced["level"].str.contains("first=").any()  # they are the race's comparisons
    assert "a larger first look narrows it" in rendered(Conclusions(record))


@pytest.mark.long
def test_the_interval_of_a_look_is_named_wherever_a_comparison_is_told():
    conclusions = left_early()
    told = words.compared(conclusions.compare(0, 1), conclusions.study.scale, "seeds")
    assert "), the 98.5 % interval of a look over 4 replicates. By itself: " in told
    page = rendered(conclusions)
    tables = page[page.index('id="comparisons"') :]
    assert tables.count("), the 98.5 % interval of a look</td>") == 3  # baseline 2, winner 1
    assert "Intervals stand in parentheses, at 95 % where no other is named." in page


def test_no_name_is_given_to_an_interval_that_is_not_there():
    scores = noisy(0.6, 0.8)
    scores[0, 1:] = np.nan
    compared = Conclusions(race_record(scores, (1, 8))).compare(0, 1)
    assert compared.share < 1
    assert words.shown_difference(compared, None).endswith("(no interval)")


@pytest.mark.parametrize(("replicates", "told"), [(1, "1 replicate"), (2, "2 replicates"), (3, "")])
def test_the_answer_says_that_few_replicates_tell_little(replicates, told):
    scores = np.array([[0.97, 0.96, 0.98], [0.9, 0.93, 0.91]])[:, :replicates]
    found = answer(Conclusions(record_of(grid_of(units=[1, 2]), scores)))
    assert found.endswith(f"{told} can tell little: run at least 3, better 5 or more.") == bool(
        told
    )
    assert ("can tell little" in found) == bool(told)


def test_no_variant_does_best_where_all_score_the_same():
    scores = np.repeat([[0.97, 0.96, 0.98]], 3, axis=0)
    told = answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), scores)))
    assert told.startswith("All variants score the same in every replicate: accuracy 97.0 % (")
    assert "does best" not in told
    lost = scores.copy()
    lost[2] = np.nan
    told = answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), lost)))
    assert told.startswith("All variants that trained to the end score the same in every replicate")
    assert "v2 diverged in all replicates." in told
    lost = scores - [[0.02, 0.0, 0.0]]
    lost[1:, 1:] = np.nan  # what is left of the others is one replicate, in which all are level
    told = answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), lost)))
    assert told.startswith("v0 does best on validation data: accuracy 96.3 % (")
    scores[2, 1] += 0.01
    other = answer(Conclusions(record_of(grid_of(units=[1, 2, 3]), scores)))
    assert other.startswith("v2 does best on validation data")
    alone = answer(Conclusions(record_of(grid_of(units=[1]), scores[:1])))
    assert alone.startswith("v0 scores on validation data: accuracy 97.0 % (")


def test_a_winner_that_others_were_ahead_of_when_they_left_does_not_do_best():
    """The second left beside the first one, which then fell behind the third."""
    scores = noisy(0.8, 0.798, 0.793)
    scores[1, :5] = [0.828, 0.768, 0.828, 0.768, 0.798]
    scores[0, 5:] -= 0.05
    scores[1, 5:] = np.nan
    told = answer(Conclusions(race_record(scores, (5, 8))))
    assert told.startswith("v2 stood to the end of the race: accuracy 79.4 %")
    assert "In the replicates that both trained, v1 scored better, and left the race" in told
    scores[1, :5] -= 0.01
    behind = answer(Conclusions(race_record(scores, (5, 8))))
    assert behind.startswith("v2 does best on validation data")
    assert "nothing here says" not in behind


def test_what_left_as_worse_than_an_earlier_leader_is_told_beside_what_is_not_told():
    scores = np.full((3, 8), np.nan)
    scores[0] = [0.788, 0.806, 0.79, 0.802, 0.81, 0.808, 0.812, 0.8]
    scores[1] = np.resize([0.797, 0.798, 0.796, 0.797], 8)
    scores[2, :4] = [0.790, 0.791, 0.7895, 0.790]
    conclusions = Conclusions(race_record(scores, (4, 8)))
    told = "{} v2 left as worse than v1, which led at look 1. "
    assert told.format("cannot tell it from v1 and v2.") in answer(conclusions)
    assert told.format("cannot tell it from v1 and v2.").strip() in headline(conclusions)
    scores[0] += 0.02  # It leads at the first look, too.
    assert "left as worse" not in answer(Conclusions(race_record(scores, (4, 8))))


def test_who_was_ahead_when_it_left_is_told_as_the_comparison_has_it():
    """The best epoch of the winner is another one in the replicates that both trained."""
    scores = noisy(0.8, 0.798, 0.793)
    scores[1, :5] = [0.828, 0.768, 0.828, 0.768, 0.798]
    scores[0, 5:] -= 0.05
    scores[1, 5:] = np.nan
    record = race_record(scores, (5, 8))
    one = record.whole
    values = np.repeat(one.values, 2, axis=2)
    values[2, :5, 1] = values[2, :5, 0] + [0.007, 0.007, -0.01, 0.0]  # better, at a lower loss
    values[2, 5:, 1] = values[2, 5:, 0] + [-0.03, -0.03, 0.05, 0.0]
    both = Curves(one.variants, one.metrics, values, 2 * one.lengths)
    epochs = dict.fromkeys(one.variants, 2)
    settings = replace(record.settings, epochs=epochs)
    conclusions = Conclusions(replace(record, settings=settings, curves={1.0: both}))
    assert conclusions.winner_name == "v2"
    errors = conclusions.study.errors
    assert (errors[1] - errors[2])[:5].mean() < 0 < conclusions.compare(1, 2).difference.mean
    assert "scored better" not in answer(conclusions)
