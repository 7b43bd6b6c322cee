"""The table of scores."""

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.report.answers import score_table
from tests.findings.factorial.records import grid_of, record_of


def test_a_gap_that_is_the_rounding_of_floats_is_none():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    evaluated = record.whole.metrics.index("eval_accuracy")
    record.whole.values[..., evaluated] *= np.array([1 - 4e-8, 0.9])[:, None, None]
    gaps = score_table(Conclusions(record))["gap"]
    assert gaps["v0"] == 0
    assert gaps["v1"] < -0.07
