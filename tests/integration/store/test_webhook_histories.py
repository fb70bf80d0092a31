"""Any order and any repetition of a history of webhooks ends in the state of the ordered history."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from bot.app import load_rules
from bot.config import Settings
from bot.domain import pagerduty
from bot.domain.people import Who
from bot.operations import commanding, incidents, intake, timeline
from bot.operations.inbox import Delivery
from bot.operations.rules import Rules
from bot.store.session import Store
from bot.store.tables import Incident

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PEOPLE = {"PDANA": "Dana Ortiz", "PSAM": "Sam Reyes"}
_ids = itertools.count(1)

Json = dict[str, Any]
# What one event says; "person" is by whom or about whom.
STATUS = {
    "triggered": "triggered", "acknowledged": "acknowledged", "unacknowledged": "triggered",
    "reopened": "triggered", "resolved": "resolved", "escalated": "triggered", "delegated": "triggered",
    "reassigned": "triggered", "priority_updated": "", "service_updated": "", "merged": "resolved",
}  # fmt: skip
PARTS = (
    "annotated", "status_update_published", "responder.added", "responder.replied", "conference_bridge.updated",
    "custom_field_values.updated", "role.assigned",
)  # fmt: skip

happening = st.tuples(
    st.sampled_from([*STATUS, *PARTS, "frobnicated"]),
    st.sampled_from(sorted(PEOPLE)),
    st.sampled_from(["P0", "P1", "P2", ""]),
    st.sampled_from(["one", "two & three", "<!channel>"]),
)


def reference(kind: str, item: str, summary: str) -> Json:
    return {"id": item, "type": f"{kind}_reference", "summary": summary}


def history(pd_id: str, told: list[tuple[str, str, str, str]]) -> list[Json]:
    """The webhooks of an incident to which these things happen, 700 ms apart; it begins with its trigger."""
    status, priority, bodies = "triggered", "", []
    for index, (kind, person, wanted, words) in enumerate([("triggered", "PDANA", "", "x"), *told]):
        status = STATUS.get(kind) or status
        priority = wanted if kind == "priority_updated" else priority
        who = reference("user", person, PEOPLE[person])
        whole = {
            "id": pd_id, "type": "incident", "number": None, "title": f"Loki Ingestion Lag {words}",
            "status": status, "created_at": "2026-11-22T03:00:00Z", "urgency": "high",
            "service": reference("service", "PS", words), "assignees": [who] if status != "resolved" else [],
            "escalation_policy": reference("escalation_policy", "PP", words),
            "resolve_reason": {"type": "merge_resolve_reason", "incident": reference("incident", "PX", "x")}
            if kind == "merged" else None,
            "priority": reference("priority", "PR", priority) if priority else None,
        }  # fmt: skip
        part = {
            "incident": reference("incident", pd_id, "x"), "id": f"N{index}", "type": "incident_part",
            "content": words, "message": words, "user": who, "state": "accepted", "conference_url": words,
            "custom_fields": [{"name": "f", "value": words}], "role": {"name": "Incident Commander"},
        }  # fmt: skip
        bodies.append(
            {
                "event": {
                    "id": f"{pd_id}-{index}",
                    "event_type": f"incident.{'resolved' if kind == 'merged' else kind}",
                    "occurred_at": (START + timedelta(milliseconds=500 + 700 * index)).isoformat(),
                    "agent": who,
                    "data": part if kind in PARTS else whole,
                }
            }
        )
    return bodies


async def receive(store: Store, rules: Rules, body: Json) -> str:
    async with store.transaction() as tx:
        event = body["event"]
        delivery = Delivery("pagerduty", event["id"], event["id"], event["event_type"], body)
        return await intake.receive(tx, rules, delivery, pagerduty.event(body, now=START))


async def adopted(store: Store, rules: Rules, body: Json) -> None:
    """What the job `adopt` does for an event of an incident that is not known yet: it shows how it began."""
    inner = body["event"]["data"]["incident"]
    seen = pagerduty.snapshot({"id": inner["id"], "title": "?", "created_at": "2026-11-22T03:00:00Z"})
    async with store.transaction() as tx:
        await incidents.adopt(tx, rules, seen, pagerduty.event(body, now=START))


async def incident_of(store: Store, pd_id: str) -> Incident:
    async with store.transaction() as tx:
        query = select(Incident).where(col(Incident.pd_id) == pd_id)
        return (await tx.session.execute(query)).scalar_one()


async def state(store: Store, pd_id: str) -> Json:
    """Everything that the history decides, without the ids of rows."""
    incident = await incident_of(store, pd_id)
    async with store.transaction() as tx:
        rows = await timeline.rows(tx, incident.id or 0)
    own = {
        "id",
        "pd_id",
        "number",
        "created_at",
        "timer_job",
        "seen_event",
        "enriched_at",
        "oncall",
        "looked_at",
    }
    kept = incident.model_dump(exclude=own)
    kept["extra"] = {k: v for k, v in incident.extra.items() if k != "met"}
    if incident.status != "triggered":
        kept.pop("anchor_at")  # what the ladder counted from, of use to nobody any more
    kept["timeline"] = sorted((r.at, r.kind, r.text, str(r.actor), r.source) for r in rows)
    shown: Json = json.loads(json.dumps(kept, default=str).replace(pd_id, "Q"))
    return shown


@settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(happening, max_size=7), st.randoms(use_true_random=False))
async def test_any_order_and_repetition_ends_in_the_state_of_the_ordered_history(
    store: Store, told: list[tuple[str, str, str, str]], chance: Random
) -> None:
    """Status, people, text, severity, ladder, responders, fields and timeline, field by field."""
    rules = load_rules(Settings())
    first, second = f"QA{next(_ids)}", f"QB{next(_ids)}"
    for body in history(first, told):
        await receive(store, rules, body)
    shuffled = history(second, told) * 2
    chance.shuffle(shuffled)
    for body in shuffled:
        if await receive(store, rules, body) == "adopting":
            await adopted(store, rules, body)
    assert await state(store, second) == await state(store, first)


async def test_command_is_with_who_took_it_first_however_late_that_is_heard(store: Store) -> None:
    """Dana at 1.2 s, Sam at 1.9 s, heard the other way round: Dana has command, and is asked from her time on."""
    rules = load_rules(Settings())
    pd_id = f"QC{next(_ids)}"
    start, dana, sam = history(
        pd_id, [("acknowledged", "PDANA", "", "one"), ("acknowledged", "PSAM", "", "one")]
    )
    for body in (start, sam):
        await receive(store, rules, body)
    row = await incident_of(store, pd_id)
    assert row.commander["name"] == "Sam Reyes"
    await receive(store, rules, dana)
    row = await incident_of(store, pd_id)
    assert (row.commander["name"], row.acked_by["name"]) == ("Dana Ortiz", "Dana Ortiz")
    assert row.update_due_at == START + timedelta(milliseconds=1200, minutes=30)


async def test_a_hand_over_stands_when_older_news_comes(store: Store) -> None:
    """Handed to Chris; that it had been taken back and given again before is heard afterwards: Chris has it."""
    rules = load_rules(Settings())
    pd_id = f"QD{next(_ids)}"
    start, dana, back, sam = history(
        pd_id,
        [(kind, who, "", "one") for kind, who in
         (("acknowledged", "PDANA"), ("unacknowledged", "PSAM"), ("acknowledged", "PSAM"))],
    )  # fmt: skip
    for body in (start, dana):
        await receive(store, rules, body)
    number = (await incident_of(store, pd_id)).number
    async with store.transaction() as tx:
        chris = Who("U0CTO", "Chris Tan", "PCHRIS")
        assert await commanding.hand_over(tx, rules, number, chris, by=Who("U0ONCALL", "Dana", "PDANA")) == ""
    for body in (back, sam):
        await receive(store, rules, body)
    row = await incident_of(store, pd_id)
    assert (row.acked_by["name"], row.commander["name"]) == ("Sam Reyes", "Chris Tan")
