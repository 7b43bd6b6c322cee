"""The measurement of label suspects counts, and its page tells, what it should."""

import json
import re

import numpy as np
import pytest

from benchmarks.labels import rates
from kohort.data.inspection.inputs import told_alone
from kohort.findings.statistics.proportion import mean_of_proportions, proportion_interval
from scripts import label_page, time_page


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


@pytest.mark.parametrize(
    ("page", "kinds"),
    [(label_page.mixed_rates, ["mixed"]), (label_page.giveaway_rates, ["told", "explained"])],
)
def test_the_pages_of_planted_classes_and_columns_tell_the_verdicts(page, kinds):
    written = json.loads(label_page.PLANTED.read_text("utf-8"))
    told = page()
    for cell in (cell for kind in kinds for cell in written[kind]):
        counts = [cell["verdicts"].get(verdict, 0) for verdict in label_page.VERDICTS]
        seen = f"{100 * cell['best']:.1f} | {100 * cell['seen']:.1f}"
        assert f"| {seen} | {' | '.join(map(str, counts))} |" in told


@pytest.mark.parametrize(("kind", "honest"), [("windows", "the next"), ("horizons", 0)])
def test_the_page_tells_of_each_series_how_many_windows_hold_their_target(kind, honest):
    written, told = (
        json.loads(label_page.PLANTED.read_text("utf-8"))[kind],
        label_page.giveaway_rates(),
    )
    place = "after" if kind == "windows" else "within"
    places = list(dict.fromkeys(cell[place] for cell in written))
    for series in {cell["series"] for cell in written}:
        cells = []
        for where in places:
            of = [c["verdicts"] for c in written if (c["series"], c[place]) == (series, where)]
            found = sum(verdicts.get("found", 0) for verdicts in of)
            cells.append(f"{found} of {sum(sum(verdicts.values()) for verdicts in of)}")
            assert found == 0 if where == honest else True
        assert f"| {series} | {' | '.join(cells)} |" in told


@pytest.mark.parametrize(("columns", "rows"), [(1, 51), (10, 104), (100, 160)])
def test_so_many_rows_of_each_class_show_that_a_column_tells_all(columns, rows):
    assert re.search(rf"\b{rows}\b", label_page.giveaway_rates())
    least = [
        mean_of_proportions([proportion_interval(n, n, 1 - 0.05 / columns)] * 2).low
        for n in (rows - 1, rows)
    ]
    assert least[0] <= told_alone.TOLD < least[1]


def test_nothing_is_found_where_less_than_the_threshold_is_planted():
    written = json.loads(label_page.PLANTED.read_text("utf-8"))
    limits = {"mixed": 0.1, "told": 0.95, "explained": 0.98}
    for kind, limit in limits.items():
        below = [cell for cell in written[kind] if cell["best"] < limit]
        assert not any(cell["verdicts"].get("found") for cell in below)
        beyond = [cell for cell in written[kind] if cell["best"] == written[kind][-1]["best"]]
        assert beyond[-1]["verdicts"] == {"found": sum(beyond[-1]["verdicts"].values())}


def assert_verdicts_are_told(written, told):
    """A row of a page has the verdicts of each cell."""
    for cell in written["cells"]:
        counts = [cell["verdicts"].get(verdict, 0) for verdict in label_page.VERDICTS]
        assert sum(counts) == written["draws"]
        assert f"| {' | '.join(map(str, counts))} |" in told


def test_the_page_of_shifts_tells_the_verdicts():
    written = json.loads(label_page.SHIFTS.read_text("utf-8"))
    told = label_page.shift_rates()
    assert_verdicts_are_told(written, told)
    # Without a shift nothing is found.
    assert "found" not in written["cells"][0]["verdicts"]


def test_the_page_of_the_order_in_time_tells_the_verdicts():
    written = json.loads(time_page.FILE.read_text("utf-8"))
    told = time_page.rates()
    assert_verdicts_are_told(written, told)
    said, tables = time_page.false_alarms()
    assert said <= 0.05 * tables
    assert written["cells"][-2]["verdicts"] == {"found": written["draws"]}, "a random walk"
