"""Storms: many incidents with one card; incidents that come back; the order of a channel's messages."""

from alembic import op

revision = "0009"
down_revision = "0008"

SCRIPT = """
CREATE TABLE storm (
    id SERIAL PRIMARY KEY,
    key VARCHAR NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ,
    shown JSONB NOT NULL,
    shown_at TIMESTAMPTZ
);
CREATE INDEX storm_open ON storm (id) WHERE closed_at is null;
ALTER TABLE incident ADD COLUMN storm_id INTEGER REFERENCES storm (id);
ALTER TABLE incident ADD COLUMN successor_id INTEGER;
ALTER TABLE incident ADD COLUMN occurrences INTEGER NOT NULL DEFAULT 1;
ALTER TABLE incident ADD COLUMN history JSONB NOT NULL DEFAULT '[]';
CREATE INDEX ix_incident_storm_id ON incident (storm_id);
CREATE INDEX incident_created ON incident (created_at);
ALTER TABLE message ADD COLUMN rank INTEGER NOT NULL DEFAULT 25;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(SCRIPT)  # type: ignore[union-attr]


def downgrade() -> None:
    for column in ("storm_id", "successor_id", "occurrences", "history"):
        op.execute(f"ALTER TABLE incident DROP COLUMN {column}")
    op.execute("ALTER TABLE message DROP COLUMN rank")
    op.execute("DROP TABLE storm")
