"""Recalls of the classes on validation as tables."""

import pandas as pd

from kohort.errors import DesignError
from kohort.findings.classes.recalls import classes_held
from kohort.findings.conclusions import Conclusions

COLUMNS = ("balanced_accuracy", "balanced_low", "balanced_high")
"""Of the table of variants."""


def balanced_columns(conclusions: Conclusions, number: int) -> dict[str, float]:
    """The balanced accuracy of a variant and its interval; empty where it is not known."""
    if conclusions.recalls is None:
        return {}
    found = conclusions.recalls[number].balanced_accuracy
    return dict(zip(COLUMNS, (found.mean, found.low, found.high), strict=True))


def balanced_of_one_answer(conclusions: Conclusions) -> dict[str, float]:
    """The same of one answer for all samples, which finds one class: it has no interval."""
    counts = conclusions.record.classes
    if counts is None:
        return {}
    score = 1 / int(classes_held(counts).sum())
    return dict(zip(COLUMNS, (score, float("nan"), float("nan")), strict=True))


def recall_table(conclusions: Conclusions) -> pd.DataFrame:
    """A row for each variant and class; for the columns see `Result.recalls`.

    Raises:
        DesignError: It is not known who finds what.
    """
    counts, recalls = conclusions.record.classes, conclusions.recalls
    if counts is None or recalls is None:
        raise DesignError(
            "a study of classes, whose models give a score for each class",
            f"the study {conclusions.record.settings.study!r}, which has no recalls",
            "score it by its metric: result.table()",
        )
    rows = [
        {
            "variant": conclusions.record.variant_names[number],
            "class": name,
            "recall": recall.mean,
            "low": recall.low,
            "high": recall.high,
            "samples": float(counts.samples[:, place].mean()),
        }
        for number in conclusions.ranking
        for place, (name, recall) in enumerate(
            zip(counts.names, recalls[number].of_class, strict=True)
        )
    ]
    return pd.DataFrame(rows).set_index(["variant", "class"])
