"""Lifting: turns constants that differ between members into inputs of one program.

In JAX's trace of a step every hyperparameter ends as scalar floating constants (a dropout rate, a
penalty's strength, an optimizer's betas), whatever it is called and whoever wrote its layer; and
what a layer has learned from data before training (means, variances, boundaries of bins) as
floating arrays. Two traces that differ only in such constants can be one program with the constants
as inputs. So no list of hyperparameters that are safe to lift is needed: a difference in anything
else (a shape, a branch, an integer) gives another program.
"""

import functools
import hashlib
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Jaxpr, Literal

from kohort.tracing.jaxpr import (
    PRODUCTS,
    AsConstants,
    Bind,
    array_bytes,
    avals,
    bind,
    body_of,
    conversions,
    counted,
    draws_once_for_all,
    equations,
    inner_jaxpr,
    is_call_to_python,
    terms_in_product,
)

MOST_LIFTED = 1 << 18
"""Numbers in an array that may become an input, of which each member has one; no more."""

_UNIQUE = itertools.count()


class ArrayConstant:
    """A floating array that a program has captured; equal `repr`s mean equal arrays.

    Args:
        values: The array.
    """

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)
        self._text = f"array {hashlib.sha256(array_bytes(self._values)).hexdigest()}"

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        return self._values.__array__(*arguments, **options)

    def __repr__(self) -> str:
        return self._text


type Constant = float | ArrayConstant
"""A constant that can become an input."""


class Work(NamedTuple):
    """What a program does in a run.

    Args:
        equations: Its operations.
        numbers: How many numbers these write.
        products: Floating-point operations of its matrix products and convolutions.
        is_open: Whether there are loops in it that run until something is so, of which one pass is
            counted.
    """

    equations: int
    numbers: int
    products: int
    is_open: bool


@dataclass(frozen=True, eq=False)
class Trace:
    """A function's trace, split into the operations and the constants that they use.

    Args:
        skeleton: A digest of everything but the constants. Programs with equal digests differ
            in nothing but their constants.
        constants: The floating constants, in the order of the program: scalars, and arrays that
            it has captured.
        logs: The pytree structure of a step's logs, whose values the step returns first; None
            for other functions.
    """

    skeleton: str
    constants: tuple[Constant, ...]
    jaxpr: Any
    out_tree: Any
    logs: Any = None
    _primitives: set[str] = field(default_factory=set, repr=False)  # once they are asked for

    @property
    def digest(self) -> str:
        """A digest of everything, the constants included."""
        return hashlib.sha256(f"{self.skeleton}{self.constants!r}".encode()).hexdigest()

    @property
    def calls_python(self) -> bool:
        """Whether each run calls Python, for a side effect or for one member at a time."""
        return any(is_call_to_python(equation) for equation in equations(self.jaxpr))

    @property
    def draws_once_for_all(self) -> bool:
        """Whether it draws random numbers that are others where members run side by side."""
        return any(draws_once_for_all(equation) for equation in equations(self.jaxpr))

    def lifted(self, positions: Sequence[int], run_one: Bind | None = None) -> Callable[..., Any]:
        """The function with some constants as inputs: `(values, *arguments) -> result`.

        Args:
            positions: Positions in `constants`; `values` are scalars and arrays that replace them,
                in this order.
            run_one: The function that runs one equation; `bind` by default.
        """

        def run(values: Sequence[Any], *arguments: Any) -> Any:
            inputs = dict(zip(positions, values, strict=True))
            position = iter(range(len(self.constants)))
            standing = AsConstants(run_one or bind)

            def constant(traced: Any, dtype: Any) -> Any:
                value = inputs.get(next(position))
                if value is None:
                    return traced
                return standing.noted(jax.numpy.asarray(value, dtype))

            leaves = jax.tree.leaves(arguments)
            running = _Running(constant, standing.run)
            results = running.run(inner_jaxpr(self.jaxpr), self.jaxpr.consts, leaves)
            return jax.tree.unflatten(self.out_tree, results)

        return run

    def read_as(self, count: int) -> list[Any]:
        """The dtypes in which the program reads its last inputs.

        Args:
            count: How many inputs.

        Returns:
            For each of them the dtype to which the program converts it at every use; None where
            a use does not convert it, or where it is not used.
        """
        inner = inner_jaxpr(self.jaxpr)
        inputs = inner.invars[len(inner.invars) - count :]
        dtypes_of_each = [conversions(inner, variable) for variable in inputs]
        return [dtypes.pop() if len(dtypes) == 1 else None for dtypes in dtypes_of_each]

    def work(self) -> Work:
        """What it does in a run."""
        count, numbers, products, is_open = 0, 0, 0.0, False
        for one, times in counted(self.jaxpr):
            size = times * sum(math.prod(aval.shape) for aval in avals(one.outvars))
            count, numbers = count + times, numbers + size
            if one.primitive.name in PRODUCTS:
                products += 2 * size * terms_in_product(one)
            is_open |= one.primitive.name == "while"
        return Work(count, numbers, int(products), is_open)

    def primitives(self) -> set[str]:
        """The names of the operations in it, including those in loops."""
        if not self._primitives:  # Traces of other constants share them.
            self._primitives.update({one.primitive.name for one in equations(self.jaxpr)})
        return self._primitives

    def multiplies_sequences(self) -> bool:
        """Whether a matrix product in it reads an array of more than two axes.

        Those of attention do, and of dense layers over time steps or tokens.
        """
        return any(
            one.primitive.name == "dot_general"
            and any(len(aval.shape) > 2 for aval in avals(one.invars))
            for one in equations(self.jaxpr)
        )


def trace(function: Callable[..., Any], *arguments: Any) -> Trace:
    """Trace a function for arguments of the shapes and dtypes of `arguments`."""
    jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    constants: list[Constant] = []
    digest = hashlib.sha256()
    for part in _describe(jaxpr, constants):
        digest.update(part)
    out_tree = jax.tree.structure(shapes)
    # The structure has the names of the logs: metrics that compute the same may differ in name.
    digest.update(str(out_tree).encode())
    return Trace(digest.hexdigest(), tuple(constants), jaxpr, out_tree)


def differing(constants: Sequence[tuple[Constant, ...]]) -> tuple[int, ...]:
    """Positions at which traces of one skeleton have unequal constants."""
    first = constants[0]
    return tuple(
        position
        for position in range(len(first))
        if any(repr(other[position]) != repr(first[position]) for other in constants)
    )


def _describe(jaxpr: Any, constants: list[Constant]) -> Iterator[bytes]:
    """Describe a program as bytes, without its constants, which are appended to `constants`."""
    inner = inner_jaxpr(jaxpr)
    for array in jaxpr.consts:
        # A captured scalar is a constant too: Keras's L1 makes its strength a tensor early.
        if _is_scalar_float(array):
            constants.append(float(array))
            yield f"constant {array.dtype}".encode()
        elif is_lifted(array):
            constants.append(ArrayConstant(array))
            yield f"constant {array.dtype}{array.shape}".encode()
        else:
            yield array_bytes(array)

    write = _atom_writer(constants)
    yield "; ".join(write(atom) for atom in (*inner.constvars, *inner.invars)).encode()
    for equation in inner.eqns:
        yield f"\n{equation.primitive.name} ".encode()
        yield "; ".join(write(atom) for atom in equation.invars).encode()
        body = body_of(equation)
        if body is not None:
            yield from _describe(body, constants)
        else:
            yield from _describe_parameters(equation.params)
        yield ("->" + "; ".join(write(atom) for atom in equation.outvars)).encode()
    yield ("\n" + "; ".join(write(atom) for atom in inner.outvars)).encode()


def _atom_writer(constants: list[Constant]) -> Callable[[Any], str]:
    """Returns the function that writes an input or output, numbered in order of definition."""
    numbers: dict[Any, int] = {}
    kind = functools.cache(str)  # A program has few kinds of arrays, and JAX's str is slow.

    def write(atom: Any) -> str:
        if isinstance(atom, Literal):
            if is_constant(atom):
                constants.append(float(atom.val))
                return f"constant {kind(atom.aval)}"
            return f"{atom.val!r} {kind(atom.aval)}"
        if atom in numbers:
            return str(numbers[atom])
        numbers[atom] = len(numbers)
        return f"{numbers[atom]} {kind(atom.aval)}"

    return write


def _describe_parameters(value: Any) -> Iterator[bytes]:
    """Describe the parameters of an equation that is run as it is, with the programs in them."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield f"{name}=".encode()
            yield from _describe_parameters(value[name])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _describe_parameters(item)
    elif hasattr(value, "eqns"):
        # Constants inside a loop cannot be lifted, so they are part of its description.
        loop_constants: list[Constant] = []
        yield from _describe(value, loop_constants)
        yield repr(loop_constants).encode()
    elif isinstance(value, np.ndarray | jax.Array):
        yield array_bytes(value)
    else:
        yield _parameter_text(value).encode()


def parameter_bytes(parameters: Any) -> bytes:
    """The parameters of an equation as bytes; equal bytes mean equal parameters."""
    return b"".join(_describe_parameters(parameters))


def _parameter_text(value: Any) -> str:
    """A parameter as text; equal texts mean equal parameters."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if name and getattr(sys.modules.get(str(module)), name, None) is value:
        return f"{module}.{name}"
    text = repr(value)
    # A repr with an address (of a callback into Python) must equal no other: addresses are
    # reused.
    return f"{text} {next(_UNIQUE)}" if " at 0x" in text else text


class _Running(NamedTuple):
    """Evaluates a program. `constant` gives its constants, asked for in `_describe`'s order."""

    constant: Callable[[Any, Any], Any]
    run_one: Bind

    def run(self, jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The outputs of `jaxpr`, for its captured arrays and its arguments."""
        values: dict[Any, Any] = {
            variable: self.constant(array, array.dtype) if is_lifted(array) else array
            for variable, array in zip(jaxpr.constvars, consts, strict=True)
        }
        values |= dict(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Any:
            if is_constant(atom):
                return self.constant(atom.val, atom.aval.dtype)
            return atom.val if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            inputs = [read(atom) for atom in equation.invars]
            body = body_of(equation)
            if body is not None:
                results = self.run(inner_jaxpr(body), body.consts, inputs)
            else:
                results = self.run_one(equation, inputs)
            values |= dict(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]


def is_constant(atom: Any) -> bool:
    """Whether an input of an equation is a constant that may become an input of the program."""
    return isinstance(atom, Literal) and _is_scalar_float(atom.aval)


def is_lifted(array: Any) -> bool:
    """Whether a captured array is a constant that may become an input."""
    is_small = math.prod(array.shape) <= MOST_LIFTED
    return is_small and jax.numpy.issubdtype(array.dtype, np.floating)


def _is_scalar_float(array: Any) -> bool:
    return array.shape == () and jax.numpy.issubdtype(array.dtype, np.floating)
