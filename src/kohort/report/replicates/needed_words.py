"""Writes what would tell the winner from the variants that it is not told from."""

from collections.abc import Sequence

from kohort.findings.finding import FEWEST
from kohort.findings.judged import StudyCurves
from kohort.findings.rules.too_few import (
    NO_MARGIN,
    in_their_place,
    many,
    needed_by_a_pair_alone,
    needed_if_as_seen,
)
from kohort.findings.statistics.comparison import Comparison
from kohort.report.winner_words import few_or_count


def what_would_tell(study: StudyCurves, against_all: Sequence[Comparison]) -> str:
    """What would tell the winner from the variants that it is not told from; "" without any.

    Of those that the correction alone keeps undecided, fewer variants; of the others the number of
    replicates, or why none would do, and what would.

    Args:
        study: The study.
        against_all: The winner (`b`) against each other variant (`a`) with a score.
    """
    open_pairs = [c for c in against_all if not c.is_conclusive]
    by_themselves = [c for c in open_pairs if c.excludes_zero]
    others = [c for c in open_pairs if not c.excludes_zero]
    told = [_corrected(by_themselves)] if by_themselves else []
    more = [(needed, c.a) for c in others if (needed := c.replicates_needed or 0) > c.difference.n]
    # Of two replicates the spread is not known, and so not how many it takes.
    never = [
        c
        for c in others
        if c.difference.has_width and len(c.differences) >= FEWEST and not c.replicates_needed
    ]
    if more:
        needed, name = min(more)
        # A difference of the margin they show with a probability of `POWER`; that there is none
        # about as surely, of what lies between less.
        told.append(
            f"About {many(needed, study.kind)} in all would tell whether {others[0].b} and {name} "
            f"differ by {study.scale.amount(study.margin)}."
        )
    elif never:
        told.append(_out_of_reach(study, never))
    return " ".join(told)


def _corrected(pairs: Sequence[Comparison]) -> str:
    """That the correction keeps some pairs undecided, and what would be corrected for less."""
    names = few_or_count([c.a for c in pairs])
    differ = "itself each pair differs" if len(pairs) > 1 else "themselves they differ"
    return (
        f"The correction for all that is compared keeps {pairs[0].b} and {names} undecided: by "
        f"{differ}. A study of fewer variants, such as of two alone with another seed, is "
        "corrected for less."
    )


def _out_of_reach(study: StudyCurves, never: Sequence[Comparison]) -> str:
    """Why no number of replicates tells the winner from some by the margin, and what would."""
    if not study.margin > 0:
        return NO_MARGIN
    told = (
        f"No number of replicates would tell {never[0].b} from "
        f"{few_or_count([c.a for c in never])} by as little as {study.scale.amount(study.margin)}"
    )
    alone = [(needed, c.a) for c in never if (needed := needed_by_a_pair_alone(c))]
    if not alone:
        return f"{told}, since {in_their_place(study)}.{_if_as_seen(study, never)}"
    needed, name = min(alone)
    return (
        f"{told} beside all others, for which it is corrected: in a study of it and {name} alone "
        f"about {many(needed, study.kind)} would."
    )


def _if_as_seen(study: StudyCurves, never: Sequence[Comparison]) -> str:
    """How many replicates would tell the first pair that differs as far as it seems to."""
    seen = [(needed, c) for c in never if (needed := needed_if_as_seen(c))]
    if not seen:
        return ""
    needed, pair = min(seen, key=lambda each: each[0])
    amount = study.scale.amount(abs(pair.difference.mean))
    return (
        f" If {pair.b} and {pair.a} truly differ by the {amount} that are seen, about "
        f"{many(needed, study.kind)} would show it."
    )
