"""What was resolved lately, without reading every incident."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("CREATE INDEX incident_resolved ON incident (resolved_at) WHERE resolved_at is not null")


def downgrade() -> None:
    op.execute("DROP INDEX incident_resolved")
