"""Guided checklists."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE checklist (
            id SERIAL PRIMARY KEY,
            incident_id INTEGER REFERENCES incident (id),
            entry_id VARCHAR NOT NULL,
            entry_digest VARCHAR NOT NULL,
            title VARCHAR NOT NULL,
            items JSONB NOT NULL,
            target FLOAT NOT NULL,
            way_back VARCHAR NOT NULL,
            started_at TIMESTAMPTZ NOT NULL,
            started_by JSONB NOT NULL,
            waits JSONB NOT NULL,
            ended_at TIMESTAMPTZ,
            ended_by JSONB NOT NULL,
            given_up VARCHAR NOT NULL
        )
    """)
    op.execute("CREATE INDEX ix_checklist_incident_id ON checklist (incident_id)")
    op.execute("""
        CREATE TABLE checklist_tick (
            checklist_id INTEGER NOT NULL REFERENCES checklist (id),
            item INTEGER NOT NULL,
            state VARCHAR NOT NULL CHECK (state IN ('done', 'skipped')),
            by JSONB NOT NULL,
            at TIMESTAMPTZ NOT NULL,
            note VARCHAR NOT NULL,
            PRIMARY KEY (checklist_id, item)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE checklist_tick")
    op.execute("DROP TABLE checklist")
