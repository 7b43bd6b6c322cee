"""Decides a race look by look: which variants are worse than the leader, as good, or still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.interval import mean_interval

type RaceVerdict = Literal["worse", "equivalent", "diverged", "open"]
type RaceEnd = Literal["decided", "last look", "undecidable", "diverged"]


@dataclass(frozen=True)
class Standing:
    """What a look says of a variant beside the leader.

    Args:
        verdict: "worse" than the leader, "equivalent" to it within the margin, "diverged", or
            "open". All but the open ones leave the race.
        p_worse: The p-value of the difference from the leader.
        p_equivalent: The same of equivalence within the margin.
    """

    verdict: RaceVerdict
    p_worse: float
    p_equivalent: float


@dataclass(frozen=True)
class Look:
    """One look at a race.

    Args:
        replicates: How many each variant that was open had trained.
        leader: The number of the variant with the best score; None where all diverged.
        standings: By number, each other variant that was open before this look.
        level: The error rate that this look may spend.
        spent: The error rate that was spent so far, with this look's.
    """

    replicates: int
    leader: int | None
    standings: Mapping[int, Standing]
    level: float
    spent: float

    @property
    def verdicts(self) -> dict[int, RaceVerdict]:
        """The verdicts by variant number, without the leader."""
        return {number: standing.verdict for number, standing in self.standings.items()}


@dataclass(frozen=True)
class RaceState:
    """How far a race is.

    Args:
        looks: Those whose replicates are trained, of all variants that were open then, in order.
        open: The numbers of the variants that go on, with the leader; empty when the race has
            ended.
        ends: How it ended; None while the race goes on.
        sizes: The replicates of all looks, those to come as well.
    """

    looks: tuple[Look, ...]
    open: tuple[int, ...]
    ends: RaceEnd | None
    sizes: tuple[int, ...]

    @property
    def leader(self) -> int | None:
        """The leader of the last look; None before the first, and where all diverged."""
        return self.looks[-1].leader if self.looks else None

    @property
    def left(self) -> dict[int, Look]:
        """By number, the variants that left and did not come back, with the look when they did."""
        left: dict[int, Look] = {}
        for look in self.looks:
            for number, standing in look.standings.items():
                left.pop(number, None)
                if standing.verdict != "open":
                    left[number] = look
            left.pop(-1 if look.leader is None else look.leader, None)
        return left


def replay(study: StudyCurves, sizes: Sequence[int]) -> RaceState:
    """Decide a race from the curves that are there; a stand-in.

    Args:
        study: Replicates that a variant did not train have length 0 and NaN in its curves.
        sizes: The replicates that each look sees, rising, such as (4, 8, 12, 16, 20).
    """
    looks: list[Look] = []
    numbers = tuple(range(len(study.variants)))
    for size in sizes:
        if not all(_has_trained(study, number, size) for number in numbers):
            return RaceState(tuple(looks), numbers, None, tuple(sizes))
        look = _look(study, numbers, size, level=(1 - study.confidence) / len(sizes))
        looks.append(look)
        numbers = tuple(n for n in numbers if look.verdicts.get(n, "open") == "open")
        if look.leader is None or numbers == (look.leader,):
            ends: RaceEnd = "diverged" if look.leader is None else "decided"
            return RaceState(tuple(looks), (), ends, tuple(sizes))
    return RaceState(tuple(looks), (), "last look", tuple(sizes))


def _has_trained(study: StudyCurves, number: int, size: int) -> bool:
    lengths = study.variants[number].lengths
    return len(lengths) >= size and bool((lengths[:size] > 0).all())


def _look(study: StudyCurves, numbers: Sequence[int], size: int, level: float) -> Look:
    errors = {}
    for number in numbers:
        curves = study.variants[number]
        first = {
            name: getattr(curves, name)[:size]
            for name in ("train_loss", "valid_loss", "train_error", "valid_error", "lengths")
        }
        part = replace(curves, **first)
        errors[number] = part.at_best(part.valid_error)
    sound = {n: values for n, values in errors.items() if np.isfinite(values).all()}
    if not sound:
        gone = {n: Standing("diverged", np.nan, np.nan) for n in numbers}
        return Look(size, None, gone, level, level)
    leader = min(sound, key=lambda n: sound[n].mean())
    standings = {}
    for number in numbers:
        if number == leader:
            continue
        if number not in sound:
            standings[number] = Standing("diverged", np.nan, np.nan)
            continue
        differences = errors[number] - errors[leader]
        found = mean_interval(
            differences,
            confidence=1 - level / max(1, len(numbers) - 1),
            test_to_train=study.test_to_train,
        )
        verdict: RaceVerdict = "open"
        if found.low > 0:
            verdict = "worse"
        elif found.low > -study.margin and found.high < study.margin:
            verdict = "equivalent"
        standings[number] = Standing(verdict, found.p_value, np.nan)
    return Look(size, leader, standings, level, level)
