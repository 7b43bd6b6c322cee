"""Numbers that remember what is done with them: what a model's code makes of its arguments.

Code that is run with a `Followed` number in the place of a float takes the course that it takes for
that float, and leaves a trail: the comparisons that it made, and what it computed and gave to JAX.
It takes the same course for every other number for which the comparisons come out alike. A use that
a trail cannot show, such as rounding, printing or a function of NumPy's, raises `EscapedError`.

What JAX has taken as an operand of an array is not followed further: JAX's functions take arrays
whose values are unknown while they are traced, so they cannot depend on them. Outside a trace they
could, and so could who called them: there only objects of Keras's that are made may hand a number
to JAX, such as an optimizer its learning rate.
"""

import contextlib
import functools
import math
import operator
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Self

import jax
import keras
import numpy as np
from jax._src import dtypes

type Expression = str | float | tuple[Any, ...]
"""The name of an argument, a number, or a tuple of the name of an operation and its operands."""

type Numbers = Mapping[str, float]
"""Arguments of a build function that are floats, by name."""

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
}
_UNARY = ("neg", "pos", "abs")
_COMPARISONS: dict[str, Callable[..., bool]] = {
    name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")
}
_ESCAPES = (
    *("int", "index", "round", "trunc", "floor", "ceil", "complex", "hash", "repr", "str"),
    *("format", "reduce_ex", "array_function"),
    *("floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod"),
)


def _folder(module: Any) -> str:
    return f"{Path(str(module.__file__)).parent}{os.sep}"


_JAX = _folder(jax)
_LIBRARIES = (_JAX, _folder(keras), str(contextlib.__file__), str(functools.__file__))
_KOHORT = f"{Path(__file__).parents[1]}{os.sep}"


class EscapedError(Exception):
    """A number was used in a way that its trail cannot show."""


class Trail:
    """What was done with numbers.

    Numbers are followed in the block of `open`. Outside of it they are like any others: code may
    have kept some.

    Args:
        numbers: The numbers.
    """

    def __init__(self, numbers: Numbers) -> None:
        self.is_open = False
        self.conditions: dict[tuple[str, Expression, Expression], bool] = {}
        """How each comparison came out."""
        self.taken: dict[Expression, None] = {}
        """What JAX took as operands."""
        self.has_escaped = False
        self.followed = {name: Followed(value, name, self) for name, value in numbers.items()}
        """The numbers, to be followed."""

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Follow the numbers in the block."""
        self.is_open = True
        try:
            yield
        finally:
            self.is_open = False

    def holds(self, numbers: Numbers) -> bool:
        """Whether code would take the same course for other numbers."""
        return not self.has_escaped and all(
            _COMPARISONS[name](evaluated(left, numbers), evaluated(right, numbers)) is outcome
            for (name, left, right), outcome in self.conditions.items()
        )


def evaluated(expression: Expression, numbers: Numbers) -> float:
    """The value of an expression.

    Raises:
        ArithmeticError: It has none for these numbers.
    """
    if isinstance(expression, str):
        return numbers[expression]
    if not isinstance(expression, tuple):
        return expression
    name, *operands = expression
    value = _ARITHMETIC[name](*(evaluated(operand, numbers) for operand in operands))
    if isinstance(value, complex):
        raise ArithmeticError(name)
    return float(value)


class _LikeFloat(type):
    """The type of a type that JAX and Keras find where they look up what to do with floats."""

    def __eq__(cls, other: object) -> bool:
        return other is float or other is cls

    def __hash__(cls) -> int:
        return hash(float)


class Followed(metaclass=_LikeFloat):
    """A number that is followed.

    Args:
        value: Its value.
        expression: How it was computed.
        trail: What was done with it.
    """

    __slots__ = ("_expression", "_trail", "_value")

    def __init__(self, value: float, expression: Expression, trail: Trail) -> None:
        self._value, self._expression, self._trail = value, expression, trail

    @property  # type: ignore[misc]  # isinstance asks here
    def __class__(self) -> type:
        return float

    def __getattr__(self, name: str) -> Any:
        if hasattr(float, name):
            self._escape(name)
        return getattr(self._value, name)

    def __bool__(self) -> bool:
        return bool(_COMPARED["ne"](self, 0.0))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __float__(self) -> float:
        return self._operand()

    def __array__(self, dtype: Any = None, **_options: Any) -> np.ndarray:
        return np.array(self._operand(), dtype)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if self._trail.is_open and function is np.isfinite:
            # JAX asks for it before it converts a number.
            return _COMPARED["lt"](abs(self), math.inf)
        self._escape("ufunc")
        return getattr(function, method)(*map(_plain, inputs), **options)

    def _operand(self) -> float:
        """The value, for JAX; what else asks for it cannot be followed."""
        if self._trail.is_open:
            if not _is_operand(sys._getframe(2)):
                self._escape("float")
            self._trail.taken[self._expression] = None
        return self._value

    def _escape(self, what: str) -> None:
        if self._trail.is_open:
            self._trail.has_escaped = True
            raise EscapedError(what)

    def _of(self, other: Any) -> tuple[float, Expression] | None:
        """The value and expression of another number; None where it is none."""
        if type(other) is Followed:
            return other._value, other._expression
        if type(other) in (bool, int, float):
            return other, other
        return None


def _is_operand(frame: FrameType | None) -> bool:
    """Whether code that asks for a number can do nothing with it but compute arrays."""
    if frame is None or not frame.f_code.co_filename.startswith(_JAX):
        return False
    outermost = frame
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        outermost, frame = frame, frame.f_back
    # kohort asks Keras to trace a step, or to create variables; other callers are the user's.
    traces = frame is not None and frame.f_code.co_filename.startswith(_KOHORT)
    return traces or outermost.f_code.co_name == "__init__"


def _arithmetic(name: str, *, reflected: bool = False) -> Callable[..., Any]:
    def compute(number: Followed, other: Any) -> Any:
        if not number._trail.is_open:
            values = (_plain(other), number._value)
            return _ARITHMETIC[name](*(values if reflected else values[::-1]))
        found = number._of(other)
        if found is None:
            return NotImplemented
        pair = (found, (number._value, number._expression))
        (left, of_left), (right, of_right) = pair if reflected else pair[::-1]
        value = _ARITHMETIC[name](left, right)
        if type(value) is not float:
            number._escape(name)
        return Followed(value, (name, of_left, of_right), number._trail)

    return compute


def _unary(name: str) -> Callable[..., Any]:
    def compute(number: Followed) -> Any:
        value = _ARITHMETIC[name](number._value)
        if not number._trail.is_open:
            return value
        return Followed(value, (name, number._expression), number._trail)

    return compute


def _comparison(name: str) -> Callable[..., Any]:
    def compare(number: Followed, other: Any) -> Any:
        if not number._trail.is_open:
            return _COMPARISONS[name](number._value, _plain(other))
        found = number._of(other)
        if found is None:
            return NotImplemented
        outcome = _COMPARISONS[name](number._value, found[0])
        number._trail.conditions[name, number._expression, found[1]] = outcome
        return outcome

    return compare


def _escaping(name: str) -> Callable[..., Any]:
    def escape(number: Followed, *arguments: Any) -> Any:
        number._escape(name)
        return getattr(number._value, f"__{name}__")(*map(_plain, arguments))

    return escape


def _plain(value: Any) -> Any:
    return value._value if type(value) is Followed else value


def _give_operators(names: Sequence[str], make: Callable[[str], Any]) -> None:
    for name in names:
        setattr(Followed, f"__{name}__", make(name))


_give_operators(_UNARY, _unary)
_give_operators([name for name in _ARITHMETIC if name not in _UNARY], _arithmetic)
_COMPARED = {name: _comparison(name) for name in _COMPARISONS}
_give_operators(list(_COMPARED), _COMPARED.__getitem__)
_give_operators(_ESCAPES, _escaping)
for _name in _ARITHMETIC:
    if _name not in _UNARY:
        setattr(Followed, f"__r{_name}__", _arithmetic(_name, reflected=True))


def _as_operand(number: Followed) -> Any:
    """What JAX takes a number for."""
    return dtypes.canonicalize_value(number._operand())


dtypes.register_canonicalize_value_handler(Followed, _as_operand)
