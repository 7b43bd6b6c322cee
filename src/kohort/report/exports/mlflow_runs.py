"""Runs of MLflow, in a database of its own format."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kohort.errors import StoreError, reason
from kohort.evidence.store import FindingRecord
from kohort.report.exports.study_export import ExportedMember, StudyExport

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DATABASE = "mlflow.db"

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # else its import tells its makers
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # no connection outlives its use
}
_AT_ONCE = 1000
"""The metrics that MLflow takes in one batch."""


def write(study: StudyExport, folder: Path, place: Path) -> None:
    """Write a study as an experiment: a run for it, and in this one for each member.

    Metrics have epochs (from 0) as steps, and the time at which the member finished.

    Args:
        study: What to write.
        folder: A new one, for the database.
        place: Where the folder will be in the end: what users log later goes there.

    Raises:
        ImportError: MLflow is not installed.
        OSError: The folder cannot be written.
        StoreError: MLflow does not take the study.
    """
    folder.mkdir()
    # In memory first: MLflow waits for the disk at each of hundreds of steps, and takes a URL,
    # which cannot hold the name of every folder.
    memory = f"file:{uuid4().hex}?mode=memory&cache=shared"
    with _environment(), closing(sqlite3.connect(memory, uri=True)) as database:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        try:
            client = MlflowClient(tracking_uri=f"sqlite:///{memory}&uri=true")
            _write_study(client, study, f"{place.absolute().as_uri()}/artifacts")
        except MlflowException as error:
            raise StoreError(
                "a study that MLflow takes", f"'{reason(error)}'", "rename what it names"
            ) from error
        (folder / DATABASE).write_bytes(database.serialize())


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
    run = parent.info.run_id
    _log(client, run, study.shared_parameters, _told(of_all))
    for member in study.measured:
        _write_member(client, study, member, experiment, run)
    if len(ends) == len(study.members):
        client.set_terminated(run, end_time=_milliseconds(max(ends, default=study.started)))


def _write_member(
    client: "MlflowClient", study: StudyExport, member: ExportedMember, experiment: str, parent: str
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
    own = [finding for finding in study.findings if finding.variant == key.variant]
    which = {"variant": key.variant, "replicate": str(key.replicate), "share": str(key.share)}
    _log(client, run, study.parameters(key.variant), which | _told(own))
    at = _milliseconds(end or begin) or 0
    metrics = (
        Metric(_name(metric), value, at, epoch)
        for epoch, logs in sorted(member.epochs.items())
        for metric, value in logs.items()
    )
    for some in batched(metrics, _AT_ONCE):
        client.log_batch(run, metrics=some)
    if end is not None:
        client.set_terminated(run, end_time=at)


def _log(
    client: "MlflowClient", run: str, parameters: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    from mlflow.entities import Param, RunTag

    client.log_batch(
        run,
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(name, text) for name, text in tags.items()],
    )


def _told(findings: Iterable[FindingRecord]) -> dict[str, str]:
    """Verdicts by code, and all sentences as the note that MLflow shows with a run."""
    findings = list(findings)
    verdicts = {finding.code: finding.verdict for finding in findings}
    sentences = [f"{own.code} {own.verdict}: {own.sentence}" for own in findings]
    return verdicts | ({"mlflow.note.content": "\n\n".join(sentences)} if sentences else {})


def _name(metric: str) -> str:
    """The metric's name without what MLflow takes for none."""
    return re.sub(r"[^\w.\- ]", "_", metric)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(1000 * moment.timestamp())
