"""Finds the axes along which the variants of a study differ: their named arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kohort.errors import DesignError
from kohort.evidence.given_values import NOT_GIVEN, number, shorts
from kohort.evidence.record import StudyRecord
from kohort.findings.names import shortlist

BUILD, EPOCHS, CLASS_WEIGHTS = "build function", "epochs to train", "class weight"
"""Axes that are no arguments; a name with a space is no argument's."""


@dataclass(frozen=True)
class Axis:
    """What differs between variants: an argument, say.

    Args:
        name: Its name.
        levels: Its values as short texts, in the order of the variants; but the first, which is the
            reference, is the first one that another variant differs from with all else equal.
        numbers: Its values as numbers; NaN where one is none.
    """

    name: str
    levels: tuple[str, ...]
    numbers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Axes:
    """The axes of a study, and where its variants are along them.

    Args:
        axes: The axes, in the order in which arguments are given.
        levels: int `[variant, axis]`, the numbers of levels.
    """

    axes: tuple[Axis, ...]
    levels: np.ndarray = field(repr=False)

    def beside(self, *across: int) -> list[dict[tuple[int, ...], int]]:
        """Variants that agree in all axes but some, in groups.

        Args:
            *across: The numbers of these axes.

        Returns:
            For each group variant numbers by their levels along these axes. Of variants that agree
            in everything only the first is there.
        """
        groups: dict[tuple[int, ...], dict[tuple[int, ...], int]] = {}
        others = [axis for axis in range(len(self.axes)) if axis not in across]
        for variant, levels in enumerate(self.levels):
            group = groups.setdefault(tuple(map(int, levels[others])), {})
            group.setdefault(tuple(map(int, levels[list(across)])), variant)
        return list(groups.values())


def axes_of(record: StudyRecord) -> Axes:
    """The axes of a study's variants: what differs between any two of them.

    An argument that is not given has the default of the build function, where that is known.

    Raises:
        DesignError: The variants differ in no named argument, no two of them differ in only one,
            or the record is older than what is needed for it.
    """
    if any(variant.build is None for variant in record.variants):
        raise DesignError(
            "a study that keeps which variants share a build function",
            "one that was kept before studies did",
            "run it again with the same store, which trains nothing anew",
        )
    values = [
        {
            BUILD: str(variant.build),
            EPOCHS: str(record.settings.epochs[variant.name]),
            CLASS_WEIGHTS: record.settings.class_weights.get(variant.name, "none"),
            **variant.defaults,
            **variant.arguments,
        }
        for variant in record.variants
    ]
    given = [name for variant in record.variants for name in variant.arguments]
    axes = _differing(values, list(dict.fromkeys([BUILD, EPOCHS, CLASS_WEIGHTS, *given])))
    comparable = [_comparable(axes, place) for place in range(len(axes.axes))]
    if not any(comparable):
        raise DesignError(
            "variants that differ in one named argument, all else equal",
            shortlist([repr(variant.name) for variant in record.variants]),
            "vary arguments of one build function, such as kohort.grid(build, units=[16, 64])",
        )
    for place, levels in enumerate(comparable):
        if levels:
            axes = _with_reference(axes, place, min(levels))
    return axes


def _comparable(axes: Axes, place: int) -> set[int]:
    """The levels of an axis that another one is beside, with all else equal."""
    return {level for group in axes.beside(place) if len(group) > 1 for (level,) in group}


def _with_reference(axes: Axes, place: int, level: int) -> Axes:
    """The same axes, with one level of one of them first."""
    axis, levels = axes.axes[place], axes.levels.copy()
    order = [level, *(n for n in range(len(axis.levels)) if n != level)]
    changed = Axis(
        axis.name, tuple(axis.levels[n] for n in order), tuple(axis.numbers[n] for n in order)
    )
    levels[:, place] = np.argsort(order)[levels[:, place]]
    return Axes((*axes.axes[:place], changed, *axes.axes[place + 1 :]), levels)


def _differing(values: Sequence[Mapping[str, str]], names: Sequence[str]) -> Axes:
    axes, levels = [], []
    for name in names:
        codes = [of_variant.get(name, NOT_GIVEN) for of_variant in values]
        # 1 and 1.0 are one level.
        keys = [code if np.isnan(number(code)) else number(code) for code in codes]
        first = dict(reversed(list(zip(keys, codes, strict=True))))
        places = list(dict.fromkeys(keys))
        if len(places) > 1:
            known = [first[key] for key in places]
            axes.append(Axis(name, tuple(shorts(known)), tuple(map(number, known))))
            levels.append([places.index(key) for key in keys])
    return Axes(tuple(axes), np.array(levels, int).reshape(len(axes), len(values)).T)
