"""The time that is left is what the run tells, less what has passed since."""

import pytest

from kohort.serve.headline import Headline
from tests.serve.serving import make_study


@pytest.fixture
def told(store):
    """What is told of a study at some time; and the study, which is running."""
    now = [0.0]
    kept, members = make_study(store)
    shown = Headline(store, lambda: now[0])

    def at(seconds):
        now[0] = seconds
        found = shown.told(kept, kept.description, kept.runs(), dict.fromkeys(members, (0, "")))
        return found["left"], found["part"]

    with kept.claim():
        kept.begin_run({})
        yield at, kept


def test_a_run_tells_nothing_before_something_was_trained(told):
    at, _ = told
    assert at(0.0) == (None, "")


def test_what_a_run_tells_is_told_and_counts_down(told):
    at, kept = told
    kept.tell_run(left=[80.0, ""])
    assert [at(second) for second in (0.0, 10.0, 300.0)] == [(80, ""), (70, ""), (5, "")]
    kept.tell_run(left=[600.0, ""])
    assert at(310.0) == (600, "")


def test_it_is_that_of_a_part_where_nobody_knows_what_comes_after_it(told):
    at, kept = told
    kept.tell_run(left=[40.0, "of this rung"])
    assert at(0.0) == (40, "of this rung")


def test_the_time_of_an_earlier_run_is_not_that_of_the_next(told):
    at, kept = told
    kept.tell_run(left=[40.0, ""])
    assert at(0.0) == (40, "")
    kept.end_run("interrupted")
    assert at(1.0) == (None, "")
    kept.begin_run({})
    assert at(2.0) == (None, "")
