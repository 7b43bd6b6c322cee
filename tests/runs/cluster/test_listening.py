"""Blocks that hang are found by the time that blocks of their work took."""

import pytest

from kohort.engine.loop.events import BlockPlan
from kohort.runs.cluster import listening
from kohort.runs.cluster.blocks import ClusterWork, SentBlock
from kohort.runs.cluster.listening import FLOOR, PATIENCE, Listening
from kohort.runs.cluster.messages import Begun, TrainedBlock
from kohort.runs.work import WorkItem

BEGUN = Begun("node", 1, "")
WORK = ClusterWork(WorkItem((), 0), "work", (), is_fused=True)


class Clock:
    """Time that passes in looks."""

    def __init__(self):
        self.now = 0.0
        self.heard = Listening(lambda: self.now)

    def passes(self, seconds, look=0.5):
        for _ in range(int(seconds / look)):
            self.now += look
            self.heard.look()


@pytest.fixture
def clock():
    return Clock()


def block(of=WORK):
    return SentBlock(of, BlockPlan([0]))


def test_a_block_hangs_that_is_silent_for_ten_times_what_its_epochs_took(clock):
    one, other = block(), block()
    for each in (one, other):
        clock.heard.hear(each, BEGUN)
    clock.passes(4)
    for each in (one, other):
        clock.heard.hear(each, [])
    for _ in range(3):
        clock.passes(8)
        clock.heard.hear(one, [])
        clock.heard.hear(other, [])
    for _ in range(9):
        clock.passes(8)
        clock.heard.hear(one, [])
    clock.passes(8)
    assert clock.heard.hanging() == {}
    clock.passes(1)
    assert clock.heard.hanging() == {other: PATIENCE * 8 + 1}
    clock.heard.forget(other)
    assert clock.heard.hanging() == {}


def test_short_epochs_have_a_floor(clock):
    one = block()
    clock.heard.hear(one, BEGUN)
    for _ in range(2):
        clock.passes(1)
        clock.heard.hear(one, [])
    clock.passes(FLOOR)
    assert clock.heard.hanging() == {}
    clock.passes(1)
    assert list(clock.heard.hanging()) == [one]


def test_a_first_epoch_is_measured_by_other_first_epochs_of_its_work(clock):
    one, later, other = (
        block(),
        block(),
        block(ClusterWork(WorkItem((), 0), "other", (), is_fused=True)),
    )
    for each in (one, other):
        clock.heard.hear(each, BEGUN)
    clock.passes(20)
    clock.heard.hear(one, [])  # It built and compiled.
    clock.passes(1)
    clock.heard.hear(one, TrainedBlock(1.0, {}, {}))
    clock.heard.hear(later, BEGUN)
    clock.passes(PATIENCE * 20)
    assert clock.heard.hanging() == {}
    clock.passes(1)
    assert list(clock.heard.hanging()) == [later]


def test_what_waits_or_is_trained_by_keras_may_be_silent(clock):
    by_keras = ClusterWork(WorkItem((), 0), "by keras", (), is_fused=False)
    silent = block(by_keras)
    clock.heard.hear(block(by_keras), BEGUN)
    clock.heard.hear(silent, BEGUN)
    clock.heard.hear(silent, [])
    clock.passes(2000)
    assert clock.heard.hanging() == {}


def test_a_driver_that_was_stopped_does_not_count_that_time(clock):
    one = block()
    clock.heard.hear(one, BEGUN)
    clock.heard.hear(one, [])
    clock.passes(5000, look=5000)
    assert clock.heard.hanging() == {}
    clock.passes(FLOOR, look=listening._LONGEST_LOOK)
    assert list(clock.heard.hanging()) == [one]
