"""More webhooks at once than can be applied: all are taken, all are applied, each once."""

import asyncio
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from bot.operations import inbox, intake
from bot.operations.inbox import Delivery
from tests.rig import DANA, Rig, eventually
from tests.system.test_webhooks import body, send

BURST = 40


async def number(rig: Rig, query: str) -> int:
    async with rig.bot.store.transaction() as tx:
        return int((await tx.session.execute(text(query))).scalar_one())


async def begun(rig: Rig) -> int:
    return await number(rig, "select count(*) from incident where pd_id like 'QBURST%'")


def trigger(each: int, **data: Any) -> bytes:
    return body("incident.triggered", f"QBURST{each}", number=9000 + each, title=f"Zebra {each}", **data)


async def test_a_burst_is_taken_and_applied_once_each(rig: Rig) -> None:
    """All are answered 202 though most are only kept then; each is an incident, with one entry of its beginning."""
    answers = await asyncio.gather(*(send(rig, trigger(each)) for each in range(BURST)))
    assert set(answers) == {202}
    assert 'outcome="kept"' in (await rig.http.get("/metrics")).text
    await eventually(lambda: _all(rig, BURST), within=60)
    assert await number(rig, "select count(*) from inbox where waiting or trouble <> ''") == 0
    query = "select count(*) from timeline t join incident i on i.id = t.incident_id where t.kind = 'triggered'"
    assert await number(rig, f"{query} and i.pd_id like 'QBURST%'") == BURST


async def _all(rig: Rig, count: int) -> bool:
    return await begun(rig) == count


async def test_what_was_kept_is_applied_by_the_worker_that_comes_next(rig: Rig) -> None:
    """Without a worker the webhooks are taken all the same; the next one begins with the most urgent."""
    await rig.bot.worker.stop()
    async with rig.bot.store.transaction() as tx:
        later = [_delivery(trigger(each, urgency="low")) for each in range(3)]
        await intake.keep(tx, [*later, _delivery(trigger(7, priority={"summary": "P0", "type": "priority"}))])
    assert await begun(rig) == 0
    async with rig.bot.store.transaction() as tx:
        (first,) = await intake.waiting(tx, limit=1)
        kept = await inbox.body(tx, first)
    assert kept is not None
    assert kept["event"]["data"]["title"] == "Zebra 7"
    await rig.without_worker()
    await eventually(lambda: _all(rig, 4), within=30)
    await eventually(lambda: [m for m in rig.direct(DANA) if "Zebra 7" in str(m["blocks"])], within=30)


@pytest.mark.slow
async def test_one_that_cannot_be_applied_keeps_no_other_waiting(rig: Rig) -> None:
    """It is set aside with the reason; those beside it are applied."""
    async with rig.bot.store.transaction() as tx:
        odd = Delivery("pagerduty", "odd", "odd", "incident.triggered", {"event": {"id": "odd"}})
        await intake.keep(tx, [_delivery(trigger(1)), odd, _delivery(trigger(2))])
    await eventually(lambda: _all(rig, 2), within=30)
    query = "select count(*) from inbox where delivery_id = 'odd' and trouble <> '' and not waiting"
    assert await eventually(lambda: number(rig, query), within=30) == 1


def _delivery(raw: bytes) -> Delivery:
    parsed = json.loads(raw)
    return Delivery("pagerduty", uuid.uuid4().hex, parsed["event"]["id"], parsed["event"]["event_type"], parsed)
