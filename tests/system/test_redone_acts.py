"""What was cut off after PagerDuty had done it and is done again long after: once there, once written, once said."""

from functools import partial
from typing import Any

import pytest

from bot.jobs.reconcile import reconcile
from tests.rig import DANA, OPS, Rig, eventually

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

PM2 = "PM2 High Restart Rate"
CASES = {  # command, the request that PagerDuty carries out, the timeline's kind, what the thread says
    "note": ("note {} heap dump taken", "POST /incidents/*/notes", "note", "heap dump taken"),
    "update": (
        "update {} rolled back", "POST /incidents/*/status_updates", "status_update_published", "rolled back",
    ),
    "responders": (
        "responders {} @chris look please", "POST /incidents/*/responder_requests", "responder.added",
        "Chris Tan asked to help",
    ),
    "priority": ("priority {} P1", "PUT /incidents/*", "priority_updated", "Priority changed to P1"),
    "reassign": ("reassign {} @sam", "PUT /incidents/*", "reassigned", "Reassigned to Sam Reyes"),
    "escalate": ("escalate {}", "PUT /incidents/*", "escalated", "Escalated to Sam Reyes"),
    "snooze": ("snooze {} 4h", "POST /incidents/*/snooze", "snoozed", "Snoozed until"),
}  # fmt: skip


async def _cut_off(rig: Rig, what: str, card: dict[str, Any], number: int) -> None:
    """PagerDuty has done it, nobody here knows; twelve minutes later the bot is back."""
    command, request, _, _ = CASES[what]
    rig.pagerduty.faults.fail(request, drop=True, after=True)
    await rig.slack.command(DANA, OPS, command.format(number))
    await eventually(lambda: rig.timeline(number, "delayed"))
    await rig.without_worker(minutes=12)


async def _is_once(rig: Rig, what: str, card: dict[str, Any], number: int) -> None:
    _, _, kind, words = CASES[what]

    async def over() -> bool:
        return not (await rig.incident(number)).pending and bool(_said(rig, card, words))

    await eventually(over)
    await rig.pagerduty.settle()
    await eventually(lambda: reconcile(rig.bot.work, webhooks=False))
    await rig.slack.command(DANA, OPS, "incidents")
    assert await rig.timeline(number, kind) == 1, await rig.entries(number, kind)
    assert len(_said(rig, card, words)) == 1


def _said(rig: Rig, card: dict[str, Any], words: str) -> list[Any]:
    return [m for m in rig.messages(thread_ts=card["ts"])[1:] if words in str(m.get("blocks"))]


def _writes(rig: Rig, what: str) -> int:
    ending = CASES[what][1].rpartition("*")[2]
    calls = [c for c in rig.pagerduty.calls if c.method in {"PUT", "POST"}]
    return sum(c.path.endswith(ending) for c in calls)


@pytest.mark.parametrize("what", CASES)
async def test_done_again_after_its_webhook(rig: Rig, what: str) -> None:
    """The webhook told of it at once, the act finds it there after twelve minutes: it is the same."""
    made = await rig.pagerduty.trigger(PM2, priority="P0")
    card = await rig.card(PM2, "asked")
    await _cut_off(rig, what, card, made["incident_number"])
    await _is_once(rig, what, card, made["incident_number"])
    assert _writes(rig, what) == 1


@pytest.mark.parametrize("what", CASES)
async def test_done_again_before_its_webhook(rig: Rig, what: str) -> None:
    """Nobody could reach the bot for twelve minutes: the act is done again first, the webhook comes after."""
    made = await rig.pagerduty.trigger(PM2, priority="P0")
    card = await rig.card(PM2, "asked")
    await rig.pagerduty.settle()
    rig.pagerduty.webhooks.pause()
    await _cut_off(rig, what, card, made["incident_number"])
    words = CASES[what][3]
    await eventually(lambda: _said(rig, card, words))
    rig.pagerduty.webhooks.resume()
    await _is_once(rig, what, card, made["incident_number"])
    assert _writes(rig, what) == 1


async def test_the_same_words_of_an_hour_ago_are_not_this_note(rig: Rig) -> None:
    """“Restarted again”, twice in an evening, and the second one's answer is lost before it got there."""
    made = await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    number = made["incident_number"]
    for path, what in (("notes", "note"), ("status_updates", "update")):
        kind = CASES[what][2]
        await rig.slack.command(DANA, OPS, f"{what} {number} restarted again")
        await eventually(partial(_written, rig, number, kind, 1))
        await rig.advance(hours=1)
        rig.pagerduty.faults.fail(f"POST /incidents/*/{path}", drop=True)
        await rig.slack.command(DANA, OPS, f"{what} {number} restarted again")
        await eventually(lambda: rig.timeline(number, "delayed"))
        await rig.advance(seconds=30)
        await eventually(partial(_written, rig, number, kind, 2))
    record = rig.pagerduty.incident(made["id"])
    assert (len(record.notes), len(record.status_updates)) == (2, 2)


async def _written(rig: Rig, number: int, kind: str, times: int) -> bool:
    return await rig.timeline(number, kind) == times
