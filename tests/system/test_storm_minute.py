"""Very many triggers in a minute, with Slack's limits, and a ladder that goes on meanwhile.

`make soak` sends 1,000; here it is a part of that at the same pace, unless ATS_STORM says otherwise.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.escalation import LATE
from bot.store import embedded
from bot.store.migrate import migrate
from tests.chaos.climbers import Climber, climb
from tests.chaos.oracle import settled
from tests.chaos.stage import Stage, words
from tests.rig import OPS

pytestmark = pytest.mark.slow

MANY: Final = int(os.environ.get("ATS_STORM", "150"))
PACE: Final = 1000 / 60  # a second
KINDS: Final = (("Zebra", "low"), ("High API Latency", "high"), ("PM2 High Restart Rate", "high"))  # P2, P1, P0


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox with Slack's rate limits, and a database that nobody else uses."""
    url = embedded.create_database(postgres, "storm_minute")
    await asyncio.to_thread(migrate, url)
    async with Stage.set_up(url, tmp_path, rate_limits=True) as stage:
        yield stage


async def test_a_thousand_in_a_minute_are_three_cards_and_delay_no_reminder(stage: Stage) -> None:
    """One card for each kind that counts all, the P0's first; no webhook twice; every rung in time meanwhile."""
    bot = stage.bot(ATS_ESCALATION__CARDS_OF_A_KIND="5")
    try:
        await bot.ready(within=60)
        span = timedelta(seconds=MANY / PACE)
        climbers = await climb(stage, 9, lead=timedelta(seconds=2), within=span)
        stage.pagerduty.webhooks.resume()
        await rain(stage)
        await settled(stage, within=400)
    finally:
        await bot.close()
    await asyncio.to_thread(check, stage, climbers)


async def rain(stage: Stage) -> None:
    """The kinds by turns, the worst last."""
    for n in range(MANY):
        kind, urgency = KINDS[n % len(KINDS)]
        await stage.pagerduty.trigger(f"{kind} (drop-{n:04})", urgency=urgency)
        await asyncio.sleep(1 / PACE)


def check(stage: Stage, climbers: list[Climber]) -> None:
    """All of it, from what Slack and PagerDuty have seen."""
    cards = sorted(storm_cards(stage), key=lambda card: float(card["ts"]))
    counts = [sum(n % len(KINDS) == kind for n in range(MANY)) for kind in range(len(KINDS))]
    for (kind, _), count in zip(KINDS, counts, strict=True):
        (card,) = [c for c in cards if kind in words(c["blocks"])]
        assert f"{count} ×" in words(card["blocks"])
        listed = sum(
            words(m["blocks"]).count("(drop-") for m in stage.thread(card) if "of this storm" in words(m)
        )
        assert listed == count
    assert "PM2" in words(cards[0]["blocks"]), "the worst is not the first"
    assert not [c for c in stage.cards() if "incident_resolve" in words(c) and "(drop-" in words(c)], (
        "single cards"
    )
    assert {len(d.attempts) for d in stage.pagerduty.deliveries} == {1}, "PagerDuty had to send one again"
    posts = [c.status for c in stage.slack.calls if c.method in {"chat.postMessage", "chat.update"}]
    refused, late = posts.count(429), lateness(stage, climbers)
    line = {"name": "storm.minute", "n": MANY, "posts": len(posts), "refused_429": refused, "late_s": max(late)}
    sys.stdout.write(json.dumps(line) + "\n")
    assert refused <= len(posts) - refused, "more refusals than messages"
    assert len(late) == len(climbers)
    assert max(late) < LATE.total_seconds()


def storm_cards(stage: Stage) -> list[dict[str, Any]]:
    return [m for m in stage.slack.messages(OPS) if " × " in words(m["blocks"]) and "storm_ack" in words(m)]


def lateness(stage: Stage, climbers: list[Climber]) -> list[float]:
    """Seconds from when each rung was due until it was written down."""
    query = (
        "select i.pd_id, t.data ->> 'schedule', t.recorded_at from timeline t join incident i on i.id = t.incident_id"
        " where t.kind = 'reminder'"
    )
    fired = {(pd_id, key): at for pd_id, key, at in stage.rows(query)}
    return [(fired[each.incident.id, each.rung.key] - each.due).total_seconds() for each in climbers]
