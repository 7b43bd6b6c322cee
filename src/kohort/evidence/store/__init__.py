"""The store: keeps studies, their curves, weights and checkpoints.

with open_store("kohort.db") as store:
    kept = store.create("width", {"epochs": 20}, variants, members)
    with kept.claim():
        kept.begin_run(environment)
        kept.append([(member, 0, {"loss": 0.7})])
        kept.finish(member, weights, seconds=3.5)
        kept.end_run("done")
"""

from kohort.evidence.store.kept import KeptStudy
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
from kohort.evidence.store.studies import Store, durable_location, open_store

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
    "durable_location",
    "open_store",
]
