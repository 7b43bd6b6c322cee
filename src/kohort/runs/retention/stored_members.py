"""Members as a store has them: weights, and beside them what was found with these."""

from kohort.evidence.store import EndedMember, MemberKey, Weights
from kohort.runs.recording import Trained
from kohort.runs.work import PriorProgress

_FOUND = "found"
"""What is stored beside the weights of a member: what `ClassCounter.found` counts."""


def to_store(key: MemberKey, trained: Trained) -> EndedMember:
    """A member that has trained, to be stored."""
    beside = {} if trained.found is None else {_FOUND: trained.found}
    return EndedMember(key, trained.weights or (), trained.seconds, beside)


def from_store(
    logs: dict[int, dict[str, float]], weights: Weights | None, seconds: float | None
) -> PriorProgress:
    """What is stored of a member; for the arguments see `PriorProgress`."""
    if weights is None:
        return PriorProgress(logs, None, seconds, None)
    return PriorProgress(logs, list(weights), seconds, weights.beside.get(_FOUND))
