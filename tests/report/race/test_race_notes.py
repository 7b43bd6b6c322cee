"""What is told of the replicates behind scores and differences."""

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer
from kohort.report.race.race_notes import over_what
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy, race_record, rendered

BOTH = "Scores are over the replicates that each variant trained"


def left_early():
    """A race of three, of which the first left at its first look."""
    scores = noisy(0.6, 0.8, 0.803)
    scores[0, 4:] = np.nan
    return Conclusions(race_record(scores, (4, 8)))


def test_scores_of_who_left_are_told_to_be_of_fewer_replicates():
    conclusions = left_early()
    assert conclusions.study.variants[0].trained == 4
    assert answer(conclusions).count(f"{BOTH}; differences are over those that both trained.") == 1
    told = f"{BOTH} (column replicates); differences are over those that both trained."
    assert over_what(conclusions, " (column replicates)") == told
    assert told in " ".join(rendered(conclusions).split())


def test_so_are_those_of_who_lost_some_and_nothing_is_told_where_all_trained_all():
    scores = noisy(0.6, 0.8)
    record = record_of(grid_of(units=[1, 2]), scores)
    assert over_what(Conclusions(record)) == ""
    assert BOTH not in answer(Conclusions(record))
    scores[0, 1] = np.nan
    lost = Conclusions(record_of(grid_of(units=[1, 2]), scores))
    assert f"{BOTH} to the end; differences are over those that both did." in answer(lost)
    scores[0] = np.nan
    assert over_what(Conclusions(record_of(grid_of(units=[1, 2]), scores))) == ""
