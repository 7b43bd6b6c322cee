"""When a run was asked to end by who watches it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("run", sa.Column("asked_to_end", sa.DateTime(), nullable=True))
