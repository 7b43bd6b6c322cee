"""The tables of a store. To change them, add a migration and set REVISION."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

REVISION = "0005"
"""The newest migration."""

OLDEST = "0003"
"""The first migration; there are none from what came before it."""

VERSION_TABLE = "kohort_revision"
"""Alembic's table for the revision; another program may use the default name in a database."""

APPLICATION_ID = int.from_bytes(b"KOHO")
"""Marks an SQLite file as kohort's."""


class Utc(TypeDecorator[datetime]):
    """A time in UTC, stored without a time zone, since SQLite has none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a time in any zone to UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark a time from the database as UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _of(table: str, *, index: bool = True) -> Column[int]:
    """A column with the id of a row of another table; deleting that row deletes this one."""
    return Column(table, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, index=index)


def _table(name: str, *parts: Any) -> Table:
    # AUTOINCREMENT: ids are never reused, so they give the order, and file names stay unique.
    return Table(name, metadata, *parts, sqlite_autoincrement=True)


study = _table(
    "study",
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("folder", String(32), nullable=False, unique=True),
    Column("created", Utc, nullable=False),
    Column("description", Text, nullable=False),
)

run = _table(
    "run",
    _key(),
    _of("study"),
    Column("token", String(32), nullable=False, unique=True),
    Column("started", Utc, nullable=False),
    Column("finished", Utc),
    Column("outcome", Text),
    Column("asked_to_end", Utc),
    Column("environment", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
)

variant = _table(
    "variant",
    _key(),
    _of("study", index=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_hash", String(64), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("model", Text, nullable=False),
    UniqueConstraint("study", "name"),
)

member = _table(
    "member",
    _key(),
    _of("study"),
    _of("variant", index=False),
    Column("replicate", Integer, nullable=False),
    Column("share", Double, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("finished", Utc),
    Column("seconds", Double),
    Column("weights", Text),
    Column("sha256", String(64)),
    Column("beside", LargeBinary),
    Column("beside_sha256", String(64)),
    UniqueConstraint("variant", "replicate", "share"),
)
"""What lies beside a member's weights is in their file, and in `beside` once that was dropped."""

epoch = Table(
    "epoch",
    metadata,
    Column(
        "member",
        ForeignKey("member.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("logs", Text, nullable=False),
    Column("crc", BigInteger),
    sqlite_with_rowid=False,
)
"""Measurements of members. `crc` is a checksum of the row, null in rows that are older than the
column: SQLite detects damaged pages, but not a number that a disk changed."""

event = _table(
    "event",
    _key(),
    _of("study"),
    Column("run", ForeignKey("run.id", ondelete="CASCADE"), index=True),
    Column("token", String(32), nullable=False, unique=True),
    Column("at", Utc, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
)

finding = _table(
    "finding",
    _key(),
    _of("study"),
    Column("code", Text, nullable=False),
    Column("variant", Text),
    Column("verdict", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)

reading = _table(
    "reading",
    _key(),
    _of("study"),
    Column("token", String(32), nullable=False, unique=True),
    Column("at", Utc, nullable=False),
    Column("about", Text, nullable=False),
    Column("arrays", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""Readings of a study's test set. Their arrays are in rows, because a reading needs no claim: the
process that claims the study would remove a file that is in no row yet."""

checkpoint = _table(
    "checkpoint",
    _key(),
    _of("study", index=False),
    Column("cohort", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", Text, nullable=False),
    UniqueConstraint("study", "cohort"),
)

holder = Table(
    "holder",
    metadata,
    Column(
        "study", ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("token", String(32), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Utc, nullable=False),
)
"""The process that claimed a study last, for messages; the lock itself is not here."""

trash = Table("trash", metadata, Column("folder", String(32), primary_key=True))
"""Folders of deleted studies that may still have to be removed."""
