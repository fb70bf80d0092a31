"""`POST /pagerduty/webhooks`: what is taken, what is refused, and what counts once."""

import asyncio
import contextlib
import itertools
import json
import uuid
from typing import Any

import httpx
import pytest

from tests.rig import SECRET, Rig, eventually

PATH = "/pagerduty/webhooks"


def body(
    event_type: str, incident_id: str = "Q1ZEBRA", at: str = "2026-11-22T10:00:00.000Z", **data: Any
) -> bytes:
    """A webhook as PagerDuty writes it."""
    incident = {
        "id": incident_id, "type": "incident", "self": f"https://api.pagerduty.com/incidents/{incident_id}",
        "html_url": f"https://acme.pagerduty.com/incidents/{incident_id}", "number": 4711, "status": "triggered",
        "incident_key": "k", "created_at": "2026-11-22T10:00:00Z", "title": "Loki Ingestion Lag",
        "service": {"id": "PSVC", "summary": "AI Trading System", "type": "service_reference"},
        "assignees": [], "escalation_policy": None, "teams": [], "priority": None, "urgency": "high",
        "conference_bridge": None, "resolve_reason": None,
    }  # fmt: skip
    event = {
        "id": uuid.uuid4().hex, "event_type": event_type, "resource_type": "incident", "occurred_at": at,
        "agent": {"id": "PUSER", "summary": "Somebody Else", "type": "user_reference"}, "client": None,
        "data": {**incident, **data},
    }  # fmt: skip
    return json.dumps({"event": event}).encode()


async def send(rig: Rig, raw: bytes, *, secrets: tuple[str, ...] = (SECRET,), webhook_id: str = "") -> int:
    """POST it, signed."""
    headers = {
        "x-pagerduty-signature": rig.pagerduty.sign(raw, *secrets),
        "x-webhook-id": webhook_id or uuid.uuid4().hex,
        "content-type": "application/json",
    }
    return (await rig.http.post(PATH, content=raw, headers=headers)).status_code


async def test_a_signed_webhook_is_answered_202_and_shown(rig: Rig) -> None:
    """Stored before it is answered; the card follows."""
    assert await send(rig, body("incident.triggered")) == 202
    await rig.card("Loki", "#4711")


async def test_a_forged_or_unsigned_webhook_is_401_and_counted(rig: Rig) -> None:
    """A wrong secret or no signature: refused, counted, without effect."""
    raw = body("incident.triggered")
    assert await send(rig, raw, secrets=("wrong",)) == 401
    assert (await rig.http.post(PATH, content=raw)).status_code == 401
    odd = {b"x-pagerduty-signature": "v1=ü,v2=a,,v1=".encode()}
    assert (await rig.http.post(PATH, content=raw, headers=odd)).status_code == 401
    metrics = (await rig.http.get("/metrics")).text
    assert 'ats_pagerduty_webhooks_total{outcome="bad_signature"} 3.0' in metrics
    assert not rig.cards()


async def test_both_secrets_work_during_a_rotation(rig: Rig) -> None:
    """A signature by the old or the new secret passes, also when both are given."""
    rig.use_webhook_secrets("old-secret", "new-secret")
    assert await send(rig, body("incident.triggered", "QOLD"), secrets=("old-secret",)) == 202
    assert await send(rig, body("incident.triggered", "QNEW", number=2), secrets=("new-secret",)) == 202
    assert await send(rig, body("incident.triggered", "QTWO", number=3), secrets=("other", "new-secret")) == 202
    assert await send(rig, body("incident.triggered", "QNOT"), secrets=("other",)) == 401


async def test_the_same_webhook_id_twice_is_one_effect(rig: Rig) -> None:
    """PagerDuty delivers at least once; the second time changes nothing, and is 202 all the same."""
    raw, again = body("incident.triggered"), body("incident.acknowledged", at="2026-11-22T10:01:00.000Z")
    assert [await send(rig, raw, webhook_id="one"), await send(rig, raw, webhook_id="one")] == [202, 202]
    assert await send(rig, again, webhook_id="one") == 202
    await rig.card("Not acknowledged")
    assert await rig.timeline(4711, "triggered") == 1
    assert await rig.timeline(4711, "acknowledged") == 0


async def test_two_deliveries_of_one_event_at_the_same_moment_are_one_effect(rig: Rig) -> None:
    """Twenty copies at once: one incident, one timeline entry, one card."""
    raw = body("incident.triggered")
    assert set(await asyncio.gather(*(send(rig, raw, webhook_id="same") for _ in range(20)))) == {202}
    await rig.card("Loki", "asked")
    assert await rig.timeline(4711, "triggered") == 1
    assert len(rig.cards()) == 1


async def test_unknown_types_are_kept_and_answered_202(rig: Rig) -> None:
    """What we do not know yet is recorded, never refused: a 4xx would disable the subscription."""
    for kind in ("pagey.ping", "service.updated", "incident.frobnicated", "workflow.started"):
        assert await send(rig, body(kind)) == 202
    from sqlalchemy import text

    async with rig.bot.store.transaction() as tx:
        kept = (await tx.session.execute(text("select count(*) from inbox"))).scalar_one()
    assert kept == 4


async def test_a_body_over_one_megabyte_is_refused_unread(rig: Rig) -> None:
    """Refused by its declared length, and when it declares none, as soon as it is too long."""
    huge = b"x" * 1_000_001
    assert await send(rig, huge) == 413

    async def endless() -> Any:
        for _ in range(200):
            yield b"y" * 100_000

    with contextlib.suppress(
        httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError
    ):  # cut while we write
        answer = await rig.http.post(PATH, content=endless(), headers={"x-pagerduty-signature": "v1=00"})
        assert answer.status_code == 413
    assert (await rig.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"event": 1}', b'{"event": {"id": 1}}', b"[" * 100_000, b"{}"],
)
async def test_what_cannot_be_read_is_400(rig: Rig, raw: bytes) -> None:
    """Signed but not an event: 400, and the bot goes on."""
    assert await send(rig, raw) == 400
    assert (await rig.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_webhooks_out_of_order_end_in_the_right_state(rig: Rig, order: tuple[int, ...]) -> None:
    """Triggered, acknowledged, resolved in any order: resolved, by whom and when it says."""
    events = [
        body("incident.triggered", at="2026-11-22T10:00:00.500Z"),
        body("incident.acknowledged", at="2026-11-22T10:01:00.500Z", status="acknowledged"),
        body("incident.resolved", at="2026-11-22T10:02:00.500Z", status="resolved"),
    ]
    for index in order:
        assert await send(rig, events[index]) == 202
    await rig.card("Resolved")
    incident = await rig.incident(4711)
    assert incident.status == "resolved"
    assert incident.acked_at is not None
    assert incident.acked_at.minute == 1
    assert incident.resolved_at is not None
    assert incident.resolved_at.minute == 2
    assert incident.due_at is None


async def test_a_note_about_an_unknown_incident_fetches_it_first(rig: Rig) -> None:
    """An event without the incident's own data about one that we never saw: fetched from PagerDuty, then shown."""
    made = await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki")
    incident = await rig.incident(made["incident_number"])
    assert incident.title == "Loki Ingestion Lag"


async def test_a_hostile_title_notifies_nobody(rig: Rig) -> None:
    """Mentions, links and markup in a title are shown as text."""
    title = "<!channel> <@U0CTO> *bold* <https://evil.example|PagerDuty> \u202e\u2066 `x` " + "A" * 5000
    assert (
        await send(rig, body("incident.triggered", title=title, urgency="low", priority={"summary": "P2"}))
        == 202
    )
    card = await rig.card("#4711")
    assert "<!channel>" not in json.dumps(card["blocks"])
    assert "<@U0CTO>" not in json.dumps(card["blocks"][0])
    assert "<https://evil" not in json.dumps(card["blocks"])
    assert not [m for m in rig.messages() if "channel" in str(m.get("notified"))]


@pytest.mark.slow
async def test_the_database_away_is_503_and_the_event_comes_again(rig: Rig) -> None:
    """Without its database the bot refuses with 503, so that PagerDuty keeps the event."""
    await rig.break_database()
    assert await send(rig, body("incident.triggered"), webhook_id="w") == 503
    await rig.mend_database()
    assert await send(rig, body("incident.triggered"), webhook_id="w") == 202
    await rig.card("Loki", within=20)
    assert (await eventually(lambda: rig.http.get("/readyz"))).status_code in {200, 503}
