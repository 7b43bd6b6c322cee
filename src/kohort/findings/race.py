"""Decides a race look by look: which variants are worse than the leader, as good, or still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kohort.findings.judged import StudyCurves

type Verdict = Literal["worse", "equivalent", "diverged", "open"]
type End = Literal["decided", "last look", "undecidable", "diverged"]


@dataclass(frozen=True)
class Standing:
    """What a look says of a variant beside the leader.

    Args:
        verdict: "worse" than the leader, "equivalent" to it within the margin, "diverged", or
            "open". All but the open ones leave the race.
        p_worse: The p-value of the difference from the leader, adjusted over the variants and over
            the looks: at or below the race's alpha, the two differ. NaN where there is none.
        p_equivalent: The same of equivalence within the margin.
    """

    verdict: Verdict
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
    def verdicts(self) -> dict[int, Verdict]:
        """The verdicts by variant number, without the leader."""
        return {number: standing.verdict for number, standing in self.standings.items()}


@dataclass(frozen=True)
class RaceState:
    """How far a race is.

    Args:
        looks: Those whose replicates are trained, of all variants that were open then, in order.
        open: The numbers of the variants that go on, with the leader; empty when the race has
            ended. They need all replicates up to the next look's size. One that left comes back
            if the leader that it lost to diverged later, and then lacks those that it missed.
        ends: "decided": no variant is open beside the leader. "undecidable": no number of repeats
            of these splits is likely to decide those that are open. "last look": some are open
            after it. "diverged": every variant did. None while the race goes on.
        sizes: The replicates of all looks, those to come as well.
    """

    looks: tuple[Look, ...]
    open: tuple[int, ...]
    ends: End | None
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
    """Decide a race from the curves that are there.

    Args:
        study: Replicates that a variant did not train have length 0 and NaN in its curves.
        sizes: The replicates that each look sees, rising, such as (4, 8, 12, 16, 20).
    """
    raise NotImplementedError
