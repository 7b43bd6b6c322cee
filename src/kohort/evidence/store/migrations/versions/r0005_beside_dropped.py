"""What lay beside weights that were dropped."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("member", sa.Column("beside", sa.LargeBinary(), nullable=True))
    op.add_column("member", sa.Column("beside_sha256", sa.String(length=64), nullable=True))
