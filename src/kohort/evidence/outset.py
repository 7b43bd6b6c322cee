"""What is known of a study before a member has trained: it is kept for those who watch it."""

from collections.abc import Mapping
from typing import Any

from kohort.evidence.record import StudyRecord, to_json

OUTSET = "outset"
"""The entry of a study's description that tells of it."""

PIXELS = "pixels"
"""The entry of the outset that tells how inputs are made of images; None of other data."""


def outset(record: StudyRecord, pixels: Mapping[str, Any] | None) -> dict[str, Any]:
    """The outset of a study, as JSON: `kohort.evidence.record.from_json` reads it too.

    Args:
        record: What is known before training; its curves are not kept.
        pixels: How inputs are made of images.
    """
    known = to_json(record)
    # Configurations of members that learn from data are as large as all else.
    del known["configs"]
    return known | {PIXELS: pixels}
