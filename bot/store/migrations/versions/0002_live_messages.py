"""Messages that are rendered from a state of their own each time they are sent."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The default stays: replicas of the version before insert messages without it.
    op.execute("ALTER TABLE message ADD COLUMN ref VARCHAR NOT NULL DEFAULT ''")
    op.execute("CREATE UNIQUE INDEX message_live ON message (kind, ref) WHERE ref <> ''")


def downgrade() -> None:
    op.execute("DROP INDEX message_live")
    op.execute("ALTER TABLE message DROP COLUMN ref")
