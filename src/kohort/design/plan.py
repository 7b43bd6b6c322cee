"""The plan of a study: which members train together, what they weigh, and why not more.

Members whose steps are one program but for constants are a cohort. A member that the fused engine
cannot train as Keras would is in no cohort: `keras.Model.fit` trains it, and the plan says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import Any

from kohort.data.inspection.groups_of_rows import few_to_test
from kohort.data.labels import AS_NUMBERS
from kohort.data.making.made_arrays import AS_PIXELS
from kohort.data.system import bytes_text
from kohort.design.building import BuiltModels
from kohort.design.replicates import Replicate
from kohort.design.scoring import class_of_score
from kohort.design.seen.seen_model import see
from kohort.design.spec import StudySpec
from kohort.design.weights import weights_text
from kohort.errors import count, shortened, told_apart
from kohort.keras_api.metrics import MeasuredLoss, MetricKind
from kohort.keras_api.models import config_text
from kohort.tracing.eligibility import not_fused
from kohort.tracing.signature import Signature, TracedSteps, group


@dataclass(frozen=True)
class MemberPlan:
    """One variant in one replicate, and what decides which program trains it.

    Args:
        variant: The variant's number in the study.
        replicate: The replicate's number.
        epochs: Epochs to train.
        sizes: Samples to train on and to validate on.
        parameters: Numbers in the model's weights.
        state_bytes: Bytes of weights, optimizer and metrics.
        signature: What its steps compute; None where it is in no cohort.
        loss: The loss that the model is compiled with; equal texts are equal losses.
        metrics: Its other metrics.
        regularizer_count: As `regularizer_count` counts.
        share: The part of the replicate's training samples that it trains on.
        reason: Why `keras.Model.fit` trains it alone, as a clause; "" where it is in a cohort.
        model: How its model is configured and compiled, as text, for the first replicate of its
            variant, and for all of one that is built from its replicate's data; "" for others,
            which differ in seeds alone, and where Keras cannot tell.
        is_weighted: Whether it trains with weights, of samples or of classes.
        measured: What its loss measures.
        slip: That its outputs or the targets are not what its loss takes, as a clause; "" where
            nothing is known.
        steps: Its steps, traced for a whole batch; None where it is in no cohort, and of a copy.
    """

    variant: int
    replicate: int
    epochs: int
    sizes: tuple[int, int]
    parameters: int
    state_bytes: int
    signature: Signature | None
    loss: str
    metrics: tuple[MetricKind, ...]
    regularizer_count: int
    share: float = 1.0
    reason: str = ""
    model: str = ""
    is_weighted: bool = False
    measured: MeasuredLoss = field(default_factory=MeasuredLoss)
    slip: str = ""
    steps: TracedSteps | None = field(default=None, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"steps": None}  # What JAX has traced cannot be copied.

    @property
    def program(self) -> Signature:
        """The signature of a member of a cohort."""
        assert self.signature is not None
        return self.signature

    @property
    def traced(self) -> TracedSteps:
        """The traced steps of a member of a cohort."""
        assert self.steps is not None
        return self.steps


@dataclass(frozen=True, repr=False)
class Plan:
    """What fuses with what. `print(plan)` shows it; each cohort is one compiled program.

    Args:
        study: The study's name.
        variant_names: By variant number.
        cohorts: The members of each program.
        alone: The members that `keras.Model.fit` trains, one after another; those of one variant,
            size and reason together.
        batch_size: Samples a step.
        data_bytes: Bytes of the data on the device.
        looks: Of a race, the replicates that each look sees. The members above are then the first
            of each variant, which are enough to print; or those that train before one look.
        margin: Of a race, the study's margin.
        notes: What to know of the score, the splits and the weights, as clauses.
        devices: Over how many devices the members of a cohort are spread.
    """

    study: str
    variant_names: tuple[str, ...]
    cohorts: tuple[tuple[MemberPlan, ...], ...]
    alone: tuple[tuple[MemberPlan, ...], ...]
    batch_size: int
    data_bytes: int
    looks: tuple[int, ...] = ()
    margin: float | None = None
    notes: tuple[str, ...] = ()
    devices: int = 1

    @property
    def groups(self) -> tuple[tuple[MemberPlan, ...], ...]:
        """All members as they train: what is alone first, since only Keras can tell if it works."""
        return self.alone + self.cohorts

    @property
    def every_member(self) -> tuple[MemberPlan, ...]:
        """The members of all groups."""
        return tuple(member for members in self.groups for member in members)

    @property
    def slips(self) -> tuple[str, ...]:
        """Outputs and targets that are not what losses take, with the variants it is so of."""
        by_text: dict[str, dict[str, None]] = {}
        for member in self.every_member:
            by_text.setdefault(member.slip, {})[self.variant_names[member.variant]] = None
        by_text.pop("", None)
        return tuple(f"{', '.join(told_apart([*n]))}: {text}" for text, n in by_text.items())

    @property
    def member_epochs(self) -> int:
        """Epochs to train, over all members."""
        return sum(member.epochs for member in self.every_member)

    @cached_property
    def settings(self) -> set[tuple[object, ...]]:
        """The global settings under which the steps of members of cohorts were traced."""
        return {member.traced.settings for members in self.cohorts for member in members}

    def check_fused(self) -> None:
        """Refuse a study of which `keras.Model.fit` trains some members.

        Raises:
            ModelError: There are such members.
        """
        for members in self.alone:
            raise not_fused(self.variant_names[members[0].variant], members[0].reason)

    def label(self, members: tuple[MemberPlan, ...], most: int = 3) -> str:
        """Names one of the `groups` while it trains, by so many variants at most, and one more."""
        variants = list(dict.fromkeys(self.variant_names[member.variant] for member in members))
        names = shortened(told_apart(variants), most)
        if members in self.cohorts:
            return f"cohort {self.cohorts.index(members) + 1}/{len(self.cohorts)}: {names}"
        return f"by model.fit: {names}"

    @property
    def peak_bytes(self) -> int:
        """Memory that the largest group needs, an estimate: data, state and gradients."""
        state = [[member.state_bytes for member in members] for members in self.groups]
        # In a race no more than the first replicates of a variant train side by side.
        largest = max(max(s) * self.looks[0] if self.looks else sum(s) for s in state)
        # A step holds the old state, the new one, and gradients about as large as the weights.
        return self.data_bytes + 2 * largest

    def __repr__(self) -> str:
        head = (
            f"Study {self.study!r}: {self._how_many()}; programs to compile, one "
            f"for each cohort: {len(self.cohorts)}; about {bytes_text(self.peak_bytes)}"
        )
        if self.margin == 0:
            head += f"\n  {NO_MARGIN}"
        if self.devices > 1:
            head += f"\n  members are spread over {self.devices} devices; each holds the data"
        head += "".join(f"\n  {note}" for note in (*self.slips, *self.notes))
        cohorts = [self._of_cohort(number) for number in range(len(self.cohorts))]
        alone = [
            f"{self._line(members)}; by keras.Model.fit, one after another, because "
            f"{members[0].reason}"
            for members in self.alone
        ]
        return "\n".join([head, *cohorts, *alone])

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'

    def _how_many(self) -> str:
        """The number of members, in words."""
        if not self.looks:
            return count(len(self.every_member), "member")
        most, looks = len(self.variant_names) * self.looks[-1], len(self.looks)
        told = f"{looks} looks" if looks > 1 else "1 look"
        return f"at most {most} members in {told} ({', '.join(map(str, self.looks))} replicates)"

    def _of_cohort(self, number: int) -> str:
        cohort = self.cohorts[number]
        kinds = len({member.program.constants for member in cohort})
        lifted = f", {kinds} sets of constants as inputs" if kinds > 1 else ""
        parts = sum(member.share < 1 for member in cohort)
        lifted += f", {parts} of them on parts of their samples" if parts else ""
        why = "" if number == 0 else f"; apart because {self._why_apart(number)}"
        return f"{self._line(cohort)}{lifted}{why}"

    def _line(self, members: tuple[MemberPlan, ...]) -> str:
        first = members[0]
        what = ("variant" if self.looks else "member") + "s" * (len(members) != 1)
        return (
            f"  {self.label(members, most=len(members))}: {len(members)} {what} of "
            f"{count(first.parameters, 'parameter')}, {count(first.epochs, 'epoch')} of "
            f"{first.sizes[0]:,} samples in batches of {self.batch_size}"
        )

    def _why_apart(self, number: int) -> str:
        """Why a cohort did not join the one before it that is most like it."""
        mine = self.cohorts[number][0]
        others = [cohort[0] for cohort in self.cohorts[:number]]
        same = [other for other in others if other.program.skeleton == mine.program.skeleton]
        if same and all(other.sizes != mine.sizes for other in same):
            return "its replicates have other numbers of samples"
        if same:
            return "it trains for another number of epochs"
        if all(other.is_weighted != mine.is_weighted for other in others):
            return f"it trains {'with' if mine.is_weighted else 'without'} weights of classes"
        if any(other.parameters == mine.parameters for other in others):
            return "its step computes something else (a layer, the loss, the optimizer)"
        return "its layers have other shapes"


NO_MARGIN = "with a margin of 0 no variant can be found as good as another one"


def make_plan(
    spec: StudySpec, models: BuiltModels, numbers: Mapping[int, Sequence[int]] | None = None
) -> Plan:
    """Build each member's model once, trace its steps, and group members by them.

    Args:
        spec: The study.
        models: Takes the models, as far as it has room.
        numbers: Of replicates to train, by variant number; None for all, of a race the first ones.

    Raises:
        DesignError: A model does not take the data.
    """
    members = []
    if numbers is None:
        numbers = spec.first_of_all(len(spec.whole_replicates) if spec.race is None else 1)
    for number, of_variant in numbers.items():
        for replicate in spec.replicates_of(spec.variants[number], of_variant):
            # The same model from the same seed, where it learns nothing from its rows as it is
            # built; only the rows differ.
            share = replicate.share if spec.variants[number].takes_data else 1.0
            key = number, replicate.number, share
            if key not in models.known:
                models.known[key] = _planned(spec, number, replicate, models)
            members.append(replace(models.known[key], share=replicate.share))
    fused = [member for member in members if member.signature is not None]
    rest = [member for member in members if member.signature is None]
    cohorts = group(fused, [(m.program.skeleton, m.sizes, m.epochs) for m in fused])
    alone = group(rest, [(m.variant, m.sizes, m.reason) for m in rest])
    return Plan(
        spec.name,
        spec.variant_names,
        tuple(map(tuple, cohorts)),
        tuple(map(tuple, alone)),
        spec.batch_size,
        sum(array.nbytes for array in (spec.data.x_train, spec.data.y_train)),
        *((), None) if spec.race is None else (spec.race.sizes, spec.margin),
        notes=_notes(spec, members),
    )


def _notes(spec: StudySpec, members: Sequence[MemberPlan]) -> tuple[str, ...]:
    """What to know of a study's score, splits and weights."""
    by_text: dict[str, list[str]] = {}
    for name, weights in spec.class_weights.items():
        by_text.setdefault(weights_text(weights), []).append(name)
    weighted = [
        f"class weights {text}, in training alone: {', '.join(told_apart(names))}"
        for text, names in by_text.items()
    ]
    if spec.sample_weights is not None:
        weighted.append("sample weights, in training and in what losses measure")
    # Whatever is taken for something else than the data said is said last.
    taken = [note for note in spec.data.notes[-1:] if AS_NUMBERS in note]
    taken += [note for note in spec.data.notes if AS_PIXELS in note]
    few = few_to_test(spec.data.test_groups)
    return tuple(
        filter(None, [_class_told(spec, members), spec.splits_told, few, *weighted, *taken])
    )


def _class_told(spec: StudySpec, members: Sequence[MemberPlan]) -> str:
    """Which of two classes the metric that scores is of; "" where it is of both, or of none."""
    counted = class_of_score(spec.metric, [member.metrics for member in members], spec.data)
    if counted is None or spec.metric is None:
        return ""
    return f"{counted.told(spec.metric)}; {counted.how_to_turn}"


def _planned(spec: StudySpec, number: int, replicate: Replicate, models: BuiltModels) -> MemberPlan:
    """The plan of a member, whose model is built where it does not follow from others."""
    sizes = len(replicate.train), len(replicate.valid)
    example = models.example(number, replicate)
    if example is not None:
        assert isinstance(example, MemberPlan)
        return replace(example, replicate=replicate.number, sizes=sizes, model="")
    variant = spec.variants[number]
    derived = models.derive(number, replicate)
    if derived is not None:
        assert isinstance(derived.member, MemberPlan)
        return replace(
            derived.member,
            variant=number,
            epochs=spec.epochs_of(variant),
            model=(derived.text or "") if replicate.number == 0 else "",
        )
    seen = see(spec, number, replicate, models)
    member = MemberPlan(
        variant=number,
        replicate=replicate.number,
        epochs=spec.epochs_of(variant),
        sizes=sizes,
        signature=None if seen.steps is None else seen.steps.signature,
        reason=seen.why_alone,
        model=config_text(seen.model) if variant.takes_data or replicate.number == 0 else "",
        steps=seen.steps,
        is_weighted=spec.is_weighted(variant),
        **seen.facts,
    )
    models.note_example(number, replicate, member)
    # Code of the user's may read what his build function leaves behind; such a model is built again
    # when it trains, right before it.
    if seen.description is not None and replicate.share == 1:
        models.keep(number, replicate, seen.model, member.state_bytes)
    if seen.description is not None and member.steps is not None:
        models.note_relative(number, replicate, member, seen.model)
    return member
