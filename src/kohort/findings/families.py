"""The comparisons of a study or a race, each corrected for multiplicity."""

import itertools
from dataclasses import replace
from weakref import WeakKeyDictionary

from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import rise_comparison, score_comparison
from kohort.findings.paired.fixed import Families, of_fixed, pair_of
from kohort.findings.race import raced
from kohort.findings.statistics.comparison import Comparison


def families(study: StudyCurves) -> Families:
    """All comparisons of a study.

    A difference is decided if its family's correction allows it, and if Simes's test
    over all pairs of variants and all rises finds that anything differs. So at most 5 % of the
    studies whose variants do not differ report any difference. A pair in several families gets the
    largest of its p-values in all of them, and so one verdict.

    Of a race each pair is as of the last look in which both stood; see `replay`.
    """
    if study not in _KNOWN:
        _KNOWN[study] = _of_race(study) if study.looks else of_fixed(study)
    return _KNOWN[study]


_KNOWN: WeakKeyDictionary[StudyCurves, Families] = WeakKeyDictionary()


def corrected_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The comparison of two variants' scores, `b - a`, with the study's correction of this pair.

    As a family of the study has it; or corrected over all pairs, where none does.
    """
    found = families(study)
    scores = (*found.baseline, *found.winner, *found.additions, *found.others)
    names = study.variants[a].name, study.variants[b].name
    same = next((c for c in scores if pair_of(c) == frozenset(names)), None)
    if same is None:
        return score_comparison(study, a, b)
    return same if (same.a, same.b) == names else same.turned


def _of_race(study: StudyCurves) -> Families:
    """The same families of a race, with the leader of its last look as the winner."""
    found = raced(study, study.looks)
    winner, numbers, scores = found.state.leader, range(len(study.variants)), found.measured.scores

    def of(a: int, b: int) -> Comparison:
        pair = min(a, b), max(a, b)
        one = scores[pair] if pair in scores else _untested(score_comparison(study, *pair))
        return one if a < b else one.turned

    baseline = [of(0, number) for number in numbers[1:]]
    rivals = [] if winner is None else [n for n in numbers[1:] if n != winner]
    against = [of(rival, winner) for rival in rivals if winner is not None]
    additions = [of(a, b) for a, b in study.additions]
    known = {pair_of(comparison) for comparison in (*baseline, *against, *additions)}
    everything = [of(a, b) for a, b in itertools.combinations(numbers, 2)]
    others = [comparison for comparison in everything if pair_of(comparison) not in known]
    held = found.measured.rises
    rises = [
        held[pair] if pair in held else _untested(rise_comparison(study, *pair))
        for pair in study.one_loss
    ]
    return Families(baseline, against, additions, rises, others)


def _untested(comparison: Comparison) -> Comparison:
    """One that no look made, such as of a variant that diverged before the first: not decided."""
    return replace(comparison, p_adjusted=float("nan"), p_equivalence_adjusted=float("nan"))
