"""Trains the trials of a search from rung to rung, each from where it stands."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from kohort.design.families.kinships import Kinships
from kohort.design.plan import MemberPlan
from kohort.design.scoring import Scoring
from kohort.design.searches.draws import Draw, trial_name
from kohort.design.searches.sampling import failure_of
from kohort.design.searches.search_spec import SearchSpec
from kohort.engine.loop import chunking
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import (
    BlockEnded,
    BlockPlan,
    BlocksPlanned,
    EpochsMeasured,
    Logs,
    MeasuredEpoch,
)
from kohort.engine.loop.regrouping import trains
from kohort.engine.members import Resources, begin_compiling, compiled_ahead, laid_out, train_fused
from kohort.engine.program.compilation import PROGRAMS
from kohort.engine.program.guard import has_diverged
from kohort.errors import DesignError, Interrupted, count
from kohort.evidence.trials import Facts
from kohort.evidence.trials_so_far import lowest_loss
from kohort.report.following.best_so_far import Best, best_of
from kohort.report.progress import Progress
from kohort.runs.cluster.blocks import ClusterWork
from kohort.runs.cluster.dispatch import Dispatcher
from kohort.runs.searches.alike_trials import AlikeTrials, telling_of_memory
from kohort.runs.searches.keeping import SearchKeeper
from kohort.runs.searches.measure import Measure
from kohort.runs.searches.rung_jobs import SEATS, SearchJobs, half, job_of_trials, sendable
from kohort.runs.searches.trial_facts import check_model, most_telling, planned_facts
from kohort.runs.searches.trial_models import TrialModels
from kohort.runs.work import WorkItem
from kohort.tracing.eligibility import StepTracer
from kohort.tracing.signature import group


class Climber:
    """The trials of a search, while they climb.

    Args:
        spec: The search.
        keeper: Keeps what they measure.
        memory: Bytes that training may take.
        progress: The progress display.
        cluster: Where blocks of trials train; None for this process.
    """

    def __init__(
        self,
        spec: SearchSpec,
        keeper: SearchKeeper,
        memory: int,
        progress: Progress,
        cluster: Dispatcher | None = None,
    ) -> None:
        self._spec, self._keeper = spec, keeper
        self._memory, self._progress, self._cluster = memory, progress, cluster
        progress.tell_apart(PROGRAMS.compiling)
        progress.pass_on(keeper.tell_left)
        self._tracer, self._kinships = StepTracer(), Kinships(half(memory))
        if cluster is not None:
            cluster.ship(sendable(spec), memory, progress.tell, SearchJobs)
        self._drawn: dict[int, TrialModels] = {}
        self._states, self._logs = dict[int, Checkpoint](), dict[int, dict[int, Logs]]()
        self._measure = Measure(spec, keeper, progress.tell)
        self._begun, self._is_compared = dict[str, bool](), False
        self.seconds: dict[int, float] = {}
        """Training time by trial, of this run and of earlier ones."""

    def next_part(self) -> None:
        """Forget the models and plans of the trials so far, which train no more in this run."""
        self._drawn = {}

    def begin(self, draws: Sequence[Draw]) -> dict[int, Facts]:
        """Make the models of new trials, those of an earlier run only when they train.

        Returns:
            What is known of each, by its number.

        Raises:
            Interrupted: The run was asked to end.
            StoreError: A trial of an earlier run has another model now.
        """
        room = half(self._memory)
        new = TrialModels(self._spec, draws, self._tracer, self._kinships, room)
        self._drawn |= {draw.number: new for draw in draws}
        self._compare([draw.number for draw in draws])
        facts = {}
        for draw in draws:
            facts[draw.number] = self._keeper.facts(draw.number) or self._facts(draw)
            self._logs[draw.number] = self._keeper.logs.get(trial_name(draw.number), {})
            self.seconds[draw.number] = self._keeper.seconds(draw.number)
        self._measure.choose([n for n, fact in facts.items() if not fact.failure], self._planned)
        return {number: self._scored(number, fact) for number, fact in facts.items()}

    def climb(self, numbers: Sequence[int], epochs: int, what: str) -> None:
        """Train trials up to an epoch, each from where it stands.

        Args:
            numbers: Of the trials.
            epochs: How many epochs they have trained afterwards, but for those that stop early.
            what: Names the rung in the progress display.
        """
        waiting = []
        for number in numbers:
            state = self._state(number)
            if state is None or (trains(state) and state.epoch < epochs):
                waiting.append((number, 0 if state is None else state.epoch))
        if not waiting:  # Callbacks have stopped all of them.
            return
        planned = {number: self._planned(number) for number, _ in waiting}
        kinds = [(planned[n].program.skeleton, planned[n].sizes, start) for n, start in waiting]
        parts = []
        for alike_ones in group(waiting, kinds):
            numbers = [number for number, _ in alike_ones]
            members = [replace(planned[number], epochs=epochs) for number in numbers]
            job = job_of_trials(self._drawn, numbers, members)
            parts.append(AlikeTrials(numbers, job, alike_ones[0][1]))
        if self._cluster is None:
            self._climb_here(parts, what, epochs)
        else:
            left = sum(epochs - start for _, start in waiting)
            self._climb_there(self._cluster, parts, what, left)
            self._progress.end()

    def score(self, number: int, epochs: int) -> float:
        """The score of a trial at the lowest validation loss of so many epochs; NaN if diverged."""
        return self._measure.score(self._logs[number], epochs)

    def loss(self, number: int, epochs: int) -> float:
        """The lowest validation loss of a trial in so many epochs; infinite where it has none."""
        return lowest_loss(self._logs[number], epochs)

    @property
    def scoring(self) -> Scoring | None:
        """What scores trials; None while all have failed."""
        return self._measure.scoring

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is the better one."""
        return self.scoring is not None and self.scoring.higher_is_better

    def best_so_far(self) -> Best | None:
        """The best score of a trial in its epochs so far; None before the first."""
        if self.scoring is None:
            return None
        scores = {trial_name(n): self.score(n, len(logs)) for n, logs in self._logs.items()}
        return best_of(scores, self.scoring)

    def logs(self, number: int) -> Mapping[int, Logs]:
        """What a trial measured, by epoch."""
        return self._logs[number]

    def has_diverged(self, number: int) -> bool:
        """Whether the last loss of a trial is NaN or infinite."""
        logs = self._logs[number]
        return bool(logs) and has_diverged(logs[max(logs)])

    def goes_on(self, numbers: Iterable[int]) -> None:
        """Keep the states of trials that go on."""
        self._keeper.keep({n: self._states[n] for n in numbers if n in self._states})

    def leaves(self, numbers: Iterable[int]) -> None:
        """Forget the states and models of trials that go on no more."""
        gone = list(numbers)
        for number in gone:
            self._states.pop(number, None)
            self._forget(number)
        self._keeper.drop(gone)

    def ends(self, numbers: Iterable[int]) -> None:
        """Forget the models of trials that reached the last rung; their states may stay."""
        gone = list(numbers)
        states = {n: self._states.pop(n) for n in gone if n in self._states}
        self._keeper.keep_ended(gone, states)
        for number in gone:
            self._forget(number)

    def conclude(self, facts: Mapping[int, Facts]) -> None:
        """Mark the trials of a part as ended."""
        self._keeper.conclude({n: self.seconds[n] for n in facts})

    def _facts(self, draw: Draw) -> Facts:
        if draw.failure:
            return Facts(None, draw.failure)
        try:
            member = self._planned(draw.number)
        except DesignError as error:
            return Facts(None, failure_of(error))
        if member.signature is None:
            return Facts(None, f"it cannot be part of a compiled program: {member.reason}")
        self._begin_compiling(draw.number, member)
        return planned_facts(member)

    def _compare(self, numbers: Sequence[int]) -> None:
        """Build a trial of an earlier run again, one in each run: it must be the same model."""
        number = most_telling({number: self._keeper.facts(number) for number in numbers})
        if number is not None and not self._is_compared:
            self._is_compared = True
            self._planned(number)

    def _begin_compiling(self, number: int, member: MemberPlan) -> None:
        """Let a new program compile in another thread while further trials are made."""
        program = member.program.skeleton
        if self._cluster is None and program not in {*self._keeper["seats"], *self._begun}:
            first = replace(member, epochs=self._keeper.schedule.ladder.epochs[0])
            job = job_of_trials(self._drawn, [number], [first])
            self._begun[program] = begin_compiling(job, self._memory)

    def _scored(self, number: int, fact: Facts) -> Facts:
        """What is known of a trial, which fails where it lacks the metric that scores."""
        if fact.failure or self._keeper.facts(number) is not None:
            return fact
        lack = self._measure.lack(number, self._planned(number))
        return Facts(None, lack) if lack else fact

    def _forget(self, number: int) -> None:
        if number in self._drawn:
            self._drawn[number].forget(number)

    def _planned(self, number: int) -> MemberPlan:
        """The plan of a trial, which may have to be built for it.

        Raises:
            DesignError: It cannot be built, or does not take the data.
            Interrupted: The run was asked to end.
            StoreError: It is another model than in an earlier run.
        """
        if self._keeper.is_asked_to_end:
            self._keeper.breathe()
        member = self._drawn[number].planned(number)
        check_model(self._spec.name, number, self._keeper.facts(number), member)
        return member

    def _state(self, number: int) -> Checkpoint | None:
        if number not in self._states:
            state = self._keeper.state(number)
            if state is not None:
                self._states[number] = state
        return self._states.get(number)

    def _climb_here(self, parts: Sequence[AlikeTrials], what: str, epochs: int) -> None:
        """Train trials in this process, those of one program after those of another."""
        # Later rungs find their programs compiled, and later runs in the cache.
        new = [part.program not in self._keeper["seats"] for part in parts]
        costs = chunking.step_costs([part.job.members[0].steps for part in parts])
        left = [epochs - part.start for part in parts]
        for part, each, cost, compiles in zip(parts, left, costs, new, strict=True):
            trials, is_ahead = len(part.numbers), sum(new) > 1
            self._progress.expect(trials * each, cost, "rung", compiles=compiles, is_ahead=is_ahead)
        # One line is shown for all of a rung.
        self._progress.begin(what, sum(len(part.numbers) for part in parts), max(left, default=0))
        waits = [n and not self._begun.get(p.program) for n, p in zip(new, parts, strict=True)]
        ready = compiled_ahead(
            [part.job for part in parts], [self._resources(part) for part in parts], waits
        )
        for part, each, cost, resources in zip(parts, left, costs, ready, strict=True):
            self._go_on(part, resources)
            self._progress.turn(len(part.numbers) * each, cost)
            events = train_fused(part.job, resources, len(part.numbers), part.begun)
            # If an event cannot be stored, training ends at once.
            with telling_of_memory(), closing(events):
                for event in events:
                    self._take(event, part)
                    if isinstance(event, EpochsMeasured):
                        self._keeper.breathe()
            self._progress.end()

    def _climb_there(
        self, cluster: Dispatcher, parts: Sequence[AlikeTrials], what: str, left: int
    ) -> None:
        """Train trials on a cluster, the blocks of all programs at once."""
        self._progress.expect(left, part="rung")
        sent = {}
        for part in parts:
            resources = self._resources(part)
            self._go_on(part, resources)
            plans = part.begun
            if not plans:
                layout = laid_out(part.job, resources, len(part.numbers))
                self._lay_out(part, layout)
                plans = [BlockPlan(seats) for seats in layout.blocks]
            sent[of := self._work(part, what)] = part
            cluster.add(of, plans)
        blocks = count(cluster.waiting, "block")
        self._progress.begin_together(f"{what}, {blocks} on the cluster", left)
        told = cluster.events(lambda: self._keeper.is_asked_to_end)
        try:
            with telling_of_memory(), closing(told):
                for of, event, *_ in told:
                    self._take(event, sent[of])
                    self._keeper.write_what_is_due()
                    self._keeper.place(cluster.places)
            self._keeper.place(cluster.places)
        except Interrupted:
            self._keeper.breathe()  # It is raised again when all that came is written.

    def _work(self, part: AlikeTrials, what: str) -> ClusterWork:
        names = tuple(map(trial_name, part.numbers))
        draws = tuple(self._drawn[number].draw(number) for number in part.numbers)
        return ClusterWork(WorkItem.of(part.job.members), what, names, is_fused=True, draws=draws)

    def _resources(self, part: AlikeTrials) -> Resources:
        # A trial that goes on under another version of JAX may be another program than it was.
        seats = self._keeper["seats"].get(part.program, SEATS if part.start else None)
        return Resources(seats, self._memory)

    def _go_on(self, part: AlikeTrials, resources: Resources) -> None:
        if part.start:
            part.goes_on(self._states, resources.chunk_size or SEATS)

    def _take(self, event: BlocksPlanned | EpochsMeasured | BlockEnded, part: AlikeTrials) -> None:
        """Record and keep an event."""
        if isinstance(event, BlocksPlanned):
            self._lay_out(part, event)
        elif isinstance(event, EpochsMeasured):
            for epoch in event.epochs:
                self._take_epoch(epoch, part)
            trained = sum(len(epoch.logs) for epoch in event.epochs)
            self._progress.advance(trained, event.epochs[-1].epoch - part.start)
        else:
            for place in event.members:
                self.seconds[part.numbers[place]] += event.seconds / len(event.members)

    def _take_epoch(self, epoch: MeasuredEpoch, part: AlikeTrials) -> None:
        for place, logs in epoch.logs.items():
            self._logs[part.numbers[place]][epoch.epoch] = logs
            self._keeper.measured(part.numbers[place], epoch.epoch, logs)
        # A cluster sends states when they are due, and at the end.
        is_wanted = epoch.is_last or self._cluster is not None or self._keeper.saves
        if is_wanted and epoch.checkpoint is not None:
            states = part.states(epoch)
            self._states |= states
            self._keeper.keep(states)

    def _lay_out(self, part: AlikeTrials, event: BlocksPlanned) -> None:
        """Note how many train side by side: those that go on, and those of later runs, do too."""
        part.lay_out(event)
        known, seats = self._keeper["seats"], len(event.blocks[0])
        if known.get(part.program) != seats:
            self._keeper.note(seats=known | {part.program: seats})
