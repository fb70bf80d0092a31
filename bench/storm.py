"""A storm of webhooks at a fixed rate, and a change of status among many stored incidents."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg

from bench.line import Line, percentile, spread
from bench.machine import conditions
from bench.stored import clear, store
from bench.wire import Answer, Wire
from bench.world import SETTINGS, World
from bot.domain.storms import MOST
from bot.store import embedded
from sandbox.pagerduty.delivery import Delivery
from sandbox.pagerduty.world import Subscription
from sandbox.server import DEFAULT_WEBHOOK_SECRET

RATE = 200.0  # webhooks a second
ACCEPTED = 202
SETTLE = 300.0  # seconds that the cards may take afterwards
ANSWER_TARGET = {"max_ms": 1000.0}
MEMORY_TARGET = {"value": 250.0}
STORED = (10, 10_000)  # incidents in the database
ROUNDS = 4  # few and many by turns: whatever else the machine does meets both
RATIO_TARGET = {"ratio": 1.2}


class StormError(RuntimeError):
    """A webhook was not taken, or a card is wrong at the end."""


def _database(world: World) -> str:
    return embedded.start(Path(world.settings["ATS_DATA_DIR"]) / "postgres").url


def _subscribe(world: World) -> tuple[str, Subscription]:
    """The bench delivers by its own clock; the subscription only signs."""
    world.sandbox.pagerduty.webhooks.pause()
    address = f"{world.bot_url}/pagerduty/webhooks"
    return address, world.sandbox.pagerduty.subscribe(address, DEFAULT_WEBHOOK_SECRET)


async def _post(world: World, wire: Wire, subscription: Subscription, delivery: Delivery) -> Answer:
    answer = await wire.post(delivery.body, world.sandbox.pagerduty.webhooks.headers(subscription, delivery))
    if answer.status != ACCEPTED:
        raise StormError(f"The bot answered {answer.status}: {answer.body[:200]!r}")
    return answer


async def bench(world: World, n: int) -> AsyncIterator[Line]:
    """`n` triggers at 200 a second: how long each was waited for, and what the bot holds in memory at the end."""
    address, subscription = _subscribe(world)
    pagerduty = world.sandbox.pagerduty
    for index in range(n):
        await pagerduty.trigger(f"Storm of alerts no. {index:05}")
    queued = [d for d in pagerduty.deliveries if d.event_type == "incident.triggered"][-n:]
    wire = await Wire(address).open(64)  # PagerDuty does not wait for one answer before it sends the next
    begun = time.perf_counter()
    try:
        waited = await _at_rate(world, wire, subscription, queued)
    finally:
        await wire.close()
    await _settled(world, n)
    settled = time.perf_counter() - begun
    _right(world, n)
    how = f"{RATE:.0f} a second, each another incident, without waiting for the one before"
    where = conditions("the moment it was to be sent → answer read", how=how, setup=SETTINGS)
    yield Line("storm.answer", n, spread(waited), ANSWER_TARGET, where)
    where = conditions("the first webhook → nothing waits to be sent any more", setup=SETTINGS)
    yield Line("storm.settled", n, {"value": round(settled, 1), "unit": "s"}, {}, where)
    held = {"value": round(world.bot.resident / 1e6, 1), "unit": "MB"}
    where = conditions("resident set size once every message is sent", setup=SETTINGS)
    yield Line("storm.memory", 1, held, MEMORY_TARGET, where)


async def _at_rate(world: World, wire: Wire, subscription: Subscription, queued: list[Delivery]) -> list[float]:
    """Seconds from when each was to be sent: what waits here for the machine counts against the bot."""
    begun, tasks = time.perf_counter(), []

    async def post(due: float, delivery: Delivery) -> float:
        await _post(world, wire, subscription, delivery)
        return time.perf_counter() - due

    for index, delivery in enumerate(queued):
        due = begun + index / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(post(due, delivery)))
    return list(await asyncio.gather(*tasks))


async def _settled(world: World, n: int) -> None:
    """Every incident is stored, each is part of a storm that is shown, and nothing waits to be sent any more."""
    url, end = _database(world), time.monotonic() + SETTLE
    query = (
        "select (select count(*) from incident where title like 'Storm of alerts%'),"
        " (select count(*) from message where wanted > sent and failed = '')"
        " + (select count(*) from inbox where waiting)"
        " + (select count(*) from storm where shown_at is null"
        "    or (select sum(value::int) from jsonb_each_text(shown)) <"
        "       (select count(*) from incident where storm_id = storm.id))"
    )
    while True:
        with psycopg.connect(url) as connection:
            stored, waiting = connection.execute(query).fetchone() or (0, 0)
        if stored >= n and not waiting:
            return
        if time.monotonic() > end:
            raise StormError(f"after {SETTLE:.0f} s {stored} of {n} are stored and {waiting} messages wait")
        await asyncio.sleep(0.5)


def _right(world: World, n: int) -> None:
    """What Slack shows: with more than five one card that counts them all, listed once each, and else a card each."""
    shown = [m.data for channel in world.sandbox.slack.workspace.channels.values() for m in channel.messages]
    text = [json.dumps([m.get("text"), m.get("blocks")], ensure_ascii=False) for m in shown]
    own = sum("incident_resolve" in each for each in text)
    if n <= MOST:
        if own != n:
            raise StormError(f"{own} cards for {n} incidents")
        return
    cards = [each for each in text if "storm_ack" in each and f"{n} ×" in each and "🔔" not in each]
    listed = sum(each.count("Storm of alerts no.") for each in text if "of this storm" in each)
    if (len(cards), listed, own) != (1, n, 0):
        raise StormError(f"{len(cards)} cards count {n}, {listed} are listed, {own} have a card of their own")


async def among_many(world: World, n: int) -> AsyncIterator[Line]:
    """The answer to an acknowledgement with 10 and with 10,000 stored incidents, by turns, of the same run."""
    address, subscription = _subscribe(world)
    wire, url = await Wire(address).open(1), _database(world)
    took: dict[int, list[float]] = {stored: [] for stored in STORED}
    each = max(n // ROUNDS, 1)
    try:
        for _ in range(5):  # the first ones of a new process are slower
            await _change(world, wire, subscription)
        for _ in range(ROUNDS):
            for stored in STORED:
                await asyncio.to_thread(clear, url)
                await asyncio.to_thread(store, url, stored)
                took[stored] += [await _change(world, wire, subscription) for _ in range(each)]
    finally:
        await wire.close()
    few, many = (percentile(took[stored], 50) for stored in STORED)
    values = {
        "few_p50_ms": round(few * 1000, 2),
        "many_p50_ms": round(many * 1000, 2),
        "ratio": round(many / few, 3),
    }
    where = conditions(
        "webhook incident.acknowledged written → answer read", how=f"one at a time; {ROUNDS} times by turns",
        setup=SETTINGS, stored=f"{STORED[0]}, and {STORED[1]} incidents with timeline, messages and webhooks",
    )  # fmt: skip
    yield Line("storm.change", ROUNDS * each, values, RATIO_TARGET, where)


async def _change(world: World, wire: Wire, subscription: Subscription) -> float:
    pagerduty = world.sandbox.pagerduty
    made = await pagerduty.trigger("A change among many")
    await pagerduty.acknowledge(str(made["id"]), user="sam.sre@ats.example")
    triggered, acked = list(pagerduty.deliveries)[-2:]
    await _post(world, wire, subscription, triggered)
    await world.stopwatch.quiet(0.25)
    answer = await _post(world, wire, subscription, acked)
    await world.stopwatch.quiet(0.25)
    return answer.seconds
