"""Rungs: the epochs after which the worse trials of a search end, and how many begin where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kohort.errors import DesignError
from kohort.errors import count as counted

BRACKETS = 2
"""How many brackets a search has, if nothing else is asked for: the second one begins a rung higher
and so gives slow learners, which a short training shows at a disadvantage, more time."""
GENERATIONS = 4
"""Into how many parts the trials of a sampler that learns are divided, if they suffice."""
LEAST = 9
"""Trials of such a part at least: of fewer there is little to learn, and little to choose from."""
MOST_AT_ONCE = 256
"""Trials of a part; more models at once take memory, and no less time."""


@dataclass(frozen=True)
class Ladder:
    """Successive halving (Jamieson and Talwalkar 2016) in brackets (Hyperband: Li et al. 2018).

    Args:
        epochs: Of each rung, rising; the last is that of the whole training.
        reduction: Of the trials of a bracket that reach a rung, one of so many goes on.
        brackets: How many brackets there are; bracket `b` begins with rung `b`.
        begun: The rungs that it had when the search began. How many trials begin in each bracket,
            and what samplers are told, follow from these, so that trials which are drawn later
            are the same however far the earlier ones climb.
    """

    epochs: tuple[int, ...]
    reduction: int
    brackets: int
    begun: tuple[int, ...]

    def begin_with(self, trials: int) -> list[int]:
        """How many of the trials begin in each bracket.

        In the proportions of Hyperband, by which brackets cost about the same.
        """
        tops = [len(self.begun) - 1 - bracket for bracket in range(self.brackets)]
        weights = [self.reduction**top / (top + 1) for top in tops]
        counts = [math.floor(trials * weight / sum(weights)) for weight in weights]
        counts[0] += trials - sum(counts)
        return counts

    def kept(self, trials: int) -> int:
        """How many of so many trials of a bracket go on after a rung."""
        return max(1, trials // self.reduction) if trials else 0

    def grown(self, epochs: int, *, adds_rungs: bool) -> "Ladder":
        """The rungs of a longer training, in which all that was decided stays decided.

        The last rung, after which nothing is decided, moves up. Where the training is `reduction`
        times as long or longer it stays, and gets others above it.

        Args:
            epochs: Of the whole training.
            adds_rungs: Whether there may be more rungs.
        """
        *rungs, last = self.epochs
        while adds_rungs and epochs >= last * self.reduction:
            rungs.append(last)
            last *= self.reduction
        return replace(self, epochs=(*rungs, epochs))


@dataclass(frozen=True)
class Schedule:
    """What a search trains.

    Args:
        ladder: The rungs.
        parts: How many trials are drawn at a time.
    """

    ladder: Ladder
    parts: tuple[int, ...]

    def grown(self, trials: int, epochs: int, *, learns: bool, adds_rungs: bool) -> "Schedule":
        """The same for more trials, which are further parts, and for more epochs.

        Args:
            trials: How many there are in all.
            epochs: Of the whole training.
            learns: As in `generations`.
            adds_rungs: Whether there may be more rungs.
        """
        more = trials - sum(self.parts)
        further = generations(more, self.ladder, learns=learns) if more else []
        is_longer = epochs > self.ladder.epochs[-1]
        climbs = self.ladder.grown(epochs, adds_rungs=adds_rungs) if is_longer else self.ladder
        return Schedule(climbs, (*self.parts, *further))


def ladder(
    epochs: int,
    trials: int,
    reduction: int,
    rungs: int | None = None,
    brackets: int = BRACKETS,
    *,
    learns: bool,
) -> Ladder:
    """The rungs of a search.

    Args:
        epochs: Of the whole training.
        trials: How many there are.
        reduction: Of the trials that reach a rung, one of so many goes on.
        rungs: How many rungs; None for as many as the epochs allow, and as many as one trial of
            each part climbs.
        brackets: At most so many brackets; none begins with the last of several rungs. Fewer
            where the rungs allow no more, unless there are more than by default.
        learns: As in `generations`.

    Raises:
        DesignError: The rungs or brackets need more epochs or more trials than there are.
    """
    most = 1 + _whole_log(epochs, reduction)
    if rungs is not None and rungs > most:
        raise DesignError(
            f"at most {counted(most, 'rung')} in {counted(epochs, 'epoch')}, with a "
            f"reduction of {reduction}",
            str(rungs),
            "give fewer rungs, or more epochs",
        )
    if rungs is not None and reduction ** (rungs - 1) > trials:
        raise DesignError(
            f"{reduction ** (rungs - 1)} trials or more, so that one of them climbs {rungs} rungs",
            str(trials),
            "give more trials, or fewer rungs",
        )
    part = max(trials // GENERATIONS, min(trials, LEAST)) if learns else trials
    count = min(most, 1 + _whole_log(part, reduction)) if rungs is None else rungs
    # One that begins with the last rung would train all of its trials whole.
    most_brackets = max(1, count - 1)
    if brackets > max(most_brackets, BRACKETS):
        raise DesignError(
            f"at most {counted(most_brackets, 'bracket')} where {counted(trials, 'trial')} of "
            f"{counted(epochs, 'epoch')} climb {counted(count, 'rung')}",
            str(brackets),
            "give fewer brackets, or more trials or epochs",
        )
    of_each = [
        max(1, math.floor(epochs / reduction ** (count - 1 - rung) + 0.5)) for rung in range(count)
    ]
    return Ladder(tuple(of_each), reduction, min(brackets, most_brackets), tuple(of_each))


def left_out(climbs: Ladder, trials: int, *, learns: bool) -> str:
    """Which rungs the epochs would allow and the trials do not, in a sentence; empty where none.

    Args:
        climbs: The rungs.
        trials: How many there are.
        learns: As in `generations`.
    """
    epochs = climbs.epochs[-1]
    most = 1 + _whole_log(epochs, climbs.reduction)
    if len(climbs.epochs) == most:
        return ""
    least = climbs.reduction ** (most - 1)
    enough = least * GENERATIONS if learns and least > LEAST else least
    rungs = f"{len(climbs.epochs)} rungs" if len(climbs.epochs) > 1 else "one rung"
    return (
        f"{trials} trials climb {rungs} (after {', '.join(map(str, climbs.epochs))} of {epochs} "
        f"epochs), where {enough} would climb {most}: fewer rungs end fewer trials early"
    )


def generations(trials: int, climbs: Ladder, *, learns: bool) -> list[int]:
    """Divide trials into parts that are drawn and trained one after another.

    Args:
        trials: How many there are.
        climbs: Their rungs: one trial of each part climbs all of them.
        learns: Whether what is drawn depends on what was trained.
    """
    least = max(LEAST, climbs.reduction ** (len(climbs.begun) - 1))
    parts = max(1, min(GENERATIONS, trials // least)) if learns else 1
    parts = max(parts, math.ceil(trials / MOST_AT_ONCE))
    small, larger = divmod(trials, parts)
    return [small + (part < larger) for part in range(parts)]


def best_first(
    scores: Sequence[float], losses: Sequence[float], *, higher_is_better: bool
) -> list[int]:
    """Places of scores from the best to the worst; NaN last.

    Of equal scores that of the lower loss comes first: where few classes are rare, many trials
    are right about equally many samples. Of those that are equal in both the earlier comes first.
    """

    def key(place: int) -> tuple[bool, float, float, int]:
        score = scores[place]
        return math.isnan(score), -score if higher_is_better else score, losses[place], place

    return sorted(range(len(scores)), key=key)


def sound_first(
    scores: Sequence[float], losses: Sequence[float], *, higher_is_better: bool
) -> list[int]:
    """As `best_first`, without those that have no score, since they diverged."""
    order = best_first(scores, losses, higher_is_better=higher_is_better)
    return [place for place in order if not math.isnan(scores[place])]


def _whole_log(number: int, base: int) -> int:
    """The whole part of a logarithm, without rounding errors."""
    exponent = 0
    while base ** (exponent + 1) <= number:
        exponent += 1
    return exponent
