"""Walks over JAX's programs (jaxprs): reads them, and runs one equation."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend.core import Jaxpr, JaxprEqn

# Calls that can be replaced by their body, so that constants in the body can become inputs.
_BODIES = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}

type Bind = Callable[[JaxprEqn, list[Any]], list[Any]]
"""A function that runs one equation on its inputs and returns its outputs."""


def bind(equation: JaxprEqn, inputs: list[Any], **changed: Any) -> list[Any]:
    """Run one equation on its inputs, as `jax.core.eval_jaxpr` does.

    Args:
        equation: The equation.
        inputs: Its input arrays, in the order of `equation.invars`.
        **changed: Parameters that replace those of the equation.

    Returns:
        Its output arrays, in the order of `equation.outvars`.
    """
    primitive: Any = equation.primitive
    bound = primitive.get_bind_params(equation.params | changed)
    # JAX 0.11 gives functions and parameters, 0.12 parameters alone.
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)
    with equation.ctx.manager:
        results = primitive.bind(*functions, *inputs, **parameters)
    return list(results) if primitive.multiple_results else [results]


def rewritten(jaxpr: Any, run: Callable[[Jaxpr, Sequence[Any], Sequence[Any]], Any]) -> Any:
    """The same program, run in another way: a loop's body, for instance.

    Args:
        jaxpr: The program.
        run: Its outputs, of the program, the arrays that it has captured, and its inputs.
    """
    inner = inner_jaxpr(jaxpr)
    inputs = [
        jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)  # type: ignore[no-untyped-call]
        for aval in avals(inner.invars)
    ]
    return jax.make_jaxpr(lambda *given: run(inner, jaxpr.consts, given))(*inputs)


class AsConstants:
    """Runs the equations of a program in which constants have become inputs, to the same numbers.

    XLA turns a division by a constant into a product with its reciprocal, which rounds otherwise;
    where the quotient is rounded down next, as in a learning rate that falls in steps, that may be
    another step. So the same is done here for an input that stands for a constant.

    Args:
        run_one: The function that runs one equation.
    """

    def __init__(self, run_one: Bind) -> None:
        self._run_one = run_one
        self._standing: dict[int, Any] = {}  # Kept alive, so that no other gets its id.

    def noted(self, value: Any) -> Any:
        """A value that stands for a constant, of which note is taken."""
        if isinstance(value, jax.core.Tracer):
            self._standing[id(value)] = value
        return value

    def run(self, equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
        """Run one equation, as `Bind` does."""
        stand = [id(value) in self._standing for value in inputs]
        known = [
            stands or not isinstance(value, jax.core.Tracer)
            for stands, value in zip(stand, inputs, strict=True)
        ]
        if equation.primitive.name == "div" and known == [False, True] and stand[1]:
            divided, divisor = inputs
            # Narrower numbers are divided in float32, and rounded once.
            if divisor.dtype in ("float32", "float64"):
                return [lax.mul(divided, lax.div(lax.full_like(divisor, 1), divisor))]
        results = self._run_one(equation, inputs)
        return list(map(self.noted, results)) if any(stand) and all(known) else results


def avals(atoms: Sequence[Any]) -> list[Any]:
    """The abstract values (shape and dtype) of inputs or outputs of an equation."""
    return [atom.aval for atom in atoms]


def array_bytes(array: Any) -> bytes:
    """An array's dtype (of keys their kind), shape and numbers as bytes, for a digest."""
    is_keys = jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key)
    values = np.asarray(jax.random.key_data(array) if is_keys else array)
    return f"{array.dtype}{values.shape}".encode() + bytes(values.tobytes())


def inner_jaxpr(jaxpr: Any) -> Jaxpr:
    """The program without its captured arrays, which older versions of JAX keep in a wrapper."""
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    return inner


def body_of(equation: JaxprEqn) -> Any:
    """The program that an equation calls; None where it is no call that its body can replace."""
    name = _BODIES.get(equation.primitive.name)
    return None if name is None else equation.params[name]


def loop_inputs(equation: JaxprEqn) -> tuple[int, int]:
    """How many inputs of a scan its body captures, and how many it carries; the rest it reads."""
    parts = equation.params.get("ft_in")  # JAX 0.11 tells the numbers themselves.
    if parts is None:
        return equation.params["num_consts"], equation.params["num_carry"]
    captured, carried, _ = parts.unpack()
    return len(captured.vals), len(carried.vals)


def equations(jaxpr: Any) -> Iterator[JaxprEqn]:
    """All equations of a program, including those of the programs in it."""
    return (equation for equation, _ in counted(jaxpr))


def counted(jaxpr: Any, times: int = 1) -> Iterator[tuple[JaxprEqn, int]]:
    """All equations of a program, and how often each is run where the program runs so many times.

    Of a loop that runs until something is so, one pass is counted.
    """
    for equation in inner_jaxpr(jaxpr).eqns:
        yield equation, times
        passes = equation.params["length"] if equation.primitive.name == "scan" else 1
        for value in equation.params.values():
            for part in value if isinstance(value, list | tuple) else (value,):
                if hasattr(part, "eqns") or hasattr(part, "jaxpr"):
                    yield from counted(part, times * passes)


PRODUCTS = ("dot_general", "conv_general_dilated")
"""The names of operations that add up products."""


def terms_in_product(product: JaxprEqn) -> float:
    """How many terms are added up for each number of a matrix product or a convolution.

    Of a convolution those are not counted that dilation of its input makes zero.
    """
    shapes: list[tuple[int, ...]] = [aval.shape for aval in avals(product.invars)]
    left, right = shapes
    numbers = product.params["dimension_numbers"]
    if product.primitive.name == "conv_general_dilated":
        zeros: tuple[int, ...] = product.params["lhs_dilation"]
        return float(math.prod(right) / right[numbers.rhs_spec[0]] / math.prod(zeros))
    (axes, _), _ = numbers
    return float(math.prod(left[axis] for axis in axes))


def conversions(jaxpr: Jaxpr, variable: Any) -> set[Any]:
    """The dtypes to which a program converts an input; None stands for any other use."""
    dtypes: set[Any] = {None} if any(atom is variable for atom in jaxpr.outvars) else set()
    for equation in jaxpr.eqns:
        body = body_of(equation)
        for position, atom in enumerate(equation.invars):
            if atom is not variable:
                continue
            if equation.primitive.name == "convert_element_type":
                dtypes.add(equation.params["new_dtype"])
            elif body is not None:
                inner = inner_jaxpr(body)
                dtypes |= conversions(inner, inner.invars[position])
            else:
                dtypes.add(None)
    return dtypes


def draws_once_for_all(equation: JaxprEqn) -> bool:
    """Whether an equation draws random numbers that are others where members run side by side.

    Of the keys of several members, XLA's own generator, JAX's "rbg" and "unsafe_rbg", reads the
    first alone.
    """
    name = equation.primitive.name
    if not name.startswith("random_"):
        return name in ("rng_bit_generator", "rng_uniform")
    return any(str(aval.dtype) in ("key<rbg>", "key<urbg>") for aval in avals(equation.invars))


def is_call_to_python(equation: JaxprEqn) -> bool:
    """Whether an equation calls Python at run time, in a way that cannot be vmapped as it is."""
    name = equation.primitive.name
    # Without a method for it, a pure callback cannot be run for many members at once.
    return name == "io_callback" or (
        name == "pure_callback" and equation.params.get("vmap_method") is None
    )
