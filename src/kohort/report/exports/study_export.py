"""Collects what is exported of a study, from a store or from a result."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kohort.design.searches.draws import trial_name
from kohort.engine.program.guard import has_diverged
from kohort.errors import StoreError
from kohort.evidence.class_counts import ClassCounts, counts_from_json
from kohort.evidence.curves import Curves
from kohort.evidence.given_values import plain
from kohort.evidence.record import raced
from kohort.evidence.store import FindingRecord, MemberKey
from kohort.evidence.trials import SearchRecord, Trial, kept_name
from kohort.evidence.trials_so_far import trials_in
from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.findings.from_record import curves_on
from kohort.findings.statistics.interval import Interval

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

VALIDATION = "val_"
"""What the names of metrics on the validation part begin with."""

type LogsByEpoch = dict[int, dict[str, float]]
"""Metrics by name, by epoch (from 0)."""


@dataclass(frozen=True)
class ExportedMember:
    """One member.

    Args:
        key: The key of the member.
        epochs: Its logs.
        finished: When it finished, in UTC, or when the study did if only that is known; None while
            it has not.
        seconds: Training time; None if unknown.
        diverged: Whether it diverged, as an ended study judges it; None where its last losses tell.
    """

    key: MemberKey
    epochs: LogsByEpoch
    finished: datetime | None
    seconds: float | None
    diverged: bool | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it diverged."""
        if self.diverged is None:
            return has_diverged(self.epochs[max(self.epochs)])
        return self.diverged


class ExportedRecall(NamedTuple):
    """Of a class the validation samples, and those to which a member gives this class."""

    variant: str
    replicate: int
    name: str
    samples: int
    found: int


@dataclass(frozen=True)
class StudyExport:
    """One study.

    Args:
        name: Its name.
        settings: The settings of all its training, as text by name.
        arguments: By variant, the arguments of its build function, as Python code; of a study that
            has ended with the defaults of those that other variants are given.
        planned: By variant, the epochs to train.
        members: In the order of the study.
        findings: Its findings.
        started: When, in UTC; None if it has not started.
        recalls: Which classes its members find; none until it has ended.
        trials: What has the scores that a program for searches asks for; None where it has not
            ended, or they have not been computed.
    """

    name: str
    settings: dict[str, str]
    arguments: dict[str, dict[str, str]]
    planned: dict[str, int]
    members: list[ExportedMember]
    findings: list[FindingRecord]
    started: datetime | None
    recalls: Sequence[ExportedRecall] = ()
    trials: Conclusions | SearchRecord | None = None

    @property
    def measured(self) -> list[ExportedMember]:
        """The members that trained at least one epoch."""
        return [member for member in self.members if member.epochs]

    def parameters(self, variant: str) -> dict[str, bool | float | str]:
        """The arguments of a variant, and the settings of its training.

        Settings are named "study.seed" and so on, because names of arguments have no dots.
        """
        arguments = {name: plain(text) for name, text in self.arguments[variant].items()}
        epochs = self.planned[variant]
        return {**arguments, **_as_parameters(self.settings), "study.epochs": epochs}

    @property
    def shared_parameters(self) -> dict[str, bool | float | str]:
        """The settings of training that all variants share."""
        return _as_parameters(self.settings)


def check_study(name: str, description: Mapping[str, Any]) -> None:
    """Refuse what a store keeps of a search: its result is the race of its finalists.

    Raises:
        StoreError: It is a search.
    """
    if description.get("kind") == "search":
        raise StoreError(
            "the name of a study, or of a search's race",
            f"{name!r}, the trials of a search",
            f"name the race: {name.removesuffix(kept_name(''))!r}",
        )


def of_stored(stored: "KeptStudy") -> StudyExport:
    """The export of a study in a store, finished or not."""
    description, runs = stored.description, stored.runs()
    if description.get("kind") == "search":
        return of_search(trials_in(stored))
    logs: dict[MemberKey, LogsByEpoch] = {}
    for record in stored.epochs():
        logs.setdefault(record.member, {})[record.epoch] = record.logs
    counted = (raced(description["result"]) if "result" in description else None) or {}
    defaults = _stored_defaults(description.get("result", {}))
    splits = ", ".join(f"{name}={value!r}" for name, value in description["replicates"].items())
    replicates = f"{description['kind of replicates']}({splits})"
    if race := description.get("race"):
        looks = ", ".join(f"{name}={value}" for name, value in race.items())
        replicates = f"Race(splits={replicates}, {looks})"
    return StudyExport(
        name=stored.name,
        settings=_settings(
            replicates,
            description["batch size"],
            description["seed"],
            description["engine"],
        ),
        arguments={
            record.name: {**defaults.get(record.name, {}), **record.arguments}
            for record in stored.variants()
        },
        planned=description["epochs"],
        members=[
            ExportedMember(record.key, logs.get(record.key, {}), record.finished, record.seconds)
            for record in stored.members()
            if not record.key.is_refit
            and record.key.replicate < counted.get(record.key.variant, record.key.replicate + 1)
        ],
        findings=stored.findings(),
        started=runs[0].started if runs else None,
        recalls=_stored_recalls(description.get("result", {})),
    )


def of_conclusions(conclusions: Conclusions) -> StudyExport:
    """The export of a study that has ended."""
    record = conclusions.record
    settings = record.settings
    return StudyExport(
        name=settings.study,
        settings=_settings(
            settings.replicates, settings.batch_size, settings.seed, settings.engine
        ),
        arguments={
            variant.name: {**variant.defaults, **variant.arguments} for variant in record.variants
        },
        planned=settings.epochs,
        members=[
            ExportedMember(
                MemberKey(curves.variants[variant], replicate, share),
                _logs(curves, variant, replicate),
                *record.end_of(variant, replicate, share),
                bool(diverged[replicate]),
            )
            for share, curves in sorted(record.curves.items(), reverse=True)
            for variant, lengths in enumerate(curves.lengths)
            for diverged in [curves_on(share, record, conclusions.study, variant).diverged]
            for replicate, length in enumerate(lengths)
            if length
        ],
        findings=[finding_record(finding) for finding in conclusions.findings],
        started=record.begun or settings.started,
        recalls=_recalls(record.classes, record.variant_names),
        trials=conclusions,
    )


def _stored_defaults(result: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By variant, the defaults of arguments that others are given; none until it has ended."""
    names = list(result["settings"]["epochs"]) if result else []
    # Studies that were kept before these were have none.
    return dict(zip(names, result.get("defaults", []), strict=False))


def _stored_recalls(result: Mapping[str, Any]) -> list[ExportedRecall]:
    names = list(result["settings"]["epochs"]) if result else []
    return _recalls(counts_from_json(result.get("classes")), names)


def _recalls(counts: ClassCounts | None, variants: Sequence[str]) -> list[ExportedRecall]:
    if counts is None:
        return []
    return [
        ExportedRecall(variants[variant], replicate, name, int(samples), int(found))
        for (variant, replicate), of_member in sorted(counts.found.items())
        for name, samples, found in zip(
            counts.names, counts.samples[replicate], of_member, strict=True
        )
    ]


def of_search(record: SearchRecord) -> StudyExport:
    """The export of the trials of a search that trained.

    Their arguments have beside them what became of them, named "trial.state" and so on; the score
    after each rung is the metric "val_score" (see `trial_score`).
    """
    trials = {trial_name(trial.number): trial for trial in record.trials if trial.logs}
    score = trial_score(record)
    return StudyExport(
        name=kept_name(record.name),
        settings={
            "sampler": record.sampler,
            "rungs": ", ".join(map(str, record.rungs)),
            "reduction": str(record.reduction),
            "metric": record.metric,
        },
        arguments={
            name: {
                **{argument: repr(value) for argument, value in trial.arguments.items()},
                "trial.state": repr(trial.state),
                "trial.bracket": str(trial.bracket),
                "trial.finalist": str(trial.number in record.finalists),
            }
            for name, trial in trials.items()
        },
        planned=dict.fromkeys(trials, record.rungs[-1]),
        members=[
            ExportedMember(
                MemberKey(name, 0), _with_scores(trial, score), trial.finished, trial.seconds
            )
            for name, trial in trials.items()
        ],
        findings=[],
        started=record.begun,
        trials=record,
    )


def trial_score(record: SearchRecord) -> str:
    """The metric that is the score of trials after each rung."""
    logs = (of_epoch for trial in record.trials for of_epoch in trial.logs.values())
    return score_name({metric for of_epoch in logs for metric in of_epoch}, VALIDATION)


def score_name(metrics: Collection[str], side: str = "") -> str:
    """A name for scores that no metric has: "score" if it can be, else "study.score".

    Args:
        metrics: The names of the metrics.
        side: What the name begins with.
    """
    name = "score"
    while side + name in metrics:
        name = f"study.{name}"
    return side + name


def _with_scores(trial: Trial, name: str) -> LogsByEpoch:
    """What a trial measured, with its score at the last epoch before each rung."""
    logs = {epoch: dict(of_epoch) for epoch, of_epoch in sorted(trial.logs.items())}
    for rung, score in sorted(trial.scores.items()):
        last = max((epoch for epoch in logs if epoch < rung), default=None)
        if last is not None:
            logs[last][name] = score
    return logs


def finding_record(finding: Finding) -> FindingRecord:
    """A finding as it is stored, in which an interval in the evidence is a dict of its fields."""
    evidence = {
        what: asdict(value) if isinstance(value, Interval) else value
        for what, value in finding.evidence.items()
    }
    return FindingRecord(
        finding.code, finding.variant, finding.verdict, finding.sentence, finding.advice, evidence
    )


def _settings(replicates: str, batch_size: int, seed: int, engine: str) -> dict[str, str]:
    return {
        "replicates": replicates,
        "batch_size": str(batch_size),
        "seed": str(seed),
        "engine": engine,
    }


def _logs(curves: Curves, variant: int, replicate: int) -> LogsByEpoch:
    values, told = curves.values[variant, replicate], curves.told[variant, replicate]
    return {
        epoch: {curves.metrics[n]: float(values[epoch, n]) for n in np.flatnonzero(told[epoch])}
        for epoch in range(curves.lengths[variant, replicate])
    }


def _as_parameters(settings: Mapping[str, str]) -> dict[str, bool | float | str]:
    return {f"study.{name}": plain(text) for name, text in settings.items()}
