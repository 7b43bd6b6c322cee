"""Makes the comparisons of a study in families, each corrected for multiplicity."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import rise_comparison, score_comparison
from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.comparison import Comparison, correct
from kohort.findings.statistics.stepwise import simes


@dataclass(frozen=True)
class Families:
    """The comparisons of a study.

    Args:
        baseline: Each variant (`b`) against the first.
        winner: The winner (`b`) against each other variant except the baseline, corrected for the
            winner's having been chosen by the same scores (see `better_than_each`); if the
            baseline wins, against all others, by Holm's method.
        additions: Each variant that is another one with something added, against that one.
        rises: The same pairs, if they have one loss, compared by how far validation loss rises
            after the best epoch: the effect of the addition on late overfitting.
        others: The pairs of variants that are in none of these, corrected over all pairs: nothing
            but their result may have made someone look at one of them.
    """

    baseline: list[Comparison]
    winner: list[Comparison]
    additions: list[Comparison]
    rises: list[Comparison]
    others: list[Comparison]


def of_fixed(study: StudyCurves) -> Families:
    """All comparisons of a study whose replicates were all trained; see `families`."""
    winner = study.lowest
    if winner is None:
        return Families([], [], [], [], [])
    numbers = range(len(study.variants))
    pairs = itertools.combinations(numbers, 2)
    each_once = {(a, b): score_comparison(study, a, b) for a, b in pairs}
    rises = [rise_comparison(study, a, b) for a, b in study.one_loss]
    everything = [*each_once.values(), *rises]
    gate = simes([comparison.p_moderated for comparison in everything])

    def of(a: int, b: int) -> Comparison:
        return each_once[a, b] if a < b else each_once[b, a].turned

    rivals = [number for number in numbers[1:] if number != winner]
    against = correct([of(rival, winner) for rival in rivals], gate)
    if winner != 0:
        alone = np.full(len(study.variants), np.nan)
        for number in (0, *rivals):
            alone[number] = of(number, winner).difference.p_value
        corrected = better_than_each(not_worse(len(study.variants), each_once), alone, winner)
        against = [
            replace(comparison, p_adjusted=float(np.maximum(corrected[rival], gate)))
            for rival, comparison in zip(rivals, against, strict=True)
        ]
    baseline = correct([of(0, number) for number in numbers[1:]], gate)
    additions = correct([of(a, b) for a, b in study.additions], gate)
    baseline, against, additions = agreed(baseline, against, additions)
    known = {pair_of(comparison) for comparison in (*baseline, *against, *additions)}
    others = [c for c in correct(list(each_once.values()), gate) if pair_of(c) not in known]
    return Families(baseline, against, additions, correct(rises, gate), others)


def not_worse(count: int, each_once: Mapping[tuple[int, int], Comparison]) -> np.ndarray:
    """One-sided p-values that the row's variant is no worse than the column's, for `best`.

    Args:
        count: The number of variants.
        each_once: The comparisons by pairs of their numbers.
    """
    p_values = np.full((count, count), np.nan)
    for (a, b), comparison in each_once.items():
        is_better = (comparison.difference.mean > 0) == comparison.higher_is_better
        worse, better = (a, b) if is_better else (b, a)
        half = comparison.p_moderated / 2
        p_values[worse, better], p_values[better, worse] = half, 1 - half
    return p_values


def agreed(*several: Sequence[Comparison]) -> list[list[Comparison]]:
    """The same families, where each pair has its largest p-values in any of them."""
    of_pair: dict[frozenset[str], list[Comparison]] = {}
    for comparison in itertools.chain(*several):
        of_pair.setdefault(pair_of(comparison), []).append(comparison)

    def as_all(comparison: Comparison) -> Comparison:
        same = of_pair[pair_of(comparison)]
        return replace(
            comparison,
            family=max(c.family for c in same),
            p_adjusted=max(c.p_adjusted for c in same),
            p_equivalence_adjusted=max(c.p_equivalence_adjusted for c in same),
        )

    return [[as_all(comparison) for comparison in family] for family in several]


def pair_of(comparison: Comparison) -> frozenset[str]:
    """The names of the two variants."""
    return frozenset((comparison.a, comparison.b))
