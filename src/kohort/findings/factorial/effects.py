"""What each axis of a study does to the score: effects, trends, interactions, and ranges."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.factorial.axes import Axes, Axis
from kohort.findings.families import SAME, corrected_comparison
from kohort.findings.judged import StudyCurves
from kohort.findings.statistics.comparison import Comparison, compare, correct
from kohort.findings.statistics.contrasts import (
    Means,
    along_line,
    cross_validated_range,
    is_logarithmic,
    means,
)
from kohort.findings.statistics.interval import Interval

LINE = 3
"""The fewest numbers among an axis's levels that have a trend: of two it is their effect."""


@dataclass(frozen=True)
class Effect:
    """An effect on the score, as a paired comparison over replicates.

    Args:
        kind: "level" (a level against the first), "trend" (along the line through an axis's
            numbers, from the lowest to the highest), or "interaction" (how much larger the effect
            of the first axis is at a level of the second than at its first level).
        axes: Names of its axis, or of the two.
        levels: The level of each axis.
        references: The level that it is compared with; of a trend the lowest number.
        comparison: The comparison, corrected over all effects of the study.
        contexts: The number of contexts (levels of all other axes) that it is a mean over.
        of: The number of contexts that the study has both cells in; more where some diverged.
        is_logarithmic: Whether a trend's line is over the logarithm of the numbers.
        pair: The numbers of the two variants that are compared, where there are only these two.
    """

    kind: str
    axes: tuple[str, ...]
    levels: tuple[str, ...]
    references: tuple[str, ...]
    comparison: Comparison
    contexts: int
    of: int
    is_logarithmic: bool = False
    pair: tuple[int, int] | None = None


@dataclass(frozen=True)
class AxisRange:
    """How far an axis moves the score: from its worst level to its best one.

    It is in the unit of the score, and means the same in sets that are not balanced; shares of
    variance do not, and hide how large the whole is. As the range of noisy means is biased upwards,
    each replicate is read at the levels that the others choose.

    Args:
        axis: The axis's name.
        lowest: The level of the worst mean.
        highest: The level of the best mean.
        size: The range with its interval.
        values: `[replicate]`; NaN where a level is missing.
    """

    axis: str
    lowest: str
    highest: str
    size: Interval
    values: tuple[float, ...]


@dataclass(frozen=True)
class Effects:
    """What the axes of a study do.

    Args:
        axes: The axes.
        effects: By axis; then interactions. All are one family, corrected by Holm's method; but an
            effect that compares two variants alone has the verdict of the study's comparison of
            them.
        ranges: Of each axis that has one, the widest first.
        most: The axis that is decided to matter most; None where that is not decided.
    """

    axes: tuple[Axis, ...]
    effects: tuple[Effect, ...]
    ranges: tuple[AxisRange, ...]
    most: str | None

    @property
    def none_matters(self) -> bool:
        """Whether each level is decided to be within the margin of its axis's first one."""
        return _none_matters(self.effects)

    def of_axis(self, name: str, kind: str = "level") -> list[Effect]:
        """The effects of one axis of a kind."""
        return [e for e in self.effects if e.kind == kind and e.axes == (name,)]


def effects_of(study: StudyCurves, axes: Axes) -> Effects:
    """What each axis does to the score, paired over replicates.

    Each replicate gives one estimate of each effect, the mean over contexts, and the interval is
    that of a comparison over these: the error term is how the effect differs between replicates
    (the replicate-by-effect interaction of an analysis of variance with repeated measures).
    Contexts in which one of the cells was not in the set, or diverged, do not count: nothing is
    taken to add up.

    Source: Kirk (2013), Experimental Design, on contrasts with error terms of their own.
    """
    contrasts = _Contrasts(study, axes)
    found = [
        effect
        for number in range(len(axes.axes))
        for effect in (*contrasts.levels(number), *contrasts.trends(number))
    ]
    for pair in itertools.combinations(range(len(axes.axes)), 2):
        found += contrasts.interactions(*pair)
    family = correct([effect.comparison for effect in found])
    corrected = [_agreed(study, e, c) for e, c in zip(found, family, strict=True)]
    ranges = sorted(
        filter(None, map(contrasts.range, range(len(axes.axes)))), key=lambda r: -r.size.mean
    )
    most = _most(study, corrected, ranges, len(axes.axes))
    return Effects(axes.axes, tuple(corrected), tuple(ranges), most)


def _agreed(study: StudyCurves, effect: Effect, corrected: Comparison) -> Effect:
    """The effect with corrected p-values; of two variants the study has one verdict, everywhere."""
    if effect.pair is None:
        return replace(effect, comparison=corrected)
    same = corrected_comparison(study, *effect.pair)
    agreed = replace(
        corrected,
        family=same.family,
        p_adjusted=same.p_adjusted,
        p_equivalence_adjusted=same.p_equivalence_adjusted,
    )
    return replace(effect, comparison=agreed)


class _Contrasts:
    """Computes contrasts of scores along the axes of a study.

    Args:
        study: The study.
        axes: Its axes.
    """

    def __init__(self, study: StudyCurves, axes: Axes) -> None:
        self._study, self._axes = study, axes
        sign = -1.0 if study.scale.higher_is_better else 1.0  # turns errors back into scores
        self._scores = sign * study.errors
        losses = [curves.at_best(curves.valid_loss) for curves in study.variants]
        self._losses = np.where(np.isnan(study.errors), np.nan, losses)
        self._of_level: dict[tuple[int, int], Means] = {}

    def levels(self, number: int) -> list[Effect]:
        """Each level of an axis against its first one."""
        axis, found = self._axes.axes[number], []
        groups = self._axes.beside(number)
        for level, name in enumerate(axis.levels[1:], 1):
            cells = np.array([(g[0,], g[level,]) for g in groups if (0,) in g and (level,) in g])
            if len(cells):
                both, losses = means(self._scores, cells), means(self._losses, cells)
                self._of_level[number, level] = both
                compared = self._compared(axis.levels[0], name, both.values, losses.values)
                one, other = cells[both.used][0]
                found.append(
                    Effect(
                        *("level", (axis.name,), (name,), axis.levels[:1]),
                        *(compared, *both.counts),
                        pair=(int(one), int(other)) if both.counts[0] == 1 else None,
                    )
                )
        return found

    def trends(self, number: int) -> list[Effect]:
        """The trend of an axis whose levels are numbers, three at least; after `levels`."""
        axis = self._axes.axes[number]
        against_first = self._against_first(number)
        numbers = {n: axis.numbers[n] for n in against_first if np.isfinite(axis.numbers[n])}
        if len(numbers) < LINE:
            return []
        at = np.array(list(numbers.values()))
        line = along_line(at, np.array([against_first[n] for n in numbers]))
        ends = (end(numbers, key=numbers.__getitem__) for end in (min, max))
        low, high = (axis.levels[level] for level in ends)
        compared = self._compared(low, high, np.array([0 * line, line]), None)
        counts = [self._of_level[number, level].counts for level in numbers if level]
        contexts, of = map(min, zip(*counts, strict=True))
        return [
            Effect(
                *("trend", (axis.name,), (high,), (low,)),
                *(compared, contexts, of, is_logarithmic(at)),
            )
        ]

    def interactions(self, one: int, other: int) -> list[Effect]:
        """How the effects of levels of two axes depend on each other."""
        axes = self._axes.axes[one], self._axes.axes[other]
        groups, found = self._axes.beside(one, other), []
        for a, b in itertools.product(*(range(1, len(axis.levels)) for axis in axes)):
            corners = (0, 0), (a, 0), (0, b), (a, b)
            cells = [[g[c] for c in corners] for g in groups if all(c in g for c in corners)]
            if not cells:
                continue
            both = means(self._scores, np.array(cells))
            losses = means(self._losses, np.array(cells)).values
            names = axes[0].levels[a], axes[1].levels[b]
            first = axes[0].levels[0], axes[1].levels[0]
            compared = self._compared(first[1], names[1], _steps(both.values), _steps(losses))
            found.append(
                Effect(
                    *("interaction", (axes[0].name, axes[1].name), names, first),
                    *(compared, *both.counts),
                )
            )
        return found

    def range(self, number: int) -> AxisRange | None:
        """How far an axis moves the score; None where no two levels can be compared."""
        axis, against_first = self._axes.axes[number], self._against_first(number)
        values = np.array(list(against_first.values()))
        if len(values) < 2 or not np.isfinite(values).all(axis=0).any():
            return None
        averages = np.nanmean(values[:, np.isfinite(values).all(axis=0)], axis=1)
        names = [axis.levels[level] for level in against_first]
        ends = names[int(averages.argmin())], names[int(averages.argmax())]
        if not self._study.scale.higher_is_better:
            ends = ends[::-1]
        found = cross_validated_range(values)
        size = self._study.interval(found).within(0.0, np.inf)
        size = replace(size, mean=max(size.mean, 0.0))
        return AxisRange(axis.name, *ends, size, tuple(map(float, found)))

    def _against_first(self, number: int) -> dict[int, np.ndarray]:
        """By level that can be compared with the first, `[replicate]`; the first is zero."""
        known = {n: self._of_level[k, n].values for k, n in self._of_level if k == number}
        found = {n: v[1] - v[0] for n, v in known.items() if np.isfinite(v).any()}
        return {0: np.zeros(self._scores.shape[1]), **found}

    def _compared(
        self, a: str, b: str, scores: np.ndarray, losses: np.ndarray | None
    ) -> Comparison:
        """The comparison of two rows of scores; none is sure of zero whose losses differ."""
        study = self._study
        are_same = losses is not None and bool(
            np.allclose(losses[0], losses[1], rtol=SAME, equal_nan=True)
        )
        return compare(
            *(a, b, *scores),
            measure=f"validation {study.scale.metric} at the best epoch",
            margin=study.margin,
            confidence=study.confidence,
            test_to_train=study.test_to_train,
            higher_is_better=study.scale.higher_is_better,
            are_same=are_same,
        )


def _steps(corners: np.ndarray) -> np.ndarray:
    """The effect of the first axis at the second's first level and at the other one."""
    return np.array([corners[1] - corners[0], corners[3] - corners[2]])


def _none_matters(found: Sequence[Effect]) -> bool:
    return all(e.comparison.is_equivalent for e in found if e.kind == "level")


def _most(
    study: StudyCurves, found: list[Effect], ranges: list[AxisRange], count: int
) -> str | None:
    """The axis that is decided to matter most.

    Its range is wider than that of each other axis, by paired t tests of the ranges of replicates
    at Bonferroni's level over the others; and one of its effects is decided. None with one axis
    alone, where an axis has no range, or where none matters.
    """
    if len(ranges) < count or count < 2 or _none_matters(found):
        return None
    first, *others = ranges
    is_sure = any(e.comparison.is_decided for e in found if e.axes == (first.axis,))
    differences = [np.subtract(first.values, other.values) for other in others]
    p_values = [study.interval(values).p_value * len(others) for values in differences]
    wider = all(p <= 1 - study.confidence for p in p_values)
    return first.axis if is_sure and wider else None
