"""What a check proposes: exact copies go, nothing in doubt does."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.data.cleaning.applying import cleaned
from kohort.data.cleaning.decisions import checksum
from kohort.data.copies import find_copies
from kohort.report.checks.decided_words import decided_words
from kohort.report.checks.proposals import COPY, proposals
from kohort.runs.checks.data_check import inspect
from tests.data.cleaning.test_decisions import decision
from tests.report.checks.test_check_page import images

NOTHING_LEFT = (
    "still there: exact copies of another sample 0, sets of them with different labels 0, "
    "test samples with an exact copy in train 0"
)

LISTED = (
    "copies with different labels (KD103) 2, copies across train and test (KD101) 1, "
    "blank samples (KD110) 1"
)


def proposed(data, **options):
    return {d.sample: d for d in proposals(data, inspect(data, trains=False, **options))}


@pytest.fixture(scope="module")
def data():
    """Of 300 pictures 240 train; copies are planted."""
    pixels, y = images()
    pixels[250:256] = pixels[:6]  # test copies of training samples
    y[250:256] = y[:6]
    pixels[30], y[30] = pixels[20], y[20]  # in train alone
    pixels[280], y[280] = pixels[270], y[270]  # in test alone
    pixels[41], y[41] = pixels[40], (y[40] + 1) % 3  # different labels
    pixels[290], y[290] = pixels[50], (y[50] + 1) % 3  # different labels, across
    pixels[260], y[260] = pixels[60] + np.uint8(1), y[60]  # near
    pixels[71], y[71] = pixels[70] + np.uint8(1), (y[70] + 1) % 3  # near, of another label
    pixels[9] = 7  # blank
    return kohort.Dataset(
        pixels[:240], y[:240], pixels[240:], y[240:], class_names=["a", "b", "c"]
    )  # fmt: skip


def test_exact_copies_go_and_what_is_in_doubt_stays(data):
    found = proposed(data)
    left_out = {n: d.codes for n, d in found.items() if d.decision == "leave out"}
    assert left_out == {
        **dict.fromkeys(range(250, 256), "KD101"),
        30: COPY, 280: COPY, 40: "KD103", 41: "KD103", 50: "KD103", 290: "KD103 KD101",
    }  # fmt: skip
    kept = {n: d.codes for n, d in found.items() if d.decision == "keep"}
    assert kept == {260: "KD101", 70: "KD103", 71: "KD103", 9: "KD110"}
    assert found[250].seen == "exact copy of train 0"
    assert found[250].place == "test 10"
    assert found[250].label == data.class_names[data.y_test[10]]
    assert found[280].seen == "exact copy of test 30"
    assert found[260].seen == "near copy of train 60"
    assert found[71].seen.startswith("near copy of train 70, which is ")
    assert found[40].seen.startswith("its exact copies have the labels ")
    assert found[9].seen == "all of its numbers are equal"
    assert all(d.checksum == checksum(data, n) for n, d in found.items())


def test_nothing_that_was_left_out_has_a_copy_then(data):
    decisions = list(proposed(data).values())
    left = cleaned(data, decisions)
    copies = find_copies(left)
    assert not copies.test_exact.any()
    patterns = np.concatenate([copies.pattern, copies.test_pattern])
    assert max(Counter(patterns.tolist()).values()) == 1
    assert decided_words(data, decisions, left) == [
        "samples read: 300 (train: 240, test: 60)",
        "files that could not be read: 0",
        "left out, copies with different labels (KD103): 4",
        "left out, copies across train and test (KD101): 6; counted above: 1",
        "left out, exact copies on one side: 2",
        "left out, blank samples (KD110): 0",
        "left out, doubtful labels (KD104): 0",
        "left out in all: 12",
        "kept: 288 (train: 236 of 240, test: 52 of 60)",
        f"listed, and kept as they are: 4 ({LISTED})",
        f"{NOTHING_LEFT}, with a near one 1",
    ]


def test_what_a_person_decides_is_told_by_name(data):
    found = proposed(data)
    decisions = [
        replace(found[9], decision="leave out"),
        replace(found[71], decision="relabel", new_label="c", label="a"),
        replace(found[30], codes="mine", decision="keep"),
        replace(found[30], codes="mine", sample=31, place="train 31"),
        replace(found[40], codes="KD104 KD103 KD110"),
    ]
    told = decided_words(data, decisions, cleaned(data, decisions))
    assert "left out, copies with different labels (KD103): 1" in told
    assert "left out, doubtful labels (KD104): 0; counted above: 1" in told
    assert "left out, blank samples (KD110): 1 (train 9); counted above: 1" in told
    assert "left out, something else: 1 (train 31)" in told
    assert "left out in all: 3" in told
    assert "kept: 297 (train: 237 of 240, test: 60 of 60)" in told
    assert "listed, and kept as they are: 1 (something else 1)" in told
    assert "kept with a new label: 1 (train 71 from a to c)" in told
    assert told[-1] == (
        "still there: exact copies of another sample 9, sets of them with different labels 1, "
        "test samples with an exact copy in train 7, with a near one 1"
    )


def test_a_class_that_is_gone_is_told(data):
    rows = np.flatnonzero(data.y_train == 1)
    decisions = [decision(data, int(row), "leave out") for row in rows]
    told = decided_words(data, decisions, cleaned(data, decisions))
    assert told[-1] == "classes without training samples now: b"


def test_rows_that_may_be_equal_by_chance_are_kept():
    random = np.random.default_rng(1)
    x, y = random.integers(0, 3, (400, 2)).astype(float), random.integers(0, 2, 400)
    found = proposed(kohort.Dataset(x[:300], y[:300], x[300:], y[300:]))
    assert len(found) > 300
    assert {d.decision for d in found.values()} == {"keep"}


def test_numbers_to_predict_are_copies_where_they_are_equal_too():
    random = np.random.default_rng(2)
    x, y = random.normal(size=(200, 8)), random.normal(size=200)
    x[11], y[11] = x[10], y[10]  # a copy
    x[21] = x[20]  # measured twice
    x[160] = x[30]  # trained on, whatever was measured
    found = proposed(kohort.Dataset(x[:150], y[:150], x[150:], y[150:]))
    assert {n: (d.codes, d.decision, d.label) for n, d in found.items()} == {
        11: (COPY, "leave out", ""), 160: ("KD101", "leave out", ""),
    }  # fmt: skip


def test_a_row_of_a_table_is_named_by_its_row():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(size=(60, 8)))
    frame.columns = [f"c{n}" for n in range(8)]
    frame["kind"] = np.where(np.arange(60) % 2, "cat", "dog")
    frame.iloc[1] = frame.iloc[3]
    data = kohort.Dataset.from_frame(frame, target="kind", test=0.2)
    (found,) = proposed(data).values()
    rows = [int(data.source_rows[found.sample])]
    assert rows in ([1], [3])
    assert found.place.startswith(f"table row {rows[0]} (")
    assert "exact copy of table row " in found.seen
