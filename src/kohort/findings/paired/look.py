"""Compares the variants that stand at one look of a race, corrected for those that left."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import rise_comparison, score_comparison
from kohort.findings.paired.fixed import agreed, not_worse
from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.comparison import Comparison, correct
from kohort.findings.statistics.stepwise import hochberg, simes

type Pair = tuple[int, int]
"""Numbers of two variants."""


@dataclass(frozen=True)
class Measured:
    """The comparisons of a race, each pair as of the last look in which both stood.

    Args:
        scores: Of scores, `b - a` of the pair `(a, b)`, the lower number first.
        rises: Of rises, by the pairs of `StudyCurves.one_loss`.
        differs: Whether a look found that anything differs.
    """

    scores: Mapping[Pair, Comparison] = field(default_factory=dict)
    rises: Mapping[Pair, Comparison] = field(default_factory=dict)
    differs: bool = False


@dataclass(frozen=True)
class Stand:
    """Who stands at a look of a race, by number.

    Args:
        open: Those that are compared, in order.
        leader: The one of them that has the best score.
        worse: Those that left as worse than a leader.
        equivalent: Those that left as equivalent to one.
        undecided: Those that left undecided, or will stand again at the next look.
    """

    open: Sequence[int]
    leader: int
    worse: Collection[int] = ()
    equivalent: Collection[int] = ()
    undecided: Collection[int] = ()

    @property
    def known(self) -> list[int]:
        """All of these; others diverged, and are as if they had never been there."""
        return sorted({*self.open, *self.worse, *self.equivalent, *self.undecided})


def of_look(whole: StudyCurves, part: StudyCurves, stand: Stand, before: Measured) -> Measured:
    """The comparisons of a race after a look.

    The leader is compared with each other variant by `better_than_each`, the baseline too; this
    decides who leaves. What a fixed study compares besides is corrected as there. A hypothesis that
    an earlier look rejected is done with. One of a variant that left, which was not rejected, stays
    in its family with a p-value of 1: without it those that stand would be a selection of those
    that look most different, with too small a correction. So a look decides nothing that it would
    not if all variants had been trained on, but for what was decided before.

    Args:
        whole: The race.
        part: The curves of the variants that stand, in the replicates of this look.
        stand: Who they are.
        before: What was measured at the looks before.
    """
    at = {number: place for place, number in enumerate(stand.open)}
    pairs = list(itertools.combinations(stand.open, 2))
    scores = {(a, b): score_comparison(part, at[a], at[b]) for a, b in pairs}
    both = [pair for pair in whole.one_loss if at.keys() >= set(pair)]
    rises = {(a, b): rise_comparison(part, at[a], at[b]) for a, b in both}
    past = Measured(_of_known(before.scores, stand), _of_known(before.rises, stand), before.differs)
    gate = _gate(Measured(scores, rises), past)
    corrected = {
        **_families(whole, scores, past.scores, stand, gate),
        **_against_leader(scores, stand, gate),
    }
    return Measured(
        {**before.scores, **corrected},
        {**before.rises, **_family(whole.one_loss, rises, past.rises, gate)},
        before.differs or gate <= 1 - whole.confidence,
    )


def _of_known(measured: Mapping[Pair, Comparison], stand: Stand) -> dict[Pair, Comparison]:
    known = set(stand.known)
    return {pair: found for pair, found in measured.items() if known >= set(pair)}


def _gate(now: Measured, past: Measured) -> float:
    """The p-value of the hypothesis that nothing differs; 0 once a look rejected it."""
    if past.differs:
        return 0.0
    p_values = [c.p_moderated for c in (*now.scores.values(), *now.rises.values())]
    left = len(past.scores.keys() - now.scores.keys()) + len(past.rises.keys() - now.rises.keys())
    return simes([*p_values, *[1.0] * left])


def _families(
    whole: StudyCurves,
    scores: Mapping[Pair, Comparison],
    past: Mapping[Pair, Comparison],
    stand: Stand,
    gate: float,
) -> dict[Pair, Comparison]:
    """All pairs as corrected without regard to the leader."""
    others = [number for number in stand.known if number not in (0, stand.leader)]
    first = {(0, number): None for number in others}
    added = {(min(pair), max(pair)): None for pair in whole.additions}
    everything = _family(itertools.combinations(stand.known, 2), scores, past, gate)
    baseline = _family(first, scores, past, gate) if 0 in stand.known else {}
    additions = _family(added, scores, past, gate)
    families = agreed(list(baseline.values()), list(additions.values()))
    for pairs, corrected in zip((baseline, additions), families, strict=True):
        everything |= dict(zip(pairs, corrected, strict=True))
    return everything


def _family(
    pairs: Iterable[Pair],
    now: Mapping[Pair, Comparison],
    past: Mapping[Pair, Comparison],
    gate: float,
) -> dict[Pair, Comparison]:
    """Those pairs of a family that stand, corrected by Holm's method over all of it."""
    pairs = list(pairs)
    here = [pair for pair in pairs if pair in now]
    left = [past[pair] for pair in pairs if pair in past and pair not in now]
    kept = sum(not c.is_decided for c in left), sum(not c.is_equivalent for c in left)
    return dict(zip(here, correct([now[pair] for pair in here], gate, kept), strict=True))


def _against_leader(
    scores: Mapping[Pair, Comparison], stand: Stand, gate: float
) -> dict[Pair, Comparison]:
    """The pairs with the leader: which variants are worse than it, and which are as good."""
    pairs = [pair for pair in scores if stand.leader in pair]
    family = [scores[pair] for pair in pairs]
    differ = _worse_than_leader(scores, stand)
    alike = hochberg(
        [c.p_equivalence_moderated for c in family], len(stand.worse) + len(stand.undecided)
    )
    return {
        pair: replace(
            c,
            family=len(stand.known) - 1,
            p_adjusted=float(np.maximum(differ[_other(pair, stand.leader)], gate)),
            p_equivalence_adjusted=float(np.maximum(q, c.p_equivalence)),
        )
        for pair, c, q in zip(pairs, family, alike, strict=True)
    }


def _worse_than_leader(scores: Mapping[Pair, Comparison], stand: Stand) -> dict[int, float]:
    """Adjusted p-values by number: that those that stand are no worse than the leader."""
    at = {number: place for place, number in enumerate(stand.open)}
    count, best = len(stand.open), at[stand.leader]
    worse = slice(count, count + len(stand.worse))
    total = worse.stop + len(stand.equivalent) + len(stand.undecided)
    p_values, alone = np.ones((total, total)), np.ones(total)
    by_place = {(at[a], at[b]): c for (a, b), c in scores.items()}
    p_values[:count, :count] = not_worse(count, by_place)
    p_values[worse], alone[worse] = 0.0, 0.0  # ruled out before
    np.fill_diagonal(p_values, np.nan)
    for pair, c in by_place.items():
        if best in pair:
            alone[_other(pair, best)] = np.maximum(c.difference.p_value, c.p_moderated)
    alone[best] = np.nan
    adjusted = better_than_each(p_values, alone, best)
    return {number: float(adjusted[place]) for number, place in at.items()}


def _other(pair: Pair, number: int) -> int:
    return pair[0] if pair[1] == number else pair[1]
