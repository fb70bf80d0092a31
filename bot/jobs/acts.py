"""The changes that people ask of PagerDuty besides acknowledging and resolving.

Each has two halves. What exactly is to be asked is decided once and kept (`plan`), so that a try after a lost answer
asks for the same. Then it is asked (`do`). A try that may be the second looks first whether an earlier one got
through, and if so tells PagerDuty's time of it: its webhook may have come long before, or come long after.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.clients.pagerduty_errors import NOT_IN_PLAN
from bot.domain import happenings, pagerduty, pagerduty_log, wishes
from bot.domain.happenings import Happening
from bot.domain.pagerduty import Snapshot
from bot.domain.people import Who
from bot.domain.policy import Action
from bot.errors import InputError, RejectedError
from bot.jobs import people
from bot.jobs.work import Work
from bot.operations import incidents
from bot.operations.requests import Request
from bot.store.tables import Incident

Plan = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Doing:
    """Who asks what of which incident."""

    ask: Request
    incident: Incident
    person: Who
    sender: str  # e-mail for From
    plan: Mapping[str, Any]
    again: bool  # an earlier try may have got through


@dataclass(frozen=True, slots=True)
class Done:
    """What PagerDuty says now, and what is to be told."""

    answer: Snapshot | None
    told: tuple[Happening, ...] = ()


def _told(kind: str, head: str, quote: str = "", *, at: datetime | None = None) -> tuple[Happening, ...]:
    return (Happening(kind, head[: happenings.LONGEST], quote, at, via="act"),)


def _since_asked(do: Doing, at: datetime | None) -> bool:
    """Whether it can be what an earlier try did: not from before it was asked for."""
    asked = pagerduty.parse_time(do.ask.asked_at)
    return at is None or asked is None or at >= asked - pagerduty.SKEW


async def _earlier(work: Work, do: Doing, kind: str, head: str = "") -> datetime | None:
    """When PagerDuty did it for an earlier try, by its log; None if this is the first, or none got through."""
    raw = await work.pagerduty.log_entries(do.incident.pd_id) if do.again else []
    for entry in filter(None, map(pagerduty_log.read, raw)):
        told, same = entry.happening, not do.person.pd_id or entry.agent.pd_id == do.person.pd_id
        if told and told.kind == kind and same and head in {"", told.head} and _since_asked(do, entry.at):
            return entry.at
    return None


# Snooze


async def _plan_snooze(_work: Work, ask: Request, _incident: Incident) -> Plan:
    seconds = ask.args.get("seconds")
    return {"seconds": int(seconds or wishes.snooze(ask.text).total_seconds())}


async def _snooze(work: Work, do: Doing) -> Done:
    seconds = int(do.plan["seconds"])
    at = await _earlier(work, do, "snoozed")
    raw = await work.pagerduty.incident(do.incident.pd_id) if at else {}
    until = _ends(raw)
    if at is None or until is None or abs(until - at - timedelta(seconds=seconds)) > pagerduty.SKEW:
        raw, at = await work.pagerduty.snooze(do.incident.pd_id, seconds, from_email=do.sender), None
        until = _ends(raw)
    words = f"Snoozed until {until:%H:%M} UTC" if until else f"Snoozed for {timedelta(seconds=seconds)}"
    return Done(pagerduty.snapshot(raw), _told("snoozed", words, at=at))


def _ends(raw: Mapping[str, Any]) -> datetime | None:
    """When an acknowledgement ends by itself."""
    return next((pagerduty.parse_time(each.get("at")) for each in raw.get("pending_actions") or []), None)


# Whose it is


async def _plan_people(work: Work, ask: Request, incident: Incident) -> Plan:
    named, words = (ask.args["people"], ask.text) if ask.args.get("people") else wishes.people(ask.text)
    found = await people.find(work, named)
    return {
        "people": [who.as_json() for who in found],
        "words": words or f"Please help with #{incident.number}",
    }


def _people(do: Doing) -> list[Who]:
    return [Who.from_json(each) for each in do.plan["people"]]


async def _reassign(work: Work, do: Doing) -> Done:
    wanted = _people(do)
    ids = [who.pd_id for who in wanted]
    head = f"Reassigned to {happenings.names(tuple(wanted))}"
    at = await _earlier(work, do, "reassigned", head)
    raw = await work.pagerduty.incident(do.incident.pd_id) if do.again else {}
    if at is None and (not raw or sorted(_assigned(raw)) != sorted(ids)):
        raw = await work.pagerduty.reassign(do.incident.pd_id, ids, from_email=do.sender)
    return Done(pagerduty.snapshot(raw), _told("reassigned", head, at=at))


def _assigned(raw: Mapping[str, Any]) -> list[str]:
    return [who.pd_id for who in pagerduty.snapshot(raw).assignees]


async def _plan_level(work: Work, _ask: Request, incident: Incident) -> Plan:
    """The level after the one that has it now; PagerDuty does not say which that is, its on-calls do."""
    raw = await work.pagerduty.incident(incident.pd_id)
    policy_id = str((raw.get("escalation_policy") or {}).get("id") or "")
    policy = await work.pagerduty.escalation_policy(policy_id)
    levels = len(policy.get("escalation_rules") or [])
    duties = await work.pagerduty.oncalls(policy_ids=[policy_id])
    assigned = set(_assigned(raw))
    now = max((duty.level for duty in duties if duty.user.id in assigned), default=1)
    if now >= levels:
        raise InputError(
            f"#{incident.number} is at the last level of {policy.get('name')} already. Reassign it, or add responders."
        )
    return {"level": now + 1, "to": sorted({duty.user.id for duty in duties if duty.level == now + 1})}


async def _escalate(work: Work, do: Doing) -> Done:
    raw = await work.pagerduty.incident(do.incident.pd_id) if do.again else {}
    there = bool(raw) and sorted(_assigned(raw)) == (do.plan.get("to") or [])
    at = await _earlier(work, do, "escalated") if there else None
    if at is None:
        raw = await work.pagerduty.escalate(do.incident.pd_id, int(do.plan["level"]), from_email=do.sender)
    seen = pagerduty.snapshot(raw)
    return Done(seen, _told("escalated", f"Escalated to {happenings.names(seen.assignees)}", at=at))


async def _responders(work: Work, do: Doing) -> Done:
    wanted, words = _people(do), str(do.plan["words"])
    asked = await _asked(work, do, words) if do.again else {}
    missing = [who.pd_id for who in wanted if who.pd_id not in asked]
    if missing:
        requester = do.person.pd_id or await _user_id(work, do.sender)
        answer = await work.pagerduty.add_responders(do.incident.pd_id, missing, words, requester_id=requester)
        asked |= dict.fromkeys(missing, pagerduty.parse_time(answer.get("requested_at")))
    told = [_told("responder.added", f"{w.name} asked to help", words, at=asked[w.pd_id])[0] for w in wanted]
    return Done(None, tuple(told))


async def _user_id(work: Work, email: str) -> str:
    user = await work.directory.pd_user(email)
    if user is None:
        raise InputError(f"No PagerDuty user has the e-mail {email}, in whose name it would be asked.")
    return user.id


async def _asked(work: Work, do: Doing, words: str) -> dict[str, datetime | None]:
    """Whom an earlier try has asked already, with the same words, and when."""
    raw = await work.pagerduty.incident(do.incident.pd_id)
    found: dict[str, datetime | None] = {}
    for each in raw.get("incidents_responders") or []:
        at = pagerduty.parse_time(each.get("requested_at"))
        if each.get("message") == words and _since_asked(do, at):
            found[str((each.get("user") or {}).get("id"))] = at
    return found


# What it is


async def _plan_priority(work: Work, ask: Request, _incident: Incident) -> Plan:
    wanted = str(ask.args.get("priority") or ask.text).strip()
    known = await work.pagerduty.priorities()
    of_form = (p for p in known if p.get("id") == wanted)
    named = (p for p in known if str(p.get("name") or "").casefold() == wanted.casefold())
    found = next(of_form, None) or next(named, None)
    if found is None:
        names = ", ".join(str(p.get("name")) for p in known) or "none: they are switched off in its settings"
        raise InputError(f"This PagerDuty account has no priority “{wanted[:40]}”. It has {names}.")
    return {"id": str(found["id"]), "name": str(found["name"])}


async def _priority(work: Work, do: Doing) -> Done:
    head = f"Priority changed to {do.plan['name']}"
    at = await _earlier(work, do, "priority_updated", head)
    if at is None:
        raw = await work.pagerduty.set_priority(do.incident.pd_id, str(do.plan["id"]), from_email=do.sender)
    else:
        raw = await work.pagerduty.incident(do.incident.pd_id)
    return Done(pagerduty.snapshot(raw), _told("priority_updated", head, at=at))


# What is said


async def _plan_text(_work: Work, ask: Request, _incident: Incident) -> Plan:
    return {"text": ask.text}


async def _note(work: Work, do: Doing) -> Done:
    words = str(do.plan["text"])
    kept = await _noted(work, do, words) if do.again else None
    kept = kept or await work.pagerduty.note(do.incident.pd_id, words, from_email=do.sender)
    return Done(None, _told("note", happenings.head_of("note"), words, at=_made_at(kept)))


async def _noted(work: Work, do: Doing, words: str) -> Mapping[str, Any] | None:
    """The note of an earlier try."""
    notes = await work.pagerduty.notes(do.incident.pd_id)
    same = (note for note in notes if str(note.get("content") or "").strip() == words.strip())
    return next((note for note in same if _since_asked(do, _made_at(note))), None)


def _made_at(raw: Mapping[str, Any]) -> datetime | None:
    return pagerduty.parse_time(raw.get("created_at"))


async def _status_update(work: Work, do: Doing) -> Done:
    words = str(do.plan["text"])
    kept = await _published(work, do, words) if do.again else None
    try:
        kept = kept or await work.pagerduty.status_update(do.incident.pd_id, words, from_email=do.sender)
    except RejectedError as error:
        if error.code != NOT_IN_PLAN:
            raise
        return await _note(work, do)  # an account without status updates keeps the words all the same
    head = happenings.head_of("status_update_published")
    return Done(None, _told("status_update_published", head, words, at=_made_at(kept)))


async def _published(work: Work, do: Doing, words: str) -> Mapping[str, Any] | None:
    """The log entry of an earlier try; PagerDuty lists no status updates, its log has their words."""
    entries = await work.pagerduty.log_entries(do.incident.pd_id)
    same = (each for each in entries if words.strip() in {_stripped(each, "note"), _stripped(each, "message")})
    return next((each for each in same if _since_asked(do, _made_at(each))), None)


def _stripped(raw: Mapping[str, Any], name: str) -> str:
    return str(raw.get(name) or "").strip()


# Where it goes


async def _plan_merge(work: Work, ask: Request, incident: Incident) -> Plan:
    number = int(ask.args.get("into") or wishes.target(ask.text))
    async with work.store.transaction() as tx:
        target = await incidents.by_number(tx, number)
    if target is None:
        raise InputError(f"There is no incident #{number} to merge into. /ats incidents shows the open ones.")
    if target.id == incident.id:
        raise InputError("An incident cannot be merged into itself.")
    if target.status == "resolved":
        raise InputError(f"#{number} is resolved. PagerDuty merges into an open incident only.")
    return {"pd_id": target.pd_id, "number": number}


async def _merge(work: Work, do: Doing) -> Done:
    raw = await work.pagerduty.incident(do.incident.pd_id) if do.again else {}
    if not raw or pagerduty.snapshot(raw).merged_into != do.plan["pd_id"]:
        await work.pagerduty.merge(str(do.plan["pd_id"]), [do.incident.pd_id], from_email=do.sender)
    # The answer is the target; what changed most is the one that went.
    return Done(pagerduty.snapshot(await work.pagerduty.incident(do.incident.pd_id)))


async def _plan_nothing(_work: Work, _ask: Request, _incident: Incident) -> Plan:
    return {}


async def _reopen(work: Work, do: Doing) -> Done:
    raw = await work.pagerduty.incident(do.incident.pd_id)
    if raw.get("status") == "resolved":
        raw = await work.pagerduty.reopen(do.incident.pd_id, from_email=do.sender)
    return Done(pagerduty.snapshot(raw))


Planner = Callable[[Work, Request, Incident], Awaitable[Plan]]
Doer = Callable[[Work, Doing], Awaitable[Done]]

ACTS: Final[Mapping[Action, tuple[Planner, Doer]]] = {
    Action.SNOOZE: (_plan_snooze, _snooze),
    Action.REASSIGN: (_plan_people, _reassign),
    Action.ESCALATE: (_plan_level, _escalate),
    Action.RESPONDERS: (_plan_people, _responders),
    Action.PRIORITY: (_plan_priority, _priority),
    Action.NOTE: (_plan_text, _note),
    Action.STATUS_UPDATE: (_plan_text, _status_update),
    Action.MERGE: (_plan_merge, _merge),
    Action.REOPEN: (_plan_nothing, _reopen),
}


def by(person: Who, done: Done) -> Done:
    """In the name of who asked."""
    return replace(done, told=tuple(replace(told, by=person) for told in done.told))
