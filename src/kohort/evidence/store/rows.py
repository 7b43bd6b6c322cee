"""Reads and writes the rows of studies, variants, members and epochs.

Each function takes a connection and is part of one transaction. Writing twice has the effect of
once, because a transaction whose connection was lost is tried again.
"""

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from kohort.errors import StoreError
from kohort.evidence.store import schema
from kohort.evidence.store.records import (
    EpochRecord,
    MemberKey,
    MemberRecord,
    VariantRecord,
    damaged,
    from_text,
    printable,
    to_text,
)

AT_ONCE = 1000
"""Ids in one statement; databases take some ten thousand."""


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def upsert(
    connection: Connection, table: Table, key: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows; each replaces the row that has the same values in the columns `key`."""
    if not rows:
        return
    statement = _dialect(connection).insert(table)
    new = {name: statement.excluded[name] for name in rows[0]}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), list(rows))


def _dialect(connection: Connection) -> ModuleType:
    """The module of SQLAlchemy with this database's insert on conflict."""
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def check_name(name: str) -> None:
    """Refuse a name that not every database can store.

    Raises:
        StoreError: It is empty, or has characters that are not text.
    """
    if not name or printable(name) != name:
        raise StoreError("a name of some letters", repr(name), "choose another")


def find_study(connection: Connection, name: str) -> tuple[int, str] | None:
    """The id and the folder of a study; None where there is none of this name."""
    study = schema.study.c
    row = connection.execute(select(study.id, study.folder).where(study.name == name)).first()
    return None if row is None else (row.id, row.folder)


def add_study(connection: Connection, name: str, folder: str, description: str) -> int | None:
    """Add a study; returns its id, or None where a study with another folder has its name."""
    values = {"name": name, "folder": folder, "created": now(), "description": description}
    connection.execute(
        _dialect(connection).insert(schema.study).values(values).on_conflict_do_nothing()
    )
    found = find_study(connection, name)
    return found[0] if found is not None and found[1] == folder else None


def delete_study(connection: Connection, study: int, folder: str) -> None:
    """Delete a study with all its rows, and record that its folder must be removed."""
    upsert(connection, schema.trash, ["folder"], [{"folder": folder}])
    connection.execute(delete(schema.study).where(schema.study.c.id == study))


def description(connection: Connection, study: int) -> str:
    """The description of a study, as JSON."""
    return str(
        connection.scalar(select(schema.study.c.description).where(schema.study.c.id == study))
    )


def describe(connection: Connection, study: int, text: str) -> None:
    """Replace the description of a study."""
    connection.execute(
        update(schema.study).where(schema.study.c.id == study).values(description=text)
    )


def variants(connection: Connection, study: int) -> list[VariantRecord]:
    """The variants of a study, in its order."""
    variant = schema.variant.c
    found = connection.execute(
        select(variant.name, variant.source, variant.arguments, variant.model)
        .where(variant.study == study)
        .order_by(variant.position)
    )
    return [
        VariantRecord(row.name, row.source, from_text(row.arguments), row.model) for row in found
    ]


def variant_ids(connection: Connection, study: int) -> dict[str, int]:
    """The ids of a study's variants by name."""
    variant = schema.variant.c
    found = connection.execute(select(variant.name, variant.id).where(variant.study == study))
    return {row.name: row.id for row in found}


def add_parts(
    connection: Connection,
    study: int,
    variants: Sequence[VariantRecord],
    members: Collection[MemberKey],
) -> None:
    """Add variants and members that a study does not have.

    Raises:
        StoreError: The variant of a member is neither in the study nor in `variants`.
    """
    for record in variants:
        check_name(record.name)
    _add_variants(connection, study, variants)
    ids = variant_ids(connection, study)
    strange = sorted({key.variant for key in members} - set(ids))
    if strange:
        raise StoreError("members of the study's variants", f"{strange}", "give them as well")
    _add_members(connection, study, members, ids)


def _add_variants(connection: Connection, study: int, new: Sequence[VariantRecord]) -> None:
    """Add the variants whose names the study does not have, after its variants."""
    there = variant_ids(connection, study)
    added = list({record.name: record for record in new if record.name not in there}.values())
    rows = [
        {
            "study": study,
            "position": len(there) + index,
            "name": record.name,
            "source": printable(record.source),
            "source_hash": record.source_hash,
            "arguments": to_text(record.arguments, repr),
            "model": printable(record.model),
        }
        for index, record in enumerate(added)
    ]
    if rows:
        connection.execute(insert(schema.variant), rows)


def member_ids(connection: Connection, study: int) -> dict[MemberKey, int]:
    """The ids of a study's members, in the order in which they were added."""
    member, variant = schema.member.c, schema.variant.c
    found = connection.execute(
        select(variant.name, member.replicate, member.share, member.id)
        .join_from(schema.member, schema.variant)
        .where(member.study == study)
        .order_by(member.id)
    )
    return {MemberKey(*key): number for *key, number in found}


def _add_members(
    connection: Connection, study: int, new: Collection[MemberKey], variants: Mapping[str, int]
) -> None:
    """Add the members that the study does not have."""
    there = member_ids(connection, study)
    rows = [
        {
            "study": study,
            "variant": variants[key.variant],
            "replicate": key.replicate,
            "share": key.share,
            "epochs": 0,
        }
        for key in dict.fromkeys(new)
        if key not in there
    ]
    if rows:
        connection.execute(insert(schema.member), rows)


def members(connection: Connection, study: int) -> list[MemberRecord]:
    """The progress of each member, in the order in which they were added."""
    member, variant = schema.member.c, schema.variant.c
    found = connection.execute(
        select(
            variant.name,
            member.replicate,
            member.share,
            *(member.epochs, member.finished, member.seconds, member.weights, member.sha256),
        )
        .join_from(schema.member, schema.variant)
        .where(member.study == study)
        .order_by(member.id)
    )
    return [MemberRecord(MemberKey(*row[:3]), *row[3:]) for row in found]


def append(connection: Connection, measured: Sequence[tuple[int, int, str]]) -> None:
    """Store epochs: ids of members, epochs from 0, and metrics as JSON."""
    rows = [
        {"member": key, "epoch": epoch, "logs": logs, "crc": _crc(key, epoch, logs)}
        for key, epoch, logs in measured
    ]
    upsert(connection, schema.epoch, ["member", "epoch"], rows)
    trained: dict[int, int] = {}
    for key, epoch, _ in measured:
        trained[key] = max(trained.get(key, 0), epoch + 1)
    if trained:
        member = schema.member
        connection.execute(
            update(member)
            .where(member.c.id == bindparam("key"), member.c.epochs < bindparam("trained"))
            .values(epochs=bindparam("trained")),
            [{"key": key, "trained": epochs} for key, epochs in trained.items()],
        )


def _crc(member: int, epoch: int, logs: str) -> int:
    return zlib.crc32(f"{member} {epoch} {logs}".encode())


def epochs(
    connection: Connection, study: int, after: Mapping[int, int] | None = None
) -> list[EpochRecord]:
    """The epochs that `append` stored, by member and epoch.

    Args:
        connection: To the database.
        study: The id of the study.
        after: By the ids of members, how many of their epochs are left out; None for all members.

    Raises:
        StoreError: A row is damaged.
    """
    epoch, member = schema.epoch.c, schema.member.c
    every = (
        select(epoch.member, epoch.epoch, epoch.logs, epoch.crc)
        .join_from(schema.epoch, schema.member)
        .where(member.study == study)
        .order_by(epoch.member, epoch.epoch)
    )
    parts = [true()] if after is None else _beyond(after)
    measured = [row for part in parts for row in connection.execute(every.where(part))]
    # The next query: it has all members of the first ones, except those deleted since.
    keys = {number: key for key, number in member_ids(connection, study).items()}
    for row in measured:
        # SQLite returns values of any type.
        if not isinstance(row[2], str) or (row[3] is not None and row[3] != _crc(*row[:3])):
            raise damaged(f"epoch {row[1]} (from 0) of {keys.get(row[0], 'no known member')}")
    # One long text is parsed faster than many short ones.
    logs = from_text(f"[{','.join(row.logs for row in measured)}]")
    return [
        EpochRecord(keys[row[0]], row[1], values)
        for row, values in zip(measured, logs, strict=True)
        if row[0] in keys
    ]


def _beyond(after: Mapping[int, int]) -> Iterator[ColumnElement[bool]]:
    """The conditions for epochs of members after so many; members mostly have equally many."""
    alike: dict[int, list[int]] = {}
    for number, known in after.items():
        alike.setdefault(known, []).append(number)
    for known, members in alike.items():
        for first in range(0, len(members), AT_ONCE):
            among = schema.epoch.c.member.in_(members[first : first + AT_ONCE])
            yield among & (schema.epoch.c.epoch >= known)
