"""Reads and writes what the rows of members tell of their weights.

As in `rows`, these are functions of a connection, and writing twice has the effect of once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from kohort.evidence.store import files, schema
from kohort.evidence.store.records import MemberKey
from kohort.evidence.store.rows import AT_ONCE

_FORGOTTEN = dict.fromkeys(("weights", "sha256", "beside", "beside_sha256"))
"""The columns of a member whose weights, and what lay beside them, are not there."""


def finish(connection: Connection, member: int, values: Mapping[str, Any]) -> str | None:
    """Set columns of a member; returns the name of the file with its weights before."""
    table = schema.member
    before = connection.scalar(select(table.c.weights).where(table.c.id == member))
    connection.execute(update(table).where(table.c.id == member).values(values))
    return before


def finish_all(
    connection: Connection, written: Mapping[int, Mapping[str, Any]]
) -> dict[int, str | None]:
    """Set the same columns of members by their ids; returns the files with their weights before."""
    table = schema.member
    before: dict[int, str | None] = {}
    members = list(written)
    for first in range(0, len(members), AT_ONCE):
        among = table.c.id.in_(members[first : first + AT_ONCE])
        found = connection.execute(select(table.c.id, table.c.weights).where(among))
        before |= {row.id: row.weights for row in found}
    columns: dict[str, Any] = {
        name: bindparam(f"new_{name}") for name in next(iter(written.values()))
    }
    connection.execute(
        update(table).where(table.c.id == bindparam("key")).values(columns),
        [
            {"key": key} | {f"new_{name}": value for name, value in values.items()}
            for key, values in written.items()
        ],
    )
    return before


def drop_weights(connection: Connection, beside: Mapping[int, bytes | None]) -> list[str]:
    """Forget the files with the weights of members; returns their names.

    Args:
        connection: To the database.
        beside: By the ids of the members, what lies beside their weights, which the rows take over,
            as `files.to_bytes` makes it; None for nothing.
    """
    written: dict[int, dict[str, Any]] = {
        number: _FORGOTTEN
        if content is None
        else _FORGOTTEN | {"beside": content, "beside_sha256": files.digest_of(content)}
        for number, content in beside.items()
    }
    return [*filter(None, finish_all(connection, written).values())] if written else []


def beside_dropped(connection: Connection, study: int) -> list[tuple[MemberKey, bytes, str]]:
    """What the rows of a study's members took over, with its SHA-256."""
    member, variant = schema.member, schema.variant.c
    found = connection.execute(
        select(
            variant.name,
            *(member.c.replicate, member.c.share, member.c.beside, member.c.beside_sha256),
        )
        .join_from(member, schema.variant)
        .where(member.c.study == study, member.c.beside.is_not(None))
        .order_by(member.c.id)
    )
    return [(MemberKey(*row[:3]), *row[3:]) for row in found]


def restart(connection: Connection, member: int) -> str | None:
    """Delete a member's epochs, and mark it as not finished; returns its file's name."""
    connection.execute(delete(schema.epoch).where(schema.epoch.c.member == member))
    gone = {"epochs": 0, "finished": None, "seconds": None}
    return finish(connection, member, gone | _FORGOTTEN)


def weights_file(
    connection: Connection, member: int
) -> tuple[str | None, str | None, datetime | None]:
    """The name and the SHA-256 of the file with a member's weights, and when it finished."""
    table = schema.member.c
    found = select(table.weights, table.sha256, table.finished).where(table.id == member)
    row = connection.execute(found).one()
    return row.weights, row.sha256, row.finished
