"""Trains a variant once more, on all training samples, and stores and loads such refits."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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
from kohort.errors import DesignError, StoreError
from kohort.evidence.store import KeptStudy, MemberKey, open_store
from kohort.keras_api.callbacks import Callback, listed, without_validation
from kohort.member import Member, Refit
from kohort.report.progress import Progress
from kohort.runs.checkpointing import REFITS, Checkpointer
from kohort.runs.fitting import Engine
from kohort.runs.session import StoreTarget, asked_by_signals
from kohort.runs.training import Training

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

    def __call__(self, wanted: Refit, *, visible: bool) -> Member:
        """Load a refit, or train it; one that was begun goes on.

        Raises:
            DesignError: It diverges, or a callback needs validation data.
            StoreError: The store cannot be read or written, or another process has the study.
            Interrupted: It was asked to end, and what it had done is stored.
        """
        variants, data = self.spec.variants, self.spec.data
        if self.target is None:
            trained = self._train(wanted, None, visible=visible)
            return _member(variants, data, self.spec.seed, wanted, trained)
        with open_store(self.target.place, make=False) as store:
            kept = store.study(self.spec.name)
            found = _stored(kept, wanted)
            if found is None:
                with kept.claim():
                    found = self._train(wanted, kept, visible=visible)
        return _member(variants, data, self.spec.seed, wanted, found)

    def _train(self, wanted: Refit, kept: KeptStudy | None, *, visible: bool) -> "_Trained":
        spec = _refit_spec(self.spec, wanted)
        resources = Resources(None, 0 if self.engine == "keras" else allowed(self.memory))
        with ExitStack() as stack:
            stack.enter_context(matmul_precision(self.precision))
            stack.enter_context(cache.persistent())
            models = BuiltModels(spec, for_built_models(resources.memory))
            plan = make_plan(spec, models)
            progress = stack.enter_context(Progress(plan.member_epochs, visible=visible))
            checkpointer = None
            if kept is not None:
                assert self.target is not None
                checkpointer = _checkpointer(kept, plan, wanted, self.target.cadence)
                stack.enter_context(asked_by_signals(checkpointer))
            training = Training(spec, models, self.engine, resources, progress, checkpointer)
            training.train(plan)
            ended = training.records.trained[0]
            curves = training.records.curves()[1.0]
            epochs = int(curves.lengths[0, 0])
            last = dict(zip(curves.metrics, curves.values[0, 0, epochs - 1], strict=True))
            if has_diverged(last):
                if checkpointer is not None:
                    checkpointer.forget(plan.every_member[0])
                raise _diverged(wanted, epochs)
            if kept is not None:
                _describe(kept, wanted.name, _entry(wanted) | _DONE)
        return _Trained(ended.weights, epochs)


@dataclass(frozen=True)
class StoredRefits:
    """Loads the refits of a study that was opened from a store.

    It trains none: a store has the source of build functions, and does not run it.

    Args:
        place: The place of the store; None for one in memory, which had to be closed.
        study: The study's name.
        seed: The study's.
        variants: Its variants.
        data: Its data.
    """

    place: str | None
    study: str
    seed: int
    variants: Sequence[Variant]
    data: Dataset

    def __call__(self, wanted: Refit, *, visible: bool) -> Member:
        """Load a refit.

        Raises:
            DesignError: It has not been trained.
            StoreError: The store cannot be read.
        """
        del visible
        if self.place is not None:
            with open_store(self.place, make=False) as store:
                trained = _stored(store.study(self.study), wanted)
            if trained is not None:
                return _member(self.variants, self.data, self.seed, wanted, trained)
        raise DesignError(
            f"a refit of {wanted.name!r} in the store, or the study's build functions to train it",
            f"the study {self.study!r} as it was opened, which has neither",
            "call study.run(store).refit(): what has been trained is not trained again",
        )


class _Trained(NamedTuple):
    """Weights, as `keras.Model.get_weights` gives them, and the number of epochs."""

    weights: list[np.ndarray]
    epochs: int


def _member(
    variants: Sequence[Variant], data: Dataset, seed: int, wanted: Refit, trained: _Trained
) -> Member:
    (replicate,) = AllSamples().replicates(data, seed)
    variant = variants[wanted.variant]
    return Member(variant, replicate, data, trained.weights, epoch=trained.epochs)


def _refit_spec(spec: StudySpec, wanted: Refit) -> StudySpec:
    """A study of one variant that trains on all samples for the wanted epochs."""
    variant, given = spec.variants[wanted.variant], spec.callbacks

    def of_refit(name: str, replicate: int) -> Sequence[Callback]:
        assert callable(given)
        return without_validation(listed(given(name, replicate)))

    return replace(
        spec,
        variants=(variant,),
        replicates=AllSamples(),
        epochs=wanted.epochs,
        sizes=(),
        callbacks=of_refit if callable(given) else tuple(without_validation(given)),
    )


def _checkpointer(kept: KeptStudy, plan: Plan, wanted: Refit, cadence: float) -> Checkpointer:
    """The checkpointer of a refit, which forgets one that was another."""
    (member,) = plan.every_member
    kept.extend(kept.description, [], [MemberKey(wanted.name, REFIT)])
    checkpointer = Checkpointer(kept, plan, cadence)
    if not _is_entry_of(wanted, _entries(kept).get(wanted.name)):
        checkpointer.forget(member)
        _describe(kept, wanted.name, _entry(wanted))
    return checkpointer


def _stored(kept: KeptStudy, wanted: Refit) -> _Trained | None:
    """A refit that has trained, as it is stored; None without it."""
    if _entries(kept).get(wanted.name) != _entry(wanted) | _DONE:
        return None
    key = MemberKey(wanted.name, REFIT)
    finished = {member.key: member for member in kept.members() if member.finished}
    if key not in finished:
        return None
    try:
        return _Trained(kept.weights(key), finished[key].epochs)
    except StoreError:  # A damaged file: it is noted, and trained again, by who claims the study.
        return None


def _entry(wanted: Refit) -> dict[str, Any]:
    return {"epochs": wanted.epochs, "of": wanted.of}


def _is_entry_of(wanted: Refit, entry: dict[str, Any] | None) -> bool:
    return entry is not None and _entry(wanted).items() <= entry.items()


def _entries(kept: KeptStudy) -> dict[str, Any]:
    return dict(kept.description.get(REFITS, {}))


def _describe(kept: KeptStudy, name: str, entry: dict[str, Any]) -> None:
    kept.extend(kept.description | {REFITS: _entries(kept) | {name: entry}}, [], [])


def _diverged(wanted: Refit, epoch: int) -> DesignError:
    return DesignError(
        f"a refit of {wanted.name!r} that trains to the end",
        f"a loss that is NaN or infinite in epoch {epoch}",
        "lower the learning rate, or ship result.best()",
    )
