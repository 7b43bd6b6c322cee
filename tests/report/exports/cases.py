"""A study to export, of all that one may hold."""

import math
from datetime import UTC, datetime, timedelta

from kohort.evidence.store import FindingRecord, MemberKey
from kohort.report.exports.study_export import ExportedMember, StudyExport

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FINISHED = STARTED + timedelta(seconds=90)
SLASHED = "../l2=0.1, größe:(2,)"


def logs(*values):
    """By epoch, four metrics, all of them other numbers."""
    return {
        epoch: {
            "loss": value,
            "accuracy": value / 3,
            "val_loss": value + 1,
            "eval_accuracy": value / 7,
        }
        for epoch, value in enumerate(values)
    }


def study(**changes):
    """Two variants, one of them on half of its samples too, and a member that did not begin."""
    return StudyExport(
        **{
            "name": "how wide",
            "settings": {
                "replicates": "Holdout(fraction=0.1, repeats=2)",
                "batch_size": "32",
                "seed": "0",
                "engine": "fused",
            },
            "arguments": {
                "plain": {"units": "(2,)", "l2": "0.0", "name": "'tanh'", "on": "True"},
                SLASHED: {"units": "<function f at 0x1>"},
            },
            "planned": {"plain": 3, SLASHED: 2},
            "members": [
                ExportedMember(MemberKey("plain", 0), logs(0.1, 0.2, 0.3), FINISHED, 30.0),
                ExportedMember(MemberKey("plain", 1), logs(1 / 3, math.nan), FINISHED, 20.0),
                ExportedMember(MemberKey(SLASHED, 0), logs(1e30), FINISHED, None),
                ExportedMember(MemberKey("plain", 0, 0.5), logs(0.7, math.inf), None, None),
                ExportedMember(MemberKey(SLASHED, 1), {}, None, None),
            ],
            "findings": [
                FindingRecord("KH201", None, "not found", "No copies.", "", {}),
                FindingRecord("KH101", "plain", "found", "plain: rises.", "Stop.", {"low": 1.0}),
                FindingRecord("KH105", "plain", "inconclusive", "plain: who knows.", "", {}),
            ],
            "started": STARTED,
        }
        | changes
    )
