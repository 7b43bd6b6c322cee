"""Makes a number equal to itself where it is compared with the largest or smallest of several.

XLA may compute a number anew in each kernel that reads it, and round it otherwise there: then the
largest of three colours equals none of them, and Keras's hue of a pixel is that of another colour.
So such numbers are stored before they are compared.
"""

from collections.abc import Set
from typing import Any

from jax.extend.core import JaxprEqn, Literal

from kohort.engine.lowering.buffers import stored
from kohort.tracing.jaxpr import Bind, equations

_CHOICES = ("max", "min")


def compared_with_a_choice(jaxpr: Any) -> Set[Any]:
    """The variables of a program that are compared with the largest or smallest of them."""
    made = {out: equation for equation in equations(jaxpr) for out in equation.outvars}

    def chosen_from(atom: Any) -> Set[Any]:
        if isinstance(atom, Literal):
            return set()
        equation = made.get(atom)
        if equation is None or equation.primitive.name not in _CHOICES:
            return {atom}
        return set[Any]().union(*map(chosen_from, equation.invars))

    found = set[Any]()
    for equation in equations(jaxpr):
        if equation.primitive.name == "eq":
            sides = [chosen_from(atom) for atom in equation.invars]
            if sides[0] & sides[1] and sides[0] != sides[1]:
                found |= sides[0] | sides[1]
    return found


def storing(variables: Set[Any], run_one: Bind) -> Bind:
    """A function that runs one equation, and stores those of its results that are told.

    Args:
        variables: Of the program.
        run_one: The function that runs one equation.
    """

    def run(equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
        results = run_one(equation, inputs)
        return [
            stored(result) if variable in variables else result
            for variable, result in zip(equation.outvars, results, strict=True)
        ]

    return run if variables else run_one
