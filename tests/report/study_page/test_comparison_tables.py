"""The comparisons as tables: sorted, what is common named once, one number of digits."""

import re
from dataclasses import replace

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.report.study_page.comparison_tables import comparison_tables
from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy


def tables(scores, additions=()):
    record = record_of(grid_of(units=list(range(len(scores)))), scores)
    found = comparison_tables(Conclusions(replace(record, additions=additions)))
    return {family.name: family for family in found}


def test_the_largest_differences_come_first_and_unknown_ones_last():
    scores = noisy(0.7, 0.6, 0.9, 0.8, 0.5)
    scores[4] = np.nan
    found = tables(scores)
    assert [row.comparison.b for row in found["baseline"].rows] == ["v2", "v3", "v1", "v4"]
    assert [row.comparison.a for row in found["winner"].rows] == ["v1", "v3", "v4"]
    assert found["winner"].rows[-1].difference == "none"


def test_what_all_rows_have_is_named_once():
    found = tables(noisy(0.6, 0.9, 0.8), additions=((0, 1),))
    assert found["baseline"].title == "Each variant against the baseline, v0"
    assert found["winner"].title == "v1, the winner, against the others"
    assert [found[name].one for name in found] == ["a", "b", "", ""]


def test_each_row_has_the_costs_of_the_variant_that_it_is_about():
    record = record_of(grid_of(units=[0, 1, 2]), noisy(0.6, 0.9, 0.8))
    costs = [(5, 20), (70, 280), (900, 0)]  # of the last one the bytes are not known
    facts = [
        replace(one, parameters=count, weight_bytes=size)
        for one, (count, size) in zip(record.variants, costs, strict=True)
    ]
    found = comparison_tables(Conclusions(replace(record, variants=tuple(facts))))
    told = {
        table.name: [
            (row.variant, row.parameters, f"{row.weights_megabytes:g}") for row in table.rows
        ]
        for table in found
    }
    assert told == {
        "baseline": [("v1", 70, "0.00028"), ("v2", 900, "nan")],
        "winner": [("v2", 900, "nan")],
    }


def test_a_column_has_one_number_of_digits():
    scores = noisy(0.70, 0.712, 0.9, 0.8, spread=0.004)
    scores[1] = scores[0] + 0.01 + np.resize([0.00004, -0.00003], 8)  # its bound is near the margin
    rows = tables(scores)["baseline"].rows
    digits = {len(part) for row in rows for part in re.findall(r"\.(\d+)", row.difference)}
    assert digits in ({2}, {3}, {4})


def test_tables_without_a_comparison_are_left_out():
    assert set(tables(noisy(0.6, 0.9))) == {"baseline"}
    assert tables(noisy(0.6)) == {}


def test_where_correction_alone_undoes_a_verdict_both_are_told():
    random = np.random.default_rng(0)
    shared = random.normal(0, 0.02, 6)
    scores = 0.8 + shared + random.normal(0, 0.01, (7, 6))
    found = [row for table in tables(scores).values() for row in table.rows]
    undone = [row for row in found if "(without correction: " in row.verdict]
    assert undone
    for row in found:
        alone, told = row.comparison.alone, row.verdict
        is_undone = alone.is_conclusive and not row.comparison.is_conclusive
        assert ("without correction" in told) is is_undone
    assert {row.verdict.rpartition(": ")[2] for row in undone} <= {
        "differ)", "no difference of practical interest)",
    }  # fmt: skip
