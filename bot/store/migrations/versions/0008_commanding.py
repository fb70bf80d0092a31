"""Who has command, and the timers of status updates and postmortems."""

from alembic import op

revision = "0008"
down_revision = "0007"

SCRIPT = """
ALTER TABLE incident ADD COLUMN commander JSONB NOT NULL DEFAULT '{}';
ALTER TABLE incident ADD COLUMN said_at TIMESTAMPTZ;
ALTER TABLE incident ADD COLUMN update_due_at TIMESTAMPTZ;
ALTER TABLE incident ADD COLUMN review_due_at TIMESTAMPTZ;
ALTER TABLE incident ADD COLUMN review_stage INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN reviewed VARCHAR NOT NULL DEFAULT '';
CREATE INDEX incident_update ON incident (update_due_at) WHERE update_due_at is not null;
CREATE INDEX incident_review ON incident (review_due_at) WHERE review_due_at is not null;
UPDATE incident SET commander = acked_by WHERE status = 'acknowledged';
"""


def upgrade() -> None:
    # Incidents of before are not asked about: their timers stay empty until their status changes.
    op.get_bind().connection.driver_connection.execute(SCRIPT)  # type: ignore[union-attr]


def downgrade() -> None:
    for column in ("commander", "said_at", "update_due_at", "review_due_at", "review_stage", "reviewed"):
        op.execute(f"ALTER TABLE incident DROP COLUMN {column}")
