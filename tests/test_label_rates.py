"""The measurement of label suspects counts, and its page tells, what it should."""

import json

import numpy as np
import pytest

from benchmarks.labels import rates
from scripts import label_page


def test_precision_and_recall_by_hand():
    is_wrong = np.array([True, True, True, False, False, False])
    assert rates(is_wrong, np.array([0, 4, 1])) == {
        "count": 3,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "precision of as many as were flipped": pytest.approx(2 / 3),
    }
    assert rates(np.zeros(6, bool), np.array([2, 3])) == {"count": 2}


def test_the_page_tells_the_numbers_of_the_file():
    written = json.loads(label_page.FILE.read_text("utf-8"))
    told = label_page.rates()
    for name, of_data in written["results"].items():
        unflipped, *flipped = of_data
        assert f"{unflipped['suspects']['kohort']['count']:,} of {unflipped['samples']:,}" in told
        precision = np.mean([one["suspects"]["kohort"]["precision"] for one in flipped])
        recall = np.mean([one["suspects"]["kohort"]["recall"] for one in flipped])
        assert f"| kohort | {name} |" in told
        assert f"| {100 * precision:.1f} | {100 * recall:.1f} |" in told


def test_the_suspects_are_those_of_cleanlabs_filter_on_the_same_predictions():
    written = json.loads(label_page.FILE.read_text("utf-8"))
    for one in (one for of_data in written["results"].values() for one in of_data):
        counts = one["suspects"]
        assert counts["kohort"] == counts["confident_learning"]


def test_the_page_of_shifts_tells_the_verdicts():
    written = json.loads(label_page.SHIFTS.read_text("utf-8"))
    told = label_page.shift_rates()
    for cell in written["cells"]:
        counts = [cell["verdicts"].get(verdict, 0) for verdict in label_page.VERDICTS]
        assert sum(counts) == written["draws"]
        assert f"| {' | '.join(map(str, counts))} |" in told
    # Without a shift nothing is found.
    assert "found" not in written["cells"][0]["verdicts"]
