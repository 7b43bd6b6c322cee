"""How often the effects of axes are covered, decided where there are none, and found."""

import itertools
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from kohort.findings.factorial.axes import Axes, Axis
from kohort.findings.factorial.effects import Effect, Effects, effects_of
from simulations.cell import Cell, Outcome
from simulations.resampling import one_epoch

SPREAD = 0.01
"""Standard deviation of what a replicate does to a cell, and to a level of an axis."""
FRACTION = 0.2
"""The part of the samples that validates, and of the variance that splits share."""
LOST = 0.05
"""The part of the members that diverged, in studies that lost some."""
AHEAD = 5 * SPREAD
"""How far an axis that does something moves the error."""
DESIGNS: Mapping[str, tuple[int, ...]] = {"4": (4,), "2 x 3": (2, 3), "3 x 3 x 2": (3, 3, 2)}
"""Levels of each axis."""
TRUTHS = ("nothing", "one axis", "two axes alike", "an interaction")
SETTINGS: Mapping[str, tuple[int, float, float]] = {
    "3 replicates": (3, 0.0, 0.0),
    "5 replicates": (5, 0.0, 0.0),
    "10 replicates": (10, 0.0, 0.0),
    "5 replicates, some lost": (5, 0.0, LOST),
    "5 splits": (5, FRACTION, 0.0),
}
"""Replicates, the variance that they share, and the part of members that diverged."""


def axes_of(levels: tuple[int, ...]) -> Axes:
    """The axes of a whole design, whose levels are numbers."""
    axes = tuple(
        Axis(name, tuple(map(str, range(n))), tuple(map(float, range(n))))
        for name, n in zip("abcd", levels, strict=False)
    )
    return Axes(axes, np.array(list(itertools.product(*map(range, levels)))))


def true_errors(axes: Axes, truth: str) -> np.ndarray:
    """The expected errors, `[variant]`."""
    at = [
        levels / (len(axis.levels) - 1)
        for axis, levels in zip(axes.axes, axes.levels.T, strict=True)
    ]
    moved = {"one axis": at[0]}
    if len(at) > 1:
        moved |= {"two axes alike": at[0] + at[1], "an interaction": 2 * at[0] * at[1]}
    errors: np.ndarray = 0.2 + AHEAD * moved.get(truth, np.zeros(len(axes.levels)))
    return errors


def study_effects(
    random: np.random.Generator, axes: Axes, truth: str, setting: tuple[int, float, float]
) -> Outcome:
    """One study: what its effects say of what is true."""
    replicates, shared, lost = setting
    errors = true_errors(axes, truth)[:, None] + _noise(random, axes, replicates, shared)
    gone = random.random(errors.shape) < lost
    found = _effects(axes, np.where(gone, np.nan, errors), shared)
    expected = np.broadcast_to(true_errors(axes, truth)[:, None], errors.shape)
    true = _effects(axes, np.where(gone, np.nan, expected), shared)
    pairs = list(zip(found.effects, true.effects, strict=True))
    known = [(f, _mean(t)) for f, t in pairs if f.comparison.difference.is_formed]
    nothing = [f.comparison.is_decided for f, mean in known if abs(mean) < 1e-9]
    something = [f.comparison.is_decided for f, mean in known if abs(mean) > 1e-9]
    is_true = truth == "one axis" and found.most == "a"
    outcome = {
        "covers": _share([_covers(f, mean) for f, mean in known]),
        "any false": float(any(nothing)),
    }
    if truth != "nothing":
        outcome["found"] = _share(something)
    if len(axes.axes) > 1:
        outcome["most is false"] = float(found.most is not None and not is_true)
    if len(axes.axes) > 1 and truth == "one axis":
        outcome["most is found"] = float(is_true)
    if truth != "an interaction":  # its true ranges depend on what was lost
        outcome["range covers"] = _share(_ranges(found, truth))
    return outcome


def _noise(random: np.random.Generator, axes: Axes, replicates: int, shared: float) -> np.ndarray:
    """What replicates do to all, to each level of each axis, and to each cell."""
    noise: np.ndarray = SPREAD * random.standard_normal((1, replicates))
    for axis, levels in zip(axes.axes, axes.levels.T, strict=True):
        noise = noise + _drawn(random, len(axis.levels), replicates, shared)[levels]
    whole: np.ndarray = noise + _drawn(random, len(axes.levels), replicates, shared)
    return whole


def _drawn(random: np.random.Generator, count: int, replicates: int, shared: float) -> np.ndarray:
    common, individual = (random.standard_normal((count, n)) for n in (1, replicates))
    drawn: np.ndarray = SPREAD * (np.sqrt(shared) * common + np.sqrt(1 - shared) * individual)
    return drawn


def _effects(axes: Axes, errors: np.ndarray, shared: float) -> Effects:
    return effects_of(one_epoch(errors, 3 * errors, shared / (1 - shared)), axes)


def _ranges(found: Effects, truth: str) -> list[bool]:
    """Of each axis whether the interval of its range holds the true one."""
    moves = {"one axis": "a", "two axes alike": "ab"}.get(truth, "")
    formed = [(r.size, AHEAD * (r.axis in moves)) for r in found.ranges if r.size.is_formed]
    return [size.low <= true <= size.high for size, true in formed]


def _covers(effect: Effect, mean: float) -> bool:
    interval = effect.comparison.difference
    return interval.low <= mean <= interval.high


def _mean(effect: Effect) -> float:
    return effect.comparison.difference.mean


def _share(hits: list[bool]) -> float:
    return float(np.mean(hits)) if hits else float("nan")


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for truth in TRUTHS:
        for design, levels in DESIGNS.items():
            if len(levels) == 1 and truth not in ("nothing", "one axis"):
                continue
            for name, setting in SETTINGS.items():
                key = ("axes", truth, design, name)
                study = partial(study_effects, axes=axes_of(levels), truth=truth, setting=setting)
                yield Cell(key, study, studies)
