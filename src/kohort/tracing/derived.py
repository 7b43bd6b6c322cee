"""Families: models that one function builds, which differ in numbers among its arguments.

Building, preparing and tracing a model takes some 50 ms, and a search has hundreds of them. A few
members of a family are built and traced as ever. One of these is then built once more with
`Followed` numbers, which show how its code came to each constant of the traces and to each number
of the first state, and under which conditions it takes this course. What another member would be
follows from its numbers, to the last bit:

- its numbers must meet the conditions;
- a constant is what it was, or the expression whose value it had. As long as both are possible,
  and they differ for the new numbers, the new member is traced, which leaves one;
- each number that JAX has taken must be seen in a constant or in the state; else it is hidden in an
  array, such as a first weight.

Where anything cannot be followed there is no family. The function must depend on its arguments
alone, and on the seed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import keras
import numpy as np

from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.kept_numbers import as_they_are
from kohort.keras_api.models import State, has_own_code, prepare, state_of
from kohort.tracing.followed import Followed, Numbers, Trail
from kohort.tracing.lifting import Trace
from kohort.tracing.meanings import Meanings, Observed, observed, observed_state, same
from kohort.tracing.signature import (
    TracedSteps,
    constants_digest,
    global_settings,
    step_name,
    trace_step,
    trace_steps,
)

type Rebuild = Callable[[Mapping[str, Any]], keras.Model]
"""Builds the member of a family that has these numbers; always from the same seed."""


class Relative(NamedTuple):
    """A member of a family that was built and traced.

    Args:
        numbers: Its numbers.
        model: Prepared.
        start: Its state before it has trained.
        steps: Its steps.
    """

    numbers: Numbers
    model: keras.Model
    start: State
    steps: TracedSteps


class Derived(NamedTuple):
    """A member of a family that was neither built nor traced.

    Args:
        steps: Its steps.
        start: The state with which it begins.
    """

    steps: TracedSteps
    start: State


@dataclass(frozen=True, eq=False)
class DerivedSteps(TracedSteps):
    """Steps whose constants follow from the numbers of a family's member.

    Args: as of `TracedSteps`, and
        follow: Returns the trace of one more step; None where it does not follow.
        build: Builds and prepares the member itself.
    """

    follow: Callable[[str, ArrayTree], Trace | None]
    build: Callable[[], keras.Model]

    def further(self, model: keras.Model, step: str, batch: ArrayTree) -> Trace:
        """As of `TracedSteps`; `model` may be any member of the family."""
        del model
        followed = self.follow(step, batch) if self.settings == global_settings() else None
        return followed or trace_step(self.build(), step, batch)


def family_of(
    relative: Relative, build: Rebuild, batch: ArrayTree, tested: ArrayTree = None
) -> "Family | None":
    """The family of a model; None where what its numbers do cannot be followed.

    Args:
        relative: The model.
        build: Builds its relatives.
        batch: As for `trace_steps`.
        tested: As for `trace_steps`.
    """
    trail = Trail(relative.numbers)

    def prepared(numbers: Mapping[str, Any]) -> keras.Model:
        model = build(numbers)
        prepare(model, batch)
        return model

    try:
        with _following(trail):
            model = prepared(trail.followed)
            start = observed_state(state_of(model))
            steps = trace_steps(model, batch, tested=tested)
    except Exception:  # noqa: BLE001 (whatever code does with a number of a kind that it has not met)
        return None
    of_relative = relative.steps
    is_same = steps.signature == of_relative.signature and steps.settings == of_relative.settings
    is_same = is_same and same(start, observed_state(relative.start))
    if trail.has_escaped or not is_same or has_own_code(relative.model):
        return None
    return Family(relative, model, trail, start, list(steps.traces), prepared)


class Family:
    """A family, and what its known members say of the others.

    Args:
        first: A member of it.
        followed: The model of this member, built of followed numbers.
        trail: What its code does with them.
        start: The numbers of the state with which it begins.
        names: Of the steps that `trace_steps` traces; others are traced when they are needed.
        build: Builds and prepares a member.
    """

    def __init__(
        self,
        first: Relative,
        followed: keras.Model,
        trail: Trail,
        start: Sequence[Observed],
        names: Sequence[str],
        build: Rebuild,
    ) -> None:
        self.first = first
        self._followed, self._trail, self._build = followed, trail, build
        self._known = [first]
        self._start = Meanings(start, trail.taken, first.numbers)
        self._steps: dict[str, Meanings | None] = {
            name: Meanings(observed(first.steps.traces[name]), trail.taken, first.numbers)
            for name in names
        }
        self._batches: dict[str, tuple[str, ArrayTree]] = {}  # of steps that were traced later

    def meanings(self, values: Sequence[Observed]) -> Meanings:
        """What other numbers of the first member may be, such as those of its configuration."""
        numbers = self.first.numbers
        return Meanings(values, [*numbers, *self._trail.taken], numbers)

    def learn(self, relative: Relative) -> bool:
        """Take note of a further member that was built and traced.

        Returns:
            False if its code takes another course than that of the first one.
        """
        if not self._takes_course(relative.numbers):
            return False
        self._known.append(relative)
        if relative.steps.signature.skeleton != self.first.steps.signature.skeleton:
            self._start.is_sound = False  # What builds them depends on more than their numbers.
        self._start.rule_out(observed_state(relative.start), relative.numbers)
        for name, readings in self._steps.items():
            if readings is not None:
                readings.rule_out(observed(self._trace_of(relative, name)), relative.numbers)
        return True

    def derived(self, numbers: Numbers) -> Derived | None:
        """The member that has these numbers; None where it does not follow from those known."""
        steps = self.first.steps
        if global_settings() != steps.settings or not self._holds(numbers):
            return None
        start = self._start_for(numbers)
        names = [name for name in self._steps if name not in self._batches]
        traces = {name: self._trace_for(name, numbers) for name in names}
        sound = {name: trace for name, trace in traces.items() if trace is not None}
        if start is None or len(sound) < len(traces):
            return None
        found = replace(steps.signature, constants=constants_digest(sound.values()))
        return Derived(
            DerivedSteps(
                found,
                sound,
                steps.settings,
                steps.batches,
                lambda step, batch: self._further(step, batch, numbers),
                lambda: self._build(numbers),
            ),
            start,
        )

    def _holds(self, numbers: Numbers) -> bool:
        """Whether a member takes the course, and all that its code gave to JAX is seen."""
        readings = [self._start, *filter(None, self._steps.values())]
        seen = {expression for each in readings for expression in each.expressions}
        is_sound = all(each.is_sound for each in readings) and self._trail.taken.keys() <= seen
        return is_sound and self._takes_course(numbers)

    def _takes_course(self, numbers: Numbers) -> bool:
        try:
            return self._trail.holds(numbers)
        except ArithmeticError:
            return False

    def _start_for(self, numbers: Numbers) -> State | None:
        values = self._start.values(numbers)
        if values is None:
            return None
        leaves, structure = jax.tree.flatten(self.first.start)
        # What is no single number is as it was: see `_holds`.
        changed = [
            np.asarray(value, leaf.dtype) if isinstance(value, float) else leaf
            for leaf, value in zip(leaves, values, strict=True)
        ]
        state: State = jax.tree.unflatten(structure, changed)
        return state

    def _trace_for(self, name: str, numbers: Numbers) -> Trace | None:
        readings = self._steps[name]
        values = None if readings is None else readings.values(numbers)
        if values is None:
            return None
        trace = self.first.steps.traces[name]
        constants = tuple(
            value if isinstance(value, float) else constant
            for value, constant in zip(values, trace.constants, strict=True)
        )
        return replace(trace, constants=constants)

    def _further(self, step: str, batch: ArrayTree, numbers: Numbers) -> Trace | None:
        """The trace of one more step of a member; None where it does not follow."""
        name = step_name(step, batch)
        if name not in self._steps:
            self._batches[name] = step, batch
            self._steps[name] = self._readings_of(name)
        return self._trace_for(name, numbers) if self._holds(numbers) else None

    def _readings_of(self, name: str) -> "Meanings | None":
        first = self._trace_of(self.first, name)
        try:
            with _following(self._trail):
                followed = trace_step(self._followed, *self._batches[name])
        except Exception:  # noqa: BLE001 (as above)
            return None
        if followed.digest != first.digest:
            return None
        readings = Meanings(observed(first), self._trail.taken, self.first.numbers)
        for relative in self._known[1:]:
            readings.rule_out(observed(self._trace_of(relative, name)), relative.numbers)
        return readings

    def _trace_of(self, relative: Relative, name: str) -> Trace:
        """The trace of a step of a known member."""
        traces = relative.steps.traces
        if name not in traces:
            traces[name] = trace_step(relative.model, *self._batches[name])
        return traces[name]


@contextmanager
def _following(trail: Trail) -> Iterator[None]:
    with as_they_are(lambda value: type(value) is Followed), trail.open():
        yield
