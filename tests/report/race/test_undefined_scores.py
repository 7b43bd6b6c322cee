"""A score that is no number in some replicates, of variants that trained to the end."""

import numpy as np
import pytest

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer, score_table
from tests.findings.factorial.records import grid_of, record_of

SCORES = [[0.6, 0.62, 0.61, 0.63], [0.9, 0.5, 0.5, 0.5], [0.4, 0.41, 0.42, 0.4]]


def conclusions(*lost):
    record = record_of(grid_of(units=[1, 2, 3]), SCORES)
    for variant, replicate in lost:
        for number, metric in enumerate(record.whole.metrics):
            if metric.endswith("accuracy"):
                record.whole.values[variant, replicate, :, number] = np.nan
    return Conclusions(record)


def test_what_has_no_score_in_some_replicates_stands_last_and_is_told():
    found = conclusions((1, 1), (1, 2), (1, 3))
    assert found.diverged == []
    assert list(score_table(found).index)[-1] == "v1"
    told = answer(found)
    assert "Accuracy is not a number in 3 of 4 replicates of v1." in told
    assert "trained to the end" not in told
    assert "In the table those that lost some stand last." in told


def test_it_is_told_where_all_lack_the_same_replicate():
    told = answer(conclusions((0, 2), (1, 2), (2, 2)))
    assert "Accuracy is not a number in 1 of 4 replicates of v0, 1 of 4 replicates of v1" in told


@pytest.mark.parametrize("lost", [(), ((1, 1),)])
def test_of_whole_scores_nothing_is_told(lost):
    assert ("not a number" in answer(conclusions(*lost))) == bool(lost)
