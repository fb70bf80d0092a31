"""Many incidents at once, and one that comes and goes: one card, nothing lost, nobody woken a thousand times."""

import asyncio
import os
from functools import partial
from typing import Any

import pytest

from tests.rig import DANA, OPS, SAM, Rig, eventually

PM2 = "PM2 High Restart Rate"
OPS_NAME = "#trading-ops-alerts"
MANY = int(os.environ.get("ATS_STORM", "60"))  # at once; test_storm_minute.py has the long one


def storm_cards(rig: Rig) -> list[dict[str, Any]]:
    """Top-level messages that count incidents."""
    return [
        m for m in rig.messages() if "Acknowledge all" in str(m.get("blocks")) and not m.get("parent_user_id")
    ]


async def burst(rig: Rig, title: str, count: int) -> None:
    await asyncio.gather(*(rig.pagerduty.trigger(f"{title} (signal-{n})") for n in range(count)))
    await rig.pagerduty.settle()


async def shown(rig: Rig, count: int, word: str) -> dict[str, Any]:
    """The storm's card once it counts so many."""

    def found() -> dict[str, Any] | None:
        cards = [m for m in rig.messages() if f"{count} ×" in str(m.get("blocks")) and word in str(m["blocks"])]
        return cards[0] if cards else None

    card: dict[str, Any] = await eventually(found, within=60)
    return card


@pytest.mark.slow
async def test_many_of_a_kind_have_one_card_one_list_and_one_reminder(rig: Rig) -> None:
    """The card counts them, the thread lists each once, and the primary is asked once for all."""
    await burst(rig, PM2, MANY)
    card = await shown(rig, MANY, f"{MANY} not acknowledged")
    assert len(card["blocks"]) <= 50
    own = partial(_own_cards, rig)  # those of before the sixth came point to the storm's
    await eventually(lambda: not own())
    pages = await eventually(lambda: _listed(rig, card, MANY), within=60)
    assert all(len(m["blocks"]) <= 50 for m in pages)
    asked = [m for m in rig.messages(thread_ts=card["ts"]) if "please acknowledge" in str(m.get("blocks"))]
    direct = [m for m in rig.direct(DANA) if "asked as" in str(m["blocks"])]
    assert 1 <= len(asked) + len(direct) <= 2 * 7  # a few may have been asked about before the sixth came
    await rig.advance(minutes=15)
    await eventually(lambda: [m for m in rig.direct(SAM) if "asked as" in str(m["blocks"])], within=60)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len([m for m in rig.direct(SAM) if "asked as" in str(m["blocks"])]) == 1
    assert f"{MANY - 1} more incidents" in str(rig.direct(SAM))


def _own_cards(rig: Rig) -> list[dict[str, Any]]:
    return [c for c in rig.cards() if "incident_resolve" in str(c["blocks"])]


def _listed(rig: Rig, card: dict[str, Any], count: int) -> list[dict[str, Any]]:
    pages = [m for m in rig.messages(thread_ts=card["ts"]) if "of this storm" in str(m.get("blocks"))]
    listed = sum(str(m["blocks"]).count("(signal-") for m in pages)
    return pages if listed == count else []


@pytest.mark.slow
async def test_acknowledging_a_storm_acknowledges_each_as_the_person(rig: Rig) -> None:
    """One press: all are acknowledged in PagerDuty by who pressed, in few requests; it is said once."""
    await burst(rig, PM2, 20)
    card = await shown(rig, 20, "20 not acknowledged")
    await rig.slack.press(DANA, OPS, card["ts"], "storm_ack")
    await shown(rig, 20, "20 acknowledged")
    states = {i.status for i in rig.pagerduty.world.incidents.values()}
    assert states == {"acknowledged"}
    puts = [c for c in rig.pagerduty.calls if c.method == "PUT"]
    assert len(puts) == 1
    assert puts[0].headers["from"] == "dana.oncall@ats.example"
    await eventually(lambda: _said(rig, card, "acknowledged all 20"))
    assert len(_said(rig, card, "acknowledged")) == 1
    await rig.advance(hours=2)
    await rig.slack.command(DANA, OPS, "incidents")
    assert not [m for m in rig.direct(SAM) if "asked as" in str(m["blocks"])]


def _said(rig: Rig, card: dict[str, Any], word: str) -> list[dict[str, Any]]:
    return [m for m in rig.messages(thread_ts=card["ts"])[1:] if word in m["text"] and "👀" in m["text"]]


async def test_acknowledging_the_one_that_speaks_leaves_the_others_asking(rig: Rig) -> None:
    """Acknowledged one by one in PagerDuty, the ladder goes on for the rest where it stood: no rung twice."""
    await burst(rig, PM2, 8)
    await shown(rig, 8, "8 not acknowledged")
    await rig.advance(minutes=15)
    await eventually(lambda: [m for m in rig.direct(SAM) if "asked as" in str(m["blocks"])])
    for incident in list(rig.pagerduty.world.incidents.values())[:7]:
        await rig.pagerduty.acknowledge(incident.id, user="dana.oncall@ats.example")
    await shown(rig, 8, "7 acknowledged")
    await rig.advance(minutes=45)
    last = list(rig.pagerduty.world.incidents.values())[7]
    await eventually(lambda: "asked as *Management*" in str(rig.direct("U0CTO")))
    assert len([m for m in rig.direct(SAM) if "asked as" in str(m["blocks"])]) == 1
    assert last.status == "triggered"


async def test_what_comes_and_goes_keeps_its_card_and_its_history(rig: Rig) -> None:
    """Resolved and raised again within ten minutes, twice: one card, one thread, and its rounds on it."""
    ts = set()
    for n in range(3):
        incident = await rig.pagerduty.trigger("Loki Ingestion Lag")
        ts.add((await rig.card("Loki", "Not acknowledged", "asked"))["ts"])
        if n < 2:
            await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
            await rig.card("Resolved")
            await rig.advance(minutes=3)
    assert len(ts) == 1
    assert len(rig.cards()) == 1
    card = await rig.card("raised 3 times", "resolved by Dana")
    assert await rig.entries(incident["incident_number"], "flapping")
    await eventually(lambda: len(rig.reminders(card)) == 3)  # each time somebody was asked, in the same thread


async def test_back_after_more_than_ten_minutes_it_is_a_new_card(rig: Rig) -> None:
    """That is another incident."""
    incident = await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki", "asked")
    await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
    await rig.card("Resolved")
    await rig.advance(minutes=11)
    await rig.pagerduty.trigger("Loki Ingestion Lag")
    await eventually(lambda: len(rig.cards()) == 2)


async def test_the_worst_goes_first_after_the_channel_had_to_rest(rig: Rig) -> None:
    """A channel that had to rest: the P0's card comes before the P2s that were there earlier."""
    await rig.pause(OPS_NAME)
    for n in range(4):
        await rig.pagerduty.trigger(f"Zebra {n}", urgency="low")
    await rig.pagerduty.trigger(PM2)
    await rig.pagerduty.settle()
    assert not rig.cards()
    await rig.unpause()
    await eventually(lambda: len(rig.cards()) == 5, within=20)
    order = [str(c["blocks"][0]) for c in sorted(rig.cards(), key=lambda c: float(c["ts"]))]
    position = {
        name: i for i, text in enumerate(order) for name in ("PM2", "Zebra 1", "Zebra 3") if name in text
    }
    assert position["PM2"] < position["Zebra 1"]
    assert position["PM2"] < position["Zebra 3"]
