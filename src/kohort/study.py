"""A study, from data to verdict: this module reads top to bottom as the data flow.

data + variants + replicates -> plan -> cohorts train -> curves and weights -> Result
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from kohort.checks import check_study
from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.description import arguments_of
from kohort.design import keras_seam
from kohort.design.plan import MemberPlan, Plan, batch_of, make_plan
from kohort.design.replicates import Holdout, KFold, Replicate
from kohort.design.scoring import Mode, Scoring, scoring
from kohort.design.variant import Variant, addition_pairs
from kohort.engine import cache
from kohort.engine.callbacks import (
    Callback,
    listed,
)
from kohort.engine.layout import check_chunk
from kohort.engine.members import Job, Resources
from kohort.engine.memory import allowed
from kohort.engine.precision import Precision, multiplying
from kohort.engine.train import check_fusable
from kohort.errors import DesignError
from kohort.evidence.provenance import environment
from kohort.evidence.settings import Settings
from kohort.findings.curves import Overlap
from kohort.keeping import CADENCE
from kohort.member import members_of
from kohort.opening import Measured, to_kept
from kohort.records import Records
from kohort.report.progress import Progress
from kohort.result import Result
from kohort.running import Keep, keeping
from kohort.training import train_all

UNTRAINED_SAMPLES = 256
"""So many training samples tell the loss before training; it is compared with no other loss."""


type StudyCallbacks = (
    Sequence[Callback] | Callback | Callable[[str, int], Sequence[Callback] | Callback]
)


class Study:
    """A set of variants, trained in paired replicates on one dataset.

    Args:
        name: Names the study.
        variants: What to compare; the first is the baseline.
        data: A `Dataset`.
        replicates: How the training data are split: `Holdout(...)` or `KFold(...)`.
        epochs: Epochs to train, the same for all or by variant name.
        batch_size: Samples a step.
        seed: Of splits, initial weights and batch orders.
        callbacks: Keras callbacks that act at epochs, such as EarlyStopping; each member gets
            copies of its own. Where they write to files, a function of the variant's name and
            the replicate's number that returns a member's callbacks.
        confidence: Of all intervals.
        metric: What to score by, a metric that all models are compiled with, or "loss". None is
            accuracy where there is one, else the loss; always without penalties of weights.
        mode: "max" or "min" where a higher or a lower metric is better; "auto" where Keras knows.
        margin: The smallest difference of practical interest, in the unit of the metric. None is
            0.01 for proportions, such as an accuracy, and else 5 % of what the baseline scores.
        sizes: Parts of the training samples, such as `(1/16, 1/8, 1/4, 1/2)`, to train on as
            well, for all variants or by variant name; the learning curve tells what more data
            would bring, from five sizes on: four parts and the whole. Each costs as much as
            training on all samples: steps an epoch are the same.

    Raises:
        DesignError: The parts do not fit together.

    Example:
        >>> study = kohort.Study("width", kohort.grid(build, units=[50, 200]), data,
        ...                      replicates=kohort.Holdout(0.1, repeats=5), epochs=20)
        >>> print(study.run().table())
    """

    def __init__(
        self,
        name: str,
        variants: Sequence[Variant],
        data: Dataset,
        *,
        replicates: Holdout | KFold,
        epochs: int | Mapping[str, int],
        batch_size: int = 32,
        seed: int = 0,
        callbacks: StudyCallbacks = (),
        confidence: float = 0.95,
        metric: str | None = None,
        mode: Mode = "auto",
        margin: float | None = None,
        sizes: Sequence[float] | Mapping[str, Sequence[float]] = (),
    ) -> None:
        self.name = name
        self.variants = tuple(variants)
        self.data = data
        self.replicates = replicates
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.callbacks = callbacks if callable(callbacks) else tuple(listed(callbacks))
        self.confidence = confidence
        self.metric = metric
        self.mode = mode
        self.margin = margin
        self.sizes = sizes
        self._parts: dict[tuple[int, float], Replicate] = {}
        check_study(self)

    def plan(self) -> Plan:
        """What will train together, and why not more; `print` it.

        Raises:
            DesignError: A build function fails, its model does not take the data, or it has no
                such metric.
        """
        plan = make_plan(
            self.name,
            self.variants,
            [self._replicates_of(variant) for variant in self.variants],
            self.data,
            [self.epochs_of(variant) for variant in self.variants],
            self.batch_size,
        )
        self._scoring(plan)
        return plan

    def run(
        self,
        store: str | Path | None = None,
        *,
        fresh: bool = False,
        checkpoint_seconds: float = CADENCE,
        engine: Literal["fused", "keras"] = "fused",
        chunk_size: int | None = None,
        memory: int | str | None = None,
        precision: Precision = None,
        verbose: Literal["auto", 0, 1] = "auto",
    ) -> Result:
        """Train every member, and return what was measured.

        Each member ends with the weights of its epoch of lowest validation loss. One whose losses
        are NaN or infinite at the end of an epoch trains no more.

        In a store the study is kept while it trains, under its name, and the same call goes on
        where an earlier one was ended, whatever ended it. Members come out as if nothing had.
        Variants, replicates, sizes and epochs may be added: only what is new is trained.

        Args:
            store: A path keeps the study in an SQLite file, with weights in a folder beside it; a
                URL "postgresql://USER@HOST/DATABASE" on a server. None keeps nothing.
            fresh: Whether to forget what the store has of the study, and begin anew.
            checkpoint_seconds: Seconds of training after which members that train side by side are
                kept as they are. Less often where writing would take 2 % of the time. Members with
                callbacks of your own, or with Keras's that write files, start over instead.
            engine: "fused" trains each cohort as one compiled program, and by `model.fit` what
                `plan` says is in none; it needs Keras's JAX backend. "keras" calls `model.fit`
                for one member after another, on any backend: the reference.
            chunk_size: How many members one call of a program trains side by side; None chooses
                by measuring, as in `kohort.fit`.
            memory: What training may take on the device, as in `kohort.fit`.
            precision: How exactly matrices are multiplied, as in `kohort.fit`.
            verbose: 0 is silent; anything else shows progress on stderr.

        Raises:
            DesignError: As `plan`, or there is no such engine.
            ModelError: The fused engine is on another backend, or cannot serve a callback.
            StoreError: The store cannot be opened or written, another process runs the study, or
                it is not the study that is kept under its name.
        """
        _check_engine(engine)
        check_chunk(chunk_size)
        if engine == "fused":
            check_fusable(())
            keras_seam.check_callbacks(() if callable(self.callbacks) else self.callbacks)
        began = _Began(datetime.now(UTC), time.monotonic())
        # To ask what memory there is starts JAX, which takes most of a GPU's.
        resources = Resources(chunk_size, allowed(memory) if engine == "fused" else 0)
        keep = None if store is None else Keep(store, fresh, checkpoint_seconds)
        with multiplying(precision):
            return self._run(engine, resources, precision, began, keep, verbose)

    def _run(
        self,
        engine: str,
        resources: Resources,
        precision: Precision,
        began: "_Began",
        keep: Keep | None,
        verbose: Literal["auto", 0, 1],
    ) -> Result:
        with ExitStack() as stack:
            # To build models compiles too: some hundred programs, small ones.
            stack.enter_context(cache.persistent())
            plan = self.plan()
            progress = stack.enter_context(Progress(plan.member_epochs, visible=verbose != 0))
            keeper = None
            if keep is not None:
                how = {"engine": engine, "precision": precision, "environment": environment()}
                keeper = stack.enter_context(keeping(keep, self, plan, how, progress.tell))
            records = train_all(plan, self._job, engine, resources, progress, keeper)
            runs = 1 if keeper is None else keeper.runs
            measured = self._measured(plan, records, engine, began, runs)
            result = self._result(measured, records, keep)
            if keeper is not None:
                keeper.conclude(to_kept(measured), result.findings())
        return result

    def _measured(
        self, plan: Plan, records: Records, engine: str, began: "_Began", runs: int
    ) -> Measured:
        return Measured(
            settings=self._settings(self._scoring(plan), engine, began, records.side_by_side, runs),
            untrained_losses=[self._untrained_loss(variant) for variant in self.variants],
            overlap=self._overlap(),
            parameters=records.per_variant(lambda t: t.plan.parameters, max),
            restraints=records.per_variant(lambda t: t.plan.restraints, max),
            losses=records.per_variant(lambda t: t.plan.loss, max),
            pairs=addition_pairs(self.variants),
        )

    def _result(self, measured: Measured, records: Records, keep: Keep | None) -> Result:
        curves = records.curves()
        weights = {(t.plan.variant, t.plan.replicate): t.weights for t in records.trained}
        return Result(
            **measured._asdict(),
            variants=self.variants,
            data=self.data,
            curves=curves,
            partial_curves=records.partial_curves(),
            members=members_of(self.variants, self._replicates, self.data, weights, curves),
            seconds={(t.plan.variant, t.plan.replicate): t.seconds for t in records.trained},
            readings=None if keep is None else keep.readings(self.name),
            arguments={variant.name: arguments_of(variant) for variant in self.variants},
        )

    @cached_property
    def _replicates(self) -> tuple[Replicate, ...]:
        return self.replicates.replicates(self.data, self.seed)

    def epochs_of(self, variant: Variant) -> int:
        """Epochs to train a variant."""
        return self.epochs[variant.name] if isinstance(self.epochs, Mapping) else self.epochs

    def shares_of(self, variant: Variant) -> tuple[float, ...]:
        """Parts of the training samples that a variant is trained on as well."""
        sizes = self.sizes
        return tuple(sizes.get(variant.name, ()) if isinstance(sizes, Mapping) else sizes)

    def _replicates_of(self, variant: Variant) -> list[Replicate]:
        """Those of a variant: on all of their samples, then on parts of them."""
        shares = [1.0, *sorted(set(self.shares_of(variant)), reverse=True)]
        numbers = range(len(self._replicates))
        return [self._part(number, share) for share in shares for number in numbers]

    def _part(self, number: int, share: float) -> Replicate:
        if (number, share) not in self._parts:
            whole = self._replicates[number]
            part = whole if share == 1 else whole.on_part(share, self.data.groups)
            self._parts[number, share] = part
        return self._parts[number, share]

    def _overlap(self) -> Overlap:
        """Copies of training samples in what the models are judged by."""
        copies, replicates = find_copies(self.data), self._replicates
        return Overlap(
            test=int(copies.test.sum()),
            test_exact=int(copies.test_exact.sum()),
            test_samples=len(copies.test),
            valid=np.array([copies.count_between(own.valid, own.train) for own in replicates]),
            valid_exact=np.array([copies.count_exact(own.valid, own.train) for own in replicates]),
            valid_samples=np.array([len(own.valid) for own in replicates]),
            near_sought=copies.near_sought,
        )

    def _scoring(self, plan: Plan) -> Scoring:
        return scoring(self.metric, self.mode, plan.every_member)

    def _untrained_loss(self, variant: Variant) -> float:
        """The loss of a new model on some training samples; NaN where only its own code knows."""
        replicate = self._replicates[0]
        rows = replicate.train[:UNTRAINED_SAMPLES]
        model = variant.model(replicate.seed)
        keras_seam.prepare(model, batch_of(self.data, len(rows)))
        return keras_seam.data_loss(
            model, self.data.inputs(self.data.x_train[rows]), self.data.y_train[rows]
        )

    def _job(self, members: tuple[MemberPlan, ...]) -> Job:
        """The models of members, built anew, and all that an engine needs to train them."""
        own = [self._part(member.replicate, member.share) for member in members]
        size = min(self.batch_size, len(own[0].train))
        models = []
        for member, replicate in zip(members, own, strict=True):
            model = self.variants[member.variant].model(replicate.seed)
            keras_seam.prepare(model, batch_of(self.data, size))
            models.append(model)
        callbacks = [self._callbacks_of(member) for member in members] if self.callbacks else []
        return Job(members, models, own, callbacks, self.data, size)

    def _callbacks_of(self, member: MemberPlan) -> tuple[Callback, ...]:
        if callable(self.callbacks):
            name = self.variants[member.variant].name
            return tuple(listed(self.callbacks(name, member.replicate)))
        return copy.deepcopy(self.callbacks)

    def _settings(
        self,
        score: Scoring,
        engine: str,
        began: "_Began",
        side_by_side: dict[str, int],
        runs: int,
    ) -> Settings:
        first = self._replicates[0]
        return Settings(
            study=self.name,
            replicates=repr(self.replicates),
            kind=self.replicates.kind,
            samples=(len(first.train), len(first.valid)),
            epochs={variant.name: self.epochs_of(variant) for variant in self.variants},
            batch_size=self.batch_size,
            seed=self.seed,
            confidence=self.confidence,
            metric=score.metric,
            higher_is_better=score.higher_is_better,
            is_proportion=score.is_proportion,
            margin=self.margin,
            shares={variant.name: self.shares_of(variant) for variant in self.variants},
            engine=engine,
            side_by_side=side_by_side,
            started=began.at,
            finished=began.at + timedelta(seconds=time.monotonic() - began.ticks),
            environment=environment(),
            runs=runs,
            measured=len(first.measured) if len(first.measured) < len(first.train) else 0,
        )


class _Began(NamedTuple):
    """When a run began: in UTC, and in seconds of a clock that nobody sets."""

    at: datetime
    ticks: float


def _check_engine(name: str) -> None:
    engines = ["fused", "keras"]
    if name not in engines:
        raise DesignError(f"an engine among {engines}", repr(name), "use one of them")
