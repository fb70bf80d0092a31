"""What PagerDuty tells is kept as a set of moves; cursors, links of people, declarations."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The defaults stay: replicas of the version before insert incidents without these columns.
TABLES = """
ALTER TABLE incident
    ADD COLUMN seen_event VARCHAR NOT NULL DEFAULT '',
    ADD COLUMN moves JSONB NOT NULL DEFAULT '[]',
    ADD COLUMN policy_id VARCHAR NOT NULL DEFAULT '',
    ADD COLUMN kind VARCHAR NOT NULL DEFAULT '',
    ADD COLUMN extra JSONB NOT NULL DEFAULT '{}';
CREATE INDEX incident_service ON incident (service_id) WHERE status <> 'resolved';

CREATE TABLE cursor (name VARCHAR PRIMARY KEY, at TIMESTAMPTZ NOT NULL, state JSONB NOT NULL);

CREATE TABLE link (
    slack_id VARCHAR PRIMARY KEY,
    pd_id VARCHAR NOT NULL UNIQUE,
    pd_email VARCHAR NOT NULL,
    pd_name VARCHAR NOT NULL,
    by_admin BOOLEAN NOT NULL,
    linked_by JSONB NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE declaration (
    key VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    asked JSONB NOT NULL,
    slack_id VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    response_url VARCHAR NOT NULL,
    pd_id VARCHAR NOT NULL,
    failed VARCHAR NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(TABLES)  # type: ignore[union-attr]
