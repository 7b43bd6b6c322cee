"""Collects the measurements of a run, and makes the record of the study at its end."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from kohort.data.copies import Copies, find_copies
from kohort.data.dataset import Dataset, is_table
from kohort.data.inspection.copy_facts import copy_facts, kept_together
from kohort.data.inspection.group_facts import group_facts
from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.inputs.told_targets import told_of_targets
from kohort.data.inspection.learned import LearnedLayer
from kohort.data.inspection.overlap import Overlap
from kohort.data.labels import class_labels
from kohort.data.splits import mean_group_size
from kohort.design.building import BuiltModels
from kohort.design.plan import MemberPlan
from kohort.design.scoring import Scoring, class_of_score, scoring
from kohort.design.spec import StudySpec
from kohort.design.variants import addition_pairs, build_names, defaults
from kohort.design.weights import weights_text
from kohort.engine.predicting import Predictor
from kohort.evidence.curves import Curves, SharedRecorder
from kohort.evidence.provenance import RunStart, environment
from kohort.evidence.record import Ended, StudyRecord, VariantFacts
from kohort.evidence.settings import Settings, sizes_of
from kohort.findings.from_record import study_curves
from kohort.findings.names import listing
from kohort.findings.rules.leaks.given_away import MOST_COLUMNS, MOST_NUMBERS
from kohort.runs.classes.recorded import (
    class_counts,
    majority_class,
    one_answer,
    weighs_answers,
    weighs_samples,
)
from kohort.runs.fingerprint import all_as_code, arguments_of
from kohort.runs.new_models import untrained_loss
from kohort.runs.work import weight_bytes

_NONE = np.zeros(0, int)
_MOST_KEPT, _MOST_COUNTS = 50, 10_000
"""Of so many inputs that tell most of the target a record keeps what they tell; of many classes of
fewer."""
NOT_SOUGHT = Overlap(0, 0, 0, _NONE, _NONE, _NONE, near_sought=False)  # nobody looked for copies


class Trained(NamedTuple):
    """A member that has finished training.

    Args:
        plan: Its plan.
        weights: The weights of its best epoch, in the order of `get_weights`; None where an earlier
            run dropped them.
        seconds: Training time, with its part of compilation.
        found: As `ClassCounter.found` counts.
        finished: When, in UTC.
    """

    plan: MemberPlan
    weights: list[np.ndarray] | None
    seconds: float
    found: np.ndarray | None
    finished: datetime


class Records:
    """Collects the results of training.

    Args:
        spec: The study.
    """

    def __init__(self, spec: StudySpec) -> None:
        epochs = max(spec.epochs_of(variant) for variant in spec.variants)
        shares = [1.0, *(share for v in spec.variants for share in spec.shares_of(v))]
        self._curves = SharedRecorder(spec.variant_names, spec.replicates.count, epochs, shares)
        self._trained: list[Trained] = []
        self._planned: list[MemberPlan] = []
        self.ends: dict[tuple[int, int, float], Ended] = {}
        """As `StudyRecord.ended`."""
        self.side_by_side: dict[str, int] = {}
        """By the name of a group, the most of its members that trained side by side."""
        self.devices = 1
        """The most devices that trained members at once."""
        self.starts: dict[tuple[int, int], float] = {}
        """By variant and replicate, the losses before training that were measured."""

    def plan(self, members: Iterable[MemberPlan]) -> None:
        """Add members that will train."""
        self._planned += members

    @property
    def planned(self) -> list[MemberPlan]:
        """The members that were added."""
        return self._planned

    @property
    def replicates(self) -> int:
        """How many replicates some variant trains."""
        # The number of a refit, which is the only one, is below 0.
        return max(1, 1 + max(member.replicate for member in self._planned))

    def measured(self, member: MemberPlan, epoch: int, logs: dict[str, float]) -> None:
        """Record the logs of a member after one epoch (from 0)."""
        self._curves.record(member.share, member.variant, member.replicate, epoch, logs)

    def ended(
        self,
        member: MemberPlan,
        weights: list[np.ndarray] | None,
        seconds: float,
        found: np.ndarray | None,
        finished: datetime | None = None,
    ) -> Trained:
        """Record that a member finished; its weights are kept if it trained on all samples.

        Args:
            member: The member.
            weights: As of `Trained`.
            seconds: As of `Trained`.
            found: As of `Trained`.
            finished: When; None for now.
        """
        trained = Trained(member, weights, seconds, found, finished or datetime.now(UTC))
        key = member.variant, member.replicate, member.share
        self.ends[key] = Ended(trained.finished, seconds)
        if member.share == 1:
            self._trained.append(trained)
        return trained

    def record_chunk(self, label: str, seats: int) -> None:
        """Record how many members of a group trained side by side."""
        self.side_by_side[label] = max(seats, self.side_by_side.get(label, 0))

    @property
    def trained(self) -> list[Trained]:
        """The members that have trained on all of their samples, by variant and replicate."""
        return sorted(self._trained, key=lambda t: (t.plan.variant, t.plan.replicate))

    @property
    def weights(self) -> dict[tuple[int, int], list[np.ndarray] | None]:
        """Their weights by the numbers of variant and replicate."""
        return {(t.plan.variant, t.plan.replicate): t.weights for t in self.trained}

    @property
    def found(self) -> dict[tuple[int, int], np.ndarray | None]:
        """What they find of each class, likewise."""
        return {(t.plan.variant, t.plan.replicate): t.found for t in self.trained}

    def curves(self) -> dict[float, Curves]:
        """The curves by the part of the samples, of the replicates that some variant trains."""
        every = self._curves.curves()
        return {share: curves.first(self.replicates) for share, curves in every.items()}


def _with_starts(
    record: StudyRecord, spec: StudySpec, models: BuiltModels, known: dict[tuple[int, int], float]
) -> StudyRecord:
    """A record with the losses before training of replicates that seem to have diverged.

    Initial weights differ between replicates, and so do losses before training: one that ends well
    above the first replicate's may never have risen. To measure all would build their models.

    Args:
        record: The record.
        spec: The study.
        models: Build those that seem to have diverged.
        known: Such losses by variant and replicate; those that are measured are added.
    """
    facts, predictor = [], Predictor()
    for number, curves in enumerate(study_curves(record).variants):
        starts = {}
        for replicate in map(spec.whole_replicates.__getitem__, np.flatnonzero(curves.diverged)):
            trained = curves.train_loss[replicate.number, : curves.lengths[replicate.number]]
            if replicate.number > 0 and np.isfinite(trained).all():
                key = number, replicate.number
                if key not in known:
                    model = models.new(number, replicate)
                    known[key] = untrained_loss(spec, model, replicate, predictor)
                starts[replicate.number] = known[key]
        facts.append(replace(record.variants[number], untrained_in=starts))
    return replace(record, variants=tuple(facts))


def study_record(
    spec: StudySpec,
    models: BuiltModels,
    records: Records,
    losses: list[float],
    learned: tuple[LearnedLayer, ...],
    *,
    engine: str,
    start: RunStart,
    seeks_copies: bool = False,
) -> StudyRecord:
    """The record of a study that has finished training, or a look of a race, or not begun.

    Args:
        spec: The study.
        models: As in `before_training`.
        records: The results of training.
        losses: From `before_training`.
        learned: From there too.
        engine: "fused" or "keras".
        start: When its last run began.
        seeks_copies: Whether to search the data for copies, which takes time.
    """
    whole = [member for member in records.planned if member.share == 1]
    of_variant: list[list[MemberPlan]] = [[] for _ in spec.variants]
    for member in whole:
        of_variant[member.variant].append(member)
    planned, weights = records.planned, records.weights
    score = scoring(
        spec.metric, spec.mode, [m.metrics for m in planned], [m.measured.constant for m in planned]
    )
    builds, not_given = build_names(spec.variants), defaults(spec.variants)
    copies = find_copies(spec.data) if seeks_copies else None
    record = StudyRecord(
        _settings(spec, score, records, engine, start),
        tuple(
            VariantFacts(
                variant.name,
                arguments_of(variant),
                # A build function that draws a width has members of several sizes.
                max(member.parameters for member in of_variant[number]),
                max(member.regularizer_count for member in of_variant[number]),
                max(member.loss for member in of_variant[number]),
                losses[number],
                builds[number],
                all_as_code(not_given[number]),
                weight_bytes=weight_bytes(of_variant[number], weights),
                measured_loss=" or ".join(sorted({m.measured.name for m in of_variant[number]})),
            )
            for number, variant in enumerate(spec.variants)
        ),
        tuple(addition_pairs(spec.variants)),
        NOT_SOUGHT if copies is None else _overlap(spec, copies, records.replicates),
        records.curves(),
        {(t.plan.variant, t.plan.replicate): t.seconds for t in records.trained},
        majority_class(spec, score, records.replicates),
        _configs(spec, whole),
        learned,
        one_answer(spec, score, records.replicates),
        class_counts(spec, records.found, records.replicates),
        () if copies is None else _told(spec.data, copies),
        start.first or start.at,
        dict(records.ends),
    )
    if not record.whole.metrics:
        return record
    return _with_starts(record, spec, models, records.starts)


def _settings(
    spec: StudySpec, score: Scoring, records: Records, engine: str, start: RunStart
) -> Settings:
    replicate = spec.replicate(0, 1.0)
    measured = len(replicate.measured)
    planned = {m.replicate: m.sizes for m in records.planned if m.share == 1}
    samples, ratio = sizes_of(planned.values() or [(len(replicate.train), len(replicate.valid))])
    return Settings(
        study=spec.name,
        replicates=repr(spec.drawn),
        kind=spec.replicates.kind,
        samples=samples,
        ratio=ratio,
        epochs={variant.name: spec.epochs_of(variant) for variant in spec.variants},
        batch_size=spec.batch_size,
        seed=spec.seed,
        confidence=spec.confidence,
        metric=score.metric,
        higher_is_better=score.higher_is_better,
        is_proportion=score.is_proportion,
        margin=spec.margin,
        shares={variant.name: spec.shares_of(variant) for variant in spec.variants},
        engine=engine,
        side_by_side=records.side_by_side,
        devices=records.devices,
        started=start.at,
        finished=start.at + timedelta(seconds=time.monotonic() - start.ticks),
        environment=environment(),
        runs=start.runs,
        measured=measured if measured < len(replicate.train) else 0,
        group_size=mean_group_size(spec.data.groups),
        looks=() if spec.race is None else spec.race.sizes,
        class_weights={name: weights_text(of) for name, of in spec.class_weights.items()},
        strata=spec.splits_told,
        has_sample_weights=spec.sample_weights is not None,
        weighs_answers=weighs_answers(spec, score),
        weighs_samples=weighs_samples(spec, score),
        data=spec.data.fingerprint,
        raw_data="" if spec.data.raw is None else spec.data.raw.fingerprint,
        counted=class_of_score(score.metric, [m.metrics for m in records.planned], spec.data),
    )


def _told(data: Dataset, copies: Copies) -> tuple[ToldAlone, ...]:
    """What single inputs tell of targets: those that tell most."""
    if is_table(data) and data.x_train.shape[1] > MOST_COLUMNS:
        return ()
    labels = class_labels(data)
    together = kept_together(data, copy_facts(copies, labels))[: len(data.x_train)]
    classes = 1 if labels is None else len(labels.names)
    kept = max(1, min(_MOST_KEPT, _MOST_COUNTS // classes))
    told = told_of_targets(data, labels, together, MOST_NUMBERS)
    return tuple(of_one.first(kept) for of_one in told)


def _overlap(spec: StudySpec, copies: Copies, count: int) -> Overlap:
    """Copies of training samples in the test data, and in the first replicates' validation data."""
    replicates = spec.whole_replicates[:count]
    groups = group_facts(spec.data, copies)
    return Overlap(
        test=int(copies.test.sum()),
        test_exact=int(copies.test_exact.sum()),
        test_samples=len(copies.test),
        valid=np.array([copies.count_between(r.valid, r.train) for r in replicates]),
        valid_exact=np.array([copies.count_exact(r.valid, r.train) for r in replicates]),
        valid_samples=np.array([len(r.valid) for r in replicates]),
        near_sought=copies.near_sought,
        has_groups=groups.given,
        copied=groups.percent,
        group_columns=listing(groups.columns),
        by_chance=copies.by_chance,
        groups_of=groups.made_of,
        test_across=groups.across,
    )


def _configs(spec: StudySpec, whole: Iterable[MemberPlan]) -> dict[tuple[int, int], str]:
    """The configurations of models that were built from their replicate's data."""
    return {
        (member.variant, member.replicate): member.model
        for member in whole
        if spec.variants[member.variant].takes_data
    }
