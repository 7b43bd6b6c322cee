"""What a worker does with a block, here in this process."""

import itertools
import os
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

import kohort
from kohort.engine.loop.events import BlockPlan
from kohort.engine.memory import allowed
from kohort.runs.checkpointing import CADENCE
from kohort.runs.cluster import shipping, versions, worker
from kohort.runs.cluster.blocks import ClusterWork, SentBlock
from kohort.runs.cluster.jobs import StudyJobs
from kohort.runs.cluster.messages import Begun, Shipment, TrainedBlock
from kohort.runs.work import Planned, WorkItem
from tests.models import build_mlp
from tests.runs.test_resume import STEADY, study


@pytest.fixture
def bench(monkeypatch):
    """Trains blocks of a study as a process of a worker does."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(worker, "_benches", {})
    return Bench


class Bench:
    def __init__(self, study, cadence=0.0, **shipped):
        self.spec = study.spec
        self.plan = Planned.of(self.spec).plan
        told = {"versions": versions.teller()(), "modules": {}, "settings": shipping.settings()}
        told["jobs"] = StudyJobs
        rest = {"precision": None, "memory": allowed(None), "cadence": cadence}
        arguments = {"token": "run", "spec": ["reference"]} | told | rest | shipped
        self.shipment = Shipment(**arguments)

    def get(self, reference):
        assert reference == "reference"
        return replace(self.spec)

    def block(self, seats, checkpoint=None, *, is_fused=True):
        """A block of the first group."""
        group = self.plan.groups[0]
        of = ClusterWork(WorkItem.of(group), "work", (), is_fused)
        return SentBlock(of, BlockPlan(seats, checkpoint))

    def messages(self, block, ends=lambda: False):
        return list(worker.train_block(self.shipment, block.task, self.get, ends))


def split(messages):
    """The epochs of messages, and their end where there is one."""
    last = messages[-1] if isinstance(messages[-1], TrainedBlock) else None
    lists = messages[:-1] if last else messages
    return [epoch for message in lists for epoch in message], last


def curves(result, variant, replicate):
    rows = result.curves()
    rows = rows[(rows["variant"] == variant) & (rows["replicate"] == replicate)]
    return {(row.epoch, row.metric): row.value for row in rows.itertuples()}


def check_is_as_here(wanted, bench, block, epochs, last):
    """Curves and weights of a block are those of a run in this process, bit for bit."""
    for place, number in enumerate(block.plan.members):
        planned = bench.plan.groups[0][number]
        name = bench.spec.variants[planned.variant].name
        member = wanted.members[planned.variant, planned.replicate]
        for array, weights in zip(last.weights[place], member.weights, strict=True):
            assert array.tobytes() == weights.tobytes()
        found = wanted.record.classes.found[planned.variant, planned.replicate]
        assert last.found[place].tolist() == found.tolist()
        here = curves(wanted, name, planned.replicate)
        for epoch in epochs:
            for metric, value in epoch.logs.get(place, {}).items():
                kept = here.get((epoch.epoch + 1, metric))
                assert kept is None or repr(float(kept)) == repr(float(np.float64(value)))
    assert {epoch.epoch for epoch in epochs} == {epoch - 1 for epoch, _ in here}


NAMES = ("dropout", "less dropout")


# As they are laid out: members of one replicate stand side by side. One of each kind decides which
# constants are inputs.
@pytest.mark.parametrize("blocks", [[[0, 2], [1, 3]], [[0], [3]]], ids=["two", "one"])
def test_a_block_has_the_bits_that_it_has_here(blobs, bench, blocks):
    seats = len(blocks[0])
    wanted = study(blobs, NAMES, callbacks=STEADY).run(verbose=0, chunk_size=seats)
    far = bench(study(blobs, NAMES, callbacks=STEADY))
    for block in map(far.block, blocks):
        assert (block.task.trains, len(block.task.members)) == (seats, 2)
        check_is_as_here(wanted, far, block, *split(far.messages(block)))


def test_a_block_goes_on_from_any_checkpoint_to_the_same_bits(blobs, bench):
    wanted = study(blobs, NAMES).run(verbose=0, chunk_size=2)
    far = bench(study(blobs, NAMES))
    whole, _ = split(far.messages(far.block([0, 2])))
    assert [epoch.epoch for epoch in whole] == [0, 1, 2, 3]
    for epoch in whole[:-1]:
        block = far.block([0, 2], epoch.checkpoint)
        rest, last = split(far.messages(block))
        assert [later.epoch for later in rest] == [*range(epoch.epoch + 1, 4)]
        for later, first in zip(rest, whole[epoch.epoch + 1 :], strict=True):
            assert later.logs == first.logs
        check_is_as_here(wanted, far, block, whole[: epoch.epoch + 1] + rest, last)


def test_checkpoints_come_when_they_are_due_and_at_the_end(blobs, bench):
    far = bench(study(blobs, NAMES), cadence=CADENCE)
    epochs, _ = split(far.messages(far.block([0, 2])))
    assert [epoch.checkpoint is not None for epoch in epochs] == [False, False, False, True]


def test_a_block_that_is_asked_to_end_sends_where_it_is(blobs, bench):
    far = bench(study(blobs, NAMES), cadence=CADENCE)
    asked = itertools.chain([False, True], itertools.repeat(True))
    epochs, last = split(far.messages(far.block([0, 2]), lambda: next(asked)))
    assert last is None
    assert [epoch.epoch for epoch in epochs] == [0, 1]
    assert epochs[-1].checkpoint.epoch == 2
    rest, last = split(far.messages(far.block([0, 2], epochs[-1].checkpoint)))
    assert [epoch.epoch for epoch in rest] == [2, 3]
    assert last is not None


def test_a_block_that_is_asked_in_its_last_epoch_ends_whole(blobs, bench):
    far = bench(study(blobs, NAMES, epochs=1))
    assert split(far.messages(far.block([0, 2]), lambda: True))[1] is not None


def test_members_of_keras_train_one_by_one(blobs, bench):
    wanted = study(blobs, ["plain"]).run(verbose=0, engine="keras")
    far = bench(study(blobs, ["plain"]))
    block = far.block([1], is_fused=False)
    epochs, last = split(far.messages(block))
    check_is_as_here(wanted, far, block, epochs, last)
    assert far.messages(block, lambda: True) == []


def test_a_worker_of_other_versions_is_refused(blobs, bench):
    other = versions.teller()() | {"keras": "3.0.0"}
    far = bench(study(blobs), versions=other)
    with pytest.raises(kohort.DesignError, match=r"expected keras 3\.0\.0 on each node .* got ker"):
        far.messages(far.block([0]))


def test_a_study_that_cannot_be_unpacked_is_told(blobs, bench):
    far = bench(study(blobs))
    far.get = lambda reference: importlib_error()
    with pytest.raises(kohort.DesignError, match=r"got ModuleNotFoundError: .*'nowhere'"):
        far.messages(far.block([0]))


def importlib_error():
    import nowhere  # noqa: F401


def test_a_model_that_is_another_one_on_the_worker_is_refused(blobs, bench, monkeypatch):
    def build():
        return build_mlp(units=(int(os.environ.get("UNITS", "8")),))

    one = kohort.Study(
        "one",
        [kohort.Variant("its", build)],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=1,
    )
    far = bench(one)
    monkeypatch.setenv("UNITS", "9")
    with pytest.raises(kohort.DesignError, match="variant 'its' that makes the same model"):
        far.messages(far.block([0]))


def test_errors_of_the_users_code_tell_where_they_were(blobs, bench):
    class Failing(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise OSError("no room")

    far = bench(study(blobs, callbacks=[Failing()]))
    with pytest.raises(kohort.DesignError, match=r"OSError: no room from .*on_epoch_end, test_"):
        far.messages(far.block([0]))


def test_a_process_tells_where_its_words_go():
    begun = worker.begun("node")
    assert isinstance(begun, Begun)
    assert begun.process == os.getpid()
