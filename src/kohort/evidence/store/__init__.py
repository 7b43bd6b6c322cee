"""The store: keeps studies, their curves, weights and checkpoints.

with open_store("kohort.db") as store:
    kept = store.create("width", {"epochs": 20}, variants, members)
    with kept.claim():
        kept.begin_run(environment)
        kept.append([(member, 0, {"loss": 0.7})])
        kept.finish(member, weights, seconds=3.5)
        kept.end_run("done")

What opens a database is imported when it is first used: a study that is kept in none does without
SQLAlchemy, a quarter of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kohort.evidence.store.records import (
    EndedMember,
    EpochRecord,
    Event,
    FindingRecord,
    MemberKey,
    MemberRecord,
    ReadingRecord,
    RunRecord,
    StoredCheckpoint,
    StudySummary,
    VariantRecord,
    Weights,
)

if TYPE_CHECKING:
    from kohort.evidence.store.kept import KeptStudy
    from kohort.evidence.store.studies import Store, check_place, durable_location, open_store

_HOMES = {
    "KeptStudy": "kohort.evidence.store.kept",
    "Store": "kohort.evidence.store.studies",
    "check_place": "kohort.evidence.store.studies",
    "durable_location": "kohort.evidence.store.studies",
    "open_store": "kohort.evidence.store.studies",
}

__all__ = [
    "EndedMember",
    "EpochRecord",
    "Event",
    "FindingRecord",
    "KeptStudy",
    "MemberKey",
    "MemberRecord",
    "ReadingRecord",
    "RunRecord",
    "Store",
    "StoredCheckpoint",
    "StudySummary",
    "VariantRecord",
    "Weights",
    "check_place",
    "durable_location",
    "open_store",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kohort.evidence.store' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
