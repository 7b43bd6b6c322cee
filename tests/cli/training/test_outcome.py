"""What commands that train print."""

import numpy as np

from kohort.cli.training.outcome import table_text
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import score_table
from tests.findings.factorial.records import grid_of, record_of


def test_what_rounds_to_zero_has_no_sign():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    evaluated = record.whole.metrics.index("eval_accuracy")
    record.whole.values[..., evaluated] -= np.array([2e-5, 0.1])[:, None, None]
    table = score_table(Conclusions(record))
    assert table["gap"].iloc[1] < 0
    told = table_text(table)
    assert " -0.0 " not in told
    assert " -0.1 " in told
    assert "parameters" not in told


def test_a_gap_that_is_the_rounding_of_floats_is_none():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    evaluated = record.whole.metrics.index("eval_accuracy")
    record.whole.values[..., evaluated] *= np.array([1 - 4e-8, 0.9])[:, None, None]
    gaps = score_table(Conclusions(record))["gap"]
    assert gaps["v0"] == 0
    assert gaps["v1"] < -0.07
