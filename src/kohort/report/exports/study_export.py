"""What is exported of a study: the same from a store as from a result."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kohort.evidence.curves import Curves
from kohort.evidence.record import StudyRecord
from kohort.evidence.store import FindingRecord, KeptStudy, MemberKey
from kohort.findings.finding import Finding
from kohort.findings.statistics.interval import Interval

type LogsByEpoch = dict[int, dict[str, float]]
"""By epoch (from 0), metrics by name."""


@dataclass(frozen=True)
class ExportedMember:
    """One member.

    Args:
        key: Which.
        epochs: What it measured.
        finished: When it finished, in UTC, or when the study did where nobody noted more; None
            while it has not.
        seconds: How long it trained; None where that is not known.
    """

    key: MemberKey
    epochs: LogsByEpoch
    finished: datetime | None
    seconds: float | None


@dataclass(frozen=True)
class StudyExport:
    """One study.

    Args:
        name: Its name.
        settings: How all of it was trained, as text by name.
        arguments: By variant, what its build function is called with, as Python writes it.
        planned: By variant, the epochs that it is to train.
        members: In the order of the study.
        findings: What the rules say.
        started: When, in UTC; None where it has not.
    """

    name: str
    settings: dict[str, str]
    arguments: dict[str, dict[str, str]]
    planned: dict[str, int]
    members: list[ExportedMember]
    findings: list[FindingRecord]
    started: datetime | None

    @property
    def measured(self) -> list[ExportedMember]:
        """The members that trained an epoch at least."""
        return [member for member in self.members if member.epochs]

    def parameters(self, variant: str) -> dict[str, bool | float | str]:
        """What distinguishes a variant, and how it was trained.

        Settings are named "study.seed" and so on: an argument of a function has no dot in its name.
        """
        arguments = {name: _plain(text) for name, text in self.arguments[variant].items()}
        epochs = self.planned[variant]
        return {**arguments, **_as_parameters(self.settings), "study.epochs": epochs}

    @property
    def shared_parameters(self) -> dict[str, bool | float | str]:
        """How all variants were trained."""
        return _as_parameters(self.settings)


def of_stored(stored: KeptStudy) -> StudyExport:
    """What a store has of a study, finished or not."""
    description, runs = stored.description, stored.runs()
    logs: dict[MemberKey, LogsByEpoch] = {}
    for record in stored.epochs():
        logs.setdefault(record.member, {})[record.epoch] = record.logs
    splits = ", ".join(f"{name}={value!r}" for name, value in description["replicates"].items())
    return StudyExport(
        name=stored.name,
        settings=_settings(
            f"{description['kind of replicates']}({splits})",
            description["batch size"],
            description["seed"],
            description["engine"],
        ),
        arguments={record.name: record.arguments for record in stored.variants()},
        planned=description["epochs"],
        members=[
            ExportedMember(record.key, logs.get(record.key, {}), record.finished, record.seconds)
            for record in stored.members()
        ],
        findings=stored.findings(),
        started=runs[0].started if runs else None,
    )


def of_record(record: StudyRecord, findings: Sequence[Finding]) -> StudyExport:
    """What the record of a study holds, and what the rules say of it."""
    settings = record.settings
    return StudyExport(
        name=settings.study,
        settings=_settings(
            settings.replicates, settings.batch_size, settings.seed, settings.engine
        ),
        arguments={variant.name: variant.arguments for variant in record.variants},
        planned=settings.epochs,
        members=[
            ExportedMember(
                MemberKey(curves.variants[variant], replicate, share),
                _logs(curves, variant, replicate),
                settings.finished,
                record.seconds.get((variant, replicate)) if share == 1 else None,
            )
            for share, curves in sorted(record.curves.items(), reverse=True)
            for variant, lengths in enumerate(curves.lengths)
            for replicate, length in enumerate(lengths)
            if length
        ],
        findings=[finding_record(finding) for finding in findings],
        started=settings.started,
    )


def finding_record(finding: Finding) -> FindingRecord:
    """A finding as a store keeps it: an interval in its evidence as its fields."""
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
    rows = curves.values[variant, replicate, : curves.lengths[variant, replicate]]
    return {
        epoch: dict(zip(curves.metrics, map(float, row), strict=True))
        for epoch, row in enumerate(rows)
    }


def _as_parameters(settings: Mapping[str, str]) -> dict[str, bool | float | str]:
    return {f"study.{name}": _plain(text) for name, text in settings.items()}


def _plain(text: str) -> bool | float | str:
    """The number or the text that a piece of Python stands for, where it is one; or the piece."""
    try:
        value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float | str) else text
