"""Writes what additions to variants do: a sentence for each pair, or many pairs in one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.evidence.given_values import short
from kohort.evidence.record import VariantFacts
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import shortlist
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.scale import Scale, fixed, significant
from kohort.report import words

SINGLY = 5
"""The most pairs with one effect that are told in a sentence each."""


@dataclass(frozen=True)
class _Pair:
    """An addition.

    Args:
        score: The comparison of scores.
        effect: What it is decided to do, as a verb.
        sentence: What it does, with its evidence.
        added: What is added: the argument's name, its value before ("" where it was not given), and
            after. None where the record tells no such argument.
    """

    score: Comparison
    effect: str
    sentence: str
    added: tuple[str, str, str] | None


@dataclass(frozen=True)
class InShort:
    """What additions do, in few sentences.

    Args:
        sentences: One for each pair, or for all pairs of one effect where these are many.
        grouped: The sentences of each pair of those that are told together.
    """

    sentences: tuple[str, ...]
    grouped: tuple[str, ...]


def additions(conclusions: Conclusions) -> list[str]:
    """The effect of each addition to a variant, in a sentence each."""
    return [pair.sentence for pair in _pairs(conclusions)]


def in_short(conclusions: Conclusions) -> InShort:
    """The same, where the pairs of one effect that are more than `SINGLY` have one sentence.

    It follows those of single pairs; that of undecided ones comes last.
    """
    pairs, scale = _pairs(conclusions), conclusions.study.scale
    effects: dict[str, list[_Pair]] = {}
    for pair in pairs:
        effects.setdefault(pair.effect, []).append(pair)
    many = [effect for effect, alike in effects.items() if len(alike) > SINGLY]
    many.sort(key=lambda effect: effect == words.NO_SURE)
    told = [pair.sentence for pair in pairs if pair.effect not in many]
    told += [_together(effects[effect], pairs, scale) for effect in many]
    return InShort(tuple(told), tuple(pair.sentence for effect in many for pair in effects[effect]))


def _pairs(conclusions: Conclusions) -> list[_Pair]:
    none = without_rise(conclusions)
    rises = {(c.a, c.b): c for c in conclusions.families.rises if c not in none}
    facts = {variant.name: variant for variant in conclusions.record.variants}
    return [
        _Pair(
            c,
            words.effect_of(c, rise := rises.get((c.a, c.b))),
            words.what_it_does(c, rise, conclusions.study.scale),
            _added(facts[c.a], facts[c.b]),
        )
        for c in conclusions.families.additions
    ]


def _added(less: VariantFacts, more: VariantFacts) -> tuple[str, str, str] | None:
    before, after = ({**of.defaults, **of.arguments} for of in (less, more))
    names = [name for name in after if before.get(name) != after[name]]
    if len(names) != 1:
        return None
    (name,) = names
    return name, short(before[name]) if name in before else "", short(after[name])


def _together(alike: Sequence[_Pair], pairs: Sequence[_Pair], scale: Scale) -> str:
    """All pairs of one effect in one sentence: what was added to what, and in which range."""
    effect, first = alike[0].effect, alike[0].score
    is_open = effect == words.NO_SURE
    told = f"In {_of(alike, pairs)} pairs"
    if effect == words.UNTRAINED:
        return f"{told} the two {effect}: {'; '.join(map(_what, _by_argument(alike)))}."
    parts = [
        f"{_what(group)} in {_of(group, _same_argument(group[0], pairs))}, {_range(group, scale)}"
        for group in _by_argument(alike)
    ]
    text = (
        f"{told} an addition {effect}{' (undecided)' * is_open}. Differences of {first.measure}: "
        f"{'; '.join(parts)}."
    )
    alone = sum(pair.score.excludes_zero for pair in alike) if is_open else 0
    if alone:
        text += f" Without correction for all that is compared {alone} of them would be decided."
    return text


def _of(some: Sequence[_Pair], everything: Sequence[_Pair]) -> str:
    few, of = len(some), len(everything)
    return f"all {of}" if few == of else f"{few} of {of}"


def _same_argument(pair: _Pair, pairs: Sequence[_Pair]) -> list[_Pair]:
    return [other for other in pairs if _key(other) == _key(pair)]


def _by_argument(pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    keys = dict.fromkeys(map(_key, pairs))
    return [[pair for pair in pairs if _key(pair) == key] for key in keys]


def _key(pair: _Pair) -> tuple[str, ...] | None:
    """The argument that is added, and what it was before."""
    return pair.added and pair.added[:2]


def _what(group: Sequence[_Pair]) -> str:
    """What is added in some pairs: `l2 0.0 to 0.001 or 0.01`."""
    if group[0].added is None:
        return shortlist([f"{pair.score.b} against {pair.score.a}" for pair in group])
    name, before, _ = group[0].added
    values = shortlist(list(dict.fromkeys(pair.added[2] for pair in group if pair.added)), "or")
    return f"{name} {before} to {values}" if before else f"{name} {values} where none was given"


def _range(group: Sequence[_Pair], scale: Scale) -> str:
    """From the lowest difference of some pairs to the highest, and how far intervals reach."""
    found = [pair.score.difference for pair in group]
    text = _from_to(min(d.mean for d in found), max(d.mean for d in found), scale)
    text += " points" * scale.is_proportion
    formed = [d for d in found if d.is_formed]
    if not formed:
        return f"{text} (no interval)"
    reach = _from_to(min(d.low for d in formed), max(d.high for d in formed), scale)
    return f"{text} (intervals from {reach})"


def _from_to(low: float, high: float, scale: Scale) -> str:
    if scale.is_proportion:
        low, high = max(low, -1.0), min(high, 1.0)
        texts = [fixed(100 * bound, 1, "+") for bound in (low, high)]
    else:
        texts = [significant(bound, 3, "+") for bound in (low, high)]
    return " to ".join(dict.fromkeys(texts))


NO_RISE = "not applicable: the best epoch is the last one in all replicates"


def without_rise(conclusions: Conclusions) -> list[Comparison]:
    """The comparisons of rises of two variants whose validation loss has no epoch to rise after.

    Their best epoch is the last one in all replicates of both.
    """
    rises = {curves.name: curves.rise() for curves in conclusions.study.variants}
    return [
        c
        for c in conclusions.families.rises
        if c.difference.n and not np.nan_to_num([*rises[c.a], *rises[c.b]]).any()
    ]
