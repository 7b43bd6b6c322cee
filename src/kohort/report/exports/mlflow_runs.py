"""Writes runs of MLflow, in a database of MLflow's format."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.design.searches.draws import trial_name
from kohort.errors import StoreError, reason
from kohort.evidence.store import FindingRecord
from kohort.evidence.trials import SearchRecord
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer
from kohort.report.exports.in_memory import written_from_memory
from kohort.report.exports.study_export import (
    ExportedMember,
    StudyExport,
    score_name,
    trial_score,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DATABASE = "mlflow.db"

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # else its import contacts a server
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # closes each connection after use
}
_REFUSED = re.compile(r"[^/\w.\- ]" if sys.platform == "win32" else r"[^/\w.\- :]")
_AT_ONCE = 1000
"""The number of metrics that MLflow accepts in one batch."""


def write(study: StudyExport, folder: Path, place: Path) -> None:
    """Write a study as an experiment: a run for the study, with a nested run for each member.

    Metrics have epochs (from 0) as steps, and the time at which the member finished. Of a study
    that has ended each member has its "score", that of the epoch it is judged at, which may not
    be its last; and the run of the study has that of the winner, the mean of its members', and the
    tags "answer" and "winner". The run of a search has the last "val_score" of its best trial, as
    trials have it, and the tag "best". Where models have a metric "score" it is "study.score", or
    "val_study.score".

    Args:
        study: The study.
        folder: A new folder for the database.
        place: The final place of the folder, where artifacts that users log later will go.

    Raises:
        ImportError: MLflow is not installed.
        OSError: The folder cannot be written.
        StoreError: MLflow refuses the study.
    """
    folder.mkdir()
    with _environment(), written_from_memory(folder / DATABASE) as url:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        try:
            client = MlflowClient(tracking_uri=url)
            _write_study(client, study, f"{place.absolute().as_uri()}/artifacts")
        except MlflowException as error:
            raise StoreError(
                "a study that MLflow takes", f"'{reason(error)}'", "rename what it names"
            ) from error


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _write_study(client: "MlflowClient", study: StudyExport, artifacts: str) -> None:
    experiment = client.create_experiment(study.name, artifact_location=artifacts)
    ends = [member.finished for member in study.members if member.finished]
    of_all = [finding for finding in study.findings if finding.variant is None]
    parent = client.create_run(experiment, _milliseconds(study.started), run_name=study.name)
    run, told = parent.info.run_id, study.trials
    scores = _scores(told) if isinstance(told, Conclusions) else {}
    names = _names(study)
    score_is = score_name(names.values())
    about, best = _told_of_best(told, score_is)
    _log(client, run, study.shared_parameters, about | _finding_tags(of_all))
    at = _milliseconds(max(ends, default=study.started))
    for name, value in best.items():
        client.log_metric(run, names.get(name, name), value, timestamp=at)
    for member in study.measured:
        score = scores.get(member.key[:2]) if member.key.share == 1 else None
        scored = {} if score is None else {score_is: score}
        _write_member(client, study, member, experiment, run, names, scored)
    if len(ends) == len(study.members):
        client.set_terminated(run, end_time=at)


def _told_of_best(
    told: Conclusions | SearchRecord | None, score_is: str
) -> tuple[dict[str, str], dict[str, float]]:
    """Tags and metrics of the run of a study or search that has ended, by which runs are sorted."""
    if isinstance(told, SearchRecord):
        ranked = told.ranked()
        if not ranked:
            return {}, {}
        return {"best": trial_name(ranked[0].number)}, {trial_score(told): ranked[0].score}
    if told is None:
        return {}, {}
    about = {"answer": answer(told), "winner": told.winner_name or "none"}
    if told.winner is None:
        return about, {}
    return about, {score_is: float(told.score(told.winner).mean)}


def _scores(told: Conclusions) -> dict[tuple[str, int], float]:
    """By variant and replicate, the scores whose mean is the variant's; none of the diverged."""
    return {
        (name, replicate): float(score)
        for number, name in enumerate(told.record.variant_names)
        for replicate, score in enumerate(told.scores(number))
        if np.isfinite(score)
    }


def _write_member(
    client: "MlflowClient",
    study: StudyExport,
    member: ExportedMember,
    experiment: str,
    parent: str,
    names: Mapping[str, str],
    score: Mapping[str, float],
) -> None:
    from mlflow.entities import Metric

    key, end = member.key, member.finished
    begin = study.started
    if end is not None and member.seconds is not None:
        begin = end - timedelta(seconds=member.seconds)
    part = "" if key.share == 1 else f", share {key.share}"
    run = client.create_run(
        experiment,
        _milliseconds(begin),
        tags={"mlflow.parentRunId": parent},
        run_name=f"{key.variant}, replicate {key.replicate}{part}",
    ).info.run_id
    of_variant = [finding for finding in study.findings if finding.variant == key.variant]
    which = {"variant": key.variant, "replicate": str(key.replicate), "share": str(key.share)}
    _log(client, run, study.parameters(key.variant), which | _finding_tags(of_variant))
    at = _milliseconds(end or begin) or 0
    metrics = (
        Metric(names[metric], value, at, epoch)
        for epoch, logs in sorted(member.epochs.items())
        for metric, value in logs.items()
    )
    for some in batched(metrics, _AT_ONCE):
        client.log_batch(run, metrics=some)
    for name, value in score.items():
        client.log_metric(run, name, value, timestamp=at)
    if end is not None:
        status = "FAILED" if member.has_failed else "FINISHED"
        client.set_terminated(run, status, end_time=at)


def _log(
    client: "MlflowClient", run: str, parameters: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    from mlflow.entities import Param, RunTag

    client.log_batch(
        run,
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(name, text) for name, text in tags.items()],
    )


def _finding_tags(findings: Iterable[FindingRecord]) -> dict[str, str]:
    """Tags with verdicts by code, and with all sentences as the note that MLflow shows."""
    findings = list(findings)
    verdicts = {finding.code: finding.verdict for finding in findings}
    sentences = [f"{finding.code} {finding.verdict}: {finding.sentence}" for finding in findings]
    return verdicts | ({"mlflow.note.content": "\n\n".join(sentences)} if sentences else {})


def _names(study: StudyExport) -> dict[str, str]:
    """By metric its name in MLflow, which is that of no other one."""
    metrics = {
        name for member in study.measured for logs in member.epochs.values() for name in logs
    }
    names: dict[str, str] = {}
    # Those that MLflow takes as they are come first, and keep their names.
    for metric in sorted(metrics, key=lambda metric: (_taken(metric) != metric, metric)):
        name, number = _taken(metric), 1
        while name in names.values():
            number += 1
            name = f"{_taken(metric)} {number}"
        names[metric] = name
    return names


def _taken(metric: str) -> str:
    """The metric's name without what MLflow refuses, such as a path that is not the shortest."""
    name = _REFUSED.sub("_", metric)
    is_shortest = normpath(name) == name and not name.startswith(("/", "."))
    return name if is_shortest else name.replace("/", "_").replace(".", "_")


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(1000 * moment.timestamp())
