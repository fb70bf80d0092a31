"""How late reminders are: 10,000 that wait for later, 1,000 that fall due within ten seconds, one worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import psycopg

from bench.line import Line, spread
from bench.machine import conditions
from bench.world import SETTINGS, World

PENDING: Final = 10_000
WITHIN: Final = 10.0  # seconds
LEAD: Final = 5.0  # seconds before the first is due
PATIENCE: Final = 120.0
LOOK: Final = 0.1

_INSERT: Final = """
insert into incident (pd_id, number, title, url, service, service_id, urgency, priority, severity, status, status_at,
    triggered_at, acked_by, resolved_by, assignees, seen_at, merged_into, entry_id, entry_reason, entry_chosen, details,
    oncall, level, due_at, anchor_at, reminders, pending, created_at, fired)
select %(name)s || n, %(first)s + n, 'Bench ' || n, '', 'Bench ' || n, 'B' || n, 'high', '', 'P0', 'triggered', at, at,
    '{}', '{}', '[]', at, '', '', '', false, '{}', '[]', 0, at, at, '[]', '{}', now() - interval '1 hour', '[]'
from (select n, now() + make_interval(secs => %(lead)s + n * %(span)s::float / %(count)s) as at
      from generate_series(1, %(count)s) as n) as due
"""
_COMMITTED: Final = """
select number, extract(epoch from clock_timestamp() - anchor_at)::float from incident
where number > 6000000 and asked_at is not null
"""
_WRITTEN: Final = """
select i.number, extract(epoch from t.recorded_at - i.anchor_at)::float from incident i
join timeline t on t.incident_id = i.id and t.kind = 'reminder' and t.data ->> 'level' = '0' where i.number > 6000000
"""
_SENT: Final = """
select i.number, extract(epoch from m.sent_at - i.anchor_at)::float from incident i
join message m on m.incident_id = i.id and m.kind = 'text' and m.channel like 'U%' and m.sent > 0
where i.number > 6000000
"""


def _fill(url: str, count: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        later = {"name": "LATER", "first": 5_000_000, "lead": 7200.0, "span": 3600, "count": PENDING}
        due = {"name": "DUE", "first": 6_000_000, "lead": LEAD, "span": WITHIN, "count": count}
        for values in (later, due):
            connection.execute(_INSERT, values)


def _rows(connection: psycopg.Connection, query: str) -> list[tuple[int, float]]:
    return [(int(number), float(late)) for number, late in connection.execute(query.encode()).fetchall()]


def _watch(url: str, count: int) -> dict[int, float]:
    """How late each was when another connection first saw it committed. Blocks until all are, or patience ends."""
    seen: dict[int, float] = {}
    end = time.monotonic() + LEAD + WITHIN + PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while len(seen) < count and time.monotonic() < end:
            time.sleep(LOOK)
            for number, late in _rows(connection, _COMMITTED):
                seen.setdefault(number, late)
    return seen


def _in_slack(url: str, count: int) -> list[float]:
    """How late each direct message was when the local Slack had answered; waits for all, or until patience ends."""
    end = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while len(found := dict(_rows(connection, _SENT))) < count and time.monotonic() < end:
            time.sleep(1.0)
    return list(found.values())


async def bench(scene: World, count: int) -> AsyncIterator[Line]:
    """Lateness by a second connection: when a reminder was committed, with its messages, against when it was due."""
    url = scene.database_url
    await asyncio.to_thread(_fill, url, count)
    seen = await asyncio.to_thread(_watch, url, count)
    with psycopg.connect(url, autocommit=True) as connection:
        written = _rows(connection, _WRITTEN)
    wrong = {
        "early": sum(late < 0 for _, late in written),
        "twice": len(written) - len({number for number, _ in written}),
        "missing": count - len({number for number, _ in written} & set(seen)),
    }
    clock = f"due → seen committed (messages, timeline, next time) by a connection that looks every {LOOK:g} s"
    how = f"{PENDING} pending, {count} due within {WITHIN:g} s, one worker, its Slack and PagerDuty busy with them"
    under = conditions(clock, how=how, setup=SETTINGS)
    bad = ", ".join(f"{number} {how}" for how, number in wrong.items() if number)
    values = (spread([*seen.values()]) if seen else {"p99_ms": 0.0}) | wrong
    yield Line("reminders.lateness", count, values, {"p99_ms": 2000.0}, under, missing=bad)
    sent = await asyncio.to_thread(_in_slack, url, count)
    under = conditions("due → chat.postMessage of the direct message answered", how=how, setup=SETTINGS)
    short = "" if len(sent) == count else f"{count - len(sent)} not sent"
    yield Line("reminders.in_slack", len(sent), spread(sent) if sent else {}, {}, under, missing=short)
