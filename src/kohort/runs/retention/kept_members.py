"""The members of a study whose weights are kept; of others it is said why they are not there."""

from collections.abc import Mapping, Sequence

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.replicates import Replicate
from kohort.design.variants import Variant
from kohort.engine.members import MONITOR
from kohort.errors import DesignError
from kohort.evidence.curves import Curves
from kohort.findings.names import shortlist
from kohort.member import Member

type MemberPlace = tuple[int | str, int]
"""The number of a variant, or its name, and the number of a replicate."""


class KeptMembers(dict[MemberPlace, Member]):
    """Members by the numbers of their variant and replicate; `members["units=16", 2]` is one too.

    Args:
        members: Those whose weights are kept.
        names: Of all variants, by number.
        dropped: The numbers of the others.
    """

    def __init__(
        self,
        members: Mapping[MemberPlace, Member],
        names: Sequence[str],
        dropped: frozenset[tuple[int, int]],
    ) -> None:
        super().__init__(members)
        self._names, self._dropped = tuple(names), dropped

    def __missing__(self, place: MemberPlace) -> Member:
        """The member of a variant that is given by name.

        Raises:
            DesignError: Its weights were dropped, or there is no such member.
        """
        match place:
            case str() as name, int() as replicate if name in self._names:
                number = self._names.index(name), replicate
                if number in self or number in self._dropped:
                    return self[number]
            case int() as variant, int() as replicate if (variant, replicate) in self._dropped:
                raise DesignError(
                    f"the weights of {self._names[variant]!r} in replicate {replicate}",
                    "none: the study keeps those of its winners alone (keep='winners')",
                    "run it with keep='final', or --keep final: what was dropped is trained again",
                )
        raise DesignError(
            f"a variant ({shortlist(self._names)}) and the number of one of its replicates",
            f"members[{str(place).strip('()')}]",
            f"write members[{self._names[0]!r}, 0]",
        )


def kept_members(
    variants: Sequence[Variant],
    replicates: Sequence[Replicate],
    data: Dataset,
    weights: Mapping[tuple[int, int], list[np.ndarray] | None],
    curves: Curves,
) -> KeptMembers:
    """The members of a study, by the numbers of their variant and replicate.

    Args:
        variants: All of its variants.
        replicates: All of its replicates.
        data: What they were trained on.
        weights: Of each member, by the same two numbers: those of its best epoch; None where they
            were dropped.
        curves: What was measured, from which that epoch follows.
    """
    monitored = np.nan_to_num(curves.of(MONITOR), nan=np.inf, posinf=np.inf)
    members: dict[MemberPlace, Member] = {
        (variant, replicate): Member(
            variants[variant],
            replicates[replicate],
            data,
            best_weights,
            epoch=int(monitored[variant, replicate].argmin()) + 1,
        )
        for (variant, replicate), best_weights in weights.items()
        if best_weights is not None
    }
    dropped = frozenset(place for place, found in weights.items() if found is None)
    return KeptMembers(members, [variant.name for variant in variants], dropped)
