"""Checksums of what members measured."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; rows that are there have none."""
    op.add_column("epoch", sa.Column("crc", sa.BigInteger(), nullable=True))
