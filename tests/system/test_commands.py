"""`/ats …` as a person types it."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.rig import DANA, OLLI, OPS, SAM, Rig, eventually


def told(rig: Rig, user: str) -> list[dict[str, Any]]:
    """What only that person sees in the channel, oldest first."""
    return [m for m in rig.messages(user=user) if m.get("is_ephemeral")]


async def answer(rig: Rig, text: str, user: str = DANA) -> str:
    """Type it; the blocks of the answer as text."""
    before = len(told(rig, user))
    outcome = await rig.slack.command(user, OPS, text)
    assert outcome.ok, outcome
    await eventually(lambda: len(told(rig, user)) > before)
    return str(told(rig, user)[-1])


async def test_help_lists_every_command(rig: Rig) -> None:
    """Nothing and `help` answer with the same list."""
    for text in ("", "help"):
        shown = await answer(rig, text)
        for command in (
            "health",
            "incidents",
            "ack N",
            "resolve N",
            "note N",
            "runbook",
            "oncall",
            "timeline N",
            "whoami",
        ):
            assert command in shown, command


async def test_health_reports_every_system_side_by_side(rig: Rig) -> None:
    """Acknowledged at once, then one message in the channel with all systems, whatever is down."""
    outcome = await rig.slack.command(DANA, OPS, "health")
    assert outcome.ok
    shown = await eventually(lambda: [m for m in rig.messages() if "Health" in str(m["blocks"])], within=20)
    text = str(shown[-1]["blocks"])
    for system in ("Trading API", "PostgreSQL", "Redis", "PM2", "Docker", "Disk /", "Memory", "CPU"):
        assert system in text, system


async def test_incidents_and_incident(rig: Rig) -> None:
    """The list is calm when there is none, and shows an open one; `incident N` shows its card."""
    assert "No open incidents" in await answer(rig, "incidents")
    made = await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki")
    assert "Loki" in await answer(rig, "incidents")
    assert "incident_ack" in await answer(rig, f"incident {made['incident_number']}")
    assert "There is no incident #999" in await answer(rig, "incident 999")


async def test_ack_and_resolve_by_command(rig: Rig) -> None:
    """They do what the buttons do, as the person who typed."""
    made = await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki", "asked")
    await answer(rig, f"ack {made['incident_number']}", SAM)
    await rig.card("Acknowledged", "Sam")
    await answer(rig, f"resolve #{made['incident_number']} disk was full", SAM)
    await rig.card("Resolved")
    puts = [c for c in rig.pagerduty.calls if c.method == "PUT"]
    assert {c.headers["from"] for c in puts} == {"sam.sre@ats.example"}
    assert "disk was full" in str(puts[-1].body)
    assert "disk was full" in await answer(rig, f"timeline {made['incident_number']}", SAM)
    assert "already resolved" in await second_answer(rig, f"resolve {made['incident_number']}")


async def second_answer(rig: Rig, text: str) -> str:
    """The answer that a job gives after the command's own."""
    before = len(told(rig, DANA))
    await rig.slack.command(DANA, OPS, text)
    await eventually(lambda: len(told(rig, DANA)) > before + 1)
    return str(told(rig, DANA)[-2:])


async def test_note_and_timeline(rig: Rig) -> None:
    """A note is in PagerDuty and in the timeline, which tells who did what in order."""
    made = await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki", "asked")
    number = made["incident_number"]
    await answer(rig, f"note {number} looked at the disk")
    await eventually(
        lambda: [c for c in rig.pagerduty.calls if c.method == "POST" and c.path.endswith("/notes")]
    )
    await answer(rig, f"ack {number}")
    await rig.card("Acknowledged")
    shown = await answer(rig, f"timeline {number}")
    order = [shown.index(word) for word in ("Triggered", "looked at the disk", "Acknowledged")]
    assert order == sorted(order)


async def test_runbook_lists_searches_and_forgives_typing_errors(rig: Rig) -> None:
    """Without words the whole list; with words the entry, also when they are mistyped."""
    assert "Rate Gate" in await answer(rig, "runbook")
    assert "Loki" in await answer(rig, "runbook lokki ingestoin")


async def test_oncall_shows_every_schedule_and_the_phone_tree(rig: Rig) -> None:
    """Each schedule of the contact table with who and until when, and the escalation policy."""
    shown = await answer(rig, "oncall")
    for part in ("PD-TRADING-PRIMARY", "Dana", "Sam", "Chris", "Sia", "Phone tree"):
        assert part in shown, part


async def test_whoami_says_roles_and_why(rig: Rig) -> None:
    """The on-call sees their role and its reason; an outsider sees what is missing."""
    mine = await answer(rig, "whoami")
    assert "responder" in mine
    assert "PD-TRADING-PRIMARY" in mine
    theirs = await answer(rig, "whoami", OLLI)
    assert "olli.sales@ats.example" in theirs
    assert "PagerDuty" in theirs


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("helth", "/ats health"), ("incidnets", "/ats incidents"), ("acknowlege 3", "/ats ack N")],
)
async def test_a_mistyped_subcommand_gets_the_nearest_one(rig: Rig, typed: str, meant: str) -> None:
    """The answer offers what was probably meant, and does nothing."""
    assert meant in await answer(rig, typed)


async def test_somebody_outside_the_channel_may_not_read(rig: Rig) -> None:
    """A person who is not in the operations channel is told which role reading needs."""
    rig.slack.workspace.channels[OPS].members.remove(OLLI)
    outcome = await rig.slack.command(OLLI, "C0GEN", "incidents")
    assert outcome.ok
    seen = await eventually(
        lambda: [m for m in rig.slack.messages("C0GEN", user=OLLI) if m.get("is_ephemeral")]
    )
    assert "viewer" in str(seen)


async def test_a_mention_is_answered_in_its_thread_once_for_each_event(rig: Rig) -> None:
    """`@ATS incidents` is answered in the thread, and an event that Slack sends twice counts once."""
    outcome = await rig.slack.say(DANA, OPS, "<@U0ATSBOT> incidents")
    assert outcome.ok
    asked = next(m for m in rig.messages() if "<@U0ATSBOT> incidents" in str(m.get("text")))
    await eventually(lambda: rig.messages(thread_ts=asked["ts"])[1:])


async def test_the_same_event_id_twice_is_one_effect(http_rig: Rig) -> None:
    """Slack sends an event again when in doubt: it is taken, and answered once."""
    event = {
        "type": "app_mention",
        "user": DANA,
        "text": "<@U0ATSBOT> incidents",
        "ts": "1.000100",
        "channel": OPS,
    }
    body = {
        "type": "event_callback",
        "team_id": "T0ATS",
        "api_app_id": "A0ATS",
        "event": event,
        "event_id": "Ev0SAME",
    }
    raw = json.dumps(body).encode()
    answers = await asyncio.gather(
        *(http_rig.http.post("/slack/events", content=raw, headers=sign(raw)) for _ in range(5))
    )
    assert [a.status_code for a in answers] == [200] * 5
    answered = await eventually(
        lambda: [m for m in http_rig.messages() if "No open incidents" in str(m["blocks"])]
    )
    await http_rig.pagerduty.trigger("Zebra", urgency="low")  # posted after whatever else was waiting
    await http_rig.card("Zebra")
    assert (
        len([m for m in http_rig.messages() if "No open incidents" in str(m["blocks"])]) == len(answered) == 1
    )


def sign(raw: bytes, *, secret: bytes = b"sandbox-signing-secret", age: int = 0) -> dict[str, str]:
    """The headers of a request that Slack signed `age` seconds ago."""
    at = str(int(time.time()) - age)
    mac = hmac.new(secret, b"v0:" + at.encode() + b":" + raw, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-slack-request-timestamp": at,
        "x-slack-signature": f"v0={mac}",
    }


async def test_the_home_tab_shows_who_is_on_call_and_what_is_open(rig: Rig) -> None:
    """Opening the App Home publishes it: on-call, open incidents, roles."""
    await rig.pagerduty.trigger("Loki Ingestion Lag")
    await rig.card("Loki")
    await rig.slack.open_home(DANA)
    home = await eventually(lambda: rig.slack.workspace.homes.get(DANA))
    assert "Loki" in str(home.data)
    assert "Dana" in str(home.data)


async def test_the_runbook_button_opens_the_entry_with_its_cautions(rig: Rig) -> None:
    """A modal with impact, cautions and steps."""
    await rig.pagerduty.trigger("Rate Gate API Exhaustion")
    card = await rig.card("Rate Gate", "incident_runbook")
    await rig.slack.press(OLLI, OPS, card["ts"], "incident_runbook")
    view = await rig.modal(OLLI)
    assert "already blocking" in str(view["blocks"])


async def test_diagnose_answers_in_the_thread(rig: Rig) -> None:
    """Diagnose puts what it measured under the card, and a line into the timeline."""
    made = await rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await rig.card("PM2", "asked")
    await rig.slack.press(DANA, OPS, card["ts"], "incident_diagnose")
    await eventually(lambda: "What stands out" in str(rig.messages(thread_ts=card["ts"])), within=20)

    async def written_down() -> bool:
        return await rig.timeline(made["incident_number"], "diagnosis") == 1

    await eventually(written_down, within=30)


async def test_http_mode_does_the_same(http_rig: Rig) -> None:
    """Over signed HTTP requests: command, click, modal."""
    assert "whoami" in await answer(http_rig, "help")
    await http_rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await http_rig.card("PM2", "incident_ack")
    await http_rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await http_rig.card("Acknowledged")


@pytest.mark.parametrize("fault", ["forged", "stale", "unsigned"])
async def test_bad_slack_signatures_are_401(http_rig: Rig, fault: str) -> None:
    """A forged, stale or unsigned request is refused, without effect."""
    body = b"command=%2Fats&text=help&user_id=U0ONCALL&channel_id=C0OPS&team_id=T0ATS"
    secret = b"wrong" if fault == "forged" else b"sandbox-signing-secret"
    headers = {} if fault == "unsigned" else sign(body, secret=secret, age=400 if fault == "stale" else 0)
    headers["content-type"] = "application/x-www-form-urlencoded"
    answered = await http_rig.http.post("/slack/events", content=body, headers=headers)
    assert answered.status_code == 401
