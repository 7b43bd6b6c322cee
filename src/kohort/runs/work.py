"""What is left of a study to train, and what earlier runs left of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kohort.design.plan import MemberPlan
from kohort.engine.loop.events import BlockPlan


class WorkItem(NamedTuple):
    """Members to train in one program.

    Args:
        members: Those to train, and one of each other kind that their cohort has, so that the same
            constants are inputs of the program as ever.
        trains: How many of them, the first ones, train.
        begun: The blocks that are left, by places in `members`; empty to lay them out.
        done: Member epochs of them that were trained earlier.
        spent: Seconds that the members of such blocks have trained, each.
    """

    members: tuple[MemberPlan, ...]
    trains: int
    begun: tuple[BlockPlan, ...] = ()
    done: int = 0
    spent: Mapping[MemberPlan, float] = {}

    @classmethod
    def of(cls, members: Sequence[MemberPlan]) -> "WorkItem":
        """Members of which none has begun."""
        return cls(tuple(members), len(members))


class PriorProgress(NamedTuple):
    """What is kept of a member: its logs by epoch (from 0), and once it has finished the rest."""

    logs: dict[int, dict[str, float]]
    weights: list[np.ndarray] | None
    seconds: float


def with_all_kinds(
    members: Sequence[MemberPlan], group: Sequence[MemberPlan]
) -> tuple[MemberPlan, ...]:
    """Members, and behind them one of each kind of the group's that is not among them.

    Constants that differ between kinds are inputs of a program, others are part of it, and the
    compiler rounds the two otherwise: what goes on must run the program that it began with.
    """
    kinds = {member.signature for member in members}
    others = {m.signature: m for m in group if m.signature not in kinds}
    return (*members, *others.values())
