"""What each axis of a study does to the score: effects, trends, interactions, and ranges."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.factorial.axes import Axes, Axis
from kohort.findings.factorial.contrasts import (
    Means,
    along_line,
    is_logarithmic,
    means,
)
from kohort.findings.factorial.ranges import AxisRange, ranges, whole_levels, widest
from kohort.findings.families import corrected_comparison
from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import SAME, rounding_of
from kohort.findings.statistics.comparison import Comparison, compare, correct
from kohort.findings.statistics.interval import mean_interval

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
        most: The largest value that it can have where the score is a proportion.
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
    most: float = 1.0


@dataclass(frozen=True)
class Effects:
    """What the axes of a study do.

    Args:
        axes: The axes.
        effects: By axis; then interactions. All are one family, corrected by Holm's method; but an
            effect that compares two variants alone has the verdict of the study's comparison of
            them.
        ranges: Of each axis that has one, the widest first.
        most: The axis that is decided to matter most: its range is the widest, and one of its
            effects is decided. None where that is not decided.
        are_alike: Whether all axes have a range, over the same cells, so that they can be compared.
        are_of_first_look: Whether they are of the first look of a race, but for those that compare
            two variants alone: more replicates than it has change nothing.
        none_matters: Whether no axis does what matters: each level is decided to be within the
            margin of its axis's first one, of more levels the worst and the best as well, and no
            effect is decided to depend on another axis by what matters.
    """

    axes: tuple[Axis, ...]
    effects: tuple[Effect, ...]
    ranges: tuple[AxisRange, ...]
    most: str | None
    are_alike: bool
    are_of_first_look: bool = False
    none_matters: bool = False

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

    Of a race the replicates of its first look count, which all variants trained: which of them
    trained more depends on their scores. So the number of replicates is fixed, and intervals are
    at the study's confidence; but those of two variants alone are the race's.

    Source: Kirk (2013), Experimental Design, on contrasts with error terms of their own.
    """
    first = study.at_first_look
    contrasts = _Contrasts(first, axes)
    numbers = range(len(axes.axes))
    by_axis = [(*contrasts.levels(n), *contrasts.trends(n)) for n in numbers]
    by_pair = [contrasts.interactions(*pair) for pair in itertools.combinations(numbers, 2)]
    found = list(itertools.chain(*by_axis, *by_pair))
    family = correct([effect.comparison for effect in found])
    corrected = [_agreed(study, e, c) for e, c in zip(found, family, strict=True)]
    whole = whole_levels(contrasts.scores, axes)
    reach = ranges(first, axes, whole or [contrasts.against_first(n) for n in numbers])
    are_alike = whole is not None and len(reach) == len(axes.axes)
    of_levels = [effect for effect in corrected if effect.kind == "level"]
    # A level that is never beside the first, all else equal, may do anything.
    are_all = len(of_levels) == sum(len(axis.levels) - 1 for axis in axes.axes)
    are_level = are_all and all(e.comparison.is_equivalent for e in of_levels)
    none = are_level and _none_matters(first, corrected, reach)
    most = widest(first, reach) if are_alike and not are_level else None
    is_sure = any(e.comparison.is_decided for e in corrected if e.axes == (most,))
    sure = most if is_sure else None
    is_race = bool(study.looks)
    return Effects(axes.axes, tuple(corrected), tuple(reach), sure, are_alike, is_race, none)


def _agreed(study: StudyCurves, effect: Effect, corrected: Comparison) -> Effect:
    """The effect with corrected p-values; of two variants the study has one verdict, everywhere."""
    if effect.pair is None:
        return replace(effect, comparison=corrected)
    same = corrected_comparison(study, *effect.pair)
    if study.looks:
        return replace(effect, comparison=replace(same, a=corrected.a, b=corrected.b))
    agreed = replace(
        corrected,
        family=same.family,
        p_adjusted=same.p_adjusted,
        p_equivalence_adjusted=same.p_equivalence_adjusted,
        moderated=same.moderated,
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
        self.scores = sign * study.errors
        losses = [curves.at_best(curves.valid_loss) for curves in study.variants]
        self._losses = np.where(np.isnan(study.errors), np.nan, losses)
        self._of_level: dict[tuple[int, int], Means] = {}
        self._losses_beside: dict[tuple[int, int], np.ndarray] = {}

    def levels(self, number: int) -> list[Effect]:
        """Each level of an axis against its first one."""
        axis, found = self._axes.axes[number], []
        groups = self._axes.beside(number)
        for level, name in enumerate(axis.levels[1:], 1):
            cells = np.array([(g[0,], g[level,]) for g in groups if (0,) in g and (level,) in g])
            if len(cells):
                both, losses = means(self.scores, cells), means(self._losses, cells)
                self._of_level[number, level] = both
                self._losses_beside[number, level] = losses.values
                compared = self._compared(
                    axis.levels[0], name, both.values, losses.values, both.values
                )
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
        against_first = self.against_first(number)
        numbers = {n: axis.numbers[n] for n in against_first if np.isfinite(axis.numbers[n])}
        if len(numbers) < LINE:
            return []
        at = np.array(list(numbers.values()))
        line = along_line(at, np.array([against_first[n] for n in numbers]))
        ends = (end(numbers, key=numbers.__getitem__) for end in (min, max))
        low, high = (axis.levels[level] for level in ends)
        of_levels = [self._of_level[number, level] for level in numbers if level]
        on_it = np.array([level.values for level in of_levels])
        # All levels of one model are a line of that, too.
        beside = [self._losses_beside[number, level] for level in numbers if level]
        losses = np.concatenate(beside, axis=1)
        compared = self._compared(low, high, np.array([0 * line, line]), losses, on_it)
        contexts, of = map(min, zip(*(level.counts for level in of_levels), strict=True))
        # Over contexts of its own each level may differ from the first one by the whole scale.
        weight = np.abs(along_line(at, np.eye(len(at))))
        are_whole = contexts == len(self._axes.beside(number))
        most = weight.sum() / 2 if are_whole else weight[np.array(list(numbers)) > 0].sum()
        return [
            Effect(
                *("trend", (axis.name,), (high,), (low,)),
                *(compared, contexts, of, is_logarithmic(at)),
                most=float(most),
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
            both = means(self.scores, np.array(cells))
            losses = means(self._losses, np.array(cells)).values
            names = axes[0].levels[a], axes[1].levels[b]
            first = axes[0].levels[0], axes[1].levels[0]
            steps = _steps(both.values), _steps(losses)
            compared = self._compared(first[1], names[1], *steps, both.values)
            found.append(
                Effect(
                    *("interaction", (axes[0].name, axes[1].name), names, first),
                    *(compared, *both.counts),
                    most=2.0,
                )
            )
        return found

    def against_first(self, number: int) -> dict[int, np.ndarray]:
        """By level that can be compared with the first, `[replicate]`; the first is zero."""
        known = {n: self._of_level[k, n].values for k, n in self._of_level if k == number}
        found = {n: v[1] - v[0] for n, v in known.items() if np.isfinite(v).any()}
        return {0: np.zeros(self.scores.shape[1]), **found}

    def _compared(
        self,
        a: str,
        b: str,
        scores: np.ndarray,
        losses: np.ndarray,
        measured: np.ndarray,
    ) -> Comparison:
        """The comparison of two rows of scores; none is sure of zero whose losses differ.

        `measured` are what the rows are made of, `[..., replicate]`, whose rounding they have.
        """
        study = self._study
        are_same = bool(np.allclose(losses[0], losses[1], rtol=SAME, equal_nan=True))
        return compare(
            *(a, b, *scores),
            measure=f"validation {study.scale.metric} at the best epoch",
            margin=study.margin,
            confidence=study.confidence,
            test_to_train=study.test_to_train,
            higher_is_better=study.scale.higher_is_better,
            are_same=are_same,
            noise=rounding_of(study.scale, measured),
        )


def _steps(corners: np.ndarray) -> np.ndarray:
    """The effect of the first axis at the second's first level and at the other one."""
    return np.array([corners[1] - corners[0], corners[3] - corners[2]])


def _none_matters(study: StudyCurves, found: Sequence[Effect], reach: Sequence[AxisRange]) -> bool:
    """Whether no axis does what matters, where each level is within the margin of the first one.

    Two others may still be farther apart: the bound of the worst and the best is that of a
    one-sided test.
    """
    beside = [e.comparison for e in found if e.kind == "interaction"]
    if any(c.is_decided and not c.is_equivalent for c in beside):
        return False
    of_levels = [e.axes for e in found if e.kind == "level"]
    more = [axis.most for axis in reach if of_levels.count((axis.axis,)) > 1]
    how = {"confidence": 2 * study.confidence - 1, "test_to_train": study.test_to_train}
    return all(mean_interval(np.array(apart), **how).lies_below(study.margin) for apart in more)
