"""Thousands of incidents that are long over, with what they leave behind, and the same taken away again."""

from typing import Final

import psycopg
import psycopg.sql

_INCIDENTS: Final = """
insert into incident (pd_id, number, title, url, service, service_id, urgency, priority, severity, status, status_at,
  triggered_at, acked_by, resolved_at, resolved_by, assignees, seen_at, merged_into, entry_id, entry_reason,
  entry_chosen, details, oncall, level, reminders, pending, created_at)
select 'QSTORED' || n, 500000 + n, 'Stored ' || n, '', 'AI Trading System', 'PS', 'high', '', 'P1', 'resolved', at,
  at, '{}', at, '{}', '[]', at, '', '', '', false, '{}', '[]', 0, '[]', '{}', at
from (select n, now() - interval '20 days' + make_interval(mins => n) as at from generate_series(1, %s) n) as every
"""
_TIMELINE: Final = """
insert into timeline (incident_id, at, recorded_at, kind, text, actor, source, data, prev_hash, hash)
select id, triggered_at, triggered_at, word, '', '{}', 'bot', '{}', '', ''
from incident, unnest(array['triggered', 'reminder', 'acknowledged', 'resolved']) as words (word)
where pd_id like 'QSTORED%'
"""
_MESSAGES: Final = """
insert into message (marker, channel, kind, ref, incident_id, payload, wanted, sent, channel_id, ts, thread_ts,
  attempts, failed, created_at, rank)
select 'stored-' || word || id, '#trading-ops-alerts', word, '', id, '{}', 1, 1, 'C0OPS', '1.' || id, '', 1, '',
  triggered_at, 0
from incident, unnest(array['card', 'text', 'text ']) as words (word) where pd_id like 'QSTORED%'
"""
_INBOX: Final = """
insert into inbox (source, delivery_id, event_id, type, body, received_at)
select 'pagerduty', 'stored' || id, 'stored' || id, 'incident.triggered', '{}', triggered_at
from incident where pd_id like 'QSTORED%'
"""


def store(url: str, count: int) -> None:
    """So many resolved incidents with what they leave behind."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_INCIDENTS, [count])
        for statement in (_TIMELINE, _MESSAGES, _INBOX):
            connection.execute(statement)
        _rest(connection)


def clear(url: str) -> None:
    """As if they had never been."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # the timeline's own trigger would refuse
        for name in ("timeline", "message"):
            query = "delete from {} where incident_id in (select id from incident where pd_id like 'QSTORED%')"
            connection.execute(psycopg.sql.SQL(query).format(psycopg.sql.Identifier(name)))
        connection.execute("delete from inbox where delivery_id like 'stored%'")
        connection.execute("delete from incident where pd_id like 'QSTORED%'")
        _rest(connection)


def _rest(connection: psycopg.Connection) -> None:
    """Nothing of it is still being written when something is measured."""
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")
