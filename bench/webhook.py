"""PagerDuty webhook → 202, and → card at Slack: a signed `incident.triggered`, each of another incident."""

import asyncio
from collections.abc import AsyncIterator

from bench.line import Line, spread
from bench.machine import conditions
from bench.stopwatch import a_message
from bench.wire import Answer, Wire
from bench.world import SETTINGS, World
from sandbox.pagerduty.world import Subscription
from sandbox.server import DEFAULT_WEBHOOK_SECRET

TITLES = (
    "PM2 High Restart Rate",
    "Redis memory high",
    "Disk usage above 90% on /var",
    "Something that no runbook entry covers",
)
ACCEPTED = 202
QUIET = 0.25  # seconds without a request of the bot's before the next webhook
ANSWER_TARGET = {"p99_ms": 25.0}
CARD_TARGET = {"p50_ms": 25.0, "p99_ms": 100.0}
HOW = f"one at a time, each another incident; the next once the bot has asked nothing for {QUIET * 1000:.0f} ms"
RELAXED = "the local Slack's rate limits are switched off: the real one takes one message a second in a channel"


class NotTakenError(RuntimeError):
    """The bot did not accept a webhook, or showed no card."""


async def _send(world: World, wire: Wire, subscription: Subscription, title: str) -> tuple[Answer, float]:
    """One incident: the answer to its webhook, and the seconds until its card was posted."""
    card = world.stopwatch.next(a_message(title))
    webhooks = world.sandbox.pagerduty.webhooks
    await world.sandbox.pagerduty.trigger(title)
    queued = [d for d in webhooks.deliveries if d.event_type == "incident.triggered"][-1]
    answer = await wire.post(queued.body, webhooks.headers(subscription, queued))
    if answer.status != ACCEPTED:
        raise NotTakenError(f"The bot answered {answer.status}: {answer.body[:200]!r}")
    return answer, await asyncio.wait_for(card, 10) - answer.sent


async def bench(world: World, n: int) -> AsyncIterator[Line]:
    """Both figures, of the same webhooks."""
    pagerduty = world.sandbox.pagerduty
    pagerduty.webhooks.pause()  # the bench delivers them itself, by its own clock
    address = f"{world.bot_url}/pagerduty/webhooks"
    subscription = pagerduty.subscribe(address, DEFAULT_WEBHOOK_SECRET)
    wire = await Wire(address).open(1)
    warming, answers, cards = min(n, 10), [], []
    try:
        for count in range(warming + n):
            answer, card = await _send(
                world, wire, subscription, f"{TITLES[count % len(TITLES)]} no. {count:04}"
            )
            await world.stopwatch.quiet(QUIET)
            if count >= warming:
                answers.append(answer.seconds)
                cards.append(card)
    finally:
        await wire.close()
    where = conditions("request written to a kept connection → answer read", how=HOW, setup=SETTINGS)
    yield Line("webhook.answer", n, spread(answers), ANSWER_TARGET, where)
    clock = "request written → chat.postMessage arrived at the local Slack"
    where = conditions(clock, how=HOW, setup=SETTINGS, relaxed=RELAXED)
    yield Line("webhook.card", n, spread(cards), CARD_TARGET, where)
