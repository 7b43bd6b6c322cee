"""Tells of numbers that differ, and are one number in float32, as moments in seconds are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kohort.errors import DataError

EXACT = 2**24
"""The largest number up to which float32 holds each whole one."""
CLOSE = 2**-12
"""Numbers that lie within this part of their size have some thousand values in float32."""
MOST_LOST = 0.05
"""The part of its different numbers that a column may lose untold, as it does by chance where many
of them lie near to one another."""
MOST_MOVED = 0.01
"""A target may be moved by this part of its standard deviation (root mean square)."""
MOST_LOOKED_AT = 16
"""Of more such columns of an array, those whose numbers lie closest are looked at."""


class Lost(NamedTuple):
    """How many different numbers a column has.

    Args:
        given: As they were given.
        left: In float32.
        from_least: In float32, once the least of them is subtracted.
    """

    given: int
    left: int
    from_least: int

    def __str__(self) -> str:
        return f"{self.given:,} become {self.left:,}"


def lost_of(values: np.ndarray) -> Lost | None:
    """What a column loses in float32; None where that is next to nothing.

    Args:
        values: `[sample]`.
    """
    if not _at_risk(values):
        return None
    given = np.unique(values)
    with np.errstate(over="ignore"):
        left, moved = (
            len(np.unique(numbers.astype(np.float32))) for numbers in (given, given - given[0])
        )
    is_lost = left < (1 - MOST_LOST) * len(given)
    return Lost(len(given), left, moved) if is_lost else None


def told_of_lost(lost: Mapping[str, Lost | None]) -> list[str]:
    """Which columns lose numbers in float32, a sentence; none where none does.

    Args:
        lost: By the names of the columns.
    """
    found = {name: each for name, each in lost.items() if each is not None}
    if not found:
        return []
    from kohort.data.tables.columns import listed  # with pandas, which other arrays do not need

    helps = any(each.from_least > each.left for each in found.values())
    mend = "subtract the least first" if helps else "make smaller numbers of them first"
    columns = listed([f"{name} ({each})" for name, each in found.items()])
    return [f"numbers are rounded to float32, and different ones become equal: {columns}; {mend}"]


def told_of_arrays(
    x: np.ndarray,
    y: np.ndarray | None,
    names: tuple[str, str] = ("x_train", "y_train"),
    features: Sequence[str] | None = None,
) -> list[str]:
    """As `told_of_lost`, of arrays.

    Args:
        x: Inputs `[sample, ...]`, as they were given.
        y: Numbers to predict `[sample, ...]`, likewise; None of classes.
        names: What the two are called.
        features: The names of the columns of `x`; None where they have none.

    Raises:
        DataError: As `check_target`.
    """
    arrays = {names[0]: x}
    if y is not None:
        check_target(names[1], y)
        arrays[names[1]] = y
    places = {name: _at_risk(array) for name, array in arrays.items()}
    told = told_of_lost(
        {
            _named(name, place, features if name == names[0] else None): lost_of(
                _column_at(array, place)
            )
            for name, array in arrays.items()
            for place in places[name]
        }
    )
    is_whole = max(map(len, places.values())) < MOST_LOOKED_AT
    return told if is_whole else [f"{each}; others were not looked at" for each in told]


def check_target(name: str, values: np.ndarray) -> None:
    """Refuse numbers to predict of which float32 leaves too little.

    Args:
        name: What they are called.
        values: `[sample, ...]`, finite.

    Raises:
        DataError: They become one number, or are moved by more than `MOST_MOVED`.
    """
    for place in _at_risk(values):
        column = _column_at(values, place).astype(np.float64)
        with np.errstate(over="ignore"):
            rounded = column.astype(np.float32)
        # Numbers beyond float32 are refused elsewhere, with their values.
        if not np.isfinite(rounded).all():
            continue
        spread = column.std()
        moved = np.sqrt(np.mean((column - rounded) ** 2))
        if moved > MOST_MOVED * spread:
            given, left = len(np.unique(column)), len(np.unique(rounded))
            raise DataError(
                f"numbers in {_named(name, place)} that float32 tells apart",
                f"{given:,} different ones that become {left:,}, from {column.min():.10g} to "
                f"{column.max():.10g}",
                "subtract the least, or their mean, first",
            )


def _named(name: str, place: tuple[int, ...], features: Sequence[str] | None = None) -> str:
    """A column of an array by its name, or by its place in a sample."""
    if features is not None and len(place) == 1:
        return str(features[place[0]])
    if len(place) < 2:
        return f"column {place[0]} of {name}" if place else name
    return f"{name}[:, {', '.join(map(str, place))}]"


def _column_at(array: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    """The numbers `[sample]` at a place of each sample."""
    column: np.ndarray = np.moveaxis(array, 0, -1)[place]
    return column


def _at_risk(array: np.ndarray) -> list[tuple[int, ...]]:
    """The places `[...]` of a sample at which float32 may hold fewer different numbers.

    Where some are infinite, which is refused elsewhere, there are none.
    """
    if array.dtype.kind not in "iuf" or array.dtype.itemsize <= 2 or array.dtype == np.float32:
        return []
    low, high = (np.asarray(end(axis=0), np.float64) for end in (array.min, array.max))
    size = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite ones, and nearly so
        apart = high - low
    is_at_risk = (apart > 0) & (apart < np.inf) & ((size > EXACT) | (apart < CLOSE * size))
    places = np.argwhere(is_at_risk)
    closest = np.argsort(apart[is_at_risk] / size[is_at_risk], kind="stable")[:MOST_LOOKED_AT]
    return [tuple(map(int, place)) for place in places[np.sort(closest)]]
