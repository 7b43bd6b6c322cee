"""The models of trials: built and traced, or derived from those of a few others."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import keras

from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan, make_plan
from kohort.design.replicates import Replicate
from kohort.design.searches.draws import Draw
from kohort.design.searches.search_spec import SearchSpec
from kohort.design.spec import StudySpec
from kohort.engine.loop.state import Start
from kohort.keras_api.models import State, state_of
from kohort.tracing.derived import Family, Relative, family_of
from kohort.tracing.eligibility import StepTracer
from kohort.tracing.followed import Numbers

MOST_COURSES = 8
"""Courses that trials of one kind may take, for them to be followed."""


@dataclass
class _Course:
    """Trials whose code does the same.

    Args:
        member: The plan of the first one.
        family: What their numbers do.
    """

    member: MemberPlan
    family: Family


@dataclass
class _Kin:
    """Trials that differ in numbers alone.

    Args:
        waiting: A trial whose course is not known, and its plan.
        courses: Those known.
        is_unknown: Whether no further course can become known.
    """

    waiting: tuple[MemberPlan, Relative] | None = None
    courses: list[_Course] = field(default_factory=list)
    is_unknown: bool = False

    def takes(self, relative: Relative) -> bool:
        """Let a trial join those that take its course; returns whether there are any."""
        return any(course.family.learn(relative) for course in self.courses)


class Kinships:
    """What is known of the trials of a search that differ in numbers alone.

    Args:
        room: Bytes that the models of known trials may take.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._kin: defaultdict[Hashable, _Kin] = defaultdict(_Kin)

    def derived(self, arguments: Mapping[str, Any]) -> "DerivedTrial | None":
        """A trial as it follows from others; None where it does not."""
        for course in self._kin[_choices(arguments)].courses:
            found = course.family.derived(_numbers(arguments))
            if found is not None:
                signature = found.steps.signature
                member = replace(course.member, signature=signature, steps=found.steps, model="")
                return DerivedTrial(member, course.family.first.model, found.start)
        return None

    def learn(
        self,
        arguments: Mapping[str, Any],
        member: MemberPlan,
        model: keras.Model,
        models: BuiltModels,
        replicate: Replicate,
    ) -> None:
        """Take note of a trial that was built and traced.

        Args:
            arguments: Of its build function.
            member: Its plan.
            model: Its model, prepared.
            models: Builds further ones.
            replicate: For which it was built.
        """
        numbers, kin = _numbers(arguments), self._kin[_choices(arguments)]
        if not numbers or member.steps is None or member.state_bytes > self._room:
            return
        relative = Relative(numbers, model, state_of(model), member.steps)
        joins = kin.takes(relative)
        if not joins and kin.is_unknown:
            return
        self._room -= member.state_bytes
        if not joins and kin.waiting is not None:
            # A course is followed once there are two trials: most choices may have but one.
            family = family_of(
                kin.waiting[1],
                lambda changed: models.build(member.variant, replicate, **changed),
                *models.batches(member.variant, replicate),
            )
            if family is not None:
                kin.courses.append(_Course(kin.waiting[0], family))
            kin.is_unknown = family is None or len(kin.courses) == MOST_COURSES
            joins = kin.takes(relative)
            kin.waiting = None
        if not joins and not kin.is_unknown:
            kin.waiting = member, relative


class DerivedTrial(NamedTuple):
    """A trial as it follows from others.

    Args:
        member: Its plan.
        model: The model of another trial, with other numbers.
        start: The state with which it begins.
    """

    member: MemberPlan
    model: keras.Model
    start: State


class TrialModels:
    """The models of trials that were drawn together, as the variants of a study.

    Args:
        spec: The search.
        draws: The trials.
        tracer: Traces their steps.
        kinships: What is known of other trials.
        room: Bytes that their models may take until they train.
    """

    def __init__(
        self,
        spec: SearchSpec,
        draws: Sequence[Draw],
        tracer: StepTracer,
        kinships: Kinships,
        room: int,
    ) -> None:
        self._draws = {draw.number: draw for draw in draws}
        self._places = {draw.number: place for place, draw in enumerate(draws)}
        self.study: StudySpec = spec.trained_as(tuple(spec.variant(draw) for draw in draws))
        self._replicate = self.study.replicate(0, 1.0)
        self._kinships = kinships
        self._built = BuiltModels(self.study, room)
        self._built.tracer = tracer
        self._plans: dict[int, MemberPlan] = {}
        self._derived: dict[int, DerivedTrial] = {}
        self._owned: dict[int, keras.Model] = {}

    def draw(self, number: int) -> Draw:
        """What makes a trial."""
        return replace(self._draws[number], asked=None)  # Samplers alone need it.

    def planned(self, number: int) -> MemberPlan:
        """The plan of a trial, whose model is built for it where it does not follow from others.

        Raises:
            DesignError: It cannot be built, or does not take the data.
        """
        if number not in self._plans:
            self._plans[number] = self._plan(number)
        return self._plans[number]

    def owned(self, number: int) -> keras.Model:
        """The model of a trial that is its own."""
        if number not in self._owned:
            self._owned[number] = self._built.take(self._places[number], self._replicate)
        return self._owned[number]

    def shared(self, number: int) -> tuple[keras.Model, Start]:
        """A model of a trial, perhaps that of another one like it, and what the trial begins with.

        The model must stay as it is.
        """
        derived = self._derived.get(number)
        if derived is not None:
            return derived.model, lambda: derived.start
        model = self.owned(number)
        return model, lambda: state_of(model)

    def forget(self, number: int) -> None:
        """Keep the model of a trial no longer."""
        self._owned.pop(number, None)
        self._derived.pop(number, None)

    def _plan(self, number: int) -> MemberPlan:
        place, arguments = self._places[number], self._draws[number].arguments
        found = self._kinships.derived(arguments)
        if found is not None:
            self._derived[number] = found
            return replace(found.member, variant=place)
        (member,) = make_plan(self.study, self._built, {place: (0,)}).every_member
        model = self._built.kept(place, self._replicate)
        if model is not None:
            self._kinships.learn(arguments, member, model, self._built, self._replicate)
        return member


def _numbers(arguments: Mapping[str, Any]) -> Numbers:
    """The arguments that are floats."""
    return {name: value for name, value in arguments.items() if type(value) is float}


def _choices(arguments: Mapping[str, Any]) -> Hashable:
    """The other arguments, and the names of all: equal for trials that differ in numbers alone."""
    return tuple(
        (name, float if type(value) is float else (type(value), repr(value)))
        for name, value in sorted(arguments.items())
    )
