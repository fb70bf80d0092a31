"""What PagerDuty may say that nobody expects: shown as far as it makes sense, and never in the way of the next."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bot.jobs.reconcile import Reconciler, reconcile
from tests.rig import Rig, eventually

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

PM2, LOKI = "PM2 High Restart Rate", "Loki Ingestion Lag"
SAM_MAIL = "sam.sre@ats.example"


async def _looked(rig: Rig) -> Any:
    return await eventually(lambda: reconcile(rig.bot.work, webhooks=False))


def _lose_webhooks(rig: Rig) -> None:
    for subscription in rig.pagerduty.world.subscriptions.values():
        subscription.active = False


@pytest.mark.parametrize("way", ["webhook", "log"])
async def test_a_character_that_no_database_keeps_does_not_stop_the_news(rig: Rig, way: str) -> None:
    """NUL in a note and in a title: written down without it, and what comes after is written down too."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    if way == "log":
        await _looked(rig)
        _lose_webhooks(rig)
    made = await rig.pagerduty.trigger(f"{PM2} \x00 odd")
    await rig.pagerduty.annotate(made["id"], "before \x00 after", user=SAM_MAIL)
    await rig.pagerduty.annotate(made["id"], "the next", user=SAM_MAIL)
    if way == "log":
        await _looked(rig)
    await rig.card("odd", "asked")

    async def written() -> bool:
        return await rig.timeline(made["incident_number"], "note") == 2

    await eventually(written)
    assert "before" in str(await rig.entries(made["incident_number"], "note"))


async def test_an_incident_of_an_unknown_service_is_a_card_that_wakes_people(rig: Rig) -> None:
    """The service was deleted: nothing says what it was, so the ladder runs, and the card is complete without it."""
    made = await rig.pagerduty.trigger("Zebra")
    await rig.pagerduty.settle()
    for service in (None, {"id": "PGONE", "type": "service_reference"}, "nonsense"):
        pd_id = f"QGONE{len(str(service))}"
        await rig.pagerduty.emit("incident.triggered", _incident(rig, made["id"], pd_id) | {"service": service})
        card = await rig.card(f"Of nowhere {pd_id}", "asked", "incident_ack")
        await eventually(partial(rig.reminders, card))


def _incident(rig: Rig, like: str, pd_id: str) -> dict[str, Any]:
    """An incident that the account knows nothing more of."""
    known = rig.pagerduty._envelopes.incident(rig.pagerduty.incident(like))
    return dict(known) | {"id": pd_id, "number": None, "title": f"Of nowhere {pd_id}"}


async def test_a_title_of_ten_thousand_characters_is_a_card_that_notifies_nobody(rig: Rig) -> None:
    """Emoji, markup and mentions, longer than anything that Slack takes: cut, shown as text, and it wakes people."""
    made = await rig.pagerduty.trigger("Zebra")
    await rig.pagerduty.settle()
    title = ("🔥 <!channel> *b* <@U0CTO> `x` & @here " * 300)[:10_000]
    told = _incident(rig, made["id"], "QLONG") | {"title": title}
    await rig.pagerduty.emit("incident.triggered", told)
    card = await eventually(lambda: next((c for c in rig.cards() if "🔥" in str(c["blocks"])), None))
    reminder = (await eventually(partial(rig.reminders, card)))[0]
    for shown in (card, reminder):
        assert "<!channel>" not in str(shown)
        assert "<@U0CTO>" not in str(shown)


async def test_two_incidents_with_one_dedup_key_are_two_incidents(rig: Rig) -> None:
    """On two services the same key is open twice: each has its card, and who takes one has not taken the other."""
    first = await rig.pagerduty.trigger("Zebra in trading", incident_key="same-key")
    second = await rig.pagerduty.trigger("Zebra in security", incident_key="same-key", service="Security")
    await rig.card("Zebra in trading", "asked")
    await rig.card("Zebra in security", "asked")
    await rig.pagerduty.acknowledge(first["id"], user=SAM_MAIL)
    await rig.card("Zebra in trading", "Acknowledged", "Sam")
    assert (await rig.incident(first["incident_number"])).status == "acknowledged"
    assert (await rig.incident(second["incident_number"])).status == "triggered"
    assert len(rig.cards()) == 2


NONSENSE: list[Any] = [
    7,
    None,
    "x",
    [],
    {},
    {"id": 5},
    {"id": "QX", "incident": "no"},
    {"id": "Q Y", "status": 3},
]


async def test_entries_that_are_nonsense_do_not_keep_the_others(rig: Rig) -> None:
    """In both lists, between good ones: the good ones are read, and the next look starts after them."""
    await _looked(rig)
    _lose_webhooks(rig)
    made = await rig.pagerduty.trigger(PM2)
    incidents = [*NONSENSE[:6], rig.pagerduty.rest(made["id"])]
    rig.pagerduty.faults.fail("GET /incidents", status=200, body={"incidents": incidents, "more": False})
    entries = (await rig.bot.pagerduty.log_page(since=_hour_ago(rig), until=_soon(rig), offset=0))[0]
    body = {"log_entries": [*NONSENSE, *entries], "more": False}
    rig.pagerduty.faults.fail("GET /log_entries", status=200, body=body)
    assert (await _looked(rig)).done
    await rig.card(PM2, "asked")
    assert await rig.timeline(made["incident_number"], "triggered") == 1


def _hour_ago(rig: Rig) -> Any:
    return rig.pagerduty.clock.now() - timedelta(hours=1)


def _soon(rig: Rig) -> Any:
    return rig.pagerduty.clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_subscription_that_may_not_be_seen_does_not_stop_the_catching_up(rig: Rig, status: int) -> None:
    """The token lacks that right: the incidents are compared all the same."""
    await _looked(rig)
    _lose_webhooks(rig)
    made = await rig.pagerduty.trigger(PM2)
    rig.pagerduty.faults.fail("GET /webhook_subscriptions", times=-1, status=status)
    assert (await eventually(lambda: reconcile(rig.bot.work))).done
    assert await rig.timeline(made["incident_number"], "triggered") == 1


@pytest.mark.parametrize("status", [402, 403, 404])
async def test_one_incident_that_may_not_be_seen_does_not_keep_the_others(rig: Rig, status: int) -> None:
    """It was moved to a team that the token is not in: left as it is; the rest is read."""
    gone = await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    await _looked(rig)
    _lose_webhooks(rig)
    await rig.pagerduty.resolve(gone["id"], user=SAM_MAIL)
    made = await rig.pagerduty.trigger(PM2)
    rig.pagerduty.faults.fail(f"GET /incidents/{gone['id']}", times=-1, status=status)
    assert (await _looked(rig)).done
    await rig.card(PM2, "asked")
    assert await rig.timeline(made["incident_number"], "triggered") == 1


HANGS, ODD = "hangs", {"status": 200, "body": {"odd": 1}}
TROUBLE: list[Any] = [HANGS, ODD, *({"status": s} for s in (401, 402, 403, 404, 500)), {"retry_after": 2}]


@pytest.mark.parametrize("path", ["GET /incidents", "GET /log_entries"])
@pytest.mark.parametrize("fault", TROUBLE, ids=str)
async def test_whatever_pagerduty_answers_the_gap_is_filled_afterwards(rig: Rig, path: str, fault: Any) -> None:
    """The look ends in time, nothing moves, nobody is told nonsense; the next good look finds it all, once."""
    await _looked(rig)
    _lose_webhooks(rig)
    made = await rig.pagerduty.trigger(PM2)
    rig.bot.pagerduty.deadline = 0.5
    if fault is HANGS:
        rig.pagerduty.faults.hang(path, times=-1)
    else:
        rig.pagerduty.faults.fail(path, times=-1, **fault)
    async with asyncio.timeout(20):
        assert await Reconciler(rig.bot.work, webhooks=False)._turn() > 0
    rig.pagerduty.faults.clear()
    rig.bot.pagerduty.deadline = 8.0
    assert (await _looked(rig)).done
    await rig.card(PM2, "asked")
    assert await rig.timeline(made["incident_number"], "triggered") == 1
