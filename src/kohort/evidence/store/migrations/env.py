"""What Alembic runs to migrate: on the connection that it was given."""

from alembic import context

from kohort.evidence.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
