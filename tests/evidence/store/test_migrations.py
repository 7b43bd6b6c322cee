"""Older stores are brought up to date, and keep their rows."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, inspect, select

from kohort.errors import StoreError
from kohort.evidence.store import connect, migrate, open_store, schema
from kohort.evidence.store.rows import now
from tests.evidence.store.conftest import MEMBERS, ONE, VARIANTS

HEAD = schema.REVISION
NEXT_REVISION = f"{int(HEAD) + 1:04}"
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT_REVISION}"
down_revision = "{HEAD}"


def upgrade() -> None:
    with op.batch_alter_table("study") as table:
        table.add_column(sa.Column("owner", sa.Text(), nullable=False, server_default="nobody"))
        table.alter_column("description", new_column_name="about")
"""
NEXT_FILE = f"r{NEXT_REVISION}_next.py"


def scripts():
    return ScriptDirectory(str(migrate.MIGRATIONS))


REVISIONS = [script.revision for script in scripts().walk_revisions()]


def fill(connection):
    """Put a row into each table that there is, whatever its columns are."""
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name != schema.VERSION_TABLE:
            row = {
                column.name: now().replace(tzinfo=None)
                if column.type.python_type.__name__ == "datetime"
                else column.type.python_type(1)
                for column in table.columns
            }
            connection.execute(insert(table).values(row))
    return counts(connection)


def counts(connection):
    tables = MetaData()
    tables.reflect(connection)
    return {
        name: len(connection.execute(select(table)).all()) for name, table in tables.tables.items()
    }


@pytest.fixture
def bare(request, tmp_path, monkeypatch):
    """An opened store whose tables are dropped again."""
    place = tmp_path / "a.db"
    if request.param == "postgres":
        place = request.getfixturevalue("server").new_database()
    monkeypatch.setattr(connect, "check_revision", lambda *_: True)
    with open_store(place, files=tmp_path / "files") as store:
        monkeypatch.undo()
        yield store


def test_the_newest_migration_is_the_one_that_is_looked_for():
    assert scripts().get_current_head() == schema.REVISION
    assert sorted(REVISIONS) == REVISIONS[::-1], "revisions are told apart by their order"


def test_migrations_have_a_name_each():
    modules = Path(migrate.MIGRATIONS, "versions").glob("r*.py")
    assert sorted(path.name[1:5] for path in modules) == sorted(REVISIONS)


@pytest.mark.parametrize("older", ["0001", "0002"])
def test_a_store_from_before_the_first_release_is_refused(tmp_path, older):
    open_store(tmp_path / "a.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as tables, tables:
        tables.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{older}'")
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(StoreError, match=f"revision {older} in .*, of a kohort before its first"):
        open_store(tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.parametrize("bare", ["file", "postgres"], indirect=True)
@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_each_revision_are_kept(bare, revision):
    database = bare._database
    database.write(lambda connection: migrate.upgrade(connection, revision))
    before = database.write(fill)
    assert set(before.values()) == {1}
    database.write(migrate.upgrade)
    after = database.read(counts)
    assert {name: after[name] for name in before if name in after} == before


@pytest.mark.parametrize("bare", ["file", "postgres"], indirect=True)
def test_migrations_make_the_tables_that_the_code_asks(bare):
    def differences(connection):
        migrate.upgrade(connection)
        options = {"version_table": schema.VERSION_TABLE, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, schema.metadata)

    assert bare._database.write(differences) == []


def test_foreign_keys_go_with_what_they_name(tmp_path):
    open_store(tmp_path / "a.db").close()
    tables = sqlite3.connect(tmp_path / "a.db")
    for table in schema.metadata.tables.values():
        made = tables.execute(f"PRAGMA foreign_key_list({table.name})").fetchall()
        assert len(made) == len(table.foreign_keys)
        assert all(row[6] == "CASCADE" for row in made)
    tables.close()


@pytest.fixture
def next_kohort(tmp_path, monkeypatch):
    """A kohort whose tables have another column, and the migration to it."""
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / NEXT_FILE).write_text(NEXT)
    real = migrate.upgrade

    def become():
        monkeypatch.setattr(migrate, "REVISION", NEXT_REVISION)
        monkeypatch.setattr(connect, "upgrade", lambda c: real(c, versions=folder))

    return become


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_the_next_migration_keeps_what_hangs_on_the_table(tmp_path, request, next_kohort, kind):
    place = tmp_path / "a.db"
    if kind == "postgres":
        place = request.getfixturevalue("server").new_database()
    with open_store(place, files=tmp_path / "files") as store:
        study = store.create("width", {"a": 1}, VARIANTS, MEMBERS)
        with study.claim():
            study.append([(ONE, 0, {"loss": 1.0})])
        before = store._database.read(counts)
    next_kohort()
    with open_store(place, files=tmp_path / "files") as store:
        assert store._database.read(counts) == before
        columns = store._database.read(lambda c: inspect(c).get_columns("study"))
        assert {"owner", "about"} <= {column["name"] for column in columns}
        assert len(store.study("width").epochs()) == 1
        store.delete("width")
        assert store._database.read(counts)["epoch"] == 0, "foreign keys are enforced again"


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, next_kohort, monkeypatch):
    with open_store(tmp_path / "a.db") as store:
        store.create("width", {}, VARIANTS, MEMBERS)
    path = tmp_path / "versions" / NEXT_FILE
    path.write_text(path.read_text() + "    raise RuntimeError('stopped')\n")
    next_kohort()
    with pytest.raises(RuntimeError, match="stopped"):
        open_store(tmp_path / "a.db")
    monkeypatch.undo()
    with open_store(tmp_path / "a.db") as store:
        assert [summary.planned for summary in store.studies()] == [8]
        columns = store._database.read(lambda c: inspect(c).get_columns("study"))
        assert "owner" not in {column["name"] for column in columns}
