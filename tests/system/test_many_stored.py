"""Among thousands of stored incidents: a change of status looks at its own rows and at no others'."""

import asyncio
from typing import Final

import psycopg
import pytest

from bench.stored import store
from tests.rig import DANA, OPS, Rig

STORED: Final = 3000
BIG: Final = ("incident", "timeline", "message", "inbox")


async def whole_scans(rig: Rig) -> dict[str, int]:
    """Of each big table, rows read so far by reading it from end to end; sessions tell that when they end."""
    await rig.break_database()
    await rig.mend_database()
    url = rig.bot.store.url
    return await asyncio.to_thread(_read, url)


def _read(url: str) -> dict[str, int]:
    query = "select relname, seq_tup_read from pg_stat_user_tables where relname = any(%s)"
    with psycopg.connect(url, autocommit=True) as connection:
        return dict(connection.execute(query, [list(BIG)]).fetchall())


@pytest.mark.slow
async def test_a_change_of_status_reads_no_table_from_end_to_end(rig: Rig) -> None:
    """Triggered, asked, acknowledged, a word in the thread, resolved: found by indexes, however much is stored."""
    await asyncio.to_thread(store, rig.bot.store.url, STORED)
    before = await whole_scans(rig)
    made = await rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await rig.card("PM2", "asked")
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged")
    await rig.pagerduty.annotate(made["id"], "seen", user="dana.oncall@ats.example")
    await rig.pagerduty.resolve(made["id"], user="dana.oncall@ats.example")
    await rig.card("Resolved")
    after = await whole_scans(rig)
    read = {name: after[name] - before[name] for name in BIG}
    assert all(rows < STORED for rows in read.values()), read
