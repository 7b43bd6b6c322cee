"""Brings the tables of a store to the newest revision.

The caller must hold a lock, so that only one process does this.
"""

from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from kohort.errors import StoreError
from kohort.evidence.store.schema import OLDEST, REVISION, VERSION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if there are no tables of kohort."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(
        select(column("version_num", String)).select_from(table(VERSION_TABLE))
    )


def check_revision(connection: Connection, place: str) -> bool:
    """Whether the tables are of the newest revision.

    Raises:
        StoreError: They are of a newer kohort, of one before its first release, or of another
            program.
    """
    current = revision(connection)
    if current is None:
        theirs = set(inspect(connection).get_table_names()) & set(metadata.tables)
        if theirs:
            raise StoreError(
                "a database without tables, or with kohort's",
                f"another program's tables {sorted(theirs)} in {place}",
                "name another database",
            )
    elif current > REVISION:
        raise StoreError(
            f"a store of revision {REVISION} or older",
            f"revision {current} in {place}, which a newer kohort made",
            "update kohort",
        )
    elif current < OLDEST:
        raise StoreError(
            f"a store of revision {OLDEST} or newer",
            f"revision {current} in {place}, of a kohort before its first release",
            "name another store, and run its studies again",
        )
    return current == REVISION


def upgrade(connection: Connection, to: str = "head", versions: Path | None = None) -> None:
    """Run the missing migrations, in the open transaction.

    Args:
        connection: To the database; on SQLite foreign keys must not be enforced, because tables
            are copied and dropped.
        to: The revision to stop at.
        versions: A folder of more migrations than the package has.
    """
    # Imported here, because most stores already have the newest revision.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    folders = [MIGRATIONS / "versions", *([versions] if versions else [])]
    config.set_main_option("script_location", _escaped(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_escaped, folders)))
    command.upgrade(config, to)


def _escaped(path: Path) -> str:
    """A path, escaped for the configuration of Alembic."""
    return str(path).replace("%", "%%")
