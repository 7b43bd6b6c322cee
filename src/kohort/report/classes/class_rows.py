"""Recalls of the classes on validation as a page shows them."""

import math
from typing import NamedTuple

from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import percent
from kohort.report.classes.recall_words import recalls_text, unknown_recalls


class RecallRow(NamedTuple):
    """A variant's balanced accuracy and its recalls `[class]`, as text."""

    variant: str
    balanced: str
    recalls: list[str]


class ShownClasses(NamedTuple):
    """What a page shows: sentences where classes are of uneven sizes, and a row for each variant.

    `names` are those of the classes.
    """

    sentences: list[str]
    names: tuple[str, ...]
    rows: list[RecallRow]


def classes_shown(conclusions: Conclusions) -> ShownClasses | None:
    """What a page shows of classes; None where it is not known who finds what."""
    counts, recalls = conclusions.record.classes, conclusions.recalls
    if counts is None or recalls is None:
        return None
    unknown, rows = unknown_recalls(conclusions), []
    for number in conclusions.ranking:
        otherwise, found = "not known" if number in unknown else "none", recalls[number]
        each = [_told(recall, otherwise) for recall in found.of_class]
        balanced = _told(found.balanced_accuracy, otherwise)
        rows.append(RecallRow(conclusions.record.variant_names[number], balanced, each))
    return ShownClasses(recalls_text(conclusions), counts.names, rows)


def _told(part: Interval, otherwise: str) -> str:
    """A part of samples with its interval; of a variant that has none what stands for that."""
    return percent(part) if math.isfinite(part.mean) else otherwise
