"""Runs of the runbook's steps, and who approved them."""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE run (
    id BIGSERIAL PRIMARY KEY,
    key VARCHAR NOT NULL UNIQUE,
    incident_id INTEGER REFERENCES incident (id),
    step_id VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    risk VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    state VARCHAR NOT NULL CHECK (state IN (
        'requested', 'awaiting', 'approved', 'running', 'succeeded', 'failed', 'ran_not_verified', 'unknown',
        'expired', 'denied', 'voided', 'cancelled'
    )),
    reason VARCHAR NOT NULL,
    parameters JSONB NOT NULL,
    seen VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    agreed JSONB NOT NULL,
    requester JSONB NOT NULL,
    roles JSONB NOT NULL,
    needed INTEGER NOT NULL,
    approver_role VARCHAR NOT NULL,
    asked JSONB NOT NULL,
    glass VARCHAR NOT NULL,
    undo_of BIGINT,
    undo JSONB NOT NULL,
    channel VARCHAR NOT NULL,
    response_url VARCHAR NOT NULL,
    guard VARCHAR NOT NULL,
    progress VARCHAR NOT NULL,
    output JSONB NOT NULL,
    reading VARCHAR NOT NULL,
    after VARCHAR NOT NULL,
    late VARCHAR NOT NULL,
    exit INTEGER,
    took FLOAT NOT NULL,
    worker VARCHAR NOT NULL,
    cancelled_by JSONB NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    approved_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    beat_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    revert_due_at TIMESTAMPTZ
);
CREATE INDEX ix_run_incident_id ON run (incident_id);
CREATE INDEX run_open ON run (id) WHERE state IN ('requested', 'awaiting', 'approved', 'running');
CREATE UNIQUE INDEX run_one_at_a_time ON run (system) WHERE state = 'running' AND system <> '';

CREATE TABLE approval (
    id BIGSERIAL PRIMARY KEY,
    run_id BIGINT NOT NULL REFERENCES run (id),
    slack_id VARCHAR NOT NULL,
    person JSONB NOT NULL,
    roles JSONB NOT NULL,
    digest VARCHAR NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    UNIQUE (run_id, slack_id)
);
"""

# The last line of defence: whatever the code does, a run that has begun or ended is never begun again.
ONCE = """
CREATE FUNCTION run_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND (
        OLD.state IN ('succeeded', 'failed', 'ran_not_verified', 'unknown', 'expired', 'denied', 'voided', 'cancelled')
        OR (OLD.state = 'running' AND NEW.state NOT IN ('succeeded', 'failed', 'ran_not_verified', 'unknown'))
        OR (NEW.state = 'running' AND OLD.state <> 'approved')
    ) THEN
        RAISE EXCEPTION 'a run cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER run_moves BEFORE UPDATE OF state ON run FOR EACH ROW EXECUTE FUNCTION run_moves_forward();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(ONCE)


def downgrade() -> None:
    op.execute("DROP TABLE approval")
    op.execute("DROP TABLE run")
    op.execute("DROP FUNCTION run_moves_forward()")
