"""Notes on what the numbers of a report are over, where variants differ in their replicates."""

import numpy as np

from kohort.findings.conclusions import Conclusions


def over_what(conclusions: Conclusions, where: str = "") -> str:
    """That scores and differences are over different replicates; empty where they are not.

    So a difference need not be that of the two scores in the table.

    Args:
        conclusions: Of the study.
        where: Where the number of replicates is told, for a table of a race.
    """
    counts = np.isfinite(conclusions.study.errors).sum(axis=1)
    if len(set(counts[counts > 0].tolist())) < 2:
        return ""
    if conclusions.race is None:
        return (
            "Scores are over the replicates that each variant trained to the end; differences are "
            "over those that both did."
        )
    return (
        f"Scores are over the replicates that each variant trained{where}; differences are over "
        "those that both trained."
    )
