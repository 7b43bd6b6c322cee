"""Finds the cheapest variant that is as good as the winner."""

from collections.abc import Sequence

import numpy as np

from kohort.findings.choice import choose
from kohort.findings.families import families
from kohort.findings.judged import StudyCurves


def cheapest(study: StudyCurves, seconds: Sequence[float]) -> int | None:
    """The variant of fewest parameters that is equivalent to the winner, and smaller than it.

    Equivalent is what the study's comparisons decide to be within the margin. Seconds choose
    between variants that are equally small; they move with what else the machine does, so that
    nothing that is as large as the winner is called cheaper by them.

    Args:
        study: The study.
        seconds: `[variant]`, of training.

    Returns:
        The number of the variant; None where none is as good and smaller, or sizes are unknown.
    """
    winner = choose(study)
    if winner is None:
        return None
    name, size = study.variants[winner].name, study.variants[winner].parameters
    found = families(study)
    against = [c for c in (*found.winner, *found.baseline) if name in (c.a, c.b)]
    alike = {other for c in against if c.is_equivalent for other in (c.a, c.b)} - {name}
    # What diverges now and then is no cheaper way to the winner's score.
    untrained = [(curves.lengths == 0) & bool(study.looks) for curves in study.variants]
    is_whole = (np.isfinite(study.errors) | np.array(untrained)).all(axis=1)
    smaller = [
        number
        for number, variant in enumerate(study.variants)
        if variant.name in alike and 0 < variant.parameters < size and is_whole[number]
    ]
    return min(smaller, key=lambda n: (study.variants[n].parameters, seconds[n]), default=None)
