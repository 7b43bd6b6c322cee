"""What is left to train of a study, and the results of earlier runs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kohort.design.plan import MemberPlan
from kohort.engine.loop.events import BlockPlan


class WorkItem(NamedTuple):
    """Members to train in one program.

    Args:
        members: The members to train, and one of each other kind in their cohort, so that the same
            constants are always inputs of the program.
        trains: How many of them train, the first ones.
        begun: The blocks that are left, by places in `members`; empty to lay out new ones.
        done: Member epochs of these blocks that were trained earlier.
        spent: Training time, in seconds, of each member of these blocks.
    """

    members: tuple[MemberPlan, ...]
    trains: int
    begun: tuple[BlockPlan, ...] = ()
    done: int = 0
    spent: Mapping[MemberPlan, float] = {}

    @classmethod
    def of(cls, members: Sequence[MemberPlan]) -> "WorkItem":
        """Work for members that have not begun."""
        return cls(tuple(members), len(members))


class PriorProgress(NamedTuple):
    """The stored results of a member: logs by epoch (from 0), and weights once it has finished."""

    logs: dict[int, dict[str, float]]
    weights: list[np.ndarray] | None
    seconds: float


def with_all_kinds(
    members: Sequence[MemberPlan], group: Sequence[MemberPlan]
) -> tuple[MemberPlan, ...]:
    """Members, followed by one of each kind in the group that is not among them.

    Constants that differ between kinds are inputs of a program, others are part of it, and XLA
    rounds the two differently. Members that resume must run the program with which they began.
    """
    kinds = {member.signature for member in members}
    others = {m.signature: m for m in group if m.signature not in kinds}
    return (*members, *others.values())
