"""The models of trials: built and traced, or derived from those of a few others."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import keras

from kohort.design.building import BuiltModels
from kohort.design.families.kinships import DerivedMember, Kinships
from kohort.design.plan import MemberPlan, make_plan
from kohort.design.searches.draws import Draw
from kohort.design.searches.search_spec import SearchSpec
from kohort.design.spec import StudySpec
from kohort.engine.loop.state import Start
from kohort.keras_api.models import state_of
from kohort.tracing.eligibility import StepTracer


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
        self._derived: dict[int, DerivedMember] = {}
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
            return derived.first.model, lambda: derived.start
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
            assert isinstance(found.member, MemberPlan)
            return replace(found.member, variant=place)
        (member,) = make_plan(self.study, self._built, {place: (0,)}).every_member
        model = self._built.kept(place, self._replicate)
        if model is not None:
            build = partial(self._built.rebuild, place, self._replicate)
            batches = self._built.batches(place, self._replicate)
            self._kinships.learn(arguments, member, model, build, batches)
        return member
