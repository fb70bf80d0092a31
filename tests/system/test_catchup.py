"""What PagerDuty's webhooks missed is found and repaired: within the budget, once, by one replica."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bot.jobs.reconcile import EVERY, POLLING, Reconciler, reconcile
from tests.integration.sandbox_pagerduty.judge import judge
from tests.rig import DANA, OPS, Rig, eventually

PM2, LOKI = "PM2 High Restart Rate", "Loki Ingestion Lag"
DANA_MAIL, SAM_MAIL = "dana.oncall@ats.example", "sam.sre@ats.example"


def lose_webhooks(rig: Rig) -> None:
    """What is sent from now on goes to an address where nobody is, and is given up."""
    for subscription in rig.pagerduty.world.subscriptions.values():
        subscription.active = False


async def look(rig: Rig, **how: Any) -> Any:
    """One look of ours, whoever else is at it; what was asked is judged by PagerDuty's description."""
    before = len(rig.pagerduty.calls)

    async def looked() -> Any:
        return await reconcile(rig.bot.work, webhooks=False, **how)

    found = await eventually(looked)
    for call in list(rig.pagerduty.calls)[before:]:
        if call.path.startswith(("/log_entries", "/incidents")):
            judge(call)
    return found


async def cursor(rig: Rig) -> Any:
    async with rig.bot.store.transaction() as tx:
        return (await tx.session.execute(text("select at from cursor where name = 'pagerduty.log'"))).scalar()


async def test_a_day_without_webhooks_is_made_up_for(rig: Rig) -> None:
    """New, changed, finished: state, cards, timeline and thread are as if every webhook had come."""
    old = await rig.pagerduty.trigger(LOKI)
    card = await rig.card(LOKI, "asked")
    await look(rig)
    lose_webhooks(rig)
    await rig.advance(hours=9)
    await rig.pagerduty.acknowledge(old["id"], user=SAM_MAIL)
    await rig.pagerduty.annotate(old["id"], "it was the disk", user=SAM_MAIL)
    await rig.pagerduty.set_priority(old["id"], "P1", user=SAM_MAIL)
    new = await rig.pagerduty.trigger(PM2)
    await rig.advance(hours=15)
    await rig.pagerduty.resolve(old["id"], user=SAM_MAIL)
    found = await look(rig)
    assert (found.done, found.repaired) == (True, 2)
    await rig.card(LOKI, "Resolved", "Sam")
    await rig.card(PM2, "incident_ack")
    row = await rig.incident(old["incident_number"])
    assert (row.status, row.severity, row.resolved_by["name"]) == ("resolved", "P1", "Sam Reyes")
    for kind in ("acknowledged", "note", "priority_updated", "resolved"):
        assert await rig.timeline(old["incident_number"], kind) == 1, kind
    assert await rig.timeline(new["incident_number"], "triggered") == 1

    async def told() -> bool:
        return any("it was the disk" in str(reply) for reply in await rig.thread(card))

    await eventually(told)
    await eventually(lambda: [m for m in rig.messages() if "had not heard from PagerDuty for" in m["text"]])


async def test_a_second_look_finds_nothing_and_says_nothing(rig: Rig) -> None:
    """What a webhook told, and what a look before found, is not written down again."""
    made = await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    await rig.pagerduty.acknowledge(made["id"], user=DANA_MAIL)
    await rig.pagerduty.annotate(made["id"], "seen", user=DANA_MAIL)
    await rig.advance(seconds=1)  # in one millisecond nobody could say which came first
    await rig.pagerduty.reassign(made["id"], [SAM_MAIL], user=DANA_MAIL)
    await rig.pagerduty.publish_status(made["id"], "working", user=DANA_MAIL)
    await rig.pagerduty.settle()
    number = made["incident_number"]
    kinds = ("triggered", "acknowledged", "note", "reassigned", "status_update_published", "log")
    before = [await rig.timeline(number, kind) for kind in kinds]
    for _ in range(2):
        assert (await look(rig)).repaired == 0
    assert [await rig.timeline(number, kind) for kind in kinds] == before == [1, 1, 1, 1, 1, 0]


async def test_a_webhook_that_comes_after_the_look_adds_nothing(rig: Rig) -> None:
    """The log was faster: one entry in the timeline, one line in the thread."""
    made = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.webhooks.pause()
    await rig.pagerduty.annotate(made["id"], "twice?", user=SAM_MAIL)
    await rig.pagerduty.acknowledge(made["id"], user=SAM_MAIL)
    await look(rig)
    await rig.card("Acknowledged", "Sam")
    rig.pagerduty.webhooks.resume()
    await rig.pagerduty.settle()
    for kind in ("note", "acknowledged"):
        assert await rig.timeline(made["incident_number"], kind) == 1, kind

    async def replies() -> list[Any]:
        return [r for r in await rig.thread(card) if "twice?" in str(r)]

    assert len(await eventually(replies)) == 1


@pytest.mark.slow
async def test_the_budget_ends_a_look_and_the_next_goes_on(rig: Rig) -> None:
    """Hundreds of entries and three requests: the cursor moves on by itself, and nothing is left out or doubled."""
    await look(rig)
    lose_webhooks(rig)
    for index in range(30):
        await rig.pagerduty.trigger(f"Storm {index:02}")
    looks = 0
    while not (await look(rig, budget=45)).done:
        looks += 1
        assert looks < 20
    async with rig.bot.store.transaction() as tx:
        kept = "select count(*), count(distinct pd_id) from incident where title like 'Storm%'"
        assert tuple((await tx.session.execute(text(kept))).one()) == (30, 30)
        twice = (
            "select count(*) from timeline where kind = 'triggered' group by incident_id having count(*) <> 1"
        )
        assert (await tx.session.execute(text(twice))).all() == []


async def test_two_replicas_do_not_look_at_once(rig: Rig) -> None:
    """The second finds the lock taken and leaves it at that."""
    rig.pagerduty.faults.fail("GET /incidents", delay=0.5)
    first, second = await asyncio.gather(
        reconcile(rig.bot.work, webhooks=False), reconcile(rig.bot.work, webhooks=False)
    )
    assert None in (first, second)


async def test_a_subscription_that_was_switched_off_is_alarmed_and_switched_on(rig: Rig) -> None:
    """Three refusals: PagerDuty gives up for a day. The next look notices, mends it, fills the gap and says so."""
    made = await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    (subscription,) = rig.pagerduty.world.subscriptions.values()
    subscription.disabled_until = rig.pagerduty.clock.now() + timedelta(hours=24)
    await rig.pagerduty.acknowledge(made["id"], user=SAM_MAIL)
    await rig.pagerduty.settle()
    await eventually(lambda: reconcile(rig.bot.work))
    assert subscription.disabled_until is None
    await rig.card("Acknowledged", "Sam")
    await eventually(lambda: [m for m in rig.messages() if "switched its webhooks to me off" in m["text"]])
    await rig.pagerduty.annotate(made["id"], "by webhook again", user=SAM_MAIL)

    async def written() -> bool:
        return await rig.timeline(made["incident_number"], "note") == 1

    await eventually(written)


async def test_pagerduty_failing_keeps_the_cursor(rig: Rig) -> None:
    """500, garbage, 401: nothing moves, nothing is lost; the next good look finds it all."""
    await look(rig)
    lose_webhooks(rig)
    made = await rig.pagerduty.trigger(PM2)
    before = await cursor(rig)
    reconciler = Reconciler(rig.bot.work, webhooks=False)
    for fault in ({"status": 500}, {"status": 401}, {"status": 200, "body": {"odd": 1}}):
        rig.pagerduty.faults.fail("GET /log_entries", times=3, **fault)
        await reconciler._turn()
        assert await cursor(rig) == before, fault
        rig.pagerduty.faults.clear()
    await look(rig)
    assert await rig.timeline(made["incident_number"], "triggered") == 1
    assert await cursor(rig) > before


async def test_the_limit_of_requests_is_waited_out(rig: Rig) -> None:
    """429: the next turn comes when PagerDuty says so."""
    rig.pagerduty.faults.fail("GET /incidents", times=-1, retry_after=77)
    reconciler = Reconciler(rig.bot.work, webhooks=False)

    async def turned() -> bool:
        return await reconciler._turn() >= 77

    await eventually(turned)
    assert (EVERY, POLLING) == (60.0, 10.0)


@pytest.mark.slow
async def test_without_an_inbound_address_everything_works_by_looking(database_url: str, tmp_path: Any) -> None:
    """No webhook secret: a new incident, an acknowledgement in PagerDuty and a note are seen by polling alone."""
    async with Rig.running(database_url, tmp_path, PAGERDUTY_WEBHOOK_SECRET="") as rig:
        for subscription in rig.pagerduty.world.subscriptions.values():
            subscription.active = False
        made = await rig.pagerduty.trigger(PM2)
        card = await rig.card(PM2, "asked", within=30)
        await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
        await rig.card("Acknowledged", "Dana")
        await rig.pagerduty.annotate(made["id"], "seen by looking", user=SAM_MAIL)

        async def told() -> bool:
            return any("seen by looking" in str(reply) for reply in await rig.thread(card))

        await eventually(told, within=30)
        assert await rig.timeline(made["incident_number"], "acknowledged") == 1
