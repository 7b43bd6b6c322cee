"""Makes the comparisons of a study in families, each corrected for multiplicity."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from kohort.findings.choice import choose
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.statistics.best import better_than_each
from kohort.findings.statistics.comparison import Comparison, compare, correct, simes
from kohort.findings.statistics.spreads import Spread

SAME = 1e-3
"""The largest relative difference of losses that differ only by rounding."""


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


def families(study: StudyCurves) -> Families:
    """All comparisons of a study.

    A difference is decided if its family's correction allows it, and if Simes's test
    over all pairs of variants and all rises finds that anything differs. So at most 5 % of the
    studies whose variants do not differ report any difference. A pair in several families gets the
    largest of its p-values in all of them, and so one verdict.
    """
    if study not in _KNOWN:
        _KNOWN[study] = _families(study)
    return _KNOWN[study]


_KNOWN: WeakKeyDictionary[StudyCurves, Families] = WeakKeyDictionary()


def score_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The paired difference of two variants' scores, `b - a` (numbers), each at its e*."""
    scale = study.scale
    sign = -1.0 if scale.higher_is_better else 1.0  # turns errors back into scores
    errors = study.errors
    return _paired(
        study,
        (a, b),
        (sign * errors[a], sign * errors[b]),
        f"validation {scale.metric} at the best epoch",
        margin=study.margin,
        higher_is_better=scale.higher_is_better,
        are_same=_are_same(study.variants[a], study.variants[b]),
        moderated=study.spreads.between(a, b),
    )


def corrected_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The comparison of two variants' scores, `b - a`, with the study's correction of this pair.

    As a family of the study has it; or corrected over all pairs, where none does.
    """
    one, found = score_comparison(study, a, b), families(study)
    scores = (*found.baseline, *found.winner, *found.additions, *found.others)
    same = next((c for c in scores if _pair(c) == _pair(one)), one)
    return replace(
        one,
        family=same.family,
        p_adjusted=same.p_adjusted,
        p_equivalence_adjusted=same.p_equivalence_adjusted,
    )


def _families(study: StudyCurves) -> Families:
    winner = choose(study)
    if winner is None:
        return Families([], [], [], [], [])
    numbers = range(len(study.variants))
    pairs = itertools.combinations(numbers, 2)
    each_once = {(a, b): score_comparison(study, a, b) for a, b in pairs}
    rises = [_rise_comparison(study, a, b) for a, b in study.one_loss]
    everything = [*each_once.values(), *rises]
    gate = simes([comparison.p_moderated for comparison in everything])

    def of(a: int, b: int) -> Comparison:
        return each_once[a, b] if a < b else score_comparison(study, a, b)

    rivals = [number for number in numbers[1:] if number != winner]
    against = correct([of(rival, winner) for rival in rivals], gate)
    if winner != 0:
        alone = np.full(len(study.variants), np.nan)
        for number in (0, *rivals):
            alone[number] = of(number, winner).difference.p_value
        corrected = better_than_each(_not_worse(study, each_once), alone, winner)
        against = [
            replace(comparison, p_adjusted=float(np.maximum(corrected[rival], gate)))
            for rival, comparison in zip(rivals, against, strict=True)
        ]
    baseline = correct([of(0, number) for number in numbers[1:]], gate)
    additions = correct([of(a, b) for a, b in study.additions], gate)
    baseline, against, additions = _agreed(baseline, against, additions)
    known = {_pair(comparison) for comparison in (*baseline, *against, *additions)}
    others = [c for c in correct(list(each_once.values()), gate) if _pair(c) not in known]
    return Families(baseline, against, additions, correct(rises, gate), others)


def _not_worse(study: StudyCurves, each_once: Mapping[tuple[int, int], Comparison]) -> np.ndarray:
    """One-sided p-values that the row's variant is no worse than the column's, for `best`."""
    count = len(study.variants)
    p_values = np.full((count, count), np.nan)
    for (a, b), comparison in each_once.items():
        is_better = (comparison.difference.mean > 0) == comparison.higher_is_better
        worse, better = (a, b) if is_better else (b, a)
        half = comparison.p_moderated / 2
        p_values[worse, better], p_values[better, worse] = half, 1 - half
    return p_values


def _agreed(*several: Sequence[Comparison]) -> list[list[Comparison]]:
    """The same families, where each pair has its largest p-values in any of them."""
    of_pair: dict[frozenset[str], list[Comparison]] = {}
    for comparison in itertools.chain(*several):
        of_pair.setdefault(_pair(comparison), []).append(comparison)

    def agreed(comparison: Comparison) -> Comparison:
        same = of_pair[_pair(comparison)]
        return replace(
            comparison,
            family=max(c.family for c in same),
            p_adjusted=max(c.p_adjusted for c in same),
            p_equivalence_adjusted=max(c.p_equivalence_adjusted for c in same),
        )

    return [[agreed(comparison) for comparison in family] for family in several]


def _pair(comparison: Comparison) -> frozenset[str]:
    return frozenset((comparison.a, comparison.b))


def _are_same(a: VariantCurves, b: VariantCurves) -> bool:
    """Whether two variants have the same losses, like one variant under two names."""
    one, other = (curves.at_best(curves.valid_loss) for curves in (a, b))
    # Relative to the larger one, so that the result is the same for b and a.
    near = np.abs(one - other) <= SAME * np.maximum(np.abs(one), np.abs(other))
    return bool((near | (np.isnan(one) & np.isnan(other))).all())


def _rise_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    # No margin: the study does not define which rise of a loss is of practical interest.
    return _paired(
        study,
        (a, b),
        (study.variants[a].rise(), study.variants[b].rise()),
        "rise of validation loss after the best epoch",
        margin=float("nan"),
        higher_is_better=False,
        are_same=_are_same(study.variants[a], study.variants[b]),
    )


def _paired(
    study: StudyCurves,
    pair: tuple[int, int],
    values: tuple[np.ndarray, np.ndarray],
    measure: str,
    *,
    margin: float,
    higher_is_better: bool,
    are_same: bool,
    moderated: Spread | None = None,
) -> Comparison:
    return compare(
        study.variants[pair[0]].name,
        study.variants[pair[1]].name,
        *values,
        measure=measure,
        margin=margin,
        confidence=study.confidence,
        test_to_train=study.test_to_train,
        higher_is_better=higher_is_better,
        are_same=are_same,
        moderated=moderated,
    )
