"""Trains the trials of a search from rung to rung, each from where it stands."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from kohort.design.plan import MemberPlan
from kohort.design.scoring import LOSS, Scoring, scoring
from kohort.design.searches.draws import Draw, trial_name
from kohort.design.searches.sampling import failure_of
from kohort.design.searches.search_spec import SearchSpec
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import (
    BlockPlan,
    BlocksPlanned,
    EpochsMeasured,
    Logs,
)
from kohort.engine.loop.regrouping import apart, seated, together, trains
from kohort.engine.members import Job, Resources, compiling_ahead, train_fused
from kohort.engine.memory import OutgrownError, for_built_models
from kohort.engine.program.guard import has_diverged
from kohort.errors import DesignError
from kohort.report.progress import Progress
from kohort.runs.searches.keeping import Facts, SearchKeeper
from kohort.runs.searches.trial_models import Kinships, TrialModels
from kohort.tracing.eligibility import StepTracer
from kohort.tracing.signature import group

SEATS = 4
"""The most trials side by side. Later rungs have few trials, and seats that nobody needs cost what
the others cost; small models gain most of what there is to gain by four."""


class Climber:
    """The trials of a search, while they climb.

    Args:
        spec: The search.
        keeper: Keeps what they measure.
        memory: Bytes that training may take.
        progress: The progress display.
    """

    def __init__(
        self, spec: SearchSpec, keeper: SearchKeeper, memory: int, progress: Progress
    ) -> None:
        self._spec, self._keeper = spec, keeper
        self._memory, self._progress = memory, progress
        self._tracer, self._kinships = StepTracer(), Kinships(_half(memory))
        self._drawn: dict[int, TrialModels] = {}
        self._states: dict[int, Checkpoint] = {}
        self._logs: dict[int, dict[int, Logs]] = {}
        self._scoring: Scoring | None = _known_scoring(keeper)
        self.seconds: dict[int, float] = {}
        """Training time by trial, of this run and of earlier ones."""

    def next_part(self) -> None:
        """Forget the models and plans of the trials so far, which train no more in this run."""
        self._drawn = {}

    def begin(self, draws: Sequence[Draw]) -> dict[int, Facts]:
        """Make the models of new trials, those of an earlier run only when they train.

        Returns:
            What is known of each, by its number.
        """
        room = _half(self._memory)
        new = TrialModels(self._spec, draws, self._tracer, self._kinships, room)
        self._drawn |= {draw.number: new for draw in draws}
        facts = {}
        for draw in draws:
            facts[draw.number] = self._keeper.facts(draw.number) or self._facts(draw)
            self._logs[draw.number] = self._keeper.logs.get(trial_name(draw.number), {})
            self.seconds[draw.number] = self._keeper.seconds(draw.number)
        self._choose_scoring([n for n, fact in facts.items() if not fact.failure])
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
        planned = {number: self._planned(number) for number, _ in waiting}
        alike = group(
            waiting,
            [(planned[n].program.skeleton, planned[n].sizes, start) for n, start in waiting],
        )
        self._show(what, [epochs - start for _, start in waiting])
        parts = []
        for alike_ones in alike:
            numbers = [number for number, _ in alike_ones]
            members = [replace(planned[number], epochs=epochs) for number in numbers]
            parts.append((numbers, self._job(numbers, members), alike_ones[0][1]))
        jobs = [job for _, job, _ in parts]
        # Later rungs find their programs compiled, and later runs in the cache.
        new = [_program(job) not in self._keeper["seats"] for job in jobs]
        resources = [self._resources(job, start) for _, job, start in parts]
        ready = compiling_ahead(jobs, resources, new)
        for (numbers, job, start), of_job in zip(parts, ready, strict=True):
            self._train(numbers, job, of_job, start)
        self._progress.end()

    def score(self, number: int, epochs: int) -> float:
        """The score of a trial in so many epochs: that of the one of lowest validation loss.

        NaN where it diverged.
        """
        assert self._scoring is not None
        logs = [logs for epoch, logs in sorted(self._logs[number].items()) if epoch < epochs]
        if not logs or has_diverged(logs[-1]):
            return float("nan")
        best = min(logs, key=lambda of_epoch: of_epoch["val_data_loss"])
        return best[f"val_{self._scoring.metric}"]

    def loss(self, number: int, epochs: int) -> float:
        """The lowest validation loss of a trial in so many epochs; infinite where it has none."""
        losses = [
            logs["val_data_loss"] for epoch, logs in self._logs[number].items() if epoch < epochs
        ]
        return min((loss for loss in losses if not math.isnan(loss)), default=math.inf)

    @property
    def metric(self) -> str:
        """The metric that scores the trials; "" as long as all have failed."""
        return "" if self._scoring is None else self._scoring.metric

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is the better one."""
        return self._scoring is not None and self._scoring.higher_is_better

    def epochs_of(self, number: int) -> int:
        """The epochs that a trial has trained."""
        return len(self._logs[number])

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

    def times(self, numbers: Iterable[int]) -> dict[str, float]:
        """Training times of trials so far, by their names."""
        return {trial_name(number): self.seconds[number] for number in numbers}

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
        return Facts(member.parameters, "")

    def _choose_scoring(self, numbers: Sequence[int]) -> None:
        """Choose the metric that scores: the one that most trials of the first part would have."""
        if self._scoring is not None:
            return
        found = []
        for number in numbers:
            with suppress(DesignError):  # It has no such metric, and fails.
                metrics = self._planned(number).metrics
                found.append(scoring(self._spec.metric, self._spec.mode, [metrics]))
        if found:
            chosen = Counter(each.metric for each in found).most_common(1)[0][0]
            self._scoring = next(each for each in found if each.metric == chosen)
            self._keeper.note(scoring=[chosen, self._scoring.higher_is_better])

    def _scored(self, number: int, fact: Facts) -> Facts:
        """What is known of a trial, which fails where it lacks the metric that scores."""
        if fact.failure or self._keeper.facts(number) is not None:
            return fact
        metrics = {kind.name for kind in self._planned(number).metrics} | {LOSS}
        if self._scoring is not None and self._scoring.metric in metrics:
            return fact
        wanted = self._spec.metric if self._scoring is None else self._scoring.metric
        return Facts(None, f"it is not compiled with {wanted!r}, by which trials are scored")

    def _forget(self, number: int) -> None:
        if number in self._drawn:
            self._drawn[number].forget(number)

    def _planned(self, number: int) -> MemberPlan:
        return self._drawn[number].planned(number)

    def _state(self, number: int) -> Checkpoint | None:
        if number not in self._states:
            state = self._keeper.state(number)
            if state is not None:
                self._states[number] = state
        return self._states.get(number)

    def _show(self, what: str, epochs: Sequence[int]) -> None:
        """Show what trains now, in one line for all of a rung."""
        most = max(epochs, default=0)
        self._progress.expect(len(epochs) * most)
        self._progress.begin(what, len(epochs), most, len(epochs) * most - sum(epochs))

    def _resources(self, job: Job, start: int) -> Resources:
        # A trial that goes on under another version of JAX may be another program than it was.
        seats = self._keeper["seats"].get(_program(job), SEATS if start else None)
        return Resources(seats, self._memory)

    def _train(self, numbers: Sequence[int], job: Job, resources: Resources, start: int) -> None:
        """Train trials of one program that stand at one epoch."""
        begun = self._blocks(numbers, resources.chunk_size or SEATS) if start else []
        blocks = [block.members for block in begun]
        events = train_fused(job, resources, len(numbers), begun)
        # If an event cannot be stored, training ends at once.
        with _telling_of_memory(), closing(events):
            for event in events:
                if isinstance(event, BlocksPlanned):
                    blocks = [list(dict.fromkeys(block)) for block in event.blocks]
                    self._note_seats(_program(job), len(event.blocks[0]))
                elif isinstance(event, EpochsMeasured):
                    self._take(event, numbers, blocks, start)
                else:
                    for place in event.members:
                        self.seconds[numbers[place]] += event.seconds / len(event.members)

    def _note_seats(self, skeleton: str, seats: int) -> None:
        # Trials that go on, and those of later runs, train in blocks of as many seats.
        known = self._keeper["seats"]
        if known.get(skeleton) != seats:
            self._keeper.note(seats=known | {skeleton: seats})

    def _blocks(self, numbers: Sequence[int], seats: int) -> list[BlockPlan]:
        """Trials that go on, in blocks of the seats with which they began."""
        places = range(len(numbers))
        blocks = [places[first : first + seats] for first in range(0, len(places), seats)]
        return [
            BlockPlan(
                [block[place] for place in seated(len(block), seats)],
                together([self._states[numbers[place]] for place in block], seats),
            )
            for block in blocks
        ]

    def _job(self, numbers: Sequence[int], members: Sequence[MemberPlan]) -> Job:
        spec = self._drawn[numbers[0]].study
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
            return job._replace(models=[self._drawn[number].owned(number) for number in numbers])
        models, starts = zip(
            *(self._drawn[number].shared(number) for number in numbers), strict=True
        )
        return job._replace(models=list(models), starts=starts)

    def _take(
        self,
        event: EpochsMeasured,
        numbers: Sequence[int],
        blocks: Sequence[Sequence[int]],
        start: int,
    ) -> None:
        for epoch in event.epochs:
            for place, logs in epoch.logs.items():
                self._logs[numbers[place]][epoch.epoch] = logs
                self._keeper.measured(numbers[place], epoch.epoch, logs)
            self._progress.advance(len(epoch.logs), epoch.epoch - start)
            if epoch.is_last or self._keeper.saves:
                assert epoch.checkpoint is not None
                # Members that stopped earlier are in it as well.
                block = next(block for block in blocks if next(iter(epoch.logs)) in block)
                states = dict(zip(block, apart(epoch.checkpoint()), strict=True))
                self._states |= {numbers[place]: state for place, state in states.items()}
                self._keeper.keep({numbers[place]: state for place, state in states.items()})
        self._keeper.breathe()


def _half(memory: int) -> int:
    """Bytes that models may take while others are kept for what they tell of further ones."""
    return for_built_models(memory) // 2


def _known_scoring(keeper: SearchKeeper) -> Scoring | None:
    known = keeper["scoring"]
    return None if known is None else Scoring(known[0], known[1], is_proportion=False)


@contextmanager
def _telling_of_memory() -> Iterator[None]:
    """Give other advice where trials that go on find too little memory: they share it unasked."""
    try:
        yield
    except OutgrownError as error:
        raise DesignError(
            error.expected,
            error.received,
            "allow or free more memory (memory, or --memory), or begin anew with what there is: "
            "fresh=True, or --fresh",
        ) from error


def _program(job: Job) -> str:
    """What trials of one program share, where all have one split."""
    return job.members[0].program.skeleton
