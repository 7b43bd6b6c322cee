"""Trains a variant once more, on all training samples, and stores and loads such refits."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design.building import BuiltModels
from kohort.design.plan import Plan, make_plan
from kohort.design.spec import StudySpec
from kohort.design.variants import Variant
from kohort.design.whole_data import REFIT, AllSamples
from kohort.engine.members import Resources
from kohort.engine.memory import allowed, for_built_models
from kohort.engine.program import cache
from kohort.engine.program.guard import has_diverged
from kohort.engine.program.precision import Precision, matmul_precision
from kohort.engine.ray_settings import Ray
from kohort.errors import DesignError, StoreError
from kohort.evidence import store as stores
from kohort.evidence.store import MemberKey
from kohort.keras_api.callbacks import Callback, listed, without_validation
from kohort.member import Member, Refit
from kohort.report.progress import Progress
from kohort.runs.checkpointing import CADENCE, REFITS, Checkpointer
from kohort.runs.cluster.dispatch import dispatching, memory_for
from kohort.runs.fitting import Engine
from kohort.runs.pace import asked_by_signals
from kohort.runs.recording import Records
from kohort.runs.session import StoreTarget
from kohort.runs.training import Training

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

_DONE = {"done": True}
"""Added to the entry of a refit in a study's description when it has trained, and is sound."""


@dataclass(frozen=True)
class Refitter:
    """Trains refits of a study's variants, as `Study.run` trained its members.

    Args:
        spec: The study.
        engine: As in `Study.run`.
        memory: Likewise.
        precision: Likewise.
        target: Where the study is stored; None where refits are not stored.
    """

    spec: StudySpec
    engine: Engine
    memory: int | str | None
    precision: Precision
    target: StoreTarget | None

    def __call__(self, wanted: Refit, cluster: Ray | None, *, visible: bool) -> Member:
        """Load a refit, or train it; one that was begun goes on.

        Args:
            wanted: The refit.
            cluster: Where it trains; None for this process.
            visible: Whether to show its progress on stderr.

        Raises:
            DesignError: It diverges, a callback needs validation data, or there is no such cluster.
            StoreError: The store cannot be read or written, or another process has the study.
            Interrupted: It was asked to end, and what it had done is stored.
        """
        if self.target is None:
            return self._member(wanted, self._train(wanted, None, cluster, visible=visible))
        with stores.open_store(self.target.place, make=False) as store:
            kept = _KeptRefit(store.study(self.spec.name), wanted)
            found = kept.trained()
            if found is None:
                with kept.study.claim():
                    found = self._train(wanted, kept, cluster, visible=visible)
        return self._member(wanted, found)

    def _member(self, wanted: Refit, trained: "_Trained") -> Member:
        return _member(self.spec.variants, self.spec.data, self.spec.seed, wanted, trained)

    def _train(
        self, wanted: Refit, kept: "_KeptRefit | None", cluster: Ray | None, *, visible: bool
    ) -> "_Trained":
        spec = _refit_spec(self.spec, wanted)
        cadence = CADENCE if self.target is None else self.target.cadence
        with ExitStack() as stack:
            workers = stack.enter_context(dispatching(cluster, self.precision, cadence))
            most = 0 if self.engine == "keras" else allowed(memory_for(workers, self.memory))
            resources = Resources(None, most)
            stack.enter_context(matmul_precision(self.precision))
            stack.enter_context(cache.persistent())
            models = BuiltModels(spec, for_built_models(resources.memory))
            plan = make_plan(spec, models)
            progress = stack.enter_context(Progress(visible=visible))
            checkpointer = None
            if kept is not None:
                checkpointer = kept.checkpointer(plan, cadence)
                stack.enter_context(asked_by_signals(checkpointer.end_request.ask))
            training = Training(
                spec, models, self.engine, resources, progress, checkpointer, workers
            )
            training.train(plan)
            trained = _Trained.of(training.records)
            if kept is not None and checkpointer is not None:
                kept.end(checkpointer, plan, trained)
        if trained.has_diverged:
            raise DesignError(
                f"a refit of {wanted.name!r} that trains to the end",
                f"a loss that is NaN or infinite in epoch {trained.epochs}",
                "lower the learning rate, or ship result.best()",
            )
        return trained


@dataclass(frozen=True)
class StoredRefits:
    """Loads the refits of a study that was opened from a store.

    It trains none: a store has the source of build functions, and does not run it.

    Args:
        place: The place of the store.
        study: The study's name.
        seed: The study's.
        variants: Its variants.
        data: Its data.
        learned: The numbers of variants whose build functions take data: what their layers have
            learned from all samples is not all in the weights that are kept.
    """

    place: str
    study: str
    seed: int
    variants: Sequence[Variant]
    data: Dataset
    learned: Collection[int] = ()

    def __call__(self, wanted: Refit, cluster: Ray | None, *, visible: bool) -> Member:
        """Load a refit; nothing trains, here or on a cluster.

        Raises:
            DesignError: It has not been trained.
            StoreError: The store cannot be read.
        """
        del cluster, visible
        with stores.open_store(self.place, make=False) as store:
            trained = _KeptRefit(store.study(self.study), wanted).trained()
        if wanted.variant in self.learned:
            raise DesignError(
                f"the build function of {wanted.name!r}, whose layers learn from all samples",
                f"the study {self.study!r} as it was opened, without it",
                "call study.run(store).refit(): what has been trained is not trained again",
            )
        if trained is not None:
            return _member(self.variants, self.data, self.seed, wanted, trained)
        raise DesignError(
            f"a refit of {wanted.name!r} in the store, or the study's build functions to train it",
            f"the study {self.study!r} as it was opened, which has neither",
            "call study.run(store).refit(): what has been trained is not trained again",
        )


class _Trained(NamedTuple):
    """Weights, as `keras.Model.get_weights` gives them, the epochs, and whether a loss is NaN."""

    weights: list[np.ndarray]
    epochs: int
    has_diverged: bool = False

    @classmethod
    def of(cls, records: Records) -> "_Trained":
        """The one member that was recorded."""
        curves = records.curves()[1.0]
        epochs = int(curves.lengths[0, 0])
        last = dict(zip(curves.metrics, curves.values[0, 0, epochs - 1], strict=True))
        weights = records.trained[0].weights
        assert weights is not None  # Those of refits are not dropped.
        return cls(weights, epochs, has_diverged(last))


class _KeptRefit(NamedTuple):
    """A refit in a store.

    The study's description has an entry for it: what it was to be, and, when it has trained to a
    sound end, that it is done.
    """

    study: "KeptStudy"
    wanted: Refit

    def trained(self) -> _Trained | None:
        """What is stored; None where it has not trained, or was another one."""
        key = MemberKey(self.wanted.name, REFIT)
        finished = {member.key: member for member in self.study.members() if member.finished}
        if key not in finished or self._entries.get(self.wanted.name) != self._entry | _DONE:
            return None
        try:
            return _Trained(self.study.weights(key), finished[key].epochs)
        except StoreError:  # A damaged file: who trains it again notes that.
            return None

    def checkpointer(self, plan: Plan, cadence: float) -> Checkpointer:
        """The checkpointer of its training, which forgets one that was another."""
        self.study.extend(self.study.description, [], [MemberKey(self.wanted.name, REFIT)])
        checkpointer = Checkpointer(self.study, plan, cadence)
        before = self._entries.get(self.wanted.name, {})
        if not self._entry.items() <= before.items():
            checkpointer.forget(plan.every_member[0])
            self._describe(self._entry)
        return checkpointer

    def end(self, checkpointer: Checkpointer, plan: Plan, trained: _Trained) -> None:
        """Store that it is done; forget it if it diverged."""
        (member,) = plan.every_member
        if trained.has_diverged:
            checkpointer.forget(member)
            return
        checkpointer.drop_checkpoints(member)
        self._describe(self._entry | _DONE)  # Last: what comes after it may never be done.

    @property
    def _entry(self) -> dict[str, Any]:
        return {"epochs": self.wanted.epochs, "of": self.wanted.of}

    @property
    def _entries(self) -> dict[str, Any]:
        return dict(self.study.description.get(REFITS, {}))

    def _describe(self, entry: dict[str, Any]) -> None:
        entries = self._entries | {self.wanted.name: entry}
        self.study.extend(self.study.description | {REFITS: entries}, [], [])


def _member(
    variants: Sequence[Variant], data: Dataset, seed: int, wanted: Refit, trained: _Trained
) -> Member:
    (replicate,) = AllSamples().replicates(data, seed)
    variant = variants[wanted.variant]
    return Member(variant, replicate, data, trained.weights, epoch=trained.epochs)


def _refit_spec(spec: StudySpec, wanted: Refit) -> StudySpec:
    """A study of one variant that trains on all samples for the wanted epochs."""
    variant, given = spec.variants[wanted.variant], spec.callbacks
    return replace(
        spec,
        variants=(variant,),
        replicates=AllSamples(),
        epochs=wanted.epochs,
        sizes=(),
        class_weight=spec.class_weights.get(variant.name),
        # A partial function, which can be sent to a cluster.
        callbacks=(
            partial(_of_refit, given) if callable(given) else tuple(without_validation(given))
        ),
    )


def _of_refit(
    given: Callable[[str, int], Sequence[Callback] | Callback], variant: str, replicate: int
) -> list[Callback]:
    """The callbacks of a refit, of a function that gives those of one member."""
    return without_validation(listed(given(variant, replicate)))
