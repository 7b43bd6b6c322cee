"""Recalls of the classes on validation in sentences."""

from kohort.findings.classes.recalls import is_uneven
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import listing
from kohort.findings.statistics.scale import percent

NAMED = 4
"""The most classes that a sentence names: those of lowest recall."""


def recalls_text(conclusions: Conclusions) -> list[str]:
    """What the winner, and then the baseline, find of each class on validation, a sentence each.

    Empty where classes are about as large as each other, so that the accuracy tells it, and where
    it is not known.
    """
    counts, winner = conclusions.record.classes, conclusions.winner
    if counts is None or conclusions.recalls is None or winner is None or not is_uneven(counts):
        return []
    return [_told(conclusions, number) for number in dict.fromkeys((winner, 0))]


def _told(conclusions: Conclusions, number: int) -> str:
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
        f"{percent(found.balanced_accuracy)}."
    )
