"""Webhooks that wait to be applied; the end of an incident's chain, and one that came back, without a search."""

from alembic import op

revision = "0010"
down_revision = "0009"

SCRIPT = """
ALTER TABLE inbox ADD COLUMN waiting BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE inbox ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN trouble VARCHAR NOT NULL DEFAULT '';
CREATE INDEX inbox_waiting ON inbox (rank, id) WHERE waiting;
CREATE INDEX timeline_chain ON timeline (incident_id, id);
DROP INDEX ix_timeline_incident_id;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(SCRIPT)  # type: ignore[union-attr]


def downgrade() -> None:
    op.execute("CREATE INDEX ix_timeline_incident_id ON timeline (incident_id)")
    op.execute("DROP INDEX timeline_chain")
    for column in ("waiting", "rank", "trouble"):
        op.execute(f"ALTER TABLE inbox DROP COLUMN {column}")
