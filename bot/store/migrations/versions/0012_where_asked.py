"""The thread that a run was asked for in: whoever asked is answered there."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add it; rows of before, and those of older bots meanwhile, have none."""
    op.add_column("run", sa.Column("thread_ts", sa.String(), nullable=False, server_default=""))
