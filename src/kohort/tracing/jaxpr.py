"""Lifting: constants that differ between members become inputs of one program.

Whatever a hyperparameter is called and whoever wrote its layer, in JAX's trace of a step it ends as
scalar floating constants: a dropout rate, a penalty's strength, an optimizer's betas. Two traces
that differ in nothing but such constants are one program of which the constants are inputs. So no
list of hyperparameters that are safe to lift is needed: what is no such constant (a shape, a
branch, an integer) shows as another program.
"""

import functools
import hashlib
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, Literal

# Calls that can be run as their body, so that constants in it can be inputs.
_BODIES = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


_UNIQUE = itertools.count()

type Bind = Callable[[JaxprEqn, list[Any]], list[Any]]


@dataclass(frozen=True, eq=False)
class Trace:
    """A function's trace, split into what it computes and the constants that it computes with.

    Args:
        skeleton: A digest of all but the constants; equal digests mean equal programs but for
            these.
        constants: The scalar floating constants, in the order of the program.
        logs: The structure of the logs whose values a step returns first; None for other
            functions.
    """

    skeleton: str
    constants: tuple[float, ...]
    _jaxpr: Any
    _out_tree: Any
    logs: Any = None

    @property
    def digest(self) -> str:
        """Of all, the constants too."""
        return hashlib.sha256(f"{self.skeleton}{self.constants!r}".encode()).hexdigest()

    @property
    def calls_python(self) -> bool:
        """Whether it calls back into Python with each run, for an effect or one by one."""
        return any(_is_call_to_python(equation) for equation in _equations(self._jaxpr))

    def lifted(self, positions: Sequence[int], run_one: Bind | None = None) -> Callable[..., Any]:
        """The function with some constants as inputs: `(values, *arguments) -> result`.

        Args:
            positions: Which of `constants`; `values` are scalars in their place, in this order.
            run_one: What runs one equation; `bind` where it is left out.
        """

        def run(values: Sequence[Any], *arguments: Any) -> Any:
            inputs = dict(zip(positions, values, strict=True))
            seen = iter(range(len(self.constants)))

            def constant(held: Any, dtype: Any) -> Any:
                value = inputs.get(next(seen))
                return held if value is None else jax.numpy.asarray(value, dtype)

            leaves = jax.tree.leaves(arguments)
            running = _Running(constant, run_one or bind)
            results = running.run(_inner(self._jaxpr), self._jaxpr.consts, leaves)
            return jax.tree.unflatten(self._out_tree, results)

        return run

    def read_as(self, count: int) -> list[Any]:
        """The dtypes that the last inputs are read in.

        Args:
            count: How many.

        Returns:
            For each the dtype to which the program converts it wherever it reads it; None where
            it reads it as it is, or not at all.
        """
        inner = _inner(self._jaxpr)
        inputs = inner.invars[len(inner.invars) - count :]
        found = [_conversions(inner, variable) for variable in inputs]
        return [own.pop() if len(own) == 1 else None for own in found]

    def product_operations(self) -> int:
        """Floating-point operations of its matrix products, of those in loops once."""
        return sum(
            2 * math.prod(avals(equation.outvars)[0].shape) * _summed(equation)
            for equation in _equations(self._jaxpr)
            if equation.primitive.name == "dot_general"
        )

    def primitives(self) -> set[str]:
        """The names of the operations in it, those in loops too."""
        return {equation.primitive.name for equation in _equations(self._jaxpr)}


def trace(function: Callable[..., Any], *arguments: Any) -> Trace:
    """Trace a function for arguments of given shapes and dtypes."""
    jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    constants: list[float] = []
    digest = hashlib.sha256()
    for part in _describe(jaxpr, constants):
        digest.update(part)
    out_tree = jax.tree.structure(shapes)
    # The names of logs are in it: two metrics that compute the same may be called differently.
    digest.update(str(out_tree).encode())
    return Trace(digest.hexdigest(), tuple(constants), jaxpr, out_tree)


def differing(constants: Sequence[tuple[float, ...]]) -> tuple[int, ...]:
    """Positions at which traces of one skeleton have unequal constants."""
    first = constants[0]
    return tuple(
        position
        for position in range(len(first))
        if any(repr(other[position]) != repr(first[position]) for other in constants)
    )


def _inner(jaxpr: Any) -> Jaxpr:
    """The program without its captured arrays, which older JAX keeps apart."""
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    return inner


def _body(equation: JaxprEqn) -> Any:
    name = _BODIES.get(equation.primitive.name)
    return None if name is None else equation.params[name]


def _equations(jaxpr: Any) -> Iterator[JaxprEqn]:
    """All equations of a program, those of the programs in it too."""
    for equation in _inner(jaxpr).eqns:
        yield equation
        for value in equation.params.values():
            for part in value if isinstance(value, list | tuple) else (value,):
                if hasattr(part, "eqns") or hasattr(part, "jaxpr"):
                    yield from _equations(part)


def _summed(product: JaxprEqn) -> int:
    """How many products each number of a matrix product is the sum of."""
    (axes, _), _ = product.params["dimension_numbers"]
    shape = avals(product.invars)[0].shape
    return math.prod(shape[axis] for axis in axes)


def _conversions(jaxpr: Jaxpr, variable: Any) -> set[Any]:
    """The dtypes to which a program converts an input; None is among them for any other use."""
    found: set[Any] = {None} if any(it is variable for it in jaxpr.outvars) else set()
    for equation in jaxpr.eqns:
        body = _body(equation)
        for position, atom in enumerate(equation.invars):
            if atom is not variable:
                continue
            if equation.primitive.name == "convert_element_type":
                found.add(equation.params["new_dtype"])
            elif body is not None:
                inner = _inner(body)
                found |= _conversions(inner, inner.invars[position])
            else:
                found.add(None)
    return found


def _is_call_to_python(equation: JaxprEqn) -> bool:
    name = equation.primitive.name
    # Without a method for it, a pure callback cannot be run for many members at once.
    return name == "io_callback" or (
        name == "pure_callback" and equation.params.get("vmap_method") is None
    )


def _is_constant(atom: Any) -> bool:
    return isinstance(atom, Literal) and _is_scalar_float(atom.aval)


def _is_scalar_float(array: Any) -> bool:
    return array.shape == () and jax.numpy.issubdtype(array.dtype, np.floating)


def _describe(jaxpr: Any, constants: list[float]) -> Iterator[bytes]:
    """Everything that a program computes, as bytes; its constants go to `constants`."""
    inner = _inner(jaxpr)
    for array in jaxpr.consts:
        # A scalar that was made a tensor early, as Keras's L1 makes its strength, is one too.
        if _is_scalar_float(array):
            constants.append(float(array))
            yield f"constant {array.dtype}".encode()
        else:
            yield array_bytes(array)

    atom = _atom_writer(constants)
    yield "; ".join(atom(it) for it in (*inner.constvars, *inner.invars)).encode()
    for equation in inner.eqns:
        yield f"\n{equation.primitive.name} ".encode()
        yield "; ".join(atom(it) for it in equation.invars).encode()
        body = _body(equation)
        if body is not None:
            yield from _describe(body, constants)
        else:
            yield from _describe_parameters(equation.params)
        yield ("->" + "; ".join(atom(it) for it in equation.outvars)).encode()
    yield ("\n" + "; ".join(atom(it) for it in inner.outvars)).encode()


def _atom_writer(constants: list[float]) -> Callable[[Any], str]:
    """What writes the inputs and outputs of equations, by the order in which they are defined."""
    numbers: dict[Any, int] = {}
    kind = functools.cache(str)  # Few kinds of arrays are in a program, and JAX writes them slowly.

    def atom(it: Any) -> str:
        if isinstance(it, Literal):
            if _is_constant(it):
                constants.append(float(it.val))
                return f"constant {kind(it.aval)}"
            return f"{it.val!r} {kind(it.aval)}"
        if it in numbers:
            return str(numbers[it])
        numbers[it] = len(numbers)
        return f"{numbers[it]} {kind(it.aval)}"

    return atom


def _describe_parameters(value: Any) -> Iterator[bytes]:
    """Parameters of an equation that runs as it is, the programs in it (a loop's body) whole."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield f"{name}=".encode()
            yield from _describe_parameters(value[name])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _describe_parameters(item)
    elif hasattr(value, "eqns"):
        # A loop cannot be taken apart here, so that its constants are part of what it is.
        own: list[float] = []
        yield from _describe(value, own)
        yield repr(own).encode()
    elif isinstance(value, np.ndarray | jax.Array):
        yield array_bytes(value)
    else:
        yield _tell(value).encode()


def _tell(value: Any) -> str:
    """A parameter as text that is equal for equal parameters only."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if name and getattr(sys.modules.get(str(module)), name, None) is value:
        return f"{module}.{name}"
    text = repr(value)
    # What is told by its address (a callback into Python) is like no other: addresses are used
    # again.
    return f"{text} {next(_UNIQUE)}" if " at 0x" in text else text


class _Running(NamedTuple):
    """Evaluates a program, its constants as `constant` gives them, in `_describe`'s order."""

    constant: Callable[[Any, Any], Any]
    run_one: Bind

    def run(self, jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        values: dict[Any, Any] = {
            variable: self.constant(array, array.dtype) if _is_scalar_float(array) else array
            for variable, array in zip(jaxpr.constvars, consts, strict=True)
        }
        values |= dict(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Any:
            if _is_constant(atom):
                return self.constant(atom.val, atom.aval.dtype)
            return atom.val if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            inputs = [read(atom) for atom in equation.invars]
            body = _body(equation)
            if body is not None:
                results = self.run(_inner(body), body.consts, inputs)
            else:
                results = self.run_one(equation, inputs)
            values |= dict(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]


def bind(equation: JaxprEqn, inputs: list[Any], **changed: Any) -> list[Any]:
    """Run one equation on its inputs, as `jax.core.eval_jaxpr` does.

    Args:
        equation: The equation.
        inputs: Its inputs.
        **changed: Parameters of the equation to run with in the place of its own.
    """
    primitive: Any = equation.primitive
    bound = primitive.get_bind_params(equation.params | changed)
    # JAX 0.11 gives functions and parameters, 0.12 parameters alone.
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)
    with equation.ctx.manager:
        results = primitive.bind(*functions, *inputs, **parameters)
    return list(results) if primitive.multiple_results else [results]


def avals(atoms: Sequence[Any]) -> list[Any]:
    """The shapes and dtypes of what goes into an equation, or comes out."""
    return [atom.aval for atom in atoms]


def array_bytes(array: Any) -> bytes:
    """An array's dtype, shape and numbers, for a digest."""
    held = np.asarray(array)
    return f"{held.dtype}{held.shape}".encode() + bytes(held.tobytes())
