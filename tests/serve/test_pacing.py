"""The time that is left follows from how fast member epochs came lately."""

import pytest

from kohort.evidence.store import MemberKey
from kohort.serve import headline
from kohort.serve.headline import Headline
from kohort.serve.pacing import TimeLeft
from tests.serve.serving import make_study


@pytest.fixture
def time():
    return [0.0]


@pytest.fixture
def left(time):
    return TimeLeft(lambda: time[0])


def test_it_is_what_is_missing_over_the_rate(left, time):
    told = []
    for second in range(0, 11, 2):
        time[0] = second
        told.append(left.seconds(1, 10 * second, 1000))
    assert told[:3] == [None] * 3, "too little was seen"
    assert told[-1] == pytest.approx(90)


def test_it_forgets_the_distant_past_and_other_runs(left, time):
    for second in range(0, 400, 10):
        time[0] = second
        # At first ten member epochs a second, then one.
        left.seconds(1, 10 * min(second, 100) + max(0, second - 100), 5000)
    done = 1000 + 290
    assert left.seconds(1, done, 5000) == pytest.approx(5000 - done, rel=0.1)
    assert left.seconds(2, 0, 5000) is None


def test_it_grows_while_nothing_comes(left, time):
    for second in range(0, 12, 2):
        time[0] = second
        left.seconds(1, second, 100)
    before = left.seconds(1, 10, 100)
    time[0] = 60.0
    assert left.seconds(1, 10, 100) > before


def test_a_study_that_begins_anew_has_no_rate(left, time):
    left.seconds(1, 50, 100)
    time[0] = 10.0
    assert left.seconds(1, 10, 100) is None


@pytest.mark.parametrize(
    ("costs", "about"),
    # Of 8 member epochs 3 are done, in 30 s; one of the narrow and four of the wide are left.
    [({}, 50), ({"narrow": 1.0, "wide": 2.0}, 90)],
)
def test_epochs_of_large_variants_count_as_what_they_cost(
    store, left, time, monkeypatch, costs, about
):
    kept, _ = make_study(store, replicates=1, costs=costs)
    # An epoch of a member on a part of the samples has as many steps.
    narrow, wide = MemberKey("narrow", 0), MemberKey("wide", 0, 0.25)
    with kept.claim():
        kept.begin_run({})
        monkeypatch.setattr(headline, "TimeLeft", lambda: left)
        shown = Headline(store)
        for done in range(4):
            time[0] = 10.0 * done
            members = {narrow: (done, "begun"), wide: (0, "waiting")}
            told = shown.told(kept, kept.description, kept.runs(), members)
    assert (told["done"], told["total"], told["left"]) == (3, 8, about)
