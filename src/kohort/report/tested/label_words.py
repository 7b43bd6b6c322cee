"""Writes how often models find each label of the test set."""

from collections.abc import Sequence
from typing import Any

from kohort.findings.rules.never_found import none_of
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import percent
from kohort.report.classes.found_labels import label_answers
from kohort.report.tested_scores import TestScore, area


def missed_labels(scores: Sequence[TestScore]) -> str:
    """Which labels the winner, and then the baseline, never find, in a sentence each; or ""."""
    told = []
    for score in scores:
        answers = label_answers(score.variant, score.labels)
        if answers.missed:
            told.append(f"{score.variant} finds {none_of(answers, answers.missed)}.")
    return " ".join(told)


def labels_part(scores: Sequence[TestScore]) -> dict[str, Any]:
    """What the part about labels shows, by the names of its template.

    Args:
        scores: Of the winner, then of the baseline.
    """
    known = [score for score in scores if score.labels]
    return {
        "labels_of": [score.variant for score in known],
        "label_rows": [
            {
                "name": of_one[0].name,
                "samples": of_one[0].samples,
                "texts": [
                    text
                    for one in of_one
                    for text in (
                        _text(one.recall),
                        _text(one.precision),
                        "" if one.areas is None else area(one.areas.roc),
                    )
                ],
            }
            for of_one in zip(*(score.labels for score in known), strict=True)
        ],
    }


def _text(part: Interval | None) -> str:
    return "none" if part is None else percent(part)
