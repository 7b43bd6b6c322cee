"""What a run holds of a study while it trains: curves, weights, and how long it took."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kohort.design.plan import MemberPlan, Plan
from kohort.evidence.curves import Curves, SharedRecorder


class Trained(NamedTuple):
    """A member that has trained.

    Args:
        plan: What was to be trained.
        weights: Of its best epoch.
        seconds: Of training, with its part of compilation.
    """

    plan: MemberPlan
    weights: list[np.ndarray]
    seconds: float


class Records:
    """Collects what training yields.

    Args:
        plan: What is to be trained.
    """

    def __init__(self, plan: Plan) -> None:
        members = plan.every_member
        replicates = 1 + max(member.replicate for member in members)
        shape = replicates, max(member.epochs for member in members)
        shares = [member.share for member in members]
        self._curves = SharedRecorder(plan.variant_names, *shape, shares)
        self._trained: list[Trained] = []
        self.side_by_side: dict[str, int] = {}
        """By the name of a group, how many of its members trained side by side at most."""

    def measured(self, member: MemberPlan, epoch: int, logs: dict[str, float]) -> None:
        """Keep the logs of a member after one epoch (from 0)."""
        self._curves.record(member.share, member.variant, member.replicate, epoch, logs)

    def ended(self, member: MemberPlan, weights: list[np.ndarray], seconds: float) -> None:
        """Keep a member that has trained; of those on parts of their samples only the curves."""
        if member.share == 1:
            self._trained.append(Trained(member, weights, seconds))

    def sat(self, label: str, seats: int) -> None:
        """Keep how many members of a group trained side by side."""
        self.side_by_side[label] = max(seats, self.side_by_side.get(label, 0))

    @property
    def trained(self) -> list[Trained]:
        """The members that have trained on all of their samples, by variant and replicate."""
        return sorted(self._trained, key=lambda t: (t.plan.variant, t.plan.replicate))

    def curves(self) -> Curves:
        """The curves on all samples."""
        return self._curves.whole()

    def partial_curves(self) -> dict[float, Curves]:
        """By the part of the samples, the other curves."""
        return self._curves.partial()

    def per_variant[T: (int, float, str)](
        self, value: Callable[[Trained], T], merge: Callable[[list[T]], T]
    ) -> list[T]:
        """Something of each variant's members, merged."""
        values: dict[int, list[T]] = {}
        for own in self.trained:
            values.setdefault(own.plan.variant, []).append(value(own))
        return [merge(of_variant) for of_variant in values.values()]
