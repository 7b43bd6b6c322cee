"""Recalls of the classes on validation in sentences."""

import numpy as np

from kohort.findings.classes.recalls import is_uneven
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import listing
from kohort.findings.statistics.scale import percent

NAMED = 4
"""The most classes that a sentence names: those of lowest recall."""


def recalls_text(conclusions: Conclusions) -> list[str]:
    """What variants find of each class on validation, a sentence each.

    They are the winner, the baseline, and the one of the highest balanced accuracy, as far as that
    is known. Empty where classes are about as large as each other: the accuracy tells it there.
    """
    counts, winner = conclusions.record.classes, conclusions.winner
    if counts is None or conclusions.recalls is None or winner is None or not is_uneven(counts):
        return []
    means = [recalls.balanced_accuracy.mean for recalls in conclusions.recalls]
    known = {number: mean for number, mean in enumerate(means) if np.isfinite(mean)}
    highest = max(known, key=lambda number: known[number], default=winner)
    shown = [number for number in dict.fromkeys((winner, 0, highest)) if number in known]
    return [_told(conclusions, number, is_highest=number == highest) for number in shown]


def _told(conclusions: Conclusions, number: int, *, is_highest: bool) -> str:
    counts, recalls = conclusions.record.classes, conclusions.recalls
    assert counts is not None
    assert recalls is not None
    found = recalls[number]
    known = [(r, name) for r, name in zip(found.of_class, counts.names, strict=True) if r.n]
    lowest = sorted(known, key=lambda of_class: of_class[0].mean)[:NAMED]
    each = listing([f"{percent(recall)} of class {name}" for recall, name in lowest])
    least = "the least, " * (len(known) > NAMED)
    return (
        f"{conclusions.record.variant_names[number]} finds {least}{each}; balanced accuracy "
        f"{percent(found.balanced_accuracy)}{', the highest' * is_highest}."
    )
