"""The scores and findings of a study that still trains, from what it has measured so far."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from kohort.evidence.curves import Curves
from kohort.evidence.record import BY_VARIANT, StudyRecord, from_json
from kohort.findings.choice import lost_some
from kohort.findings.conclusions import Conclusions
from kohort.findings.diagnosis import of_variants
from kohort.findings.finding import Finding
from kohort.report.following.best_so_far import counted
from kohort.serve.live_curves import LiveCurves, rounded

_EARLY = frozenset({"KH101", "KH102", "KH105"})
"""Rules that say something of a variant that trains: overfit, gap, diverged."""

_ENDED = _EARLY | {"KH104", "KH107"}
"""And of one whose members have finished: undertrained, slow.

The others compare variants, which have to have trained to their end.
"""


class VariantSoFar(NamedTuple):
    """How a variant stands.

    Args:
        variant: Its name.
        replicates: Of how many members.
        score: The mean of their scores, each at the best epoch of the others; None without one.
        low: The lower end of its interval.
        high: The upper end.
    """

    variant: str
    replicates: int
    score: float | None
    low: float | None
    high: float | None


class SoFar(NamedTuple):
    """How a study stands: the variants, the best first, and what was found."""

    standings: list[VariantSoFar]
    findings: list[Finding]


def so_far(
    outset: Mapping[str, Any],
    measured: LiveCurves,
    names: Sequence[str],
    finished: Set[tuple[int, int]],
    planned: Mapping[int, int],
) -> SoFar:
    """How a study stands.

    A variant is judged by its members that have finished; while none has, by those that train, each
    up to the epoch that all of them have reached. As in its table those that lost replicates stand
    last, and in a race those that have left behind those that go on, however they score.

    Args:
        outset: What was known before it trained.
        measured: What was measured since.
        names: Of the variants, by the numbers that `measured` has.
        finished: Members that have finished, by the numbers of variant and replicate.
        planned: By the number of a variant, how many of its members are to train.
    """
    known = list(outset["settings"]["epochs"])
    counted = {
        known.index(name): kept
        for number, name in enumerate(names)
        if name in known and (kept := _counted(measured, number, finished))
    }
    if not counted:
        return SoFar([], [])
    order = sorted(counted)
    rows = [names.index(known[number]) for number in order]
    curves = _curves(measured, rows, [counted[number] for number in order])
    record = _record(outset, order, curves)
    conclusions = Conclusions(record)
    ended = {
        names[row]
        for row in rows
        if sum(variant == row for variant, _ in finished) >= planned.get(row, 0)
    }
    found = of_variants(conclusions.study, lambda name: _ENDED if name in ended else _EARLY)
    # In a race those that left have fewer members to train, and are behind those that go on.
    is_race = bool(conclusions.record.settings.looks)
    to_train = [planned.get(row, 0) if is_race else 0 for row in rows]
    ranking = np.lexsort(
        (conclusions.mean_errors, np.negative(to_train), lost_some(conclusions.study))
    )
    return SoFar([standing(conclusions, int(number)) for number in ranking], found)


def _counted(
    measured: LiveCurves, variant: int, finished: Set[tuple[int, int]]
) -> dict[int, int] | None:
    """The replicates by which a variant is judged, each with how many epochs; None without any."""
    if variant >= len(measured.lengths):
        return None
    lengths = measured.lengths[variant].tolist()
    begun = {replicate: epochs for replicate, epochs in enumerate(lengths) if epochs}
    ended = {replicate for replicate in begun if (variant, replicate) in finished}
    return counted(begun, ended) or None


def _curves(
    measured: LiveCurves, rows: Sequence[int], counted: Sequence[Mapping[int, int]]
) -> Curves:
    """The curves of what counts, the replicates of each variant from 0 on."""
    shape = max(map(len, counted)), max(max(kept.values()) for kept in counted)
    values = np.full((len(rows), *shape, len(measured.series)), np.nan)
    lengths = np.zeros((len(rows), shape[0]), int)
    for number, (row, kept) in enumerate(zip(rows, counted, strict=True)):
        for place, (replicate, epochs) in enumerate(kept.items()):
            values[number, place, :epochs] = measured.values[row, replicate, :epochs]
            lengths[number, place] = epochs
    return Curves(tuple(map(str, rows)), measured.series, values, lengths)


def _record(outset: Mapping[str, Any], order: Sequence[int], curves: Curves) -> StudyRecord:
    """The record of the variants that have begun; `order` has their numbers in the outset."""
    settings = outset["settings"]
    names = [name for number, name in enumerate(settings["epochs"]) if number in order]
    place = {number: index for index, number in enumerate(order)}
    # Studies that were kept before some of these were have none of them.
    known = [name for name in BY_VARIANT if name in outset]
    stored = dict(outset) | {name: [outset[name][n] for n in order] for name in known}
    stored |= {
        "settings": settings
        | {name: {n: settings[name][n] for n in names} for name in ("epochs", "shares")},
        "pairs": [[place[a], place[b]] for a, b in outset["pairs"] if a in place and b in place],
        "learned": None,
    }
    return from_json(stored, {name: {} for name in names}, {1.0: curves}, {})


def standing(conclusions: Conclusions, number: int) -> VariantSoFar:
    """How a variant of this number stands."""
    record, variant = conclusions.record, conclusions.study.variants[number]
    trained = int((record.whole.lengths[number] > 0).sum())
    if not len(variant.sound):
        return VariantSoFar(variant.name, trained, None, None, None)
    score = conclusions.score(number)
    numbers = (rounded(score.mean), rounded(score.low), rounded(score.high))
    return VariantSoFar(variant.name, trained, *numbers)
