"""Models of members: built once from the seed of their replicate, and kept until they train."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
from keras import tree

from kohort.data.dataset import Dataset
from kohort.design.families.kinships import DerivedMember, Kinships, relatives_of
from kohort.design.replicates import Replicate
from kohort.design.spec import StudySpec
from kohort.design.training_part import TrainingParts
from kohort.design.variants import Variant
from kohort.keras_api.arrays import ArrayTree
from kohort.keras_api.description import Description
from kohort.keras_api.models import State, config_text, prepare
from kohort.tracing.alike import Preparer
from kohort.tracing.eligibility import StepTracer
from kohort.tracing.from_seeds import SeededModels
from kohort.tracing.signature import abstract, global_settings

_WORTH = 24
"""So many variants must differ in numbers alone for them to be followed, which takes a second."""


class BuiltModels:
    """The models of a study that are built and have not trained yet.

    A model that finds no room is built again when it trains: the same seed gives the same weights.
    So is one that was built under other global settings of Keras or JAX than those that hold when
    it trains: its build function may have made them.

    Args:
        spec: The study.
        room: Bytes that they may take.
    """

    def __init__(self, spec: StudySpec, room: int) -> None:
        self.preparer = Preparer()
        """Prepares them, those that are alike with less of Keras's calls."""
        self.tracer = StepTracer()
        """Traces their steps, those of equal models once."""
        self.known: dict[tuple[int, int, float], Any] = {}
        """By variant, replicate and share, what a plan says of a model that was built for it."""
        self.facts: dict[tuple[int, Description], dict[str, Any]] = {}
        """By variant and description, what a plan says of all models that have it."""
        self.seeded = SeededModels()
        """What follows for models from their seeds, without building them."""
        self._examples: dict[Hashable, Any] = {}
        self._kinships, self._derived = Kinships(room), dict[tuple[int, int], DerivedMember]()
        self._relatives = Counter(
            relatives_of(variant.kwargs, id(variant.build)) for variant in spec.variants
        )
        self._spec, self._room = spec, room
        self._kept: dict[tuple[int, int], _Kept] = {}
        self._parts = TrainingParts(spec.data)

    def build(self, variant: int, replicate: Replicate, **changed: Any) -> keras.Model:
        """A new model, compiled and not yet prepared.

        Args:
            variant: The variant's number.
            replicate: The replicate.
            **changed: What the build function gets in the place of the variant's arguments.

        Raises:
            DesignError: As `Variant.model`.
        """
        of_variant = self._spec.variants[variant]
        data = self._parts.of(replicate) if of_variant.takes_data else None
        if changed:
            arguments = of_variant.kwargs | changed
            of_variant = Variant(of_variant.name, of_variant.build, **arguments)
        return of_variant.model(replicate.seed, data)

    def kind(self, variant: int, replicate: Replicate) -> tuple[Hashable, ...] | None:
        """What the models have in common that differ in their seeds alone; None where none do."""
        if keras.backend.backend() != "jax" or self._spec.variants[variant].takes_data:
            return None
        return variant, self._batch_size(replicate), global_settings()

    def example(self, variant: int, replicate: Replicate) -> Any:
        """What a plan says of a model like that of a member; None where this has to be built."""
        kind = self.kind(variant, replicate)
        # The configuration of a variant is that of its first replicate.
        is_built = kind is None or replicate.number == 0 or not self.seeded.is_known(kind)
        return None if is_built else self._examples.get(kind)

    def note_example(self, variant: int, replicate: Replicate, plan: Any) -> None:
        """Take note of what a plan says of a model."""
        self._examples[self.kind(variant, replicate)] = plan

    def rebuild(
        self, variant: int, replicate: Replicate, changed: Mapping[str, Any]
    ) -> keras.Model:
        """As `build`, with some arguments changed."""
        return self.build(variant, replicate, **changed)

    def derive(self, variant: int, replicate: Replicate) -> DerivedMember | None:
        """A member as it follows from others that differ in numbers alone; None where it does not.

        It has its configuration, too.
        """
        of, arguments = self._kin(variant, replicate), self._spec.variants[variant].kwargs
        found = None if of is None else self._kinships.derived(arguments, of)
        if found is None or not found.text:
            return None
        self._derived[variant, replicate.number] = found
        return found

    def begins_like(self, variant: int, replicate: Replicate) -> int | None:
        """A variant before this one whose loss before training is the same; None for none known."""
        found = self._derived.get((variant, replicate.number))
        if found is None or found.member.variant >= variant or not found.begins_as_first:
            return None
        return int(found.member.variant)

    def note_relative(self, variant: int, replicate: Replicate, plan: Any, model: Any) -> None:
        """Take note of a member that was built, for others that differ in numbers alone."""
        of, arguments = self._kin(variant, replicate), self._spec.variants[variant].kwargs
        if of is not None:
            build = partial(self.rebuild, variant, replicate)
            batches = self.batches(variant, replicate)
            with_text = replace(plan, model=plan.model or config_text(model))
            self._kinships.learn(arguments, with_text, model, build, batches, of)

    def _kin(self, variant: int, replicate: Replicate) -> Hashable | None:
        """What a member has in common with others that may follow; None where it does not pay."""
        kind, of = self.kind(variant, replicate), self._spec.variants[variant]
        alike = self._relatives[relatives_of(of.kwargs, id(of.build))]
        if kind is None or replicate.share < 1 or alike < _WORTH:
            return None
        return id(of.build), replicate.number, self._spec.is_weighted(of), kind[1:]

    def start(
        self, variant: int, replicate: Replicate
    ) -> tuple[keras.Model, Callable[[], State]] | None:
        """A model like that of a member which has none, and what gives the member's first state.

        The model must stay as it is. None where the member has a model, or needs one.
        """
        if replicate.share == 1:
            if self.kept(variant, replicate) is not None:
                return None
            derived = self._derived.get((variant, replicate.number))
            if derived is not None and derived.member.steps.settings == global_settings():
                # Its classes are counted by that model, which has to give what its own would.
                found = derived.first.model, lambda: derived.start
                return found if derived.evaluates_as_first else None
        kind = self.kind(variant, replicate)
        if kind is None or not self.seeded.is_known(kind):
            return None
        return self.seeded.model(kind), partial(self.seeded.start, kind, replicate.seed)

    def keep(self, variant: int, replicate: Replicate, model: keras.Model, size: int) -> None:
        """Keep a prepared model that has not trained, where there is room for its `size` bytes."""
        if size <= self._room:
            self._room -= size
            self._kept[variant, replicate.number] = _Kept(model, size, global_settings())

    def look_at(self, variant: int, replicate: Replicate) -> keras.Model:
        """A prepared model of a member, which must stay as it is."""
        return self.kept(variant, replicate) or self.new(variant, replicate)

    def take(self, variant: int, replicate: Replicate) -> keras.Model:
        """The prepared model of a member that is about to train; it is no longer kept."""
        kept = self.drop(variant, replicate.number)
        if kept is None or kept.settings != global_settings():
            return self.new(variant, replicate)
        return kept.model

    def drop(self, variant: int, replicate: int) -> "_Kept | None":
        """Keep the model of a member no longer, which has trained in an earlier run."""
        kept = self._kept.pop((variant, replicate), None)
        self._room += 0 if kept is None else kept.size
        return kept

    def kept(self, variant: int, replicate: Replicate) -> keras.Model | None:
        """The prepared model of a member; None where it is not kept."""
        kept = self._kept.get((variant, replicate.number))
        return None if kept is None or kept.settings != global_settings() else kept.model

    def new(self, variant: int, replicate: Replicate) -> keras.Model:
        """A new prepared model."""
        model = self.build(variant, replicate)
        prepare(model, self.batches(variant, replicate)[0])
        return model

    def batches(self, variant: int, replicate: Replicate) -> tuple[ArrayTree, ArrayTree]:
        """Shapes and dtypes of a batch of a member, in training and in evaluation."""
        spec = self._spec
        size = self._batch_size(replicate)
        # Weights of classes are for training alone.
        weighted = spec.is_weighted(spec.variants[variant]), spec.sample_weights is not None
        training, tested = (batch_of(spec.data, size, weighted=each) for each in weighted)
        return training, tested

    def _batch_size(self, replicate: Replicate) -> int:
        return min(self._spec.batch_size, len(replicate.train))


class _Kept(NamedTuple):
    """A model, its bytes, and the global settings right after it was built."""

    model: keras.Model
    size: int
    settings: tuple[object, ...]


def batch_of(data: Dataset, size: int, *, weighted: bool = False) -> ArrayTree:
    """Shapes and dtypes of a batch of `size` samples as the models of a study see it.

    Args:
        data: The dataset.
        size: Samples of a batch.
        weighted: Whether samples have weights.
    """
    none = data.inputs(data.x_train[:0])
    batch = (
        tree.map_structure(lambda part: abstract((size, *part.shape[1:]), part.dtype), none),
        # JAX holds 64-bit NumPy data as 32-bit.
        abstract(
            (size, *data.y_train.shape[1:]), jax.dtypes.canonicalize_dtype(data.y_train.dtype)
        ),
    )
    return (*batch, abstract((size,), np.float32)) if weighted else batch
