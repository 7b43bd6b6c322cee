"""Writes what the test set says that whoever reads the answer alone must know."""

from collections.abc import Sequence

from kohort.data.inspection.groups_of_rows import are_too_few, count_of
from kohort.errors import count
from kohort.report.held_out import HeldOut
from kohort.report.tested_scores import TestScore, area, by_thresholds


def beside_the_answer(tests: Sequence[HeldOut], scores: Sequence[TestScore]) -> str:
    """That the test score has no interval, is off by Keras's thresholds, or ranks as chance does.

    Empty where none of these holds.

    Args:
        tests: How right the winner and the baseline are; none where they give no classes.
        scores: Their scores; none while the test set has not been read.
    """
    return " ".join(filter(None, [_few(scores), by_thresholds(scores), by_chance(tests)]))


def _few(scores: Sequence[TestScore]) -> str:
    groups = scores[0].groups if scores else None
    if groups is None or not are_too_few(groups):
        return ""
    of = count(count_of(groups), "group")
    return f"The score on the test set has no interval, as its {len(groups):,} rows are of {of}."


def by_chance(tests: Sequence[HeldOut]) -> str:
    """That the winner is not shown to rank two classes better than chance; empty where it is."""
    areas = tests[0].areas if tests else None
    if areas is None or not areas.roc.is_formed or areas.roc.low > 0.5:
        return ""
    is_worse = areas.roc.high < 0.5
    told = "ranks the two classes worse than" if is_worse else "is not shown to rank better than"
    return (
        f"On the test set {tests[0].variant} {told} chance, 0.5: area under ROC {area(areas.roc)}."
    )
