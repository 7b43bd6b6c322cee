"""The store: where studies, their curves, weights and checkpoints are kept.

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
    Checkpoint,
    EpochRecord,
    Event,
    FindingRecord,
    MemberKey,
    MemberRecord,
    ReadingRecord,
    RunRecord,
    StudySummary,
    VariantRecord,
)
from kohort.evidence.store.store import Store, lasting, open_store

__all__ = [
    "Checkpoint",
    "EpochRecord",
    "Event",
    "FindingRecord",
    "KeptStudy",
    "MemberKey",
    "MemberRecord",
    "ReadingRecord",
    "RunRecord",
    "Store",
    "StudySummary",
    "VariantRecord",
    "lasting",
    "open_store",
]
