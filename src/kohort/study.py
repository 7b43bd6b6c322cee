"""A study, from data to verdict: this module reads top to bottom as the data flow.

data + variants + replicates -> plan -> cohorts train -> curves and weights -> Result
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from types import UnionType
from typing import Literal, NamedTuple

import jax.numpy as jnp
import keras
import numpy as np

from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.data.orders import epoch_orders
from kohort.design import keras_seam
from kohort.design.plan import MemberPlan, Plan, batch_of, make_plan
from kohort.design.replicates import Holdout, KFold, Replicate
from kohort.design.scoring import Mode, Scoring, scoring
from kohort.design.variant import Variant
from kohort.engine.callbacks import (
    Callback,
    EvaluateTrain,
    RestoreBest,
    StopDiverged,
    check_own_files,
    listed,
)
from kohort.engine.cohort import Cohort, Training
from kohort.engine.memory import allowed, for_segment, stays_on_device
from kohort.engine.precision import Precision, multiplying
from kohort.engine.program import EpochSpec
from kohort.engine.reference import fit_one
from kohort.engine.runners import Source, Stream
from kohort.engine.stream import Streams, by_rows
from kohort.engine.train import check_fusable, train
from kohort.errors import DesignError
from kohort.evidence.curves import Curves, CurvesRecorder
from kohort.evidence.provenance import environment
from kohort.evidence.settings import Settings
from kohort.findings.curves import Overlap
from kohort.member import Member
from kohort.report.progress import Progress
from kohort.result import Result

MONITOR = "val_data_loss"
"""What decides a member's best epoch: lowest validation loss, weight penalties left out."""
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
            well, for all variants or by variant name; the learning curve over four of them or
            more tells what more data would bring. Each costs as much as training on all samples:
            steps an epoch are the same.

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
        self._check()

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
            [self._epochs_of(variant) for variant in self.variants],
            self.batch_size,
        )
        self._scoring(plan)
        return plan

    def run(
        self,
        *,
        engine: Literal["fused", "keras"] = "fused",
        chunk_size: int | None = None,
        memory: int | str | None = None,
        precision: Precision = None,
        verbose: Literal["auto", 0, 1] = "auto",
    ) -> Result:
        """Train every member, and return what was measured.

        Each member ends with the weights of its epoch of lowest validation loss. One whose losses
        are NaN or infinite at the end of an epoch trains no more.

        Args:
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
        """
        _check_engine(engine)
        if engine == "fused":
            check_fusable(())
            keras_seam.check_callbacks(() if callable(self.callbacks) else self.callbacks)
        started = datetime.now(UTC)
        # To ask what memory there is starts JAX, which takes most of a GPU's.
        resources = _Resources(chunk_size, allowed(memory) if engine == "fused" else 0)
        with multiplying(precision):
            return self._run(engine, resources, started, verbose)

    def _run(
        self,
        engine: str,
        resources: "_Resources",
        started: datetime,
        verbose: Literal["auto", 0, 1],
    ) -> Result:
        plan = self.plan()
        shape = len(self._replicates), max(m.epochs for m in plan.every_member)
        recorders = {
            share: CurvesRecorder(plan.variant_names, *shape)
            for share in sorted({member.share for member in plan.every_member})
        }
        trained: list[_Trained] = []
        side_by_side: dict[str, int] = {}
        with Progress(plan.member_epochs, visible=verbose != 0) as progress:
            for group in plan.groups:
                label = plan.label(group)
                progress.begin(label, len(group), group[0].epochs)
                job = self._job(group)
                clock = time.perf_counter()
                is_fused = engine == "fused" and group in plan.cohorts
                train_group = _train_fused if is_fused else _train_in_turn
                for member, epoch, logs, seats in train_group(job, resources):
                    recorder = recorders[member.share]
                    recorder.record(member.variant, member.replicate, epoch, logs)
                    progress.advance(1, epoch)
                    side_by_side[label] = max(seats, side_by_side.get(label, 0))
                progress.end()
                seconds = (time.perf_counter() - clock) / len(group)
                trained += [
                    _Trained(member, model.get_weights(), seconds)
                    for member, model in zip(group, job.models, strict=True)
                    if member.share == 1
                ]
        curves = recorders.pop(1.0).curves()
        return Result(
            settings=self._settings(self._scoring(plan), engine, started, side_by_side),
            variants=self.variants,
            data=self.data,
            curves=curves,
            partial_curves={share: recorder.curves() for share, recorder in recorders.items()},
            untrained_losses=[self._untrained_loss(variant) for variant in self.variants],
            overlap=self._overlap(),
            members=self._members(trained, curves),
            parameters=_per_variant(trained, lambda t: t.plan.parameters, max),
            restraints=_per_variant(trained, lambda t: t.plan.restraints, max),
            seconds=_per_variant(trained, lambda t: t.seconds, sum),
            losses=_per_variant(trained, lambda t: t.plan.loss, max),
        )

    @cached_property
    def _replicates(self) -> tuple[Replicate, ...]:
        return self.replicates.replicates(self.data, self.seed)

    def _epochs_of(self, variant: Variant) -> int:
        return self.epochs[variant.name] if isinstance(self.epochs, Mapping) else self.epochs

    def _shares_of(self, variant: Variant) -> tuple[float, ...]:
        sizes = self.sizes
        return tuple(sizes.get(variant.name, ()) if isinstance(sizes, Mapping) else sizes)

    def _replicates_of(self, variant: Variant) -> list[Replicate]:
        """Those of a variant: on all of their samples, then on parts of them."""
        shares = [1.0, *sorted(set(self._shares_of(variant)), reverse=True)]
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

    def _job(self, members: tuple[MemberPlan, ...]) -> "_Job":
        """The models of members, built anew, and all that an engine needs to train them."""
        own = [self._part(member.replicate, member.share) for member in members]
        size = min(self.batch_size, len(own[0].train))
        models = []
        for member, replicate in zip(members, own, strict=True):
            model = self.variants[member.variant].model(replicate.seed)
            keras_seam.prepare(model, batch_of(self.data, size))
            models.append(model)
        callbacks = [self._callbacks_of(member) for member in members] if self.callbacks else []
        return _Job(members, models, own, callbacks, self.data, size)

    def _callbacks_of(self, member: MemberPlan) -> tuple[Callback, ...]:
        if callable(self.callbacks):
            name = self.variants[member.variant].name
            return tuple(listed(self.callbacks(name, member.replicate)))
        return copy.deepcopy(self.callbacks)

    def _members(self, trained: "list[_Trained]", curves: Curves) -> dict[tuple[int, int], Member]:
        monitored = np.nan_to_num(curves.of(MONITOR), nan=np.inf, posinf=np.inf)
        replicates = self._replicates
        return {
            (t.plan.variant, t.plan.replicate): Member(
                self.variants[t.plan.variant],
                replicates[t.plan.replicate],
                self.data,
                t.weights,
                epoch=int(monitored[t.plan.variant, t.plan.replicate].argmin()) + 1,
            )
            for t in trained
        }

    def _settings(
        self, score: Scoring, engine: str, started: datetime, side_by_side: dict[str, int]
    ) -> Settings:
        first = self._replicates[0]
        return Settings(
            study=self.name,
            replicates=repr(self.replicates),
            kind=self.replicates.kind,
            samples=(len(first.train), len(first.valid)),
            epochs={variant.name: self._epochs_of(variant) for variant in self.variants},
            batch_size=self.batch_size,
            seed=self.seed,
            confidence=self.confidence,
            metric=score.metric,
            higher_is_better=score.higher_is_better,
            is_proportion=score.is_proportion,
            margin=self.margin,
            shares={variant.name: self._shares_of(variant) for variant in self.variants},
            engine=engine,
            side_by_side=side_by_side,
            started=started,
            finished=datetime.now(UTC),
            environment=environment(),
        )

    def _check(self) -> None:
        _check_kinds(self)
        names = [variant.name for variant in self.variants]
        if not names or len(set(names)) < len(names):
            raise DesignError(
                "variants with names of their own", f"{names or 'none'}", "name each variant anew"
            )
        if isinstance(self.epochs, Mapping) and set(self.epochs) != set(names):
            raise DesignError(
                f"epochs as a number, or for each of the variants {names}",
                f"epochs for {sorted(self.epochs)}",
                "give every variant its epochs",
            )
        counts = [self.batch_size, *(self._epochs_of(variant) for variant in self.variants)]
        if any(not isinstance(count, int) or count < 1 for count in counts):
            raise DesignError(
                "a batch size and epochs of 1 or more", f"{counts}", "use whole numbers"
            )
        if not callable(self.callbacks):
            check_own_files(self.callbacks, len(names), "variant, replicate")
        if not 0.0 < self.confidence < 1.0:
            raise DesignError("a confidence between 0 and 1", f"{self.confidence}", "use 0.95, say")
        if self.margin is not None and not self.margin > 0:
            raise DesignError("a margin above 0", f"{self.margin}", "use 0.01, say")
        if self.mode not in ("auto", "min", "max"):
            raise DesignError("'auto', 'min' or 'max'", repr(self.mode), "give mode one of them")
        self._check_sizes(names)

    def _check_sizes(self, names: list[str]) -> None:
        if isinstance(self.sizes, Mapping) and not set(self.sizes) <= set(names):
            raise DesignError(
                f"sizes for some of the variants {names}",
                f"sizes for {sorted(self.sizes)}",
                "check the spelling",
            )
        shares = [share for variant in self.variants for share in self._shares_of(variant)]
        if any(not 0.0 < share < 1.0 for share in shares):
            raise DesignError(
                "sizes as parts of the training samples, between 0 and 1",
                f"{sorted(set(shares))}",
                "use (0.25, 0.5), say; all samples are trained on anyway",
            )
        if shares and callable(self.callbacks):
            raise DesignError(
                "callbacks that are copied, where sizes are given",
                "a function, whose files members of all sizes would write to",
                "give a list of callbacks, or leave sizes out",
            )


def _check_kinds(study: Study) -> None:
    wanted: list[tuple[str, object, type | UnionType]] = [
        ("data", study.data, Dataset),
        ("replicates", study.replicates, Holdout | KFold),
        *(("each variant", variant, Variant) for variant in study.variants),
    ]
    for what, value, kind in wanted:
        if not isinstance(value, kind):
            name = getattr(kind, "__name__", str(kind)).replace("kohort.design.replicates.", "")
            raise DesignError(f"{what} as a kohort.{name}", repr(value), "give one")
    if not isinstance(study.seed, int) or study.seed < 0:
        raise DesignError("a seed of 0 or more", repr(study.seed), "use a whole number")


class _Job(NamedTuple):
    """Members about to be trained, of equal sizes."""

    members: tuple[MemberPlan, ...]
    models: list[keras.Model]
    replicates: list[Replicate]
    callbacks: list[tuple[Callback, ...]]
    data: Dataset
    batch_size: int


class _Resources(NamedTuple):
    """What training may use: members side by side (None: as measured), and bytes."""

    chunk_size: int | None
    memory: int


class _Trained(NamedTuple):
    plan: MemberPlan
    weights: list[np.ndarray]
    seconds: float


type _Logs = Iterator[tuple[MemberPlan, int, dict[str, float], int]]  # the last: side by side


def _check_engine(name: str) -> None:
    engines = ["fused", "keras"]
    if name not in engines:
        raise DesignError(f"an engine among {engines}", repr(name), "use one of them")


def _train_fused(job: _Job, resources: _Resources) -> _Logs:
    """All members of a cohort together; each reads its own rows of the same data."""
    cohort = Cohort(
        job.models,
        [member.program for member in job.members],
        _source(job, resources.memory),
        EpochSpec(
            job.batch_size,
            validate=True,
            evaluate_train=True,
            pixels=job.data.pixels if job.data.stores_pixels else None,
        ),
        Training(
            job.members[0].epochs,
            restore_best=MONITOR,
            stop_diverged=True,
            chunk_size=resources.chunk_size,
            memory=resources.memory,
        ),
        job.callbacks,
    )
    for record in train(cohort):
        for member, logs in record.logs.items():
            yield job.members[member], record.epoch, logs, record.seats


def _train_in_turn(job: _Job, _resources: _Resources) -> _Logs:
    """Each member by `keras.Model.fit`."""
    data, callbacks = job.data, job.callbacks or [()] * len(job.models)
    for planned, model, replicate, own in zip(
        job.members, job.models, job.replicates, callbacks, strict=True
    ):
        train_part, valid_part = (
            (data.inputs(data.x_train[rows]), data.y_train[rows])
            for rows in (replicate.train, replicate.valid)
        )
        history = fit_one(
            model,
            *train_part,
            seed=replicate.seed,
            callbacks=[
                EvaluateTrain(train_part, job.batch_size),
                *own,
                StopDiverged(),
                RestoreBest(MONITOR),
            ],
            validation_data=valid_part,
            batch_size=job.batch_size,
            epochs=planned.epochs,
            verbose=0,
        ).history
        for epoch in range(len(history["loss"])):
            logs = {name: values[epoch] for name, values in history.items()}
            yield planned, epoch, logs, 1


def _source(job: _Job, memory: int) -> Source | Stream:
    """The data of a cohort: each replicate reads its own rows of the same arrays."""
    distinct = {(replicate.number, replicate.share): replicate for replicate in job.replicates}
    numbers = {key: number for number, key in enumerate(distinct)}
    replicates = list(distinct.values())
    order_of = [numbers[replicate.number, replicate.share] for replicate in job.replicates]
    arrays = (job.data.x_train, job.data.y_train)
    if stays_on_device(arrays, memory):
        on_device = (jnp.asarray(arrays[0]), jnp.asarray(arrays[1]))
        valid_rows = np.stack([replicate.valid for replicate in replicates])
        orders = [partial(_orders, replicate, job.batch_size) for replicate in replicates]
        return Source(
            on_device,
            lambda: map(np.stack, zip(*(own() for own in orders), strict=True)),
            order_of,
            on_device,
            valid_rows,
        )

    def segments(rows: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        assert rows is not None
        return by_rows(arrays, rows, job.batch_size, for_segment(memory))

    def of(order: int) -> tuple[Streams, Iterator[np.ndarray]]:
        own = replicates[order]
        streams = Streams(segments, lambda: segments(own.valid))
        return streams, _orders(own, job.batch_size)

    return Stream(of, order_of, -(-len(replicates[0].train) // job.batch_size))


def _orders(replicate: Replicate, batch_size: int) -> Iterator[np.ndarray]:
    """Epoch by epoch the rows that a replicate trains on, int32 `[sample]`."""
    rows = replicate.train.astype(np.int32)
    for order in epoch_orders(len(rows), batch_size, shuffle=True, seed=replicate.seed):
        yield rows[order]


def _per_variant[T: (int, float, str)](
    trained: list[_Trained], value: Callable[[_Trained], T], merge: Callable[[list[T]], T]
) -> list[T]:
    variants = sorted({t.plan.variant for t in trained})
    return [merge([value(t) for t in trained if t.plan.variant == v]) for v in variants]
