"""A step for full batches that also trains on a partial one, filled up with other rows.

Keras's step is another program for the last, smaller batch of an epoch: its code is compiled twice,
which takes most of the time that a first epoch takes. The traces of both differ in the sizes of
arrays along the batch, and in numbers that come of its size, such as the count by which a mean is
divided. So the trace of the full batch serves both: the rows that fill up a batch are made zero
wherever an operation sums over rows (`tracing.row_rules`), and numbers are chosen by the size of
the batch. Where traces differ in anything else, or an operation is not known to keep rows apart,
there are two programs.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal

from kohort.tracing.jaxpr import (
    AsConstants,
    Bind,
    array_bytes,
    avals,
    bind,
    body_of,
    inner_jaxpr,
    loop_inputs,
)
from kohort.tracing.lifting import Trace, is_constant, is_lifted, parameter_bytes
from kohort.tracing.row_rules import BatchAxis, UnknownError, Use, expect, masks_of

# Parameters that hold shapes, which are compared where the arrays are.
_SHAPES = {"shape", "new_sizes", "limit_indices"}


class _Operation(NamedTuple):
    """An equation for a full and for a partial batch.

    Args:
        full: For a full batch.
        partial: For a partial batch.
        masked: The inputs of which the rows that do not count must be zero, and these rows.
        body: Of a call or a loop that does so or chooses numbers inside; None of others.
    """

    full: JaxprEqn
    partial: JaxprEqn
    masked: tuple[tuple[int, BatchAxis], ...] = ()
    body: "_Program | None" = None


class _Program(NamedTuple):
    """A program for a full and for a partial batch, equation by equation."""

    full: Any
    partial: Any
    operations: tuple[_Operation, ...]


class Padded(NamedTuple):
    """A step for a full batch and for a partial one that is filled up.

    Args:
        full: The trace of the full batch.
        partial: The trace of the partial one.
        program: Both, equation by equation.
    """

    full: Trace
    partial: Trace
    program: _Program

    @classmethod
    def of(cls, full: Trace, partial: Trace) -> "Padded | None":
        """The step of two traces; None where that of the full batch may not serve both."""
        same = full.logs == partial.logs and full.out_tree == partial.out_tree
        if not same or len(full.constants) != len(partial.constants):
            return None
        try:
            program = _aligned(full.jaxpr, partial.jaxpr)
            expect(not any(_rows(*pair) for pair in _pairs(program.full, program.partial, "out")))
        except UnknownError:
            return None
        return cls(full, partial, program)

    def lifted(
        self, positions: Sequence[int], partial_positions: Sequence[int], run_one: Bind = bind
    ) -> Callable[..., Any]:
        """The function `(is_full, values, partial_values, *arguments) -> result`.

        Args:
            positions: Of the constants of the full trace that `values` replace; see `Trace.lifted`.
            partial_positions: Of those of the partial one.
            run_one: The function that runs one equation.
        """

        def run(
            is_full: Any, values: Sequence[Any], partial_values: Sequence[Any], *arguments: Any
        ) -> Any:
            inputs = dict(zip(positions, values, strict=True))
            partial_inputs = dict(zip(partial_positions, partial_values, strict=True))
            numbers = iter(range(len(self.full.constants)))
            standing = AsConstants(run_one)

            def constant(traced: Any, partial: Any, dtype: Any) -> Any:
                number = next(numbers)
                one = inputs.get(number, traced)
                other = partial_inputs.get(number, partial)
                return standing.noted(_chosen(is_full, one, other, dtype))

            running = _Running(constant, is_full, standing.run)
            results = running.run(self.program, jax.tree.leaves(arguments))
            return jax.tree.unflatten(self.full.out_tree, results)

        return run


def _aligned(full: Any, partial: Any) -> _Program:
    """Two programs, equation by equation.

    Raises:
        UnknownError: They are not the same but for the rows of a batch.
    """
    inner, other = inner_jaxpr(full), inner_jaxpr(partial)
    names: dict[Any, Any] = {}

    def define(ours: Sequence[Any], theirs: Sequence[Any]) -> None:
        expect(len(ours) == len(theirs))
        for pair in zip(ours, theirs, strict=True):
            _rows(*pair)
            names[pair[0]] = pair[1]

    def read(ours: Sequence[Any], theirs: Sequence[Any]) -> None:
        expect(len(ours) == len(theirs))
        for one, another in zip(ours, theirs, strict=True):
            is_number = isinstance(one, Literal), isinstance(another, Literal)
            expect(all(is_number) or (not any(is_number) and names.get(one) is another))

    define(inner.constvars, other.constvars)
    expect(not any(map(_rows, inner.constvars, other.constvars)))
    define(inner.invars, other.invars)
    expect(len(inner.eqns) == len(other.eqns))
    operations = []
    for one, another in zip(inner.eqns, other.eqns, strict=True):
        expect(one.primitive is another.primitive)
        read(one.invars, another.invars)
        define(one.outvars, another.outvars)
        operations.append(_operation(one, another))
    read(inner.outvars, other.outvars)
    return _Program(full, partial, tuple(operations))


def _operation(full: JaxprEqn, partial: JaxprEqn) -> _Operation:
    bodies = body_of(full), body_of(partial)
    if bodies[0] is not None:
        return _Operation(full, partial, body=_aligned(*bodies))
    if full.primitive.name == "scan":
        return _loop(full, partial)
    inputs = [_rows(*pair) for pair in _pairs(full, partial, "in")]
    outputs = [_rows(*pair) for pair in _pairs(full, partial, "out")]
    expect(_same_parameters(full, partial))
    if not any(inputs) and not any(outputs):
        return _Operation(full, partial)
    shapes, given = ([aval.shape for aval in avals(a)] for a in (full.invars, full.outvars))
    dtypes = [aval.dtype for aval in avals(full.invars)]
    use = Use(full.params, shapes, dtypes, inputs, outputs, given)
    masks = masks_of(full.primitive.name, use)
    return _Operation(full, partial, tuple((place, use.rows(place)) for place in masks))


def _loop(full: JaxprEqn, partial: JaxprEqn) -> _Operation:
    if parameter_bytes(full.params) == parameter_bytes(partial.params):
        return _Operation(full, partial)
    for name in ("length", "reverse", "unroll"):
        expect(full.params[name] == partial.params[name])
    expect(loop_inputs(full) == loop_inputs(partial))
    body = _aligned(full.params["jaxpr"], partial.params["jaxpr"])
    expect(not full.params["jaxpr"].consts)
    return _Operation(full, partial, body=body if _differs(body) else None)


def _differs(program: _Program) -> bool:
    """Whether a program masks anything, or chooses numbers."""
    return any(
        operation.masked
        or any(
            isinstance(one, Literal) and repr(one.val) != repr(another.val)
            for one, another in _pairs(operation.full, operation.partial, "in")
        )
        or (operation.body is not None and _differs(operation.body))
        for operation in program.operations
    )


def _same_parameters(full: JaxprEqn, partial: JaxprEqn) -> bool:
    ours, theirs = (
        {name: value for name, value in equation.params.items() if name not in _SHAPES}
        for equation in (full, partial)
    )
    return parameter_bytes(ours) == parameter_bytes(theirs)


def _pairs(full: Any, partial: Any, side: str) -> Iterator[tuple[Any, Any]]:
    """The inputs or outputs of two equations or programs, pair by pair."""
    ours, theirs = (
        getattr(part if hasattr(part, "invars") else inner_jaxpr(part), f"{side}vars")
        for part in (full, partial)
    )
    return zip(ours, theirs, strict=True)


def _rows(full: Any, partial: Any) -> BatchAxis | None:
    """Along which axis two arrays differ; None where their shapes are the same.

    Raises:
        UnknownError: They differ in anything else.
    """
    one, other = full.aval, partial.aval
    expect(one.dtype == other.dtype and len(one.shape) == len(other.shape))
    pairs = list(zip(one.shape, other.shape, strict=True))
    different = [axis for axis, (ours, theirs) in enumerate(pairs) if ours != theirs]
    if not different:
        return None
    (axis, *more), (ours, theirs) = different, pairs[different[0]]
    expect(not more and ours > theirs)
    return BatchAxis(axis, ours, theirs)


def _chosen(is_full: Any, full: Any, partial: Any, dtype: Any) -> Any:
    """One of two constants, by the size of the batch."""
    if full is partial or _are_equal(full, partial):
        return jnp.asarray(full, dtype) if isinstance(full, jax.core.Tracer) else full
    return jnp.where(is_full, jnp.asarray(full, dtype), jnp.asarray(partial, dtype))


def _are_equal(full: Any, partial: Any) -> bool:
    if any(isinstance(value, jax.core.Tracer) for value in (full, partial)):
        return False
    return array_bytes(np.asarray(full)) == array_bytes(np.asarray(partial))


class _Running(NamedTuple):
    """Evaluates a program on a full or a filled up batch.

    Args:
        constant: Gives its constants, asked for in the order of `Trace.constants`.
        is_full: Whether the batch is full; bool scalar.
        run_one: Runs one equation.
    """

    constant: Callable[[Any, Any, Any], Any]
    is_full: Any
    run_one: Bind

    def run(self, program: _Program, arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a program for its arguments."""
        full, values = inner_jaxpr(program.full), {}
        captured = zip(full.constvars, program.full.consts, program.partial.consts, strict=True)
        for variable, one, other in captured:
            choose = self.constant if is_lifted(one) else partial(_chosen, self.is_full)
            values[variable] = choose(one, other, one.dtype)
        values |= dict(zip(full.invars, arguments, strict=True))
        for operation in program.operations:
            pairs = _pairs(operation.full, operation.partial, "in")
            inputs = [self._read(values, *pair) for pair in pairs]
            results = self._run(operation, inputs)
            values |= dict(zip(operation.full.outvars, results, strict=True))
        return [self._read(values, *p) for p in _pairs(program.full, program.partial, "out")]

    def _read(self, values: dict[Any, Any], full: Any, other: Any) -> Any:
        if is_constant(full):
            return self.constant(full.val, other.val, full.aval.dtype)
        if isinstance(full, Literal):
            (aval,) = avals([full])
            return _chosen(self.is_full, full.val, other.val, aval.dtype)
        return values[full]

    def _run(self, operation: _Operation, inputs: list[Any]) -> list[Any]:
        body = operation.body
        if operation.full.primitive.name == "scan" and body is not None:
            return self._looped(operation, body, inputs)
        if body is not None:
            return self.run(body, inputs)
        for place, rows in operation.masked:
            inputs[place] = self._masked(inputs[place], rows)
        return self.run_one(operation.full, inputs)

    def _masked(self, array: Any, rows: BatchAxis) -> Any:
        """An array in which the rows that do not count are zero."""
        counted = jnp.where(self.is_full, rows.full, rows.partial)
        counts = jax.lax.broadcasted_iota(jnp.int32, array.shape, rows.axis) < counted
        return jnp.where(counts, array, jnp.zeros((), array.dtype))

    def _looped(self, operation: _Operation, body: _Program, inputs: list[Any]) -> list[Any]:
        """A loop, whose constants are those that it was traced with."""
        running = _Running(partial(_chosen, self.is_full), self.is_full, bind)
        told, (captured, carried) = operation.full.params, loop_inputs(operation.full)
        fixed, carry, read = (
            inputs[:captured],
            inputs[captured : captured + carried],
            inputs[captured + carried :],
        )

        def one(carry: list[Any], read: list[Any]) -> tuple[list[Any], list[Any]]:
            results = running.run(body, [*fixed, *carry, *read])
            return results[:carried], results[carried:]

        carry, stacked = jax.lax.scan(
            one, carry, read, told["length"], reverse=told["reverse"], unroll=told["unroll"]
        )
        return [*carry, *stacked]
