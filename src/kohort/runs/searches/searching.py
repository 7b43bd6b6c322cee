"""Runs a search: draws trials, lets them climb, and ends those that fall behind.

for each part of the trials:
    draw -> build -> for each rung: train up to it, rank, the best part goes on -> tell the sampler
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kohort.design.searches.climbing_part import ClimbingPart, missing
from kohort.design.searches.draws import Draw, trial_name
from kohort.design.searches.rungs import Ladder, Schedule, left_out
from kohort.design.searches.sampling import Asking
from kohort.design.searches.search_spec import SearchSpec
from kohort.engine.loop.checkpoints import can_resume
from kohort.errors import DesignError
from kohort.evidence.trials import Facts, SearchRecord, Trial, TrialState, ranked
from kohort.findings.names import shortlist
from kohort.keras_api.callbacks import Callback
from kohort.report.progress import Progress
from kohort.report.searches.search_words import arguments_text, kind_of, told_of_kind
from kohort.runs.cluster.dispatch import Dispatcher
from kohort.runs.searches.climbing import Climber
from kohort.runs.searches.keeping import SearchKeeper


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuse callbacks whose state cannot go on from rung to rung.

    Raises:
        DesignError: There is one.
    """
    if not can_resume(callbacks):
        raise DesignError(
            "callbacks of Keras's in a search that act at epochs and write no file",
            ", ".join(type(callback).__name__ for callback in callbacks),
            "use EarlyStopping, ReduceLROnPlateau, LearningRateScheduler or TerminateOnNaN",
        )


def search(
    spec: SearchSpec,
    keeper: SearchKeeper,
    memory: int,
    progress: Progress,
    confirm: int,
    proved: Sequence[int] = (),
    cluster: Dispatcher | None = None,
) -> SearchRecord:
    """Train the trials of a search, as far as each gets; `check_found` refuses where none does.

    Args:
        spec: The search.
        keeper: Keeps it, and has what earlier runs did.
        memory: Bytes that training may take.
        progress: The progress display.
        confirm: At most so many finalists.
        proved: Finalists of earlier runs, which are proved whatever came after them.
        cluster: Where the trials train; None for this process.

    Raises:
        DesignError: No trial has the metric that is to score.
        Interrupted: The run was asked to end, and is kept.
    """
    asking, schedule = Asking(spec.choices, spec.sampler, spec.seed), keeper.schedule
    if constants := spec.choices.constants:
        progress.tell(f"the same in all trials: {arguments_text(constants)}; choices are a list")
    if spec.rungs is None and schedule == spec.schedule:  # else it began as another one
        _tell_rungs(spec, progress)
    climber = Climber(spec, keeper, memory, progress, cluster)
    progress.follow(climber.best_so_far)
    trials: list[Trial] = []
    failures = Failures(progress.tell)
    for number, size in enumerate(schedule.parts):
        part = _Part(schedule, number)
        for draws in _draws(asking, part, size):
            keeper.check(spec, draws)
            facts = climber.begin(draws)
            keeper.enter(spec, draws, facts)
            part.enter(draws, facts)
            failures.add(facts)
        if not part.draws:
            break
        part.climb(climber, keeper)
        found = part.trials(climber)
        climber.conclude(part.facts)
        climber.next_part()
        for trial in found:
            _tell(asking, trial, climber, schedule.ladder)
        trials += found
        keeper.breathe()
    if asking.is_used_up:
        there_are = f"the {len(trials)} that there are, of {spec.trials} that were asked for"
        progress.tell(f"no further trial differs from {there_are}")
    record = _record(spec, schedule.ladder, climber, trials, confirm, proved)
    record = replace(record, asked=spec.trials if asking.is_used_up else None)
    return keeper.record(record)


def _tell_rungs(spec: SearchSpec, progress: Progress) -> None:
    if told := left_out(spec.ladder, spec.trials, learns=spec.learns):
        progress.tell(told)


@dataclass
class Failures:
    """Tells of trials that fail, those together whose reasons differ in numbers at most.

    Where all fail, the error at the end tells it, and nothing is told before.

    Args:
        tell: Shows a line to the user.
        waiting: Trials and their reasons that are not yet told, by the kind of reason.
        is_any_sound: Whether some trial can be built and trained.
    """

    tell: Callable[[str], None]
    waiting: dict[str, dict[int, str]] = field(default_factory=dict)
    is_any_sound: bool = False

    def add(self, facts: Mapping[int, Facts]) -> None:
        """Take what is known of new trials, and tell of those that fail."""
        for number, fact in facts.items():
            if fact.failure:
                self.waiting.setdefault(kind_of(fact.failure), {})[number] = fact.failure
            else:
                self.is_any_sound = True
        if not self.is_any_sound:
            return
        for reasons in self.waiting.values():
            names = shortlist([str(number) for number in reasons])
            fail = f"trials {names} fail" if len(reasons) > 1 else f"trial {names} fails"
            self.tell(f"{fail}: {told_of_kind(list(reasons.values()))}")
        self.waiting = {}


@dataclass
class _Part:
    """Trials that were drawn together, and climb together.

    Args:
        schedule: What the search trains.
        number: The part's number.
        draws: The trials.
        facts: What is known of each.
        brackets: By trial, the bracket in which it begins; none of one that fails.
        scores: By trial, the score after each rung, by its epochs.
        finished: The trials that reached the last rung.
    """

    schedule: Schedule
    number: int
    draws: list[Draw] = field(default_factory=list)
    facts: dict[int, Facts] = field(default_factory=dict)
    brackets: dict[int, int] = field(default_factory=dict)
    scores: dict[int, dict[int, float]] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)

    def enter(self, draws: Sequence[Draw], facts: Mapping[int, Facts]) -> None:
        """Add trials."""
        self.draws += draws
        self.facts |= facts

    @property
    def sound(self) -> list[int]:
        """Trials that can be built and trained."""
        return [draw.number for draw in self.draws if not self.facts[draw.number].failure]

    def climb(self, climber: Climber, keeper: SearchKeeper) -> None:
        """Let the trials climb."""
        ladder = self.schedule.ladder
        part = ClimbingPart(ladder, self.sound)
        self.brackets = part.brackets
        for rung, epochs in enumerate(ladder.epochs):
            climbing = part.climbing(rung)
            if climbing and [self.number, epochs] not in keeper["done"]:
                climber.climb(climbing, epochs, self._told(rung, part.alive))
                keeper.note(
                    done=[*keeper["done"], [self.number, epochs]],
                    seconds={trial_name(n): climber.seconds[n] for n in self.facts},
                )
            scores = {number: climber.score(number, epochs) for number in climbing}
            losses = {number: climber.loss(number, epochs) for number in climbing}
            for number, score in scores.items():
                self.scores.setdefault(number, {})[epochs] = score
            higher = climber.higher_is_better
            climber.leaves(part.decide(rung, scores, losses, higher_is_better=higher))
            climber.goes_on(part.climbing(rung))
        self.finished = part.climbing(len(ladder.epochs) - 1)
        climber.ends(self.finished)

    def _told(self, rung: int, alive: Sequence[Sequence[int]]) -> str:
        parts, rungs = len(self.schedule.parts), len(self.schedule.ladder.epochs)
        part = f"part {self.number + 1}/{parts}, " if parts > 1 else ""
        climbed = sum(map(len, alive[: max(rung, 1)]))
        # A later bracket begins at a later rung: its trials have outlived none.
        new = len(alive[rung]) if 0 < rung < len(alive) else 0
        return f"{part}rung {rung + 1}/{rungs}, {climbed} alive{f' and {new} new' * bool(new)}"

    def trials(self, climber: Climber) -> list[Trial]:
        """What is known of the trials when they have climbed."""
        return [self._trial(draw, climber) for draw in self.draws]

    def _trial(self, draw: Draw, climber: Climber) -> Trial:
        number, fact = draw.number, self.facts[draw.number]
        state: TrialState = "left"
        if fact.failure:
            state = "failed"
        elif climber.has_diverged(number):
            state = "diverged"
        elif number in self.finished:
            state = "finished"
        return Trial(
            number,
            draw.arguments,
            self.number,
            self.brackets.get(number, 0),
            state,
            self.scores.get(number, {}),
            climber.loss(number, self.schedule.ladder.epochs[-1]),
            len(climber.logs(number)),
            fact.parameters,
            climber.seconds[number],
            fact.failure,
            draw.asked,
            climber.logs(number),
        )


def _draws(asking: Asking, part: _Part, size: int) -> Iterator[list[Draw]]:
    """Draw the trials of a part, and others for those that fail, unless all do."""
    while wanted := missing(size, part.draws, part.sound):
        draws = _draw(asking, wanted)
        if not draws:
            return
        yield draws


def _draw(asking: Asking, size: int) -> list[Draw]:
    draws = []
    for _ in range(size):
        draw = asking.ask()
        if draw is None:
            break
        draws.append(draw)
    return draws


def _tell(asking: Asking, trial: Trial, climber: Climber, climbs: Ladder) -> None:
    """Tell the sampler how a trial did, on the rungs with which the search began."""
    first, last = min(trial.scores, default=0), max(trial.scores, default=0)
    reached = [epochs for epochs in climbs.begun if first <= epochs <= last]
    scores = {epochs: climber.score(trial.number, epochs) for epochs in reached}
    top = climbs.begun[-1]
    asking.tell(
        trial.number,
        {epochs: _error(score, climber) for epochs, score in scores.items()},
        is_whole=top in scores and not math.isnan(scores[top]),
    )


def _error(score: float, climber: Climber) -> float:
    """A score turned so that lower is better."""
    return -score if climber.higher_is_better else score


def _record(
    spec: SearchSpec,
    climbs: Ladder,
    climber: Climber,
    trials: Sequence[Trial],
    confirm: int,
    proved: Sequence[int],
) -> SearchRecord:
    higher = climber.higher_is_better
    best = ranked(trials, higher_is_better=higher)
    return SearchRecord(
        spec.name,
        "" if climber.scoring is None else climber.scoring.metric,
        higher,
        climbs.epochs,
        climbs.reduction,
        spec.sampler if isinstance(spec.sampler, str) else type(spec.sampler).__name__,
        tuple(trials),
        _finalists([trial.number for trial in best], confirm, proved),
        sum(trial.seconds for trial in trials),
    )


def check_found(record: SearchRecord) -> None:
    """Refuse to prove anything of a search without a trial that trained.

    Raises:
        DesignError: No trial could be built, or each diverged.
    """
    trials = record.trials
    if all(trial.state == "failed" for trial in trials):
        of_first = ", trial 0 for one" * (len({trial.reason for trial in trials}) > 1)
        raise DesignError(
            f"a trial of {record.name!r} that can be built and trained",
            f"{len(trials)} that fail{of_first}: {trials[0].reason}",
            "mend the build function or the space",
        )
    if not record.finalists:
        raise DesignError(
            f"a trial of {record.name!r} that trains without diverging",
            f"{len(trials)} of which none does{_lowest_rate(trials)}",
            "lower the learning rates, or scale inputs and targets: unscaled they do the same",
        )


_RATE = re.compile(r"learning_?rate|(?:^|_)lr(?:$|_)", re.IGNORECASE)
"""What an argument is called that is a learning rate."""


def _lowest_rate(trials: Sequence[Trial]) -> str:
    """The lowest learning rate that was tried, as a part of a sentence; empty where none is."""
    given = [
        (value, name)
        for trial in trials
        for name, value in trial.arguments.items()
        if _RATE.search(name) and isinstance(value, int | float)
    ]
    if not given:
        return ""
    lowest, name = min(given)
    return f", down to {name}={lowest:g}"


def _finalists(ranked: Sequence[int], confirm: int, proved: Sequence[int]) -> tuple[int, ...]:
    """The best trials, the best first, and those that are proved already."""
    chosen = [number for place, number in enumerate(ranked) if place < confirm or number in proved]
    return (*chosen, *(number for number in proved if number not in ranked))
