"""What trains trials that climb together: here, and on the workers of a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kohort.design.families.kinships import Kinships
from kohort.design.plan import MemberPlan
from kohort.design.searches.draws import trial_name
from kohort.design.searches.search_spec import SearchSpec
from kohort.engine.loop.events import BlockEnded
from kohort.engine.members import Job
from kohort.engine.memory import for_built_models
from kohort.runs.cluster.jobs import check_same_model
from kohort.runs.cluster.messages import BlockTask
from kohort.runs.searches.trial_models import TrialModels
from kohort.tracing.eligibility import StepTracer

SEATS = 4
"""The most trials side by side. Later rungs have few trials, and seats that nobody needs cost what
the others cost; small models gain most of what there is to gain by four."""


def job_of_trials(
    drawn: Mapping[int, TrialModels], numbers: Sequence[int], members: Sequence[MemberPlan]
) -> Job:
    """The models of trials, and everything that trains them.

    Args:
        drawn: The models of all trials, by their numbers.
        numbers: Of those that train; all have one program.
        members: Their plans.
    """
    spec = drawn[numbers[0]].study
    replicate = spec.replicate(0, 1.0)
    job = Job(
        tuple(members),
        [],
        [replicate] * len(members),
        [spec.callbacks_of(spec.variants[0], 0) for _ in members if spec.callbacks],
        spec.data,
        min(spec.batch_size, len(replicate.train)),
        SEATS,
        spec.weights([(spec.variants[0], replicate)] * len(members)),
    )
    if job.callbacks:  # They act on the models of their members.
        return job._replace(models=[drawn[number].owned(number) for number in numbers])
    models, starts = zip(*(drawn[number].shared(number) for number in numbers), strict=True)
    return job._replace(models=list(models), starts=starts)


def half(memory: int) -> int:
    """Bytes that models may take while others are kept for what they tell of further ones."""
    return for_built_models(memory) // 2


class SearchJobs:
    """The trials of a search's blocks, on a worker.

    Args:
        spec: The search.
        memory: Bytes that a block may take.
    """

    def __init__(self, spec: SearchSpec, memory: int) -> None:
        self._spec, self._room = spec, half(memory)
        self._tracer, self._kinships = StepTracer(), Kinships(self._room)

    def __call__(self, task: BlockTask) -> Job:
        """The models of the trials of a block."""
        numbers = [draw.number for draw in task.draws]
        drawn = TrialModels(self._spec, task.draws, self._tracer, self._kinships, self._room)
        members = [replace(drawn.planned(number), epochs=task.epochs) for number in numbers]
        for number, sent, member in zip(numbers, task.members, members, strict=True):
            check_same_model(trial_name(number), sent, member)
        return job_of_trials(dict.fromkeys(numbers, drawn), numbers, members)

    def ended(
        self, job: Job, event: BlockEnded
    ) -> dict[int, tuple[list[np.ndarray], np.ndarray | None]]:
        """Nothing: a trial goes on from its checkpoint; its model may be that of another one."""
        del job
        return {number: ([], None) for number in event.members}


def sendable(spec: SearchSpec) -> SearchSpec:
    """A search as workers need it: without its sampler, and what was worked out of it."""
    return replace(spec, sampler="random")
