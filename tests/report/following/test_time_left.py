"""The time that is left, of a clock and counts that a test sets."""

import pytest

from kohort.engine.program.compilation import Compiling
from kohort.report.following.time_left import TimeLeft


class Run:
    """What trains, and compiles, as a test says."""

    def __init__(self):
        self.now, self.compiling = 0.0, Compiling(0.0, 0, 0.0, goes_on=False)
        self.left = TimeLeft(lambda: self.now)
        self.left.tell_apart(lambda: self.compiling)

    def wait(self, seconds, took=None):
        """Wait for a program, which has taken longer where it began ahead."""
        self.now += seconds
        of, took = self.compiling, seconds if took is None else took
        self.compiling = Compiling(
            of.waited + seconds, of.programs + 1, of.seconds + took, goes_on=False
        )

    def train(self, epochs, seconds=1.0, cost=1.0):
        for _ in range(epochs):
            self.now += seconds
            self.left.trained(cost)

    @property
    def seconds(self):
        return self.left.seconds


@pytest.fixture
def run():
    return Run()


def test_nothing_is_known_before_something_was_trained(run):
    run.left.expect(10, compiles=True)
    run.left.begin()
    run.wait(5.0)
    assert run.seconds is None


@pytest.mark.parametrize("epochs", [1, 4])
def test_to_wait_for_a_program_is_no_speed_of_training(run, epochs):
    run.left.expect(10, compiles=True)
    run.left.begin()
    run.wait(30.0)
    run.train(epochs)
    assert run.seconds == pytest.approx(10 - epochs)


def test_a_first_epoch_does_not_count_when_there_are_others(run):
    run.left.expect(10)
    run.left.begin()
    run.train(1, seconds=8.0)
    run.left.expect(10)
    assert run.seconds == pytest.approx(19 * 8)
    run.train(1)
    assert run.seconds == pytest.approx(8 + 10)


def test_programs_to_come_take_what_others_took(run):
    for _ in range(3):
        run.left.expect(10, compiles=True)
    run.left.begin()
    run.wait(6.0)
    run.train(10)
    assert run.seconds == pytest.approx(2 * (6 + 10))
    run.left.begin()
    run.now += 4.0
    assert run.seconds == pytest.approx(2 + 10 + 16), "of the wait four seconds are over"


def test_programs_that_are_known_take_nothing(run):
    for compiles in (True, False, False):
        run.left.expect(10, compiles=compiles)
    run.left.begin()
    run.wait(6.0)
    run.train(5)
    assert run.seconds == pytest.approx(5 + 20)


@pytest.mark.parametrize(("took", "waits"), [(4.0, 0.0), (15.0, 5.0)])
def test_a_program_compiles_while_what_comes_before_it_trains(run, took, waits):
    for _ in range(3):
        run.left.expect(10, compiles=True, is_ahead=True)
    run.left.begin()
    run.wait(took)
    run.train(2)
    # The second one began with the first; the third one begins with the turn of the second.
    assert run.seconds == pytest.approx(8 + 10 + waits + 10)


def test_epochs_beside_a_program_that_compiles_count_only_where_there_are_no_others(run):
    run.left.expect(20)
    run.left.begin()
    run.train(1)
    run.compiling = run.compiling._replace(goes_on=True)
    run.train(4, seconds=2.0)
    assert run.seconds == pytest.approx(15 * 2)
    run.compiling = run.compiling._replace(goes_on=False)
    run.train(3)
    assert run.seconds == pytest.approx(12 * 1)


def test_what_trains_is_known_by_its_own_speed_and_what_comes_by_that_of_all(run):
    run.left.expect(10)
    run.left.expect(100)
    run.left.begin()
    run.train(10)
    assert run.seconds == pytest.approx(100)
    run.left.begin()
    run.train(11, seconds=30.0, cost=10.0)  # a cost of ten took thrice as long as was thought
    assert run.seconds == 0
    run.left.expect(100)
    run.left.begin()
    run.train(2, seconds=30.0, cost=10.0)
    assert run.seconds == pytest.approx(8 * 30)


def test_what_an_early_end_leaves_out_takes_nothing(run):
    for cost in (10, 10):
        run.left.expect(cost)
    run.left.begin()
    run.train(4)
    run.left.drop(6)
    assert run.seconds == pytest.approx(10)


@pytest.mark.parametrize("later", [0, 960])
def test_it_counts_down_to_the_next_epoch_and_waits_for_a_late_one(run, later):
    run.left.expect(4 + later / 10)
    run.left.begin()
    run.train(3, seconds=10.0)
    told = []
    for passes in (4.0, 4.0, 4.0, 28.0, 0.0):
        told.append(run.seconds - later)
        run.now += passes
    assert told == pytest.approx([10, 6, 2, 2.4, 8])


def test_it_counts_down_while_the_first_epoch_of_a_program_trains(run):
    for _ in range(2):
        run.left.expect(10, compiles=True)
    run.left.begin()
    run.wait(6.0)
    run.train(10)
    run.left.begin()
    told = []
    for passes in (4.0, 2.0, 3.0, 9.0, 0.0):
        told.append(run.seconds)
        run.now += passes
    assert told == pytest.approx([16, 12, 10, 7, 5])


def test_blocks_that_train_at_once_are_told_one_after_another(run):
    run.left.expect(40)
    run.left.begin()
    run.wait(5.0)
    run.train(1)
    run.train(1, seconds=0.0)
    assert run.seconds == pytest.approx(19)
    for _ in range(4):
        run.train(1)
        run.train(1, seconds=0.0)
    assert run.seconds == pytest.approx(15)


def test_the_distant_past_is_forgotten(run):
    run.left.expect(2000)
    run.left.begin()
    run.train(1000, seconds=0.1)
    run.train(700)
    assert run.seconds == pytest.approx(300)


def test_an_epoch_may_take_longer_than_what_is_remembered(run):
    run.left.expect(4)
    run.left.begin()
    run.train(2, seconds=1000.0)
    assert run.seconds == pytest.approx(2000)
    run.now += 700.0
    assert run.seconds == pytest.approx(1300)


def test_what_is_expected_anew_is_counted_anew(run):
    run.left.expect(10)
    run.left.begin()
    run.train(4)
    run.left.forget()
    assert run.seconds is None
    run.left.expect(10)
    run.left.begin()
    run.train(4, seconds=2.0)
    assert run.seconds == pytest.approx(12)
