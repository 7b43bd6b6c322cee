"""Writes the report's sentences about how optimistic the winner's score is."""

from collections.abc import Sequence

from kohort.findings.choice import Optimism
from kohort.findings.names import shortlist
from kohort.findings.statistics.scale import Scale

SHARED = {
    "seeds": "the luck of the one split, which all replicates share",
    "splits": "the luck that all replicates share, being splits of one data set",
    "folds": "the luck that all replicates share, being folds of one data set",
}
"""What the estimate does not cover, by the kind of replicates."""


def flattery(
    optimism: Optimism | None, scale: Scale, names: Sequence[str], scored: int, kind: str
) -> str:
    """How optimistic the winner's score is, because the winner was chosen by it.

    Args:
        optimism: The estimate.
        scale: The scale of the metric that scores.
        names: Names of the variants, by number.
        scored: The number of variants with a score.
        kind: The kind of replicates.
    """
    if scored < 2:
        return "The winner is the only variant with a score, so that no choice flatters it."
    chosen = f"The winner was chosen as the best of {scored}"
    if optimism is None:
        return (
            f"{chosen}, so its validation score flatters it; how much cannot be estimated from "
            "these replicates. One on a test set does not."
        )
    times = [
        f"{names[number]} {count} times" if count > 1 else f"{names[number]} once"
        for number, count in sorted(optimism.winners.items(), key=lambda item: -item[1])
    ]
    return (
        f"{chosen}. Without each replicate in turn, the others choose {shortlist(times)}"
        f"{_estimate(optimism, scale)} The estimate misses {SHARED[kind]}; only a score on a test "
        "set is free of both."
    )


def _estimate(optimism: Optimism, scale: Scale) -> str:
    if len(optimism.winners) == 1:
        return (
            ": the same variant always wins, and for that reason alone the estimate of how far its "
            "validation score flatters it is zero."
        )
    return (
        f", and what they choose scores {scale.amount(optimism.estimate)} worse in that replicate "
        "than the winner does on average: so much does its validation score flatter it, by this "
        "estimate."
    )
