"""How late reminders are: 10,000 that wait for later, 1,000 that fall due within ten seconds, one worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg

from bench.line import Line, spread
from bench.machine import conditions
from bench.world import SETTINGS, World

PENDING: Final = 10_000
WITHIN: Final = 10.0  # seconds
LEAD: Final = 5.0  # seconds before the first is due
PATIENCE: Final = 120.0

_INSERT: Final = """
insert into incident (pd_id, number, title, url, service, service_id, urgency, priority, severity, status, status_at,
    triggered_at, acked_by, resolved_by, assignees, seen_at, merged_into, entry_id, entry_reason, entry_chosen, details,
    oncall, level, due_at, anchor_at, reminders, pending, created_at, fired)
select %(name)s || n, %(first)s + n, 'Bench ' || n, '', 'Bench ' || n, 'B' || n, 'high', '', 'P0', 'triggered', at, at,
    '{}', '{}', '[]', at, '', '', '', false, '{}', '[]', 0, at, at, '[]', '{}', now() - interval '1 hour', '[]'
from (select n, now() + make_interval(secs => %(lead)s + n * %(span)s::float / %(count)s) as at
      from generate_series(1, %(count)s) as n) as due
"""
_FIRED: Final = """
select i.id, extract(epoch from t.recorded_at - i.anchor_at) from incident i
join timeline t on t.incident_id = i.id and t.kind = 'reminder' and t.data ->> 'level' = '0' where i.pd_id like 'DUE%'
"""


def _fill(url: str, count: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        later = {"name": "LATER", "first": 5_000_000, "lead": 7200.0, "span": 3600, "count": PENDING}
        due = {"name": "DUE", "first": 6_000_000, "lead": LEAD, "span": WITHIN, "count": count}
        for values in (later, due):
            connection.execute(_INSERT, values)


def _fired(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(_FIRED).fetchall()


async def bench(scene: World, count: int) -> AsyncIterator[Line]:
    """Lateness by the timeline: when a reminder was written down, with its messages, against when it was due."""
    url = scene.database_url
    await asyncio.to_thread(_fill, url, count)
    end = time.monotonic() + LEAD + WITHIN + PATIENCE
    rows: list[tuple[Any, ...]] = []
    while len(rows) < count and time.monotonic() < end:
        await asyncio.sleep(1.0)
        rows = await asyncio.to_thread(_fired, url)
    late = [float(row[1]) for row in rows]
    twice = len(rows) - len({row[0] for row in rows})
    under = conditions(f"{SETTINGS}; {PENDING} pending, {count} due within {WITHIN:g} s, one worker")
    wrong = {
        "early": sum(each < 0 for each in late),
        "twice": twice,
        "missing": count - len({r[0] for r in rows}),
    }
    bad = ", ".join(f"{number} {how}" for how, number in wrong.items() if number)
    values = (spread(late) if late else {"p99_ms": 0.0}) | wrong
    yield Line("reminders.lateness", count, values, {"p99_ms": 2000.0}, under, missing=bad)
