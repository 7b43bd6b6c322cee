"""Joins convolutions in a program: those of the same images, and those that are added up.

Keras's `ConvLSTM2D` convolves its images and its state for each of four gates, and its gradient
does so backwards. Four convolutions of the same images are one with four times the filters, and a
sum of four is one with four times the features; narrow ones run far below what the processor can
do.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.extend.core import Jaxpr, JaxprEqn, Literal

from kohort.tracing.jaxpr import Bind, avals, body_of, inner_jaxpr

_CONVOLUTION, _SUM = "conv_general_dilated", "add_any"


class _Sum(NamedTuple):
    """Convolutions that are alike but for what they read, to be added up once the sum is read."""

    equation: JaxprEqn
    images: list[Any]
    kernels: list[Any]


def run_joined(
    jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any], run_one: Bind
) -> list[Any]:
    """The outputs of a program, whose convolutions are joined where they can be.

    Args:
        jaxpr: The program.
        consts: The arrays that it has captured.
        arguments: Its inputs.
        run_one: Runs one equation.
    """
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *arguments), strict=True))
    running = _Running(values, _reads(jaxpr), run_one)
    for number, equation in enumerate(jaxpr.eqns):
        if not any(out in values for out in equation.outvars):  # Else it was joined before.
            values |= running.results(equation, jaxpr.eqns[number + 1 :])
    return list(map(running.read, jaxpr.outvars))


class _Running(NamedTuple):
    """A run of a program: what its variables are by now, and how often each is read."""

    values: dict[Any, Any]
    reads: Counter[Any]
    run_one: Bind

    def read(self, atom: Any) -> Any:
        """An array; a sum that waits is computed, with all that read the same images."""
        if isinstance(atom, Literal):
            return atom.val
        value = self.values[atom]
        if isinstance(value, _Sum):
            same = [other for other, held in self.values.items() if _reads_the_same(held, value)]
            self.values.update(self._computed(value, same if len(value.images) == 1 else [atom]))
        return self.values[atom]

    def _computed(self, one: _Sum, variables: list[Any]) -> dict[Any, Any]:
        """Sums of the same images, by variable, as one convolution of all features and filters."""
        numbers = one.equation.params["dimension_numbers"]
        kernels = [
            _side_by_side(self.values[variable].kernels, numbers.rhs_spec[1])
            for variable in variables
        ]
        inputs = [
            _side_by_side(one.images, numbers.lhs_spec[1]),
            _side_by_side(kernels, numbers.rhs_spec[0]),
        ]
        (result,) = self.run_one(one.equation, inputs)
        parts = jnp.split(result, len(variables), numbers.out_spec[1])
        return dict(zip(variables, parts, strict=True))

    def results(self, equation: JaxprEqn, later: Sequence[JaxprEqn]) -> dict[Any, Any]:
        """The results of an equation, and of those that are joined with it, by variable."""
        if _is_joinable(equation):
            return self._of_convolutions(equation, later)
        if equation.primitive.name == _SUM and (addends := self._addends(equation)):
            images = [one for held in addends for one in held.images]
            kernels = [one for held in addends for one in held.kernels]
            for atom in equation.invars:
                del self.values[atom]  # Nothing else reads them: none is to be computed alone.
            return {equation.outvars[0]: _Sum(addends[0].equation, images, kernels)}
        inputs, body = list(map(self.read, equation.invars)), body_of(equation)
        if body is None:
            results = self.run_one(equation, inputs)
        else:
            results = run_joined(inner_jaxpr(body), body.consts, inputs, self.run_one)
        return dict(zip(equation.outvars, results, strict=True))

    def _of_convolutions(self, equation: JaxprEqn, later: Sequence[JaxprEqn]) -> dict[Any, Any]:
        """Sums of one, which wait; of those after it that could be computed now, too."""
        images = self.read(equation.invars[0])
        same = [
            other
            for other in later
            if _are_alike(equation, other)
            and other.invars[0] is equation.invars[0]
            and other.invars[1] in self.values
        ]
        return {
            one.outvars[0]: _Sum(one, [images], [self.read(one.invars[1])])
            for one in (equation, *same)
        }

    def _addends(self, equation: JaxprEqn) -> list[_Sum]:
        """The sums that a sum is of, where they are alike and read by nothing else; or none."""
        variables = [atom for atom in equation.invars if not isinstance(atom, Literal)]
        once = [self.values[atom] for atom in variables if self.reads[atom] == 1]
        sums = [value for value in once if isinstance(value, _Sum)]
        are_alike = len(sums) == 2 and _are_alike(*(held.equation for held in sums))
        return sums if are_alike else []


def _reads(jaxpr: Jaxpr) -> Counter[Any]:
    """How often each variable is read, the outputs of the program included."""
    atoms = (*(atom for one in jaxpr.eqns for atom in one.invars), *jaxpr.outvars)
    return Counter(atom for atom in atoms if not isinstance(atom, Literal))


def _is_joinable(equation: JaxprEqn) -> bool:
    """Whether an equation is a convolution without groups, of two variables."""
    if equation.primitive.name != _CONVOLUTION:
        return False
    groups = {equation.params[f"{kind}_group_count"] for kind in ("feature", "batch")}
    return groups == {1} and not any(isinstance(atom, Literal) for atom in equation.invars)


def _are_alike(one: JaxprEqn, other: JaxprEqn) -> bool:
    """Whether an equation is a convolution, as another is, of the same shapes and read alike."""
    if not _is_joinable(other) or one.params != other.params:
        return False
    of_one, of_other = (
        [(aval.shape, aval.dtype) for aval in avals(equation.invars)] for equation in (one, other)
    )
    return of_one == of_other


def _reads_the_same(held: Any, value: _Sum) -> bool:
    """Whether what is held is a sum of one, of the same images as another and read alike."""
    return (
        isinstance(held, _Sum)
        and len(held.images) == 1
        and held.images[0] is value.images[0]
        and _are_alike(held.equation, value.equation)
    )


def _side_by_side(arrays: list[Any], axis: int) -> Any:
    return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays, axis)
