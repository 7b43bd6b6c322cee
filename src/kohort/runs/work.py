"""What is left to train of a study, and the results of earlier runs."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

import keras
import numpy as np

from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, Plan, make_plan
from kohort.design.replicates import Replicate
from kohort.design.scoring import check_score, scoring
from kohort.design.seen.lacking_class import check_parts
from kohort.design.spec import StudySpec
from kohort.engine.devices import places
from kohort.engine.loop import chunking
from kohort.engine.loop.events import BlockEnded, BlockPlan
from kohort.engine.members import Job
from kohort.engine.memory import bytes_of, for_built_models
from kohort.keras_api.models import state_of, weights_of
from kohort.report.following.best_so_far import BestSoFar
from kohort.runs.classes.counting import ClassCounter
from kohort.tracing.signature import global_settings

_BESIDE = 1 / 8
"""The part of the memory that a cohort may take while another trains."""


class WorkItem(NamedTuple):
    """Members to train in one program.

    Args:
        members: The members to train, and one of each other kind in their cohort, so that the same
            constants are always inputs of the program.
        trains: How many of them train, the first ones.
        begun: The blocks that are left, by places in `members`; empty to lay out new ones.
        done: Member epochs of these blocks that were trained earlier.
        spent: Training time, in seconds, of each member of these blocks.
    """

    members: tuple[MemberPlan, ...]
    trains: int
    begun: tuple[BlockPlan, ...] = ()
    done: int = 0
    spent: Mapping[MemberPlan, float] = {}

    @classmethod
    def of(cls, members: Sequence[MemberPlan]) -> "WorkItem":
        """Work for members that have not begun."""
        return cls(tuple(members), len(members))


class PriorProgress(NamedTuple):
    """The stored results of a member.

    Args:
        logs: By epoch (from 0).
        weights: Of a member that has finished; None where they were dropped.
        seconds: Its training time; None where it has not finished.
        found: As `ClassCounter.found` counts; None where that is not known, as of a member whose
            weights a kohort dropped that kept no counts without them.
        finished: When it did, in UTC.
    """

    logs: dict[int, dict[str, float]]
    weights: list[np.ndarray] | None
    seconds: float | None
    found: np.ndarray | None
    finished: datetime | None = None


def best_so_far(spec: StudySpec, plan: Plan) -> BestSoFar:
    """The best score of a study while it trains, before its first epoch."""
    members = plan.every_member
    losses = [member.measured.constant for member in members]
    return BestSoFar(scoring(spec.metric, spec.mode, [m.metrics for m in members], losses))


def program_of(member: MemberPlan) -> Hashable:
    """What members of one cohort share, in all looks of a race."""
    return member.program.skeleton, member.sizes, member.epochs


def name_of(plan: Plan, member: MemberPlan) -> str:
    """A member's variant and replicate, in words."""
    part = "" if member.share == 1 else f", {member.share:g} of its samples"
    return f"{plan.variant_names[member.variant]}, replicate {member.replicate}{part}"


def weight_bytes(
    members: Sequence[MemberPlan], weights: Mapping[tuple[int, int], list[np.ndarray] | None]
) -> int:
    """The bytes of a variant's weights, of the largest of its members.

    Four for each parameter, as is Keras's default, of a member whose weights were dropped.

    Args:
        members: Of the variant.
        weights: By the numbers of variant and replicate.
    """
    there = [(member, weights.get((member.variant, member.replicate))) for member in members]
    return max(
        4 * member.parameters if found is None else sum(array.nbytes for array in found)
        for member, found in there
    )


def with_all_kinds(
    members: Sequence[MemberPlan], group: Sequence[MemberPlan]
) -> tuple[MemberPlan, ...]:
    """Members, followed by one of each kind in the group that is not among them.

    Constants that differ between kinds are inputs of a program, others are part of it, and XLA
    rounds the two differently. Members that resume must run the program with which they began.
    """
    kinds = {member.signature for member in members}
    others = {m.signature: m for m in group if m.signature not in kinds}
    return (*members, *others.values())


def may_stand_by(spec: StudySpec, plan: Plan, group: Sequence[MemberPlan], memory: int) -> bool:
    """Whether the models of a cohort may be there, with a copy of the data, while others train.

    Not in a race, nor where they are large or alone, nor where a build function of the study sets
    what holds for a whole process: it is to hold where the models train that were built under it.

    Args:
        spec: The study.
        plan: Its plan.
        group: The members of the cohort.
        memory: Bytes that training may take.
    """
    if spec.race is not None or len(plan.cohorts) < 2 or group not in plan.cohorts:
        return False
    needed = bytes_of((spec.data.x_train, spec.data.y_train))
    needed += 2 * sum(member.state_bytes for member in group)
    return needed <= _BESIDE * memory and plan.settings == {global_settings()}


def epoch_costs(plan: Plan, *, alike: bool) -> dict[MemberPlan, float]:
    """What an epoch of each member costs beside those of the others.

    Args:
        plan: The members.
        alike: Whether all cost the same: members of all cohorts train at once, as on a cluster, or
            Keras trains them, which takes longer for each step than a small net.
    """
    if alike:
        return dict.fromkeys(plan.every_member, 1.0)
    first = [group[0] for group in plan.groups]
    costs = chunking.step_costs([member.steps for member in first])
    return {
        member: cost * -(-of.sizes[0] // plan.batch_size)
        for of, cost, group in zip(first, costs, plan.groups, strict=True)
        for member in group
    }


def job_of(
    spec: StudySpec,
    models: BuiltModels,
    members: Sequence[MemberPlan],
    trains: int | None = None,
    *,
    is_fused: bool,
) -> Job:
    """The models of members, and everything that an engine needs to train them.

    Args:
        spec: Their study.
        models: The models that its plans have built.
        members: The members.
        trains: How many of them train, the first ones, or all; the program is known by the others.
        is_fused: Whether they train in one program. A member then needs no model of its own, unless
            callbacks act on it, where its first state follows from its seed.
    """
    replicates = [spec.replicate(member.replicate, member.share) for member in members]
    pairs = list(zip(members, replicates, strict=True))
    callbacks = [
        spec.callbacks_of(spec.variants[member.variant], member.replicate)
        for member in members
        if spec.callbacks
    ]
    validates = all(len(replicate.valid) for replicate in replicates)
    may_share = is_fused and validates and not callbacks
    shared = [models.start(m.variant, replicate) if may_share else None for m, replicate in pairs]
    found = [
        _model(models, *pair, trains=trains is None or place < trains) if of is None else of[0]
        for place, (pair, of) in enumerate(zip(pairs, shared, strict=True))
    ]
    starts = [
        partial(state_of, model) if of is None else of[1]
        for model, of in zip(found, shared, strict=True)
    ]
    return Job(
        tuple(members),
        found,
        replicates,
        callbacks,
        spec.data,
        min(spec.batch_size, len(replicates[0].train)),
        0 if spec.race is None else spec.race.first,
        spec.weights([(spec.variants[member.variant], of) for member, of in pairs]),
        starts if any(shared) else None,
    )


def ended_of(
    job: Job, event: BlockEnded, counter: ClassCounter
) -> dict[int, tuple[list[np.ndarray], np.ndarray | None]]:
    """By number, the weights of members that have trained, and the classes that they find.

    Args:
        job: All members.
        event: The end of a block of them.
        counter: Counts the classes.
    """
    ended = {}
    for number in event.members:
        model, weights = job.models[number], event.weights.get(number)
        found = counter.found(model, job.members[number], weights)
        kept = model.get_weights() if weights is None else weights_of(model, weights)
        ended[number] = kept, found
    return ended


def _model(
    models: BuiltModels, member: MemberPlan, replicate: Replicate, *, trains: bool
) -> keras.Model:
    """The model of a member, which no longer is kept where it trains."""
    if member.share < 1:  # The plan has built models only for members on all samples.
        return models.new(member.variant, replicate)
    if trains:
        return models.take(member.variant, replicate)
    return models.look_at(member.variant, replicate)


class Planned(NamedTuple):
    """A plan, the models that it built, and the settings that it traced their steps under."""

    plan: Plan
    models: BuiltModels
    settings: tuple[object, ...]

    @classmethod
    def of(cls, spec: StudySpec, memory: int | None = None) -> "Planned":
        """Plan a study.

        Args:
            spec: The study.
            memory: Bytes that training may take; None for what the device has.

        Raises:
            DesignError: A model does not take the data, or lacks the metric that scores; or losses
                of two kinds would score, or the metric has no value in some validation part.
        """
        models = BuiltModels(spec, for_built_models(memory))
        plan = replace(make_plan(spec, models), devices=len(places()))
        # A metric that some variant lacks is told now, and not after training.
        members = plan.every_member
        metrics = [member.metrics for member in members]
        score = scoring(spec.metric, spec.mode, metrics)
        losses = {spec.variants[each.variant].name: each.measured.name for each in members}
        check_score(score, losses, spec.data, spec.margin)
        check_parts(score.metric, metrics, spec)
        return cls(plan, models, global_settings())
