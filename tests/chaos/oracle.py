"""What must be true once everything has settled, whatever happened before: each broken rule in a sentence."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from bot.operations import timeline
from sandbox.pagerduty.delivery import Delivery
from sandbox.pagerduty.world import Incident
from tests.chaos.people import EMAILS, Case, People
from tests.chaos.stage import Json, Stage, words
from tests.rig import CHRIS, DANA, SAM

LADDER: Final = (
    ("Primary On-Call", timedelta(), DANA),
    ("Secondary", timedelta(minutes=15), SAM),
    ("Management", timedelta(hours=1), CHRIS),
)
STATE_WORDS: Final = {
    "triggered": "not acknowledged",
    "acknowledged": "acknowledged by",
    "resolved": "resolved by",
}
PENDING: Final = """
    select 'message ' || id from message where wanted > sent
    union all select task_name || ' job ' || id || ' ' || status from procrastinate_jobs
      where status in ('doing', 'failed', 'aborting')
         or (status = 'todo' and (scheduled_at is null or scheduled_at <= now()))
    union all select 'reminder of incident ' || number from incident
      where status = 'triggered' and due_at <= now() + make_interval(secs => (select offset_seconds from clock))
"""


async def settled(stage: Stage, *, within: float, webhooks: bool = True) -> None:
    """Return once nothing is under way: webhooks (unless they are paused), jobs, messages. Fails with what is left."""
    end = time.monotonic() + within
    quiet = 0
    while quiet < 3:
        queued = [d for d in stage.pagerduty.deliveries if webhooks and d.state == "queued"]
        left = [f"webhook {d.event_type}" for d in queued]
        left += [str(row[0]) for row in await asyncio.to_thread(stage.rows, PENDING)]
        quiet = 0 if left else quiet + 1
        assert time.monotonic() < end, f"not settled within {within} s: {left}"
        await asyncio.sleep(0.2)


async def problems(stage: Stage, people: People) -> list[str]:
    """Everything that is not as it must be; empty when all is well."""
    found = [problem for case in people.cases for problem in _of_case(stage, people, case)]
    strays = len(stage.cards()) - len(people.cases)
    if strays:
        found.append(f"{strays:+d} cards against {len(people.cases)} incidents")
    found += [
        f"webhook {d.event_type} is {d.state}" for d in stage.pagerduty.deliveries if d.state != "delivered"
    ]
    found += [f"left over: {row[0]}" for row in stage.rows(PENDING)]
    found += [f"message {row[0]} was given up: {row[1]}" for row in stage.rows(
        "select id, failed from message where failed <> ''")]  # fmt: skip
    async with stage.store.transaction() as tx:
        broken = await timeline.verify(tx)
    return found + ([f"the hash chain breaks at {broken}"] if broken else [])


def _of_case(stage: Stage, people: People, case: Case) -> Iterator[str]:
    cards = stage.cards_of(case.incident)
    if len(cards) != 1:
        yield f"#{case.number} has {len(cards)} cards"
        return
    entries = _timeline(stage, case.incident)
    thread = stage.thread(cards[0])
    for rule in (
        _state(stage, case, cards[0]),
        _changes(stage, people, case, thread, entries),
        _reminders(stage, case, thread, entries),
        _notes(people, case, thread, entries),
    ):
        yield from (f"#{case.number} ({case.fate}): {problem}" for problem in rule)


def _timeline(stage: Stage, incident: Incident) -> list[Json]:
    query = (
        "select t.kind, t.text, t.recorded_at, t.data from timeline t join incident i on i.id = t.incident_id"
        " where i.pd_id = %s order by t.id"
    )
    names = ("kind", "text", "recorded_at", "data")
    return [dict(zip(names, row, strict=True)) for row in stage.rows(query, incident.id)]


def _state(stage: Stage, case: Case, card: Json) -> Iterator[str]:
    """The card shows what PagerDuty has, and so does the database."""
    (known,) = stage.rows("select status from incident where pd_id = %s", case.incident.id)
    if known[0] != case.status:
        yield f"PagerDuty says {case.status}, the database {known[0]}"
    if STATE_WORDS[case.status] not in card["text"]:
        yield f"PagerDuty says {case.status}, the card {card['text']!r}"
    if case.status != "triggered":
        names = _names_of_who_did_it(stage, case)
        if not any(f"{STATE_WORDS[case.status]} {name} " in card["text"] for name in names):
            yield f"{' or '.join(names)} did it, the card says {card['text']!r}"
    buttons = "incident_ack" in words(card["blocks"])
    if buttons != (case.status == "triggered"):
        yield f"{case.status}, and the card has {'an' if buttons else 'no'} Acknowledge"


def _names_of_who_did_it(stage: Stage, case: Case) -> list[str]:
    """The name that PagerDuty has of the person, and the one that Slack has."""
    user = stage.pagerduty.world.users[case.incident.status_changed_by.id]
    slack_id = next((u for u, mail in EMAILS.items() if mail == user.email), CHRIS)
    return [user.name, stage.slack.workspace.users[slack_id].real_name]


def _changes(
    stage: Stage, people: People, case: Case, thread: list[Json], entries: list[Json]
) -> Iterator[str]:
    """Clicks that Slack's client was acked for took effect once; each change is written down and said once."""
    for what, kind, sign in (("acknowledge", "acknowledged", "👀"), ("resolve", "resolved", "✅")):
        logged = [e for e in case.incident.log if e.type == f"{what}_log_entry"]
        if any(p.acked for p in people.presses if p.incident is case.incident and p.what == what):
            sender = stage.pagerduty.agent(EMAILS[case.by]).id
            mine = [e for e in logged if e.agent and e.agent.id == sender]
            if len(mine) != 1:
                yield f"{what} by {case.by} was taken and happened {len(mine)} times"
        if len(logged) > 1:
            yield f"{what} happened {len(logged)} times in PagerDuty"
        written = sum(e["kind"] == kind for e in entries)
        if written != len(logged):
            yield f"{len(logged)} × {kind} in PagerDuty, {written} in the timeline"
        said = sum(sign in words(m["blocks"]) for m in thread)
        if said > len(logged) or (said < 1 and case.status == kind):
            yield f"{kind} was said {said} times in the thread"
    if sum(e["kind"] == "triggered" for e in entries) != 1:
        yield "not triggered once in the timeline"


def _reminders(stage: Stage, case: Case, thread: list[Json], entries: list[Json]) -> Iterator[str]:
    """A rung that was due fired once, everywhere; none after the bot was told of the acknowledgement."""
    now, taken, told = stage.sandbox.clock.now(), _taken_at(case.incident), _told_at(stage, case.incident)
    for level, (role, wait, user) in enumerate(LADDER):
        due = case.incident.created_at + wait
        fired = [e for e in entries if e["kind"] == "reminder" and e["data"].get("level") == level]
        shown = _count(thread, "incident_ack", f"({role})")
        # Once everybody was asked, everybody is asked again ("Still nobody"): rungs of their own.
        direct = _count(
            stage.direct(user), case.incident.title, "Nobody has acknowledged", f"asked as *{role}*"
        )
        must = due <= now if taken is None else False
        if len(fired) > 1 or (must and not fired):
            yield f"{role} fired {len(fired)} times, and {'was' if must else 'need not have been'} due"
        if fired and told is not None and fired[0]["recorded_at"] > told + timedelta(seconds=5):
            yield f"{role} fired at {fired[0]['recorded_at']}, acknowledged at {told}"
        if not shown == direct == len(fired):
            yield f"{role} fired {len(fired)} times, {shown} times in the thread, {direct} times in person"


def _count(messages: list[Json], *containing: str) -> int:
    texts = [words([message["blocks"], message["text"]]) for message in messages]
    return sum(all(part in text for part in containing) for text in texts)


def _taken_at(incident: Incident) -> datetime | None:
    """When it was first acknowledged or resolved in PagerDuty."""
    kinds = {"acknowledge_log_entry", "resolve_log_entry"}
    return next((e.created_at for e in incident.log if e.type in kinds), None)


def _told_at(stage: Stage, incident: Incident) -> datetime | None:
    """When at the latest the bot knew of it: it answered the webhook."""

    def about(delivery: Delivery) -> bool:
        kinds = {"incident.acknowledged", "incident.resolved"}
        return delivery.order_key == incident.id and delivery.event_type in kinds and bool(delivery.attempts)

    return next((d.attempts[-1].at for d in stage.pagerduty.deliveries if about(d)), None)


def _notes(people: People, case: Case, thread: list[Json], entries: list[Json]) -> Iterator[str]:
    """Each note is once in PagerDuty, in the timeline and, if it was written in Slack, in the thread."""
    kept = [note.content for note in case.incident.notes]
    for press in (p for p in people.presses if p.incident is case.incident and p.what == "note"):
        there, lost = kept.count(press.text), 0 if press.acked else 1
        if not 1 - lost <= there <= 1:
            yield f"{press.text} was {'' if press.acked else 'not '}taken and is {there} times in PagerDuty"
        said = _count(thread, f"> {press.text}")  # not where the commander is asked and the last word is quoted
        written = sum(e["kind"] == "note" and press.text in e["text"] for e in entries)
        if not said == written == min(there, 1):
            yield f"{press.text}: {there} × PagerDuty, {said} × thread, {written} × timeline"
    for text in case.pd_notes:
        written = sum(e["kind"] == "note" and text in e["text"] for e in entries)
        if written != 1:
            yield f"{text} is {written} times in the timeline"
