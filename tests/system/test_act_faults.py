"""What becomes of a press when PagerDuty fails: tried as long as it is safe, done once, and its end is told."""

from functools import partial
from typing import Any

import pytest

from tests.rig import DANA, OPS, Rig, eventually

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

PM2, LOKI = "PM2 High Restart Rate", "Loki Ingestion Lag"
CASES = {  # command, the request, the timeline's kind
    "acknowledge": ("ack {}", "PUT /incidents/*", "acknowledged"),
    "resolve": ("resolve {} it was the disk", "PUT /incidents/*", "resolved"),
    "note": ("note {} heap dump taken", "POST /incidents/*/notes", "note"),
    "update": ("update {} rolled back", "POST /incidents/*/status_updates", "status_update_published"),
    "snooze": ("snooze {} 1h", "POST /incidents/*/snooze", "snoozed"),
    "reassign": ("reassign {} @sam", "PUT /incidents/*", "reassigned"),
    "escalate": ("escalate {}", "PUT /incidents/*", "escalated"),
    "responders": ("responders {} @chris help", "POST /incidents/*/responder_requests", "responder.added"),
    "priority": ("priority {} P1", "PUT /incidents/*", "priority_updated"),
    "merge": ("merge {} into {}", "PUT /incidents/*/merge", "resolved"),
}
FOR_GOOD: list[dict[str, Any]] = [{"status": s} for s in (400, 401, 403, 404)]
FOR_NOW: list[Any] = ["hangs", {"status": 500}, {"status": 200, "body": ["nonsense"]}, {"retry_after": 1}]


async def _ask(rig: Rig, what: str) -> tuple[int, dict[str, Any]]:
    """An incident, another to merge it into, and what was asked of the first."""
    other = await rig.pagerduty.trigger(LOKI)
    made = await rig.pagerduty.trigger(PM2, priority="P0")
    card = await rig.card(PM2, "asked")
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, CASES[what][0].format(number, other["incident_number"]))
    return number, card


def _fail(rig: Rig, what: str, fault: Any, times: int) -> None:
    if fault == "hangs":
        rig.bot.pagerduty.deadline = 0.5
        rig.pagerduty.faults.hang(CASES[what][1], times=times)
    else:
        rig.pagerduty.faults.fail(CASES[what][1], times=times, **fault)


async def _times(rig: Rig, number: int, kind: str, times: int) -> bool:
    return await rig.timeline(number, kind) == times


@pytest.mark.parametrize("fault", FOR_GOOD, ids=str)
@pytest.mark.parametrize("what", ["acknowledge", "note", "snooze", "merge"])
async def test_what_pagerduty_refuses_for_good_is_told_at_once(rig: Rig, what: str, fault: Any) -> None:
    """One request, a sentence for the person, an entry in the timeline; nothing is shown as done."""
    _fail(rig, what, fault, -1)
    number, _ = await _ask(rig, what)
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "did not reach PagerDuty" in str(m)])
    await eventually(partial(_times, rig, number, "failed", 1))
    assert await rig.timeline(number, CASES[what][2]) == 0
    incident = await rig.incident(number)
    assert (incident.status, incident.pending) == ("triggered", {})
    path = CASES[what][1].rpartition("*")[2]
    assert len([c for c in rig.pagerduty.calls if c.method != "GET" and c.path.endswith(path)]) == 1


@pytest.mark.parametrize("fault", FOR_NOW, ids=str)
@pytest.mark.parametrize("what", CASES)
async def test_what_fails_for_now_is_done_once_it_works(rig: Rig, what: str, fault: Any) -> None:
    """Silence, 500, nonsense, 429: the person is told that it is kept; then it is done, written and told once."""
    _fail(rig, what, fault, 1)
    number, _ = await _ask(rig, what)
    await eventually(partial(_times, rig, number, "delayed", 1))
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "kept and tried again" in str(m)])
    rig.bot.pagerduty.deadline = 8.0
    await rig.advance(seconds=10)
    await eventually(partial(_times, rig, number, CASES[what][2], 1))
    await rig.pagerduty.settle()
    assert await rig.timeline(number, CASES[what][2]) == 1
    assert await rig.timeline(number, "failed") == 0
