"""Recalls of the classes on validation in sentences."""

import numpy as np

from kohort.findings.classes.recalls import is_uneven
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import listing, shortlist
from kohort.findings.statistics.interval import ROUNDING
from kohort.findings.statistics.scale import percent

NAMED = 4
"""The most classes that a sentence names: those of lowest recall."""


def recalls_text(conclusions: Conclusions) -> list[str]:
    """What variants find of each class on validation, a sentence each.

    They are the winner, the baseline, and the one of the highest balanced accuracy that is known;
    where that of another is not, it says of which. Empty where classes are about as large as each
    other: the accuracy tells it there.
    """
    counts, winner = conclusions.record.classes, conclusions.winner
    if counts is None or conclusions.recalls is None or winner is None or not is_uneven(counts):
        return []
    means = [recalls.balanced_accuracy.mean for recalls in conclusions.recalls]
    known = {number: mean for number, mean in enumerate(means) if np.isfinite(mean)}
    most = max(known.values(), default=0.0)
    highest = [number for number, mean in known.items() if most - mean < ROUNDING]
    alone = highest[:1] if len(highest) == 1 else []
    shown = [number for number in dict.fromkeys((winner, 0, *alone)) if number in known]
    rank = f", the highest{_of_those_known(conclusions)}"
    return [_told(conclusions, number, rank * (number in alone)) for number in shown]


def unknown_recalls(conclusions: Conclusions) -> list[int]:
    """The numbers of variants that trained to the end, and whose balanced accuracy is not known."""
    return [
        number
        for number, recalls in enumerate(conclusions.recalls or ())
        if len(conclusions.study.variants[number].sound)
        and not np.isfinite(recalls.balanced_accuracy.mean)
    ]


def _of_those_known(conclusions: Conclusions) -> str:
    """What follows "the highest" where that is not known of all."""
    unknown = unknown_recalls(conclusions)
    if not unknown:
        return ""
    names = shortlist([conclusions.record.variant_names[number] for number in unknown])
    that, is_not = ("that", "is not") if len(unknown) == 1 else ("those", "are not")
    return f" that is known: {that} of {names} {is_not}"


def _told(conclusions: Conclusions, number: int, rank: str) -> str:
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
        f"{percent(found.balanced_accuracy)}{rank}."
    )
