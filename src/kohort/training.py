"""Trains what a study plans: one group of members after another, recorded and kept as it goes."""

from collections.abc import Callable
from contextlib import closing

from kohort.design.plan import MemberPlan, Plan
from kohort.engine.events import Ended, EpochRecord, Events
from kohort.engine.members import Job, Resources, train_fused, train_in_turn
from kohort.keeping import Keeper, Work
from kohort.records import Records
from kohort.report.progress import Progress


def train_all(
    plan: Plan,
    job_of: Callable[[tuple[MemberPlan, ...]], Job],
    engine: str,
    resources: Resources,
    progress: Progress,
    keeper: Keeper | None,
) -> Records:
    """Train every member of a plan, or those that no earlier run has.

    Args:
        plan: The members, in groups.
        job_of: Builds the models of members.
        engine: "fused", or "keras" for all by `model.fit`.
        resources: What training may use.
        progress: Shows how far it is.
        keeper: Keeps what happens, and knows what happened earlier; None where nothing is kept.
    """
    records = Records(plan)
    if keeper is not None:
        _recall(keeper, records, progress)
    for group in plan.groups:
        label, is_fused = plan.label(group), engine == "fused" and group in plan.cohorts
        if keeper is not None:
            records.sat(label, keeper.seats(group) if is_fused else 1)
        works = [Work.of(group)] if keeper is None else keeper.work(group, in_blocks=is_fused)
        for work in works:
            progress.begin(label, work.trains, group[0].epochs, work.done)
            job = job_of(work.members)
            if is_fused:
                events = train_fused(job, resources, work.trains, work.begun)
            else:
                events = train_in_turn(job, lambda: keeper is not None and keeper.is_asked_to_end)
            with closing(events):  # Where an event cannot be kept, what trains lets go at once.
                _follow(events, work, job, label, records, progress, keeper)
            progress.end()
    return records


def _recall(keeper: Keeper, records: Records, progress: Progress) -> None:
    """Take what earlier runs left."""
    for member, earlier in keeper.recall():
        for epoch, logs in earlier.logs.items():
            records.measured(member, epoch, logs)
        if earlier.weights is not None:
            records.ended(member, earlier.weights, earlier.seconds)
            progress.skip(member.epochs)


def _follow(
    events: Events,
    work: Work,
    job: Job,
    label: str,
    records: Records,
    progress: Progress,
    keeper: Keeper | None,
) -> None:
    """Record and keep what happens."""
    for event in events:
        if isinstance(event, EpochRecord):
            for number, logs in event.logs.items():
                records.measured(work.members[number], event.epoch, logs)
            records.sat(label, event.seats)
            progress.advance(len(event.logs), event.epoch)
        if isinstance(event, Ended):
            seconds = event.seconds / len(event.members)
            for number in event.members:
                member = work.members[number]
                own = seconds + work.spent.get(member, 0.0)
                weights = job.models[number].get_weights()
                records.ended(member, weights, own)
                if keeper is not None:
                    keeper.end(member, weights, own)
        elif keeper is not None:
            keeper.take(event, work)
