"""Brings the tables of a store to the newest revision.

The caller must hold a lock, so that only one process does this.
"""

from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from kohort.errors import StoreError
from kohort.evidence.store.schema import OLDEST, REVISION, VERSION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"


def check_revision(connection: Connection, place: str) -> bool:
    """Whether the tables are of the newest revision.

    Raises:
        StoreError: They are of a newer kohort, of one before its first release, or of another
            program.
    """
    # One query: another process may make all tables between two, and they would seem to be of
    # another program.
    names = set(inspect(connection).get_table_names())
    version = select(column("version_num", String)).select_from(table(VERSION_TABLE))
    current = connection.scalar(version) if VERSION_TABLE in names else None
    if current is None:
        theirs = names & set(metadata.tables)
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
    return bool(current == REVISION)


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
