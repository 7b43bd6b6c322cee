"""Decides a race look by look: which variants are worse than the leader, as good, or still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np

from kohort.findings.judged import StudyCurves
from kohort.findings.paired.look import Measured, Stand, of_look
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.power import chance_of_a_verdict, half_width

SPENT = 0.3
"""The part of the error rate that is left which a look spends."""
SLIM = 0.1
"""The chance of a verdict below which a pair is given up."""
KNOWN = 3
"""The fewest degrees of freedom of a spread by which a pair is given up."""

type RaceVerdict = Literal["worse", "equivalent", "undecidable", "unlikely", "diverged", "open"]
type RaceEnd = Literal["decided", "last look", "undecidable", "unlikely", "diverged"]


@dataclass(frozen=True)
class Standing:
    """What a look says of a variant beside the leader.

    Args:
        verdict: "worse" than the leader, "equivalent" to it within the margin, "undecidable" if no
            number of repeats of these splits is likely to tell, "unlikely" if the looks to come are
            not, "diverged", or "open". All but the open ones leave the race.
        p_worse: The p-value of the difference from the leader, adjusted over the variants and over
            the looks: at or below the race's alpha, the two differ. NaN where there is none.
        p_equivalent: The same of equivalence within the margin.
        width: How far the interval of the difference would reach to either side if its splits were
            repeated without end; 0 for replicates that share no samples. NaN if unknown.
    """

    verdict: RaceVerdict
    p_worse: float
    p_equivalent: float
    width: float = float("nan")


@dataclass(frozen=True)
class Look:
    """One look at a race.

    Args:
        replicates: How many each variant that was open had trained.
        leader: The number of the variant with the best score; None where all diverged.
        standings: By number, each other variant that was open before this look, and at the last
            look those that are back. The verdict is about the leader of this look, which need not
            be that of a later one.
        level: The error rate that this look spends.
        spent: The error rate that was spent so far, with this look's.
        back: The numbers of variants that left at an earlier look and are open again, since the
            leader that they lost to diverged at this one.
    """

    replicates: int
    leader: int | None
    standings: Mapping[int, Standing]
    level: float
    spent: float
    back: tuple[int, ...] = ()

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
            ended. They need all replicates up to the next look's size, and one that is back lacks
            those that it missed.
        ends: "decided": each variant beside the leader was worse, equivalent or diverged.
            "undecidable": so, but for those that no number of repeats of these splits is likely to
            decide. "unlikely": so, but for those that the looks to come were not likely to decide.
            "last look": some are open after it. "diverged": every variant did. None while the race
            goes on.
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

    @cached_property
    def left(self) -> dict[int, Look]:
        """By number, the variants that left and are not back, with the look when they did."""
        left: dict[int, Look] = {}
        for look in self.looks:
            left = {number: at for number, at in left.items() if number not in look.back}
            left |= {n: look for n, verdict in look.verdicts.items() if verdict != "open"}
        return left


@dataclass(frozen=True)
class Raced:
    """A race as far as it is, and what its looks measured."""

    state: RaceState
    measured: Measured


def shares(count: int) -> list[float]:
    """The parts of the error rate that the first looks of a race spend.

    Each spends `SPENT` of what is left, so that together they spend less than all of it, however
    many there are, and none depends on how many follow: a race that is given more looks decides at
    the first ones what it did before. By the union bound the chance of an error at any look is at
    most the sum, however the looks depend on each other; those of one race share most of their
    replicates. The first look spends most: most variants stand there.

    Args:
        count: The number of looks.

    Source: alpha spending (Lan and DeMets 1983), with Bonferroni's bound instead of a joint
    distribution, which overlapping splits do not have in closed form.
    """
    return [SPENT * (1 - SPENT) ** look for look in range(count)]


def replay(study: StudyCurves, sizes: Sequence[int]) -> RaceState:
    """Decide a race from the curves that are there.

    Each look compares the variants that stand as a fixed study would (see `of_look`), at a part of
    the study's error rate (see `shares`). So at most 5 % of races, at a confidence of 95 %, decide
    anything false about their leaders at any look, if a fixed study keeps its level. A variant is
    out when it is decided to be worse than the leader, or equivalent to it; when its pair would
    hardly be decided by the last look, or if the same splits were repeated without end (see
    `chance_of_a_verdict`; to give up decides nothing false); and when it lost a replicate to
    divergence while others lost none: it is not compared then, and cannot lead. Variants that lost
    to a leader which diverges later are back. A race that is given more replicates takes up again
    whom it gave up for having too few: it becomes the race that it would have been with them.

    Args:
        study: Replicates that a variant did not train have length 0 and NaN in its curves.
        sizes: The replicates that each look sees, rising, such as (4, 8, 12, 16, 20).
    """
    return raced(study, sizes).state


def raced(study: StudyCurves, sizes: Sequence[int]) -> Raced:
    """The same, with the comparisons."""
    known = _KNOWN.setdefault(study, {})
    key = tuple(sizes)
    if key not in known:
        known[key] = _run(study, key)
    return known[key]


_KNOWN: WeakKeyDictionary[StudyCurves, dict[tuple[int, ...], Raced]] = WeakKeyDictionary()


def _run(study: StudyCurves, sizes: tuple[int, ...]) -> Raced:
    race = _Race(study, sizes[-1])
    looks: list[Look] = []
    for size, share in zip(sizes, shares(len(sizes)), strict=True):
        if race.ends or not race.has_trained(size):
            break
        looks.append(race.look(size, share))
    ends: RaceEnd | None = race.ends or ("last look" if len(looks) == len(sizes) else None)
    state = RaceState(tuple(looks), () if ends else tuple(sorted(race.open)), ends, sizes)
    return Raced(state, race.measured)


class _Race:
    """A race while it is replayed.

    Args:
        study: The curves.
        most: The replicates of its last look.
    """

    def __init__(self, study: StudyCurves, most: int) -> None:
        self._study, self._most, self._spent = study, most, 0.0
        self._left: dict[int, tuple[RaceVerdict, int | None]] = {}
        self.open = list(range(len(study.variants)))
        self.measured = Measured()
        self.ends: RaceEnd | None = None

    def has_trained(self, size: int) -> bool:
        """Whether all open variants trained so many replicates."""
        lengths = (self._study.variants[number].lengths for number in self.open)
        return all(len(of_each) >= size and (of_each[:size] > 0).all() for of_each in lengths)

    def look(self, size: int, share: float) -> Look:
        """Decide who leaves."""
        part = _part(self._study, self.open, size, share)
        sound = _sound(part)
        lost = {n for n, is_sound in zip(self.open, sound, strict=True) if not is_sound}
        standings = {n: Standing("diverged", np.nan, np.nan) for n in sorted(lost)}
        back = tuple(
            number
            for number, (verdict, leader) in self._left.items()
            if leader in lost and verdict != "diverged"
        )
        leader = None
        if sound.any():
            variants = tuple(
                v for v, is_sound in zip(part.variants, sound, strict=True) if is_sound
            )
            part = replace(part, variants=variants) if lost else part
            leader = self._compare(part, [n for n in self.open if n not in lost], back)
            standings |= self._standings(leader, lost)
            if size == self._most:  # They train no more: what is known of them is all there is.
                standings |= {number: self._standing_of(number, leader) for number in back}
        self._leave(standings, leader, back)
        self.ends = self._end(leader)
        level = share * (1 - self._study.confidence)
        self._spent += level
        return Look(size, leader, standings, level, self._spent, back)

    def _compare(self, part: StudyCurves, numbers: Sequence[int], back: Sequence[int]) -> int:
        """Measure all pairs of those that stand, and return the leader."""
        assert part.lowest is not None
        left = {n: "open" if n in back else verdict for n, (verdict, _) in self._left.items()}
        worse, equivalent, undecided = (
            [n for n, verdict in left.items() if verdict in which]
            for which in (("worse",), ("equivalent",), ("open", "undecidable", "unlikely"))
        )
        stand = Stand(numbers, numbers[part.lowest], worse, equivalent, undecided)
        self.measured = of_look(self._study, part, stand, self.measured)
        return stand.leader

    def _standings(self, leader: int, lost: set[int]) -> dict[int, Standing]:
        return {
            number: self._standing_of(number, leader)
            for number in self.open
            if number != leader and number not in lost
        }

    def _standing_of(self, number: int, leader: int) -> Standing:
        pair = min(number, leader), max(number, leader)
        name = self._study.variants[leader].name
        return _standing(self.measured.scores[pair], name, self._most)

    def _leave(
        self, standings: Mapping[int, Standing], leader: int | None, back: Sequence[int]
    ) -> None:
        for number in back:
            del self._left[number]
        self.open = sorted({*self.open, *back})
        for number, standing in standings.items():
            if standing.verdict != "open":
                self._left[number] = standing.verdict, leader
                self.open.remove(number)

    def _end(self, leader: int | None) -> RaceEnd | None:
        if leader is None:
            return None if self.open else "diverged"
        if self.open != [leader]:
            return None
        verdicts = {verdict for verdict, _ in self._left.values()}
        if "undecidable" in verdicts:
            return "undecidable"
        return "unlikely" if "unlikely" in verdicts else "decided"


def _part(study: StudyCurves, numbers: Sequence[int], size: int, share: float) -> StudyCurves:
    """Some variants of a study, in its first replicates."""
    variants = tuple(study.variants[number].first(size) for number in numbers)
    return replace(study, variants=variants, additions=(), one_loss=(), looks=(), share=share)


def _sound(part: StudyCurves) -> np.ndarray:
    """Which variants lost no replicate, `[variant]`; where all did, which have any left."""
    whole = np.isfinite(part.errors).all(axis=1)
    sound: np.ndarray = whole if whole.any() else np.isfinite(part.errors).any(axis=1)
    return sound


def _standing(compared: Comparison, leader: str, most: int) -> Standing:
    verdict: RaceVerdict = "open"
    if compared.better == leader:
        verdict = "worse"
    elif compared.is_equivalent:
        verdict = "equivalent"
    elif compared.test_to_train > 0 and _has_no_chance(compared, np.inf, compared.share):
        verdict = "undecidable"
    elif compared.difference.n < most and _has_no_chance(
        compared, most, compared.share * (1 - SPENT)
    ):
        verdict = "unlikely"
    return Standing(
        verdict,
        compared.p_adjusted,
        compared.p_equivalence_adjusted,
        half_width(
            compared.spread.deviation, compared.alpha * compared.share, compared.test_to_train
        ),
    )


def _has_no_chance(compared: Comparison, most: float, share: float) -> bool:
    """Whether a pair would probably stay open by so many replicates, at a share of the error rate.

    That of the next look is the largest of those to come.
    """
    if not compared.spread.df >= KNOWN:
        return False
    chance = chance_of_a_verdict(
        compared.difference.mean,
        compared.spread.deviation,
        compared.difference.n,
        margin=compared.margin,
        level=compared.alpha * share,
        test_to_train=compared.test_to_train,
        most=most,
    )
    return chance < SLIM
