"""Whether targets of neighbours in time are alike."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import kohort
from benchmarks.in_time import WITH, WITHOUT, verdict
from kohort.data.copies import find_copies
from kohort.data.inspection import time_facts as module
from kohort.data.inspection.time_facts import time_facts
from kohort.data.labels import class_labels
from tests.marks import long

ROWS = 300
DAYS = pd.date_range("2020-01-01", periods=ROWS)
WALK = np.random.default_rng(0).normal(size=ROWS).cumsum()
NOISE = np.random.default_rng(1).normal(size=ROWS)


def table(target=WALK, **columns):
    return pd.DataFrame({"kg": NOISE, "target": target, "day": DAYS} | columns)


def seen(frame, **options):
    data = kohort.Dataset.from_frame(frame, target="target", **options)
    return time_facts(data, class_labels(data), find_copies(data).pattern)


def test_a_random_walk_is_alike_and_noise_is_not():
    (walk,) = seen(table(), test=0)
    assert walk.name == "day"
    assert (walk.rows, walk.of_groups, walk.test_is_later) == (ROWS, False, None)
    assert walk.p == 1 / (1 + module.SHUFFLES)
    assert walk.in_order == pytest.approx(1)
    (noise,) = seen(table(NOISE[::-1]), test=0)
    assert noise.alike < noise.by_chance
    assert noise.p > 0.05


def test_numbers_are_as_alike_as_their_ranks_correlate_with_the_next_ones():
    ranks = pd.Series(WALK).rank()
    (walk,) = seen(table(), test=0)
    assert walk.alike == pytest.approx(ranks.autocorr(), abs=0.02)
    (skewed,) = seen(table(np.exp(WALK / 3)), test=0)
    assert skewed.alike == pytest.approx(walk.alike)


def test_classes_are_as_alike_as_they_agree_beyond_chance():
    limit = np.quantile(WALK, 0.7)
    is_high = limit < WALK
    (found,) = seen(table(np.where(is_high, "high", "low")), test=0)
    by_chance = is_high.mean() ** 2 + (1 - is_high.mean()) ** 2
    agreed = (is_high[1:] == is_high[:-1]).mean()
    assert found.alike == pytest.approx((agreed - by_chance) / (1 - by_chance), abs=0.01)
    assert found.p < 0.001


def test_chance_is_what_random_orders_give():
    """In many rows both statistics are near normal, with a deviation of one by the root of rows."""
    for target in (NOISE, np.where(NOISE > 0, "u", "v")):
        (found,) = seen(table(target), test=0)
        assert found.by_chance == pytest.approx(2.326 / np.sqrt(ROWS), rel=0.15)


def test_the_order_of_the_rows_in_the_table_is_told_apart():
    shuffled = table().sample(frac=1, random_state=0)
    (found,) = seen(shuffled)
    assert found.in_order < 0.2
    assert found.alike > 0.9
    assert seen(table()[::-1])[0].in_order == pytest.approx(1)


def test_rows_of_one_moment_are_in_no_order():
    """Else rows that are sorted by the target within each day would seem alike."""
    frame = table(NOISE, day=DAYS[np.arange(ROWS) // 150]).sort_values(["day", "target"])
    (found,) = seen(frame, test=0)
    assert found.p > 0.05


def test_copies_of_one_moment_count_once():
    frame = table(NOISE)
    twice = pd.concat([frame, frame])
    (found,) = seen(twice, test=0)
    assert found.rows == ROWS
    assert found.p > 0.05


def test_rows_without_a_moment_are_left_out():
    day = DAYS.to_series(index=range(ROWS)).mask(NOISE > 1)
    (found,) = seen(table(day=day), test=0)
    assert found.rows == (NOISE <= 1).sum()
    assert found.alike > 0.9


def test_groups_are_put_in_order_by_their_middle_rows():
    """Rows of a patient are alike and next to each other, and patients are not."""
    patient = np.arange(ROWS) // 3
    target = np.random.default_rng(2).normal(size=100)[patient]
    (parted,) = seen(table(target), test=0)
    assert parted.alike > 0.5
    (whole,) = seen(table(target, patient=patient), group="patient", test=0)
    assert (whole.rows, whole.of_groups) == (100, True)
    assert whole.p > 0.05
    (walk,) = seen(table(patient=patient), group="patient", test=0)
    assert walk.alike > 0.9


def test_a_later_test_set_is_known():
    assert seen(table(), time="day")[0].test_is_later is True
    assert seen(table())[0].test_is_later is False


def test_of_many_rows_stretches_of_neighbours_are_looked_at(monkeypatch):
    monkeypatch.setattr(module, "STRETCH", 10)
    rows = module._stretches(np.arange(1000))
    assert rows.tolist()[:11] == [*range(10), 52]
    assert (len(rows), rows[-1]) == (200, 999)
    assert module._stretches(np.arange(200)).tolist() == list(range(200))


UNMEASURED = {
    "few rows": (table()[:49], {"test": 0}, 49),
    "one moment": (table(day=DAYS[0]), {"test": 0}, ROWS),
    "few groups": (table(month=DAYS.month), {"group": "month", "test": 0}, 10),
}


@pytest.mark.parametrize("case", UNMEASURED)
def test_what_cannot_be_measured_is_told_so(case):
    frame, options, rows = UNMEASURED[case]
    (found,) = seen(frame, **options)
    assert found.rows == rows
    assert np.isnan([found.alike, found.p]).all()


def test_of_other_data_nothing_is_seen():
    assert seen(table().drop(columns="day")) == ()
    data = kohort.Dataset(NOISE[:, None], WALK)
    assert time_facts(data, None, np.arange(ROWS)) == ()


@pytest.mark.parametrize("draws", [8, *long(100)])
def test_false_alarms_are_few(draws):
    """At most 5 % of tables whose targets have nothing to do with time; the level is 1 %."""
    said = Counter(
        verdict(kind, seed, rows=240) for kind in WITHOUT for seed in range(1000, 1000 + draws)
    )
    assert said.total() == draws * len(WITHOUT)
    assert said["found"] + said["inconclusive"] <= 0.05 * said.total()
    assert said["not applicable"] == 0


@pytest.mark.parametrize("kind", ["a random walk", "neighbours correlated by 0.5"])
def test_what_has_an_order_is_found(kind):
    assert kind in WITH
    assert {verdict(kind, seed, rows=200) for seed in range(5)} == {"found"}
