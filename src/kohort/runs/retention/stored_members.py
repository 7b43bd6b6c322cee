"""Members as a store has them: weights, and beside them what was found with these."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from kohort.evidence.store import EndedMember, MemberKey, Weights
from kohort.runs.recording import Trained
from kohort.runs.work import PriorProgress

_FOUND = "found"
"""What is stored beside the weights of a member: what `ClassCounter.found` counts."""


def to_store(key: MemberKey, trained: Trained) -> EndedMember:
    """A member that has trained, to be stored."""
    beside = {} if trained.found is None else {_FOUND: trained.found}
    return EndedMember(key, trained.weights or (), trained.seconds, beside, trained.finished)


def from_store(
    logs: dict[int, dict[str, float]],
    weights: Weights | None,
    seconds: float | None,
    dropped: Mapping[str, np.ndarray],
    finished: datetime | None,
) -> PriorProgress:
    """What is stored of a member.

    Args:
        logs: As of `PriorProgress`.
        weights: As they were stored; None where they were dropped, or it has not finished.
        seconds: As of `PriorProgress`.
        dropped: What lay beside weights that were dropped.
        finished: As of `PriorProgress`.
    """
    if seconds is None:
        return PriorProgress(logs, None, None, None)
    if weights is None:
        return PriorProgress(logs, None, seconds, dropped.get(_FOUND), finished)
    return PriorProgress(logs, list(weights), seconds, weights.beside.get(_FOUND), finished)
