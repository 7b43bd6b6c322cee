"""Finds the members of a block on a worker: builds their models from what the driver has sent."""

import platform

import jax
import numpy as np

from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, make_plan
from kohort.design.spec import StudySpec
from kohort.engine.loop.events import BlockEnded
from kohort.engine.members import Job
from kohort.engine.memory import for_built_models
from kohort.errors import DesignError
from kohort.runs.classes.counting import ClassCounter
from kohort.runs.cluster.messages import BlockTask, SentMember
from kohort.runs.work import ended_of, job_of


class StudyJobs:
    """The members of a study's blocks.

    Args:
        spec: The study.
        memory: Bytes that a block may take.
    """

    def __init__(self, spec: StudySpec, memory: int) -> None:
        self._spec, self._models = spec, BuiltModels(spec, for_built_models(memory))
        self._counter = ClassCounter(spec)

    def __call__(self, task: BlockTask) -> Job:
        """The models of a block, built from the seeds of their replicates."""
        numbers: dict[int, dict[int, None]] = {}
        for member in task.members:
            numbers.setdefault(member.variant, {})[member.replicate] = None
        plan = make_plan(self._spec, self._models, {v: [*of] for v, of in numbers.items()})
        planned = {(m.variant, m.replicate, m.share): m for m in plan.every_member}
        members = [planned[m.variant, m.replicate, m.share] for m in task.members]
        for sent, built in zip(task.members, members, strict=True):
            check_same_model(self._spec.variants[sent.variant].name, sent, built)
        return job_of(self._spec, self._models, members, task.trains, is_fused=task.is_fused)

    def ended(
        self, job: Job, event: BlockEnded
    ) -> dict[int, tuple[list[np.ndarray], np.ndarray | None]]:
        """The weights of members that have trained, and the classes that they find."""
        return ended_of(job, event, self._counter)


def check_same_model(name: str, sent: SentMember, member: MemberPlan) -> None:
    """Refuse a model that computes something else than the driver's.

    Args:
        name: Its variant's.
        sent: The driver's.
        member: The one that was built here.

    Raises:
        DesignError: It does.
    """
    if member.signature != sent.signature:
        mend = "let it depend on its arguments alone"
        if jax.default_backend() == "gpu":
            mend += "; some layers, such as LSTM, Keras computes otherwise on a GPU: start the run "
            mend += "where JAX finds one too"
        raise DesignError(
            f"a build function of variant {name!r} that makes the same model on each node",
            f"another one on {platform.node()}",
            mend,
        )
