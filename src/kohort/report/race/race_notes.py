"""Notes on what the numbers of a report are over, where variants differ in their replicates."""

from collections.abc import Sequence

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.findings.factorial.effects import Effects
from kohort.findings.names import capital, shortlist
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.scale import Scale
from kohort.report import words


def over_what(conclusions: Conclusions, where: str = "") -> str:
    """That scores and differences are over different replicates, or lack some; else empty.

    So a difference need not be that of the two scores in the table; nor does the table go by scores
    alone.

    Args:
        conclusions: Of the study.
        where: Where the number of replicates is told, for a table of a race.
    """
    told = _without_score(conclusions)
    counts = np.isfinite(conclusions.study.errors).sum(axis=1)
    if len(set(counts[counts > 0].tolist())) < 2:
        return told
    if conclusions.race is None:
        text = (
            f"{told} Scores are over the replicates in which each variant has one; differences are "
            "over those in which both have."
            if told
            else "Scores are over the replicates that each variant trained to the end; differences "
            "are over those that both did."
        )
        lost = {name for name, *_ in [*conclusions.diverged, *conclusions.without_score]}
        is_split = len(conclusions.record.variants) > len(lost)
        return f"{text} In the table those that lost some stand last." if is_split else text
    text = (
        f"Scores are over the replicates that each variant trained{where}; differences are over "
        "those that both trained. In the table those that trained more stand first."
    )
    return f"{told} {text}".strip()


def _without_score(conclusions: Conclusions) -> str:
    """Of which variants the score is no number in some replicates, in a sentence; "" of none."""
    of = [
        f"{lost} of {trained} replicates of {n}" for n, lost, trained in conclusions.without_score
    ]
    if not of:
        return ""
    metric = conclusions.study.scale.metric
    return f"{capital(metric)} is not a number in {shortlist(of)}."


def of_which(effects: Effects | None, looks: Sequence[int]) -> str:
    """Which replicates of a race the effects of axes are of; empty without either.

    Args:
        effects: The effects.
        looks: The replicates that each look sees; empty without a race.
    """
    if effects is None or not looks:
        return ""
    text = (
        f"Of a race this is of the first {looks[0]} replicates alone, which all variants trained: "
        "later ones have those that did well."
    )
    if all(effect.pair is None for effect in effects.effects):
        return text
    return (
        f"{text} But where a level and the first one are one variant each, their difference is "
        "the race's comparison of the two: of all replicates up to the last look in which both "
        "stood, with the interval and the corrected p-value of that look."
    )


def cell(comparison: Comparison, scale: Scale | None, most: float = 1.0, digits: int = 1) -> str:
    """A difference for a table, whose interval is named where it is a look's.

    Args:
        comparison: The difference.
        scale: As in `words.difference`.
        most: As there.
        digits: As there.
    """
    told = words.shown_difference if comparison.share < 1 else words.difference
    return told(comparison, scale, most, digits)
