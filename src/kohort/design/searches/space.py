"""Spaces: what a search may choose for each argument of a build function."""

import math
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from kohort.design.searches.draws import Arguments
from kohort.design.searches.number_range import Range, as_kept
from kohort.design.variants import as_code, is_alike
from kohort.errors import DesignError

type Label = bool | float | str | None
"""What Optuna takes for a choice; other values are told to it as text."""
_MOST_LETTERS = 60
_PLAIN = (bool, int, float, str, type(None))


class Space(Protocol):
    """Draws the arguments of trials."""

    count: float
    """How many trials differ; infinite where that is unknown or unbounded."""

    def draw(self, trial: optuna.Trial, found: Arguments) -> None:
        """Add the arguments of a trial, each suggested by Optuna, to what is found.

        Raises:
            DesignError: They cannot be drawn; those before it are found.
        """
        ...

    def told(self) -> dict[str, str]:
        """What it may choose, as Python code by name."""
        ...

    def check_kept(self) -> None:
        """Refuse values that are not written alike in each process, as far as they are known.

        Raises:
            DesignError: There is one.
        """
        ...

    @property
    def constants(self) -> Arguments:
        """The arguments that are the same in all trials, as far as that is known."""
        ...


class WrittenSpace:
    """A space that is written as a mapping, as the axes of a `grid` are.

    Args:
        axes: By the name of an argument: a list of choices, a `Range`, a distribution of Optuna's,
            or a mapping from choices to the space of further arguments that go with each.
            Anything else is the same for all trials.

    Raises:
        DesignError: It has no axis, one has nothing to choose, or all have one value alone.
    """

    def __init__(self, axes: Mapping[str, Any]) -> None:
        self._axes = {name: _as_axis(name, value) for name, value in axes.items()}
        if not any(_varies(axis) for axis in self._axes.values()):
            raise DesignError(
                "a space with an axis at least, a list or a kohort.Range",
                f"{dict(axes)!r}" if axes else "an empty one",
                'give {"rate": kohort.Range(1e-4, 1e-2, log=True)}, say; choices are a list',
            )
        self.names = list(_names(self._axes))
        """Of all arguments that it may choose, of nested ones too."""
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise DesignError(
                "an argument once in a space, or in choices of which one is taken",
                f"{twice!r} inside and outside of a choice",
                "leave one of them out",
            )
        check_names(self.names)
        self.count = math.prod(_count(axis) for axis in self._axes.values())
        if self.count < 2:
            raise DesignError(
                "a space of two trials or more",
                f"{dict(axes)!r}, which has one",
                "give an argument a second value, or a kohort.Range",
            )

    def draw(self, trial: optuna.Trial, found: Arguments) -> None:
        """Add the arguments of a trial, each suggested by Optuna, to what is found."""
        found |= _drawn(self._axes, trial)

    def told(self) -> dict[str, str]:
        """What it may choose, as Python code by name."""
        return {name: as_code(axis) for name, axis in self._axes.items()}

    def check_kept(self) -> None:
        """Refuse values that are not written alike in each process, by which no search can go on.

        Raises:
            DesignError: There is one.
        """
        for name, values in _values(self._axes):
            codes = list(map(as_code, values))
            for value, code in zip(values, codes, strict=True):
                if not is_alike(code) or (callable(value) and codes.count(code) > 1):
                    raise DesignError(
                        f"values of {name!r} that are written alike in each process, and differ, "
                        "for a search in a store",
                        code if len(code) <= _MOST_LETTERS else f"{code[:_MOST_LETTERS]}...",
                        "choose by a name, and make in the build function what it stands for; or "
                        "write a function by def, and give what is random a seed",
                    )

    @property
    def constants(self) -> Arguments:
        """The arguments that are the same in all trials."""
        return {n: _constant(axis) for n, axis in self._axes.items() if not _varies(axis)}


def check_names(names: Iterable[str]) -> None:
    """Refuse names of arguments that a `Variant` has for itself.

    Raises:
        DesignError: One of them is such a name.
    """
    for name in names:
        if name in ("self", "name", "build"):
            raise DesignError(
                "arguments that are called otherwise than name, build and self",
                repr(name),
                "rename the argument of the build function",
            )


def _as_axis(name: str, value: Any) -> Any:
    _check_axis(name, value)
    if isinstance(value, Mapping):
        value = {choice: _inner(part) for choice, part in value.items()}
    if isinstance(value, list | dict):
        _check_choices(name, value)
    if isinstance(value, list):  # Keras takes no whole number of NumPy's for a width.
        value = [each.item() if isinstance(each, np.generic) else each for each in value]
    if isinstance(value, FloatDistribution | IntDistribution):
        step = None if isinstance(value, IntDistribution) and value.step == 1 else value.step
        return value if value.low == value.high else Range(
            value.low, value.high, log=value.log, step=step
        )  # fmt: skip
    if isinstance(value, CategoricalDistribution):
        return list(value.choices)
    if isinstance(value, BaseDistribution):
        raise DesignError(
            f"a float, integer or categorical distribution for {name!r}", repr(value), "use those"
        )
    return value


def _check_axis(name: str, value: Any) -> None:
    if not isinstance(name, str) or not name:
        raise DesignError("names of arguments as text", repr(name), "write them in quotes")
    if _is_several(value):
        raise DesignError(
            f"the choices of {name!r} as a list",
            f"{type(value).__name__}: {' '.join(reprlib.repr(value).split())}",
            "write list(...) around it; where all of it is one value, put it into a list alone",
        )


def _check_choices(name: str, choices: Collection[Any]) -> None:
    """Refuse no choices, and a range among them, which would be one value."""
    if not choices:
        what = f"something to choose for {name!r}"
        raise DesignError(what, repr(choices), "give two values, say")
    for choice in choices:
        if isinstance(choice, Range | BaseDistribution):
            raise DesignError(
                f"values as the choices of {name!r}",
                f"{choice!r} among them",
                "give the range alone, or list the numbers",
            )


def _is_several(value: Any) -> bool:
    """Whether somebody meant choices: a tuple, such as the size of a kernel, is one value."""
    is_array = hasattr(value, "tolist") and not isinstance(value, np.generic)
    return is_array or isinstance(value, range | Set | Iterator)


def _inner(part: Any) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise DesignError(
            "for each choice a mapping to the arguments that go with it",
            repr(part),
            'give {"sgd": {"momentum": [0.0, 0.9]}, "adam": {}}, say',
        )
    return {name: _as_axis(name, value) for name, value in part.items()}


def _varies(axis: Any) -> bool:
    return isinstance(axis, list | dict | Range)


def _constant(axis: Any) -> Any:
    return axis.low if isinstance(axis, BaseDistribution) else axis  # type: ignore[attr-defined]


def _names(axes: Mapping[str, Any]) -> Iterator[str]:
    """The names of all arguments, one that several choices of one axis have once."""
    for name, axis in axes.items():
        yield name
        if isinstance(axis, dict):
            yield from dict.fromkeys(inner for part in axis.values() for inner in _names(part))


def _values(axes: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """By name what may be chosen, of nested arguments too; of a constant one value."""
    for name, axis in axes.items():
        yield name, list(axis) if isinstance(axis, list | dict) else [axis]
        for part in axis.values() if isinstance(axis, dict) else ():
            yield from _values(part)


def _count(axis: Any) -> float:
    if isinstance(axis, dict):
        return sum(math.prod(_count(inner) for inner in part.values()) for part in axis.values())
    if isinstance(axis, Range):
        return axis.count
    return len(axis) if isinstance(axis, list) else 1


def _drawn(axes: Mapping[str, Any], trial: optuna.Trial, within: str = "") -> Arguments:
    found: Arguments = {}
    for name, axis in axes.items():
        # One argument of two choices may have other values in each: for Optuna they are two.
        label = within + name
        if isinstance(axis, Range):
            found[name] = draw_range(trial, label, axis)
        elif isinstance(axis, list):
            found[name] = draw_choice(trial, label, axis)
        elif isinstance(axis, dict):
            choice = draw_choice(trial, label, list(axis))
            found[name] = choice
            found |= _drawn(axis[choice], trial, f"{label}={choice}: ")
        else:
            found[name] = _constant(axis)
    return found


def draw_range(trial: optuna.Trial, name: str, axis: Range) -> float:
    """A number of a range."""
    if axis.is_whole:
        low, step = int(axis.low), int(axis.step or 1)
        high = low + (int(axis.count) - 1) * step  # Optuna warns of steps that do not end there.
        return as_kept(trial.suggest_int(name, low, high, step=step, log=axis.log), axis)
    drawn = trial.suggest_float(name, float(axis.low), axis.last, step=axis.step, log=axis.log)
    return as_kept(drawn, axis)


def draw_choice(trial: optuna.Trial, name: str, choices: list[Any]) -> Any:
    """One of several values, of any kind."""
    labels = labels_of(choices)
    return choices[labels.index(trial.suggest_categorical(name, labels))]


def labels_of(choices: Sequence[Any]) -> list[Label]:
    """What Optuna is told for each of several values: different labels, where it can the values."""
    labels = [value if isinstance(value, _PLAIN) else as_code(value) for value in choices]
    if any(labels.count(label) > 1 for label in labels):  # 1, 1.0 and True are equal
        return [f"{place}: {as_code(value)}" for place, value in enumerate(choices)]
    return labels
