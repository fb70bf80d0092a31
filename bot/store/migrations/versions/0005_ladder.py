"""The ladder's standing by rungs instead of a level and a job: timers are columns that a ticker looks at."""

from alembic import op

revision = "0005"
down_revision = "0004"

SCRIPT = """
ALTER TABLE incident ADD COLUMN anchor_at TIMESTAMPTZ;
ALTER TABLE incident ADD COLUMN asked_at TIMESTAMPTZ;
ALTER TABLE incident ADD COLUMN fired JSONB NOT NULL DEFAULT '[]';
UPDATE incident SET anchor_at = greatest(triggered_at, coalesce(rearmed_at, triggered_at));
UPDATE incident i SET fired = coalesce((
    SELECT jsonb_agg(t.data ->> 'schedule' ORDER BY t.id) FROM timeline t
    WHERE t.incident_id = i.id AND t.kind = 'reminder' AND t.recorded_at >= i.anchor_at
), '[]') WHERE level > 0;
UPDATE procrastinate_jobs SET status = 'cancelled' WHERE task_name = 'remind' AND status = 'todo';
"""


def upgrade() -> None:
    # timer_job stays, unused: replicas of the version before still write it.
    op.get_bind().connection.driver_connection.execute(SCRIPT)  # type: ignore[union-attr]


def downgrade() -> None:
    for column in ("anchor_at", "asked_at", "fired"):
        op.execute(f"ALTER TABLE incident DROP COLUMN {column}")
