"""What a worker does with trials of a search, here in this process."""

import sys
from dataclasses import replace

import pytest

import kohort
from kohort.design.families.kinships import Kinships
from kohort.design.searches.draws import Draw, trial_name
from kohort.engine.loop.events import BlockPlan, EpochsMeasured
from kohort.engine.loop.regrouping import apart, together
from kohort.engine.members import Resources, train_fused
from kohort.engine.memory import allowed
from kohort.runs.cluster import shipping, versions, worker
from kohort.runs.cluster.blocks import ClusterWork, SentBlock
from kohort.runs.cluster.messages import Shipment, TrainedBlock
from kohort.runs.searches.rung_jobs import SearchJobs, half, job_of_trials, sendable
from kohort.runs.searches.trial_models import TrialModels
from kohort.runs.work import WorkItem
from kohort.tracing.eligibility import StepTracer
from tests.models import build_mlp
from tests.runs.searches.searched import small

NUMBERS = (3, 5)
DRAWS = [
    Draw(number, {"units": 4, "rate": rate, "dropout": 0.2})
    for number, rate in zip(NUMBERS, (0.01, 0.05), strict=True)
]


class Trials:
    """Two trials of one program, as the driver knows them."""

    def __init__(self, spec, draws=DRAWS):
        self.spec, self.draws, room = spec, draws, half(allowed(None))
        drawn = TrialModels(spec, draws, StepTracer(), Kinships(room), room)
        self._drawn = dict.fromkeys([draw.number for draw in draws], drawn)

    def members(self, epochs):
        return [replace(of.planned(number), epochs=epochs) for number, of in self._drawn.items()]

    def here(self, epochs):
        """Logs by epoch, and the checkpoint after each, of a training in this process."""
        members = self.members(epochs)
        job = job_of_trials(self._drawn, [*self._drawn], members)
        events = train_fused(job, Resources(2, allowed(None)), len(members))
        return [
            (epoch.logs, epoch.checkpoint())
            for event in events
            if isinstance(event, EpochsMeasured)
            for epoch in event.epochs
        ]

    def there(self, epochs, checkpoint=None):
        """The same of a worker, and its last message."""
        work = WorkItem.of(self.members(epochs))
        names = [trial_name(draw.number) for draw in self.draws]
        of = ClusterWork(work, "rung 1", names, is_fused=True, draws=tuple(self.draws))
        shipment = Shipment(
            *("run", versions.teller()(), {}, shipping.settings(), None, allowed(None), 0.0),
            spec=["reference"],
            jobs=SearchJobs,
        )
        task = SentBlock(of, BlockPlan([0, 1], checkpoint)).task
        messages = list(
            worker.train_block(shipment, task, lambda _: sendable(self.spec), lambda: False)
        )
        told = [(epoch.logs, epoch.checkpoint) for sent in messages[:-1] for epoch in sent]
        return told, messages[-1]


@pytest.fixture
def trials(blobs, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(worker, "_benches", {})
    return Trials(small(blobs).spec)


def same(one, other):
    return {n: a.tobytes() for n, a in one.arrays.items()} == {
        n: a.tobytes() for n, a in other.arrays.items()
    }


@pytest.mark.long
def test_trials_have_the_bits_on_a_worker_that_they_have_here(trials):
    told, last = trials.there(4)
    for (logs, checkpoint), (wanted, kept) in zip(told, trials.here(4), strict=True):
        assert logs == wanted
        assert same(checkpoint, kept)
    assert isinstance(last, TrainedBlock)
    assert last.weights == {0: [], 1: []}


@pytest.mark.long
def test_trials_climb_on_from_the_states_that_they_had(trials):
    whole = trials.here(4)
    first, _ = trials.there(2)
    states = apart(first[-1][1])
    told, _ = trials.there(4, together(states, 2))
    for (logs, checkpoint), (wanted, kept) in zip(told, whole[2:], strict=True):
        assert logs == wanted
        assert same(checkpoint, kept)


def test_a_trial_of_another_model_on_the_worker_is_refused(trials):
    members = trials.members(1)
    trials.members = lambda epochs: members
    trials.spec = replace(trials.spec, build=lambda **_: build_mlp())
    with pytest.raises(kohort.DesignError, match="variant 'trial 3' that makes the same model"):
        trials.there(1)
