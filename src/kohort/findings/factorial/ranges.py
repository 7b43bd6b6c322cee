"""How far each axis of a study moves the score, and which one moves it furthest."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.findings.factorial.axes import Axes, Axis
from kohort.findings.factorial.contrasts import cross_validated_range
from kohort.findings.judged import StudyCurves
from kohort.findings.paired.differences import rounding_of
from kohort.findings.statistics.interval import Interval, evened

type Levels = Mapping[int, np.ndarray]
"""By the number of a level, its scores `[replicate]`, all from one origin."""


@dataclass(frozen=True)
class AxisRange:
    """How far an axis moves the score: from its worst level to its best one.

    It is in the unit of the score, which shares of variance hide, and these do not add up in sets
    that are not balanced. As the range of noisy means is biased upwards, each replicate is read at
    the levels that others choose; where levels are close this is too low rather than too high.

    Args:
        axis: The axis's name.
        worst: The level of the worst mean.
        best: The level of the best mean.
        size: The range with its interval; the bounds are NaN where it is the same in all
            replicates, and where they lie below zero.
        values: `[replicate]`; NaN where a level is missing.
        most: `[replicate]` at the levels of the worst and the best mean, which is biased upwards.
    """

    axis: str
    worst: str
    best: str
    size: Interval
    values: tuple[float, ...]
    most: tuple[float, ...]


def whole_levels(scores: np.ndarray, axes: Axes) -> list[Levels] | None:
    """The mean scores of the levels of each axis, over the same cells for all axes.

    Levels without any score are left out, and replicates in which a cell is missing.

    Args:
        scores: `[variant, replicate]`.
        axes: The axes.

    Returns:
        By axis; None where some combination of levels is missing, or no two replicates are whole.
    """
    trained = np.isfinite(scores).any(axis=1)
    kept = [sorted(set(map(int, levels[trained]))) for levels in axes.levels.T]
    cells = {tuple(map(int, at)): n for n, at in reversed(list(enumerate(axes.levels)))}
    cells = {at: n for at, n in cells.items() if all(map(list.__contains__, kept, at))}
    if len(cells) != math.prod(map(len, kept)) or not cells:
        return None
    values = scores[[cells[at] for at in itertools.product(*kept)]]
    whole = np.isfinite(values).all(axis=0)
    if whole.sum() < 2:
        return None
    values = np.where(whole, values, np.nan).reshape(*map(len, kept), -1)
    others = [tuple(n for n in range(len(kept)) if n != axis) for axis in range(len(kept))]
    return [
        dict(zip(levels, values.mean(axis=along), strict=True))
        for levels, along in zip(kept, others, strict=True)
    ]


def ranges(study: StudyCurves, axes: Axes, of_axes: Sequence[Levels]) -> list[AxisRange]:
    """The ranges of the axes that have one, the widest first.

    Args:
        study: The study.
        axes: Its axes.
        of_axes: By axis, the scores of its levels; from `whole_levels` if there are any.
    """
    found = [_range(study, *one) for one in zip(axes.axes, of_axes, strict=True)]
    return sorted(filter(None, found), key=lambda r: -r.size.mean)


def widest(study: StudyCurves, found: Sequence[AxisRange]) -> str | None:
    """The axis whose range is decided to be wider than that of each other axis.

    By paired t tests of the ranges of replicates, at Bonferroni's level over the others. The
    range that may be the widest is held, at the levels that other replicates choose, against
    the others at their worst and best means: the first is too low rather than too high, the others
    are too high rather than too low, so that closeness of levels, or their number, decides nothing.

    Args:
        study: The study.
        found: Ranges over the same cells.
    """
    if len(found) < 2:
        return None
    first, *others = found
    against = [study.interval(np.subtract(first.values, other.most)) for other in others]
    alpha = (1 - study.confidence) / len(others)
    return first.axis if all(i.mean > 0 and i.p_value <= alpha for i in against) else None


def _range(study: StudyCurves, axis: Axis, levels: Levels) -> AxisRange | None:
    values = np.array(list(levels.values()))
    whole = np.isfinite(values).all(axis=0)
    if len(values) < 2 or not whole.any():
        return None
    averages = values[:, whole].mean(axis=1)
    low, high = int(averages.argmin()), int(averages.argmax())
    names = [axis.levels[level] for level in levels]
    worst, best = (low, high) if study.scale.higher_is_better else (high, low)
    # Levels may be told from the first one: then they are less than the scores that were measured.
    usual = np.median(np.abs(study.errors[np.isfinite(study.errors)]))
    noise = max(rounding_of(study.scale, values), study.scale.rounding(float(usual)))
    found = evened(cross_validated_range(values), noise)
    most = evened(np.where(whole, values[high] - values[low], np.nan), noise)
    size = study.interval(found).of_a_score
    # Where the interval lies below zero, what it is cut to would tell a range of zero as sure.
    size = replace(size, low=np.nan, high=np.nan) if size.high < 0 else size.within(0.0, np.inf)
    return AxisRange(
        axis.name,
        names[worst],
        names[best],
        replace(size, mean=max(size.mean, 0.0)),
        tuple(map(float, found)),
        tuple(map(float, most)),
    )
