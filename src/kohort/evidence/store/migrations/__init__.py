"""Migrations, which Alembic runs in order when a store is opened."""
