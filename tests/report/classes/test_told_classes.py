"""What tables, sentences, pages, exports and JSON tell of classes on validation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kohort.evidence.class_counts import ClassCounts
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import score_table
from kohort.report.class_words import reference_row
from kohort.report.classes.class_rows import classes_shown
from kohort.report.classes.class_view import ClassView
from kohort.report.exports.export import tables
from kohort.report.exports.study_export import of_conclusions
from kohort.report.screen.score_lines import plain_text
from kohort.report.templates.rendering import environment
from tests.findings.factorial.records import grid_of, record_of

UNEVEN = np.array([[80, 20], [80, 20]])
FOUND = {(0, 0): [80, 0], (0, 1): [79, 0], (1, 0): [72, 10], (1, 1): [76, 14]}


def record(samples=UNEVEN, found=FOUND, names=("no", "yes")):
    counts = ClassCounts(tuple(names), samples, {p: np.array(n) for p, n in found.items()})
    plain = record_of(grid_of(units=[1, 2]), [[0.5, 0.6], [0.7, 0.8]])
    return replace(plain, classes=counts)


def test_the_table_has_the_balanced_accuracy_beside_the_score():
    table = score_table(Conclusions(record()))
    assert table["balanced_accuracy"]["v1"] == pytest.approx((0.9 + 0.5 + 0.95 + 0.7) / 4)
    assert table["balanced_accuracy"]["v0"] == pytest.approx((1 + 79 / 80) / 4)
    row = table.loc["v1"]
    assert row["balanced_low"] < row["balanced_accuracy"] < row["balanced_high"]
    without = score_table(Conclusions(replace(record(), classes=None)))
    assert "balanced_accuracy" not in without


def test_a_terminal_shows_it_where_classes_are_uneven():
    conclusions = Conclusions(record())
    head, *rows = plain_text(conclusions, is_uneven=True).split("\n\n")[0].splitlines()
    assert " ".join(head.split()).endswith("interval against best balanced verdict")
    assert "76.3 %" in rows[0]
    assert "balanced" not in plain_text(conclusions)


def test_one_answer_for_all_finds_one_class():
    from kohort.data.labels import Majority

    share = np.array([0.8, 0.8])
    of_one = replace(record(), majority=Majority("no", share, share, 2, 0.8))
    row = reference_row(Conclusions(of_one))
    assert row["balanced_accuracy"] == 0.5
    assert np.isnan(row["balanced_low"])
    one_part_lacks_it = record(np.array([[100, 0], [80, 20]]), FOUND | {(1, 0): [90, 0]})
    row = reference_row(Conclusions(replace(one_part_lacks_it, majority=of_one.majority)))
    assert row["balanced_accuracy"] == 0.5


def test_recalls_are_a_row_for_each_variant_and_class():
    recalls = ClassView(record()).recalls()
    assert recalls.index.to_list() == [
        ("v1", "no"), ("v1", "yes"), ("v0", "no"), ("v0", "yes")
    ]  # fmt: skip
    assert recalls.columns.to_list() == ["recall", "low", "high", "samples"]
    assert recalls["recall"]["v1", "yes"] == pytest.approx(0.6)
    assert recalls["samples"].to_list() == [80, 20, 80, 20]
    assert recalls.loc[("v0", "yes"), ["low", "high"]].isna().all()


def test_sentences_tell_winner_and_baseline_where_classes_are_uneven():
    winner, baseline = ClassView(record()).recalls_text()
    assert winner.startswith("v1 finds 60.0 % (")
    assert " of class yes and 92.5 % (" in winner
    assert "; balanced accuracy 76.3 % (" in winner
    assert winner.endswith("), the highest.")
    assert not baseline.endswith("highest.")
    assert baseline.startswith("v0 finds 0.0 % (no interval) of class yes and 99.4 %")
    assert ClassView(record(np.array([[50, 50], [50, 50]]))).recalls_text() == []
    assert ClassView(replace(record(), classes=None)).recalls_text() == []


def test_who_is_best_balanced_is_told_beside_a_winner_by_accuracy():
    other = FOUND | {(0, 0): [60, 19], (0, 1): [62, 20]}
    winner, balanced = ClassView(record(found=other)).recalls_text()
    assert winner.startswith("v1 finds ")
    assert balanced.startswith("v0 finds ")
    assert balanced.endswith("), the highest.")
    only = {place: n for place, n in FOUND.items() if place[0]}
    (of_winner,) = ClassView(record(found=only)).recalls_text()
    assert of_winner.endswith("), the highest that is known: that of v0 is not.")
    assert ClassView(record(found={})).recalls_text() == []


def test_none_is_the_highest_of_several_that_find_as_much():
    """A rare class that nobody finds: a balanced accuracy of one half, of all of them."""
    alike = {place: [80, 0] for place in FOUND}
    winner, baseline = ClassView(record(found=alike)).recalls_text()
    assert "balanced accuracy 50.0 %" in winner
    assert not any(told.endswith("highest.") for told in (winner, baseline))


def test_none_is_the_highest_where_that_of_others_is_not_known():
    counts = ClassCounts(("no", "yes"), UNEVEN, {(2, n): np.array([70, 12]) for n in range(2)})
    scores, nan = [[0.5, 0.6], [0.7, 0.8], [0.9, 0.95]], float("nan")
    lost = replace(record_of(grid_of(units=[1, 2, 3]), scores), classes=counts)
    (told,) = ClassView(lost).recalls_text()
    assert told.endswith("), the highest that is known: those of v0 and v1 are not.")
    first, *others = classes_shown(Conclusions(lost)).rows
    assert "not known" not in [first.balanced, *first.recalls]
    assert [(row.balanced, row.recalls) for row in others] == [("not known", ["not known"] * 2)] * 2
    diverged = record_of(grid_of(units=[1, 2, 3]), [[nan] * 2, [nan] * 2, scores[2]])
    (told,) = ClassView(replace(diverged, classes=counts)).recalls_text()
    assert told.endswith("), the highest.")


def test_of_many_classes_a_sentence_names_the_least_found():
    names = "abcdef"
    samples = np.array([[40, 20, 10, 10, 10, 10]] * 2)
    found = {place: [n // (k + 1) for k, n in enumerate(samples[0])] for place in FOUND}
    told, *_ = ClassView(record(samples, found, names)).recalls_text()
    assert told.startswith("v1 finds the least, 10.0 % (no interval) of class f, ")
    assert " of class b" not in told


def test_a_page_escapes_names_and_folds_the_rest():
    shown = classes_shown(Conclusions(record(names=("no", "<b>yes"))))
    page = environment().get_template("study/classes.html.j2").render(classes=shown)
    assert "<li>On validation v1 finds 60.0 % (" in page
    assert "<details><summary>Class by class, on validation</summary>" in page
    assert "recall of &lt;b&gt;yes</th>" in page
    even = classes_shown(Conclusions(record(np.array([[50, 50], [50, 50]]))))
    assert "<li>" not in environment().get_template("study/classes.html.j2").render(classes=even)
    assert classes_shown(Conclusions(replace(record(), classes=None))) is None


def test_exports_have_the_counts():
    of = record()
    table = tables(of_conclusions(Conclusions(of)))["recalls"]
    assert table.columns.to_list() == [
        "variant", "replicate", "class", "samples", "found", "recall"
    ]  # fmt: skip
    row = table[(table["variant"] == "v1") & (table["replicate"] == 0)].set_index("class")
    assert row["found"].to_dict() == {"no": 72, "yes": 10}
    assert row["recall"].to_dict() == {"no": 0.9, "yes": 0.5}
    nothing = tables(of_conclusions(Conclusions(replace(of, classes=None))))["recalls"]
    assert isinstance(nothing, pd.DataFrame)
    assert nothing.empty
