"""Looks at the systems: reports, diagnoses, files, watches, and the figures behind trends."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE attachment (
    id BIGSERIAL PRIMARY KEY,
    message_id BIGINT NOT NULL REFERENCES message (id),
    name VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    alt VARCHAR NOT NULL,
    content BYTEA NOT NULL,
    file_id VARCHAR NOT NULL,
    permalink VARCHAR NOT NULL
);
CREATE INDEX ix_attachment_message_id ON attachment (message_id);

CREATE TABLE look (
    id BIGSERIAL PRIMARY KEY,
    key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject JSONB NOT NULL,
    places JSONB NOT NULL,
    automatic BOOLEAN NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    done_at TIMESTAMPTZ
);
CREATE INDEX look_key ON look (key, asked_at);

CREATE TABLE watch (
    id BIGSERIAL PRIMARY KEY,
    channel VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    asked_by JSONB NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    turn INTEGER NOT NULL,
    ended VARCHAR NOT NULL
);
CREATE UNIQUE INDEX watch_open ON watch (channel) WHERE ended = '';

CREATE TABLE health_sample (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    name VARCHAR NOT NULL,
    value DOUBLE PRECISION NOT NULL
);
CREATE INDEX health_sample_name ON health_sample (name, at);

CREATE TABLE chore (name VARCHAR PRIMARY KEY, at TIMESTAMPTZ NOT NULL);

ALTER TABLE incident ADD COLUMN looked_at TIMESTAMPTZ;
"""


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute(TABLES)  # type: ignore[union-attr]
