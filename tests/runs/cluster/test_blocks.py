"""What the driver makes of the messages of a block."""

import numpy as np
import pytest

from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import BlockEnded, BlockPlan, BlocksPlanned, EpochsMeasured
from kohort.runs.cluster.blocks import ClusterWork, SentBlock
from kohort.runs.cluster.messages import Begun, Divided, SentEpoch, TrainedBlock
from kohort.runs.work import Planned, WorkItem
from tests.runs.test_resume import study


@pytest.fixture(scope="module")
def work(blobs):
    """Four members of one cohort."""
    plan = Planned.of(study(blobs, ("dropout", "less dropout")).spec).plan
    return ClusterWork(WorkItem.of(plan.groups[0]), "work", (), is_fused=True)


def epoch(number, seconds, *, is_kept=False, is_last=False):
    checkpoint = Checkpoint(number + 1, {}, {}) if is_kept else None
    return SentEpoch(number, {0: {"loss": 1.0 + number}}, 2, checkpoint, is_last, seconds)


def told(block, message):
    return list(block.take(message))


def test_members_are_told_by_their_number_in_the_work(work):
    block = SentBlock(work, BlockPlan([3, 1, 1]))
    assert [(m.variant, m.replicate) for m in block.task.members] == [(1, 1), (0, 1)]
    assert block.task.seats == [0, 1, 1]
    (epochs,) = told(block, [epoch(0, 1.0)])
    assert isinstance(epochs.event, EpochsMeasured)
    assert epochs.event.epochs[0].logs == {3: {"loss": 1.0}}
    (ended,) = told(
        block, TrainedBlock(2.0, {0: [np.zeros(2)], 1: [np.ones(2)]}, {0: np.arange(3), 1: None})
    )
    assert ended.event == BlockEnded([1, 3], 2.0)
    assert {n: w[0].tolist() for n, w in ended.weights.items()} == {3: [0, 0], 1: [1, 1]}


def test_a_block_that_does_not_fit_is_divided(work):
    block = SentBlock(work, BlockPlan([3, 2, 1]))
    (divided,) = told(block, Divided([[0, 1], [2, 2]]))
    assert divided.event == BlocksPlanned([[3, 2], [1, 1]])


def test_what_is_told_again_after_a_death_is_left_out(work):
    block = SentBlock(work, BlockPlan([0, 2]))
    told(block, [epoch(0, 1.0), epoch(1, 2.0, is_kept=True), epoch(2, 3.0)])
    assert block.plan.checkpoint.epoch == 2
    block.begin_again()
    again = told(block, [epoch(2, 1.0)]) + told(block, [epoch(3, 2.0, is_last=True)])
    assert [(e.epoch, e.seconds) for t in again for e in t.event.epochs] == [(3, 4.0)]


def test_training_time_is_that_up_to_the_checkpoint_and_after_it(work):
    block = SentBlock(work, BlockPlan([0, 2]))
    for _ in range(3):  # It begins again where it was, and has done nothing.
        block.begin_again()
    told(block, [epoch(0, 1.5, is_kept=True), epoch(1, 9.0)])
    block.begin_again()
    told(block, [epoch(1, 1.0, is_kept=True)])
    block.begin_again()
    (ended,) = told(block, TrainedBlock(0.5, {0: [], 1: []}, {0: None, 1: None}))
    assert ended.event.seconds == 1.5 + 1.0 + 0.5


def test_deaths_count_until_the_block_comes_further(work):
    block = SentBlock(work, BlockPlan([0, 2]))
    told(block, Begun("node", 1, "file"))
    assert block.begun.process == 1
    block.deaths = ["one", "two"]
    block.begin_again()
    assert block.begun is None
    told(block, [])
    assert block.deaths == ["one", "two"]
    told(block, [epoch(0, 1.0)])
    assert block.deaths == []
    block.deaths = ["three"]
    told(block, [epoch(0, 1.0)])  # It has come no further than before.
    assert block.deaths == ["three"]


def test_the_longest_blocks_cost_the_most(work):
    assert SentBlock(work, BlockPlan([0, 1])).cost > SentBlock(work, BlockPlan([2])).cost
