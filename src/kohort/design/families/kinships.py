"""Members that differ in numbers alone: built and traced, or derived from a few others."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import keras

from kohort.design.families.configurations import Configurations
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.models import State, state_of
from kohort.tracing.derived import Family, Rebuild, Relative, family_of
from kohort.tracing.followed import Numbers

MOST_COURSES = 8
"""Courses that members of one kind may take, for them to be followed."""


@dataclass
class _Course:
    """Members whose code does the same.

    Args:
        member: The plan of the first one, a `MemberPlan`.
        family: What their numbers do.
        configurations: Their configurations; None where Keras cannot write them.
    """

    member: Any
    family: Family
    configurations: Configurations | None


@dataclass
class _Kin:
    """Members that differ in numbers alone.

    Args:
        waiting: A member whose course is not known, and its plan.
        courses: Those known.
        is_unknown: Whether no further course can become known.
    """

    waiting: tuple[Any, Relative] | None = None
    courses: list[_Course] = field(default_factory=list)
    is_unknown: bool = False

    def takes(self, relative: Relative, text: str) -> bool:
        """Let a member join those that take its course; returns whether there are any."""
        for course in self.courses:
            if course.family.learn(relative):
                if course.configurations is not None and text:
                    course.configurations.learn(text, relative.numbers)
                return True
        return False


class Kinships:
    """What is known of members that differ in numbers alone.

    Args:
        room: Bytes that the models of known members may take.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._kin: defaultdict[Hashable, _Kin] = defaultdict(_Kin)

    def derived(self, arguments: Mapping[str, Any], of: Hashable = None) -> "DerivedMember | None":
        """A member as it follows from others; None where it does not.

        Args:
            arguments: Of its build function.
            of: What members have in common that may follow from each other.
        """
        numbers = _numbers(arguments)
        for course in self._kin[of, _choices(arguments)].courses:
            found = course.family.derived(numbers)
            if found is not None:
                configurations = course.configurations
                member = replace(
                    course.member, signature=found.steps.signature, steps=found.steps, model=""
                )
                return DerivedMember(
                    member,
                    course.family.first,
                    found.start,
                    None if configurations is None else configurations.text(numbers),
                )
        return None

    def learn(
        self,
        arguments: Mapping[str, Any],
        member: Any,
        model: keras.Model,
        build: Rebuild,
        batches: tuple[ArrayTree, ArrayTree],
        of: Hashable = None,
    ) -> None:
        """Take note of a member that was built and traced.

        Args:
            arguments: Of its build function.
            member: Its plan, with its configuration.
            model: Its model, prepared.
            build: Builds others that have the same seed.
            batches: Shapes and dtypes of a batch, in training and in evaluation.
            of: As of `derived`.
        """
        numbers, kin = _numbers(arguments), self._kin[of, _choices(arguments)]
        if not numbers or member.steps is None or member.state_bytes > self._room:
            return
        relative = Relative(numbers, model, state_of(model), member.steps)
        joins = kin.takes(relative, member.model)
        if not joins and kin.is_unknown:
            return
        self._room -= member.state_bytes
        if not joins and kin.waiting is not None:
            # A course is followed once there are two members: most choices may have but one.
            first, of_first = kin.waiting
            family = family_of(of_first, build, *batches)
            if family is not None:
                text = first.model
                found = Configurations(text, family) if text else None
                kin.courses.append(_Course(first, family, found))
            kin.is_unknown = family is None or len(kin.courses) == MOST_COURSES
            joins = kin.takes(relative, member.model)
            kin.waiting = None
        if not joins and not kin.is_unknown:
            kin.waiting = member, relative


class DerivedMember(NamedTuple):
    """A member as it follows from others.

    Args:
        member: Its plan, without its configuration and of the first one's variant.
        first: Another member, with other numbers.
        start: The state with which it begins.
        text: Its configuration; None where it does not follow.
    """

    member: Any
    first: Relative
    start: State
    text: str | None

    @property
    def evaluates_as_first(self) -> bool:
        """Whether the first one's model gives what its own would, with its weights.

        The slope of an activation is in what a model predicts, and in its evaluation. So is a
        penalty in the evaluation alone, where nothing tells the two apart.
        """
        traces = self.first.steps.traces
        return all(
            repr(trace.constants) == repr(traces[name].constants)
            for name, trace in self.member.steps.traces.items()
            if name.startswith("test")
        )

    @property
    def begins_as_first(self) -> bool:
        """Whether its loss before training is the first one's: weights and evaluation are equal."""
        weights, of_first = (jax.tree.leaves(s[:2]) for s in (self.start, self.first.start))
        is_same = all(a is b for a, b in zip(weights, of_first, strict=True))
        return is_same and self.evaluates_as_first


_PLAIN = (int, str, bool, bytes, type(None))


def relatives_of(arguments: Mapping[str, Any], build: Hashable) -> Hashable:
    """Equal for members of one build function that differ in numbers alone."""
    return build, _choices(arguments)


def _numbers(arguments: Mapping[str, Any]) -> Numbers:
    """The arguments that are floats."""
    return {name: value for name, value in arguments.items() if type(value) is float}


def _choices(arguments: Mapping[str, Any]) -> Hashable:
    """The other arguments, and the names of all: equal for members that differ in numbers alone."""
    return tuple(
        (name, float if type(value) is float else _choice(value))
        for name, value in sorted(arguments.items())
    )


def _choice(value: Any) -> Hashable:
    """What tells values apart; of those that are not plain each object by itself."""
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_choice, value))
    is_plain = type(value) in (*_PLAIN, float)
    return type(value), repr(value) if is_plain else id(value)
