"""Trains the members of a study, one group after another, and records and stores the results."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np

from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, Plan
from kohort.design.spec import StudySpec
from kohort.engine.loop.cohort import Cohort
from kohort.engine.loop.events import BlockEnded, BlockPlan, BlocksPlanned, EpochsMeasured
from kohort.engine.loop.scheduler import train
from kohort.engine.members import (
    Job,
    Resources,
    cohort_of,
    compiling_ahead,
    train_in_turn,
)
from kohort.engine.program.compilation import PROGRAMS
from kohort.errors import count
from kohort.evidence.outset import outset
from kohort.evidence.record import StudyRecord
from kohort.report.exports.deployable import pixels_of
from kohort.report.following.best_so_far import BestSoFar
from kohort.report.progress import Progress
from kohort.report.screen.resumed import goes_on, trained_before
from kohort.runs.checkpointing import Checkpointer
from kohort.runs.classes.counting import ClassCounter
from kohort.runs.cluster.blocks import ClusterWork, layout_of
from kohort.runs.cluster.dispatch import Dispatcher
from kohort.runs.cluster.jobs import StudyJobs
from kohort.runs.pace import EndRequest
from kohort.runs.recording import Records
from kohort.runs.retention.retaining import trained_again
from kohort.runs.work import (
    WorkItem,
    best_so_far,
    ended_of,
    epoch_costs,
    job_of,
    may_stand_by,
    name_of,
    program_of,
)
from kohort.tracing.eligibility import not_fused


class Training:
    """Trains every member of a study that no earlier run has trained, plan by plan.

    Args:
        spec: The study.
        models: The models that its plans have built.
        engine: As in `Study.run`.
        resources: What training may use.
        progress: The progress display.
        checkpointer: Stores events, and has those of earlier runs; None if nothing is stored.
        cluster: Where blocks train; None for this process.
    """

    def __init__(
        self,
        spec: StudySpec,
        models: BuiltModels,
        engine: str,
        resources: Resources,
        progress: Progress,
        checkpointer: Checkpointer | None,
        cluster: Dispatcher | None = None,
    ) -> None:
        self._spec, self._models = spec, models
        self._engine, self._resources = engine, resources
        self._progress, self._checkpointer = progress, checkpointer
        progress.tell_apart(PROGRAMS.compiling)
        # Without a store nobody can ask.
        self._end_request = EndRequest() if checkpointer is None else checkpointer.end_request
        self._cluster, self._to_come = cluster, 0
        if cluster is not None:
            cluster.ship(replace(spec), resources.memory, progress.tell, StudyJobs)
            if checkpointer is not None:
                checkpointer.take_what_comes()
        self.records = Records(spec)
        """The measurements of this run and of earlier ones."""
        self._counter = ClassCounter(spec)
        self._looks = 0
        self._best: BestSoFar | None = None
        # Of a race, by program: the members that were planned for it, and the seats of its blocks.
        self._alike: dict[Hashable, list[MemberPlan]] = {}
        self._seats: dict[Hashable, int] = {}
        # Of groups whose turn comes: what was made ahead.
        self._ahead: dict[tuple[MemberPlan, ...], tuple[Job, Cohort | None]] = {}

    def train(self, plan: Plan, record: Callable[[], StudyRecord] | None = None) -> None:
        """Train the members of a plan; those of a race's looks come in plans of their own.

        Args:
            plan: The plan.
            record: Returns what is known of the study; None for a refit, which is no part of it,
                and whose training is no run of it.
        """
        self._plan, self._looks = plan, self._looks + 1
        if self._best is None:
            self._best = best_so_far(self._spec, plan)
            self._progress.follow(self._best)
        self._best.among(plan.variant_names[member.variant] for member in plan.every_member)
        self.records.plan(plan.every_member)
        if self._engine == "fused":
            plan.check_fused()
        is_far = self._cluster is not None
        self._costs = epoch_costs(plan, alike=is_far or self._engine == "keras")
        if self._spec.race is not None and self._checkpointer is not None:
            self._checkpointer.enter(plan)
        if self._checkpointer is not None and record is not None and self._looks == 1:
            self._checkpointer.begin(outset(record(), pixels_of(self._spec.data)))
            self._progress.pass_on(self._checkpointer.tell_left)
        ended = self._recall()
        for group in plan.groups:
            self._expect(group, ended)
        ahead = compiling_ahead(map(self._made_ahead, plan.groups))
        for group, _ in zip(plan.groups, ahead, strict=True):
            self._train_group(group)
        if self._cluster is not None:
            self._follow_cluster(self._cluster, is_run=record is not None)

    def _recall(self) -> set[MemberPlan]:
        """Record the results of earlier runs; returns the members that have trained."""
        checkpointer, ended = self._checkpointer, set[MemberPlan]()
        if checkpointer is None:
            return ended
        reopened = checkpointer.reopened
        for member, past in checkpointer.recall(self._plan):
            for epoch, logs in past.logs.items():
                self._measured(member, epoch, logs)
            if past.seconds is not None:
                ended.add(member)
                self.records.ended(member, past.weights, past.seconds, past.found, past.finished)
                self._ended(member)
                if member.share == 1:
                    self._models.drop(member.variant, member.replicate)
        if ended:
            self._progress.tell(trained_before(len(ended), len(self._plan.every_member)))
        if again := checkpointer.reopened - reopened:
            self._progress.tell(trained_again(again))
        return ended

    def _expect(self, group: tuple[MemberPlan, ...], ended: Collection[MemberPlan]) -> None:
        """Let the progress display expect a group, of which some members have trained before."""
        is_new = group in self._plan.cohorts and program_of(group[0]) not in self._alike
        self._progress.expect(
            sum(member.epochs for member in group),
            self._costs[group[0]],
            "look" * (self._spec.race is not None),
            done=sum(member.epochs for member in group if member in ended),
            compiles=is_new and self._engine != "keras" and self._cluster is None,
            is_ahead=self._may_be_ahead(group),
        )

    def _may_be_ahead(self, group: tuple[MemberPlan, ...]) -> bool:
        """Whether a group's program may compile before its turn."""
        is_here = self._cluster is None and self._engine != "keras"
        return is_here and may_stand_by(self._spec, self._plan, group, self._resources.memory)

    def _made_ahead(self, group: tuple[MemberPlan, ...]) -> Cohort | None:
        """A group's cohort, to be compiled before its turn; None where that is not to be."""
        if not self._may_be_ahead(group):
            return None
        works = self._works(group, group, is_fused=True)
        if len(works) != 1 or works[0].begun:
            return None
        job = job_of(self._spec, self._models, works[0].members, is_fused=True)
        cohort = cohort_of(job, self._resources) if job.why_alone is None else None
        self._ahead[group] = job, cohort
        return cohort

    def _train_group(self, group: tuple[MemberPlan, ...]) -> None:
        label = self._plan.label(group)
        if self._spec.race is not None:
            label = f"look {self._looks} of {self._spec.race.looks}, {label}"
        why: str | None = ""
        if self._engine != "keras" and group in self._plan.cohorts:
            self._alike.setdefault(program_of(group[0]), []).extend(group)
            why = self._train_works(group, label, is_fused=True)
        if why is not None:
            if why:
                self._progress.tell(
                    f"{label}: by keras.Model.fit, one after another, because {why}"
                )
            self._train_works(group, label, is_fused=False)

    def _works(
        self, group: tuple[MemberPlan, ...], kinds: tuple[MemberPlan, ...], *, is_fused: bool
    ) -> list[WorkItem]:
        if self._checkpointer is None:
            return [WorkItem.of(group)]
        return list(self._checkpointer.work(group, kinds, in_blocks=is_fused))

    def _train_works(
        self, group: tuple[MemberPlan, ...], label: str, *, is_fused: bool
    ) -> str | None:
        """Train what is left of a group; returns why only `keras.Model.fit` can train the rest.

        Raises:
            ModelError: The engine is "fused", and only `keras.Model.fit` can.
        """
        race, resources = self._spec.race, self._resources
        # In a race a program does not depend on which other members there are.
        works = self._works(group, () if race else group, is_fused=is_fused)
        if self._checkpointer is not None:
            alike = tuple(self._alike[program_of(group[0])]) if is_fused and race else group
            chunk = self._checkpointer.seats(alike) if is_fused else 1
            self._record_chunk(label, chunk)
            if race and is_fused and chunk:
                self._seats.setdefault(program_of(group[0]), chunk)
        if race and is_fused:
            resources = resources._replace(
                chunk_size=self._seats.get(program_of(group[0]), resources.chunk_size)
            )
        for work in works:
            self._tell_of_begun(work, label)
            job, cohort = self._ahead.pop(group, (None, None))
            job = job or job_of(self._spec, self._models, work.members, is_fused=is_fused)
            why = job.why_alone
            if is_fused and why is not None:
                if self._engine == "fused":
                    raise not_fused(self._plan.variant_names[group[0].variant], why)
                return why
            if self._cluster is None:
                cohort = cohort or (cohort_of(job, resources) if is_fused else None)
                self._train_here(work, job, cohort, label)
            else:
                names = tuple(name_of(self._plan, member) for member in work.members)
                of = ClusterWork(work, label, names, is_fused)
                self._send(self._cluster, of, job, resources)
        return None

    def _tell_of_begun(self, work: WorkItem, label: str) -> None:
        if work.done:
            epochs = sum(member.epochs for member in work.members[: work.trains])
            self._progress.tell(f"{label}: {goes_on(work.done, epochs)}")

    def _train_here(self, work: WorkItem, job: Job, cohort: Cohort | None, label: str) -> None:
        """Train members in this process: in one program, or without a cohort in turn."""
        first = work.members[0]
        self._progress.begin(label, work.trains, first.epochs, work.done, self._costs[first])
        if cohort is not None:
            events = train(cohort, work.trains, work.begun)
        else:
            events = train_in_turn(job, lambda: self._end_request.is_asked)
        # If an event cannot be stored, training ends at once.
        with self._end_request.training(), closing(events):
            for event in events:
                if isinstance(event, BlockEnded):
                    ended = ended_of(job, event, self._counter)
                    weights = {n: arrays for n, (arrays, _) in ended.items()}
                    found = {n: counts for n, (_, counts) in ended.items()}
                    self._end(event, work, weights, found)
                else:
                    self._take(event, work, label)
        self._progress.end()

    def _send(self, cluster: Dispatcher, of: ClusterWork, job: Job, resources: Resources) -> None:
        """Lay out the blocks of members, as many as train at once or more, for a cluster."""
        work = of.work
        plans: Sequence[BlockPlan] = work.begun
        if not of.is_fused:
            plans = [BlockPlan([number]) for number in range(work.trains)]
        elif not plans:
            # The few seats of a race are those that it has here.
            is_free = resources.chunk_size is None and self._spec.race is None
            layout = layout_of(job, resources, work.trains, cluster.slots if is_free else 1)
            self._take(layout, work, of.label)
            plans = [BlockPlan(seats) for seats in layout.blocks]
        cluster.add(of, plans)
        members = [member for plan in plans for member in plan.members]
        self._to_come += sum(work.members[number].epochs for number in members) - work.done
        self._progress.skip(work.done)

    def _follow_cluster(self, cluster: Dispatcher, *, is_run: bool) -> None:
        """Record and store what blocks on a cluster tell; of a run also where they train."""
        blocks = count(cluster.waiting, "block")
        self._progress.begin_together(f"{blocks} on the cluster", self._to_come)
        self._to_come = 0
        events = cluster.events(lambda: self._end_request.is_asked)
        with self._end_request.training(), closing(events) as told:
            for of, event, weights, found in told:
                if isinstance(event, BlockEnded):
                    self._end(event, of.work, weights, found)
                else:
                    self._take(event, of.work, of.label)
                self._place(cluster, is_run=is_run)
        self._place(cluster, is_run=is_run)
        self._progress.end()

    def _place(self, cluster: Dispatcher, *, is_run: bool) -> None:
        """Keep where members of a run train now, for who looks at the store."""
        if self._checkpointer is not None and is_run:
            self._checkpointer.place(cluster.places)

    def _take(self, event: BlocksPlanned | EpochsMeasured, work: WorkItem, label: str) -> None:
        """Record and store an event."""
        if isinstance(event, EpochsMeasured):
            self._record(event, work, label)
        elif self._spec.race is not None:
            # Members of later looks, and of later runs, train in blocks of as many seats.
            self._seats[program_of(work.members[0])] = len(event.blocks[0])
        if self._checkpointer is not None:
            self._checkpointer.take(event, work)

    def _record(self, event: EpochsMeasured, work: WorkItem, label: str) -> None:
        self.records.devices = max(event.devices, self.records.devices)
        for epoch in event.epochs:
            for number, logs in epoch.logs.items():
                self._measured(work.members[number], epoch.epoch, logs)
            self._record_chunk(label, epoch.seats)
        trained = sum(len(epoch.logs) for epoch in event.epochs)
        self._progress.advance(trained, event.epochs[-1].epoch)

    def _measured(self, member: MemberPlan, epoch: int, logs: dict[str, float]) -> None:
        self.records.measured(member, epoch, logs)
        if self._best is not None and member.share == 1:
            self._best.add(self._plan.variant_names[member.variant], member.replicate, epoch, logs)

    def _ended(self, member: MemberPlan) -> None:
        if self._best is not None and member.share == 1:
            self._best.end(self._plan.variant_names[member.variant], member.replicate)

    def _end(
        self,
        event: BlockEnded,
        work: WorkItem,
        weights: Mapping[int, Sequence[np.ndarray]],
        found: Mapping[int, np.ndarray | None],
    ) -> None:
        ended = []
        for number in event.members:
            member = work.members[number]
            spent = event.seconds / len(event.members) + work.spent.get(member, 0.0)
            ended.append(self.records.ended(member, list(weights[number]), spent, found[number]))
            self._ended(member)
        if self._checkpointer is not None:
            self._checkpointer.end(ended)

    def _record_chunk(self, label: str, seats: int) -> None:
        # Later looks of a race have as many seats as the first one.
        if self._looks == 1:
            self.records.record_chunk(label, seats)
