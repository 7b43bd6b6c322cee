"""Notes on what the numbers of a report are over, where variants differ in their replicates."""

from collections.abc import Sequence

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.findings.factorial.effects import Effects
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.scale import Scale
from kohort.report import words


def over_what(conclusions: Conclusions, where: str = "") -> str:
    """That scores and differences are over different replicates; empty where they are not.

    So a difference need not be that of the two scores in the table; nor does the table go by scores
    alone.

    Args:
        conclusions: Of the study.
        where: Where the number of replicates is told, for a table of a race.
    """
    counts = np.isfinite(conclusions.study.errors).sum(axis=1)
    if len(set(counts[counts > 0].tolist())) < 2:
        return ""
    if conclusions.race is None:
        text = (
            "Scores are over the replicates that each variant trained to the end; differences are "
            "over those that both did."
        )
        is_split = len(conclusions.record.variants) > len(conclusions.diverged)
        return f"{text} In the table those that lost some stand last." if is_split else text
    return (
        f"Scores are over the replicates that each variant trained{where}; differences are over "
        "those that both trained. In the table those that trained more stand first."
    )


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
