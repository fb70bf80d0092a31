"""Two bots on one database and one Slack: the work is shared, and nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.store import embedded
from bot.store.migrate import migrate
from tests.chaos.oracle import problems, settled
from tests.chaos.people import CHRIS_MAIL, Case, People
from tests.chaos.process import BotProcess, free_port
from tests.chaos.stage import Stage, words
from tests.rig import DANA, OPS, SECRET, eventually

pytestmark = pytest.mark.slow

WEBHOOKS = 100


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a database that nobody else uses."""
    url = embedded.create_database(postgres, f"replicas_{tmp_path.name[:40]}".replace("-", "_"))
    await asyncio.to_thread(migrate, url)
    async with Stage.set_up(url, tmp_path) as stage:
        yield stage


@pytest.fixture
async def two(stage: Stage) -> AsyncIterator[tuple[BotProcess, BotProcess]]:
    """Two whole bots, ready."""
    bots = (stage.bot(name="one"), stage.bot(port=free_port(), name="two"))
    try:
        for bot in bots:
            await bot.ready(within=60)
        yield bots
    finally:
        for bot in bots:
            await bot.close()


async def cases(stage: Stage, count: int) -> People:
    """So many incidents whose webhooks PagerDuty keeps back; the tests deliver them by hand."""
    import random

    people = People(stage, random.Random(1), most_incidents=count)  # noqa: S311 - no secret
    stage.pagerduty.webhooks.pause()
    for number in range(count):
        shape = await stage.pagerduty.trigger(f"PM2 High Restart Rate ({number})")
        people.cases.append(Case(stage.pagerduty.incident(shape["id"]), "open", DANA))
    return people


async def deliver(stage: Stage, *urls: str) -> list[list[int | str]]:
    """Each webhook that PagerDuty holds, to all of these bots at the same moment; the statuses."""
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:

        async def post(url: str, delivery: Any) -> int | str:
            headers = {
                "X-Webhook-Id": delivery.webhook_id,
                "X-PagerDuty-Signature": stage.pagerduty.sign(delivery.body, SECRET),
                "Content-Type": "application/json",
            }
            try:
                return (
                    await client.post(f"{url}/pagerduty/webhooks", content=delivery.body, headers=headers)
                ).status_code
            except httpx.HTTPError as error:
                return type(error).__name__

        async def everywhere(delivery: Any) -> list[int | str]:
            return list(await asyncio.gather(*(post(url, delivery) for url in urls)))

        return list(await asyncio.gather(*(everywhere(d) for d in list(stage.pagerduty.deliveries))))


async def test_the_same_webhooks_at_both_replicas_are_one_card_and_one_reminder_each(
    stage: Stage, two: tuple[BotProcess, BotProcess]
) -> None:
    """100 webhooks, each sent to both replicas at once: one card each, each rung once."""
    people = await cases(stage, WEBHOOKS)
    answers = await deliver(stage, *(bot.url for bot in two))
    assert {status for pair in answers for status in pair} <= {202, 503}  # 503: too busy, please come again
    stage.pagerduty.webhooks.resume()  # PagerDuty's own delivery of the same events is the third
    await settled(stage, within=90)
    await stage.advance(timedelta(minutes=16))
    await settled(stage, within=90)
    assert not await problems(stage, people)


async def test_a_replica_that_is_killed_in_the_middle_leaves_nothing_undone(
    stage: Stage, two: tuple[BotProcess, BotProcess]
) -> None:
    """Webhooks go to both by turns; one replica dies meanwhile; the other finishes what it had begun."""
    one, other = two
    people = await cases(stage, 40)
    held = list(stage.pagerduty.deliveries)
    stage.slack.faults.fail("chat.postMessage", times=-1, delay=0.02)  # the middle lasts a while
    sending = asyncio.create_task(deliver(stage, one.url, other.url))
    await eventually(lambda: len(stage.cards()) >= 3, within=30)
    await other.kill()
    await sending
    stage.pagerduty.webhooks.resume()  # what the dead one refused comes again
    stage.slack.faults.clear()
    await settled(stage, within=90)
    await stage.advance(timedelta(minutes=61))
    await settled(stage, within=90)
    assert len(held) == 40
    assert not await problems(stage, people)


async def test_web_and_worker_as_processes_of_their_own_do_the_same_job(stage: Stage) -> None:
    """`--role web` takes webhooks and clicks, `--role worker` posts, reminds and acts in PagerDuty."""
    web = stage.bot(role="web", name="web")
    worker = stage.bot(role="worker", port=free_port(), name="worker")
    try:
        await web.ready(within=60)
        people = await cases(stage, 2)
        stage.pagerduty.webhooks.resume()
        await settled(stage, within=60)
        await stage.advance(timedelta(minutes=16))
        await settled(stage, within=60)
        first, second = (case.incident for case in people.cases)
        card = stage.card_of(first)
        assert card is not None
        assert (await stage.slack.press(DANA, OPS, card["ts"], "incident_ack")).ok
        await stage.pagerduty.acknowledge(second.id, user=CHRIS_MAIL)
        await eventually(lambda: first.status == "acknowledged", within=30)
        await settled(stage, within=60)
        assert not await problems(stage, people)
        assert all("acknowledged by" in words(card["text"]) for card in stage.cards())
        assert await web.stop() == 0
        assert await worker.stop() == 0
    finally:
        await web.close()
        await worker.close()
