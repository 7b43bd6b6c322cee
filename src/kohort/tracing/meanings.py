"""What the numbers in traces and first states may be: as they are, or expressions of arguments."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from kohort.keras_api.models import State
from kohort.tracing.followed import Expression, Numbers, evaluated
from kohort.tracing.jaxpr import array_bytes
from kohort.tracing.lifting import Trace

type Observed = float | str
"""A number, or a digest of what is no single number."""


class Meaning(NamedTuple):
    """What a number may be: an expression of arguments, in some precision."""

    expression: Expression
    dtype: Any

    def at(self, numbers: Numbers) -> float:
        """Its value for some arguments.

        Raises:
            ArithmeticError: It has none.
        """
        with np.errstate(over="ignore"):  # A narrow dtype may not hold it, and is then not it.
            return float(np.asarray(evaluated(self.expression, numbers), self.dtype))


class Meanings:
    """What the numbers in a trace or a state may be: as they are in all members, or expressions.

    Args:
        values: Of a member.
        expressions: What they may be, beside what they are.
        numbers: The arguments of the member.
    """

    def __init__(
        self, values: Sequence[Observed], expressions: Iterable[Expression], numbers: Numbers
    ) -> None:
        self._values = values
        self.is_sound = True
        readings = [Meaning(taken, dtype) for taken in expressions for dtype in _PRECISIONS]
        found = [(reading, reading.at(numbers)) for reading in readings]
        self._open: dict[int, list[Meaning | None]] = {}  # by place; None for the value as it is
        for place, value in enumerate(values):
            fitting = [reading for reading, number in found if repr(number) == repr(value)]
            if fitting:
                self._open[place] = [None, *fitting]

    @property
    def expressions(self) -> Iterator[Expression]:
        """The expressions that numbers may be."""
        return (r.expression for readings in self._open.values() for r in readings if r is not None)

    def rule_out(self, values: Sequence[Observed], numbers: Numbers) -> None:
        """Rule out what does not give the values of a further member."""
        if len(values) != len(self._values):
            self.is_sound = False
            return
        for place, value in enumerate(values):
            found = self._open.get(place, [None])
            left = [r for r in found if repr(self._read(place, r, numbers)) == repr(value)]
            self.is_sound = self.is_sound and bool(left)
            if place in self._open:
                self._open[place] = left

    def values(self, numbers: Numbers) -> list[Observed] | None:
        """The values of a member; None where they do not follow."""
        values = list(self._values)
        for place, readings in self._open.items():
            found = [self._read(place, reading, numbers) for reading in readings]
            if len(set(map(repr, found))) > 1:
                return None
            values[place] = found[0]
        return values

    def _read(self, place: int, reading: Meaning | None, numbers: Numbers) -> Observed:
        return self._values[place] if reading is None else reading.at(numbers)


_PRECISIONS = tuple(map(jax.numpy.dtype, ("float64", "float32", "bfloat16", "float16")))


def observed(trace: Trace) -> list[Observed]:
    """The constants of a trace."""
    return [c if isinstance(c, float) else repr(c) for c in trace.constants]


def observed_state(state: State) -> list[Observed]:
    """The numbers of a state, and digests of its arrays."""
    return list(map(_observed_one, jax.tree.leaves(state)))


def _observed_one(array: Any) -> Observed:
    if array.shape == () and jax.numpy.issubdtype(array.dtype, np.floating):
        return float(array)
    return hashlib.sha256(array_bytes(array)).hexdigest()


def same(first: Sequence[Observed], second: Sequence[Observed]) -> bool:
    """Whether they are equal to the last bit."""
    return list(map(repr, first)) == list(map(repr, second))
