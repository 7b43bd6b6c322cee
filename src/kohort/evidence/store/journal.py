"""Reads and writes the rows of runs, events, findings, readings, checkpoints and holders.

And the summaries of studies, which tell how the last run of each ended.

As in `rows`, these are functions of a connection, and writing twice has the effect of once.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update

from kohort.evidence.store import files, schema
from kohort.evidence.store.records import (
    Event,
    FindingRecord,
    ReadingRecord,
    RunRecord,
    StudySummary,
    from_text,
    printable,
    to_text,
)
from kohort.evidence.store.rows import now, upsert


def summaries(connection: Connection) -> list[StudySummary]:
    """All studies, in the order in which they were created."""
    study, member, run = schema.study.c, schema.member.c, schema.run
    counted = (
        select(
            member.study,
            func.count().label("planned"),
            func.count(member.finished).label("finished"),
            func.sum(member.epochs).label("epochs"),
        )
        .where(member.replicate >= 0)  # A refit is no member that the study compares.
        .group_by(member.study)
        .subquery()
    )
    last = select(func.max(run.c.id)).group_by(run.c.study)
    names = ("planned", "finished", "epochs")
    counts = [func.coalesce(counted.c[name], 0).label(name) for name in names]
    found = connection.execute(
        select(study.name, study.created, *counts, run.c.outcome)
        .outerjoin(counted, counted.c.study == study.id)
        .outerjoin(run, (run.c.study == study.id) & run.c.id.in_(last))
        .order_by(study.id)
    )
    return [StudySummary(**row) for row in found.mappings()]


def trash(connection: Connection) -> list[str]:
    """The folders of deleted studies that may still exist."""
    return list(connection.scalars(select(schema.trash.c.folder)))


def empty_trash(connection: Connection, folders: Sequence[str]) -> None:
    """Record that folders of deleted studies have been removed."""
    connection.execute(delete(schema.trash).where(schema.trash.c.folder.in_(folders)))


def new_run(study: int, environment: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a run by this process, which begins now."""
    return {
        "study": study,
        "token": uuid4().hex,
        "started": now(),
        "environment": to_text(environment),
        **_here(),
    }


def _here() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid()}


def begin_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Add a run, and mark earlier runs that never ended as killed; returns its id."""
    run = schema.run
    upsert(connection, run, ["token"], [values])
    number = connection.execute(select(run.c.id).where(run.c.token == values["token"])).scalar_one()
    connection.execute(
        update(run)
        .where(run.c.study == values["study"], run.c.outcome.is_(None), run.c.id != number)
        .values(outcome="killed")
    )
    return int(number)


def end_run(connection: Connection, number: int, outcome: str) -> None:
    """Record how a run ended."""
    run = schema.run
    connection.execute(
        update(run).where(run.c.id == number).values(outcome=outcome, finished=now())
    )


def tell_run(connection: Connection, number: int, told: Mapping[str, Any]) -> None:
    """Record what a run tells while it goes on, in its environment."""
    run = schema.run
    known = select(run.c.environment).where(run.c.id == number)
    environment = from_text(connection.execute(known).scalar_one())
    text = to_text(environment | dict(told))
    connection.execute(update(run).where(run.c.id == number).values(environment=text))


def ask_to_end(connection: Connection, study: int, number: int) -> bool:
    """Ask a run to end after its epoch, and add an event; returns False where it has ended."""
    run = schema.run
    known = select(run.c.outcome, run.c.asked_to_end).where(run.c.id == number)
    outcome, asked = connection.execute(known).one()
    if outcome is None and asked is None:
        connection.execute(update(run).where(run.c.id == number).values(asked_to_end=now()))
        row = new_event(
            study, number, "asked", "to end after the current epoch; it can go on later"
        )
        upsert(connection, schema.event, ["token"], [row | {"token": f"end-{number}"}])
    return outcome is None


def is_asked_to_end(connection: Connection, number: int) -> bool:
    """Whether a run was asked to end."""
    run = schema.run.c
    return connection.scalar(select(run.asked_to_end).where(run.id == number)) is not None


def runs(connection: Connection, study: int) -> list[RunRecord]:
    """The runs of a study, in order."""
    names = ("id", "started", "finished", "outcome", "environment", "host", "pid", "asked_to_end")
    found = _of_study(connection, schema.run, names, study)
    return [
        RunRecord(
            row.id,
            row.started,
            row.finished,
            row.outcome,
            from_text(row.environment),
            row.host,
            row.pid,
            row.asked_to_end,
        )
        for row in found
    ]


def new_event(study: int, run: int | None, kind: str, text: str) -> dict[str, Any]:
    """The row of an event that happens now."""
    return {
        "study": study,
        "run": run,
        "token": uuid4().hex,
        "at": now(),
        "kind": printable(kind),
        "text": printable(text),
    }


def events(connection: Connection, study: int) -> list[Event]:
    """The events of a study, in order."""
    found = _of_study(connection, schema.event, ("at", "kind", "text", "run"), study)
    return [Event(*row) for row in found]


def keep_findings(connection: Connection, study: int, new: Sequence[FindingRecord]) -> None:
    """Replace the findings of a study."""
    finding = schema.finding
    connection.execute(delete(finding).where(finding.c.study == study))
    rows = [
        {"study": study, **vars(record), "evidence": to_text(record.evidence)} for record in new
    ]
    if rows:
        connection.execute(insert(finding), rows)


def findings(connection: Connection, study: int) -> list[FindingRecord]:
    """The findings of a study, in the order in which they were added."""
    names = ("code", "variant", "verdict", "sentence", "advice", "evidence")
    found = _of_study(connection, schema.finding, names, study)
    return [FindingRecord(*row[:5], *map(from_text, row[5:])) for row in found]


def new_reading(
    study: int, at: datetime, about: object, arrays: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """The row of a reading of the test set."""
    content = files.to_bytes(arrays)
    return {
        "study": study,
        "token": uuid4().hex,
        "at": at,
        "about": to_text(about),
        "arrays": content,
        "sha256": files.digest_of(content),
    }


def readings(connection: Connection, study: int) -> list[ReadingRecord]:
    """The readings of a study's test set, in order."""
    found = _of_study(connection, schema.reading, ("at", "about", "arrays", "sha256"), study)
    return [
        ReadingRecord(
            row.at,
            from_text(row.about),
            files.from_bytes(row.arrays) if files.digest_of(row.arrays) == row.sha256 else None,
        )
        for row in found
    ]


def _of_study(
    connection: Connection, table: Table, names: Sequence[str], study: int
) -> Sequence[Any]:
    """Columns of the rows of a study in a table, in the order in which they were added."""
    columns = (table.c[name] for name in names)
    rows = select(*columns).where(table.c.study == study).order_by(table.c.id)
    return connection.execute(rows).all()


def checkpoint(connection: Connection, study: int, cohort: str) -> dict[str, Any] | None:
    """The row of a cohort's checkpoint."""
    table = schema.checkpoint
    found = select(table).where(table.c.study == study, table.c.cohort == cohort)
    return _first(connection, found)


def checkpoints(connection: Connection, study: int) -> set[str]:
    """The cohorts of a study that have a checkpoint."""
    table = schema.checkpoint.c
    return set(connection.scalars(select(table.cohort).where(table.study == study)))


def _first(connection: Connection, found: Select[*tuple[Any, ...]]) -> dict[str, Any] | None:
    row = connection.execute(found).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}


def drop_checkpoint(connection: Connection, study: int, cohort: str) -> str | None:
    """Delete the row of a cohort's checkpoint; returns the name of its file."""
    table = schema.checkpoint
    row = checkpoint(connection, study, cohort)
    connection.execute(delete(table).where(table.c.study == study, table.c.cohort == cohort))
    return None if row is None else row["file"]


def named_files(connection: Connection, study: int) -> set[str]:
    """The names of the files in the rows of a study."""
    member, checkpoint_row = schema.member.c, schema.checkpoint.c
    weights = select(member.weights).where(member.study == study, member.weights.is_not(None))
    found = {*connection.scalars(weights)}
    return found | {
        *connection.scalars(select(checkpoint_row.file).where(checkpoint_row.study == study))
    }


def new_holder(study: int, token: str) -> dict[str, Any]:
    """The row that says that this process claims a study now."""
    return {"study": study, "token": token, "since": now(), **_here()}


def holder(connection: Connection, folder: str) -> dict[str, Any] | None:
    """The row of the process that claimed the study of a folder last."""
    table, study = schema.holder, schema.study
    return _first(connection, select(table).join_from(table, study).where(study.c.folder == folder))
