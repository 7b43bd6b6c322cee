"""The table of scores."""

import re
from dataclasses import replace

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.report import words
from kohort.report.answers import score_table
from kohort.report.screen.score_lines import plain_text
from tests.findings.factorial.records import grid_of, record_of


def test_a_gap_that_is_the_rounding_of_floats_is_none():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    evaluated = record.whole.metrics.index("eval_accuracy")
    record.whole.values[..., evaluated] *= np.array([1 - 4e-8, 0.9])[:, None, None]
    gaps = score_table(Conclusions(record))["gap"]
    assert gaps["v0"] == 0
    assert gaps["v1"] < -0.07


def test_the_megabytes_of_the_weights_stand_beside_the_parameters():
    record = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]], sizes=[10, 20])
    small, large = record.variants
    known = replace(record, variants=(small, replace(large, weight_bytes=80_000)))
    table = score_table(Conclusions(known))
    assert table["parameters"].to_dict() == {"v0": 10, "v1": 20}
    assert table["weights_megabytes"]["v1"] == 0.08
    assert np.isnan(table["weights_megabytes"]["v0"])  # it was kept before they were
    text = plain_text(Conclusions(known))
    assert "80 KB" in text
    assert re.search(r"parameters +weights +seconds", text)


def test_a_gap_of_half_a_tenth_is_one_number_in_the_table_and_in_the_finding():
    valid = [0.75, 0.7625, 0.75, 0.7625]
    record = record_of(grid_of(units=[1, 2]), [valid, [0.5, 0.6, 0.5, 0.6]])
    evaluated = record.whole.metrics.index("eval_accuracy")
    record.whole.values[0, :, 0, evaluated] = [0.8, 0.7875, 0.8, 0.7875]
    conclusions = Conclusions(record)
    (gap,) = (f for f in conclusions.findings if (f.code, f.variant) == ("KH102", "v0"))
    of_table = 100 * score_table(conclusions)["gap"]["v0"]
    of_finding = 100 * gap.evidence["validation minus train error"].mean
    # One number, which floats round to either side of 3.75.
    assert of_table != of_finding
    assert "validation accuracy is 3.8 points (" in gap.sentence
    assert words.gap(of_table / 100, conclusions.study.scale) == "3.8 points"
    assert "3.8 points" in plain_text(conclusions)
