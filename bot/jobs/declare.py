"""Create in PagerDuty what somebody declared, once: by REST in their name, or by the Events API."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog

from bot import render
from bot.domain import pagerduty
from bot.domain.escalation import is_security
from bot.domain.people import Who
from bot.domain.policy import Access, Action, decide
from bot.errors import AtsError, ForbiddenError, InputError, RateLimitedError
from bot.jobs import people
from bot.jobs.answering import tell
from bot.jobs.work import Work
from bot.operations import declarations, incidents
from bot.operations.declarations import Kept
from bot.operations.requests import Request
from runbook.model import Contact

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=10)
LONGEST: Final = 255  # characters of a title; PagerDuty takes 1,024 and shows fewer
_LOOK_AGAIN: Final = 2.0  # seconds until an event of the Events API is looked for


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is created, and who is paged by that."""

    service_id: str
    policy_id: str = ""
    user_ids: tuple[str, ...] = ()
    paged: str = ""  # in words


async def declare(work: Work, key: str, attempt: int = 0) -> None:
    """From the check of the person to the card; what does not work for now is tried for ten minutes."""
    async with work.store.transaction() as tx:
        kept, now = await declarations.get(tx, key), tx.now
    if kept is None or kept.pd_id or kept.failed:
        return
    access = await work.directory.access(kept.wish.slack_id, channel_id=kept.wish.channel)
    by = Who(kept.wish.slack_id, access.name, access.pd_id)
    try:
        await _create(work, kept, access, by, attempt)
    except AtsError as error:
        if error.retryable and now - kept.asked_at < PATIENCE:
            await _later(work, kept, attempt, error)
        else:
            await _fail(work, kept, by, error)


async def _create(work: Work, kept: Kept, access: Access, by: Who, attempt: int) -> None:
    if not decide(Action.DECLARE, access).allowed:
        raise ForbiddenError(f"Only members of {work.rules.channel} may declare an incident. Join it first.")
    place = await _place(work, kept)
    found = await work.pagerduty.incidents_with_key(kept.key)
    if not found and work.events is not None and work.events.takes(kept.wish.kind):
        if attempt == 0:
            await work.events.trigger(kept.wish.kind, key=kept.key, **_event(kept))
        async with work.store.transaction() as tx:  # it takes a moment until it is an incident
            at = tx.now + timedelta(seconds=_LOOK_AGAIN)
            await tx.defer("declare", at=at, key=kept.key, attempt=attempt + 1)
        return
    raw = found[0] if found else await _by_rest(work, kept, access, place)
    await _there(work, kept, raw, place, by)


def _title(kept: Kept) -> str:
    return str(kept.wish.asked.get("title") or "Declared from Slack")[:LONGEST]


def _event(kept: Kept) -> dict[str, Any]:
    severity = {"P0": "critical", "P1": "error", "P2": "warning"}.get(
        str(kept.wish.asked.get("severity")), "critical"
    )
    return {
        "summary": _title(kept),
        "severity": severity,
        "details": {"text": str(kept.wish.asked.get("text") or "")},
    }


async def _by_rest(work: Work, kept: Kept, access: Access, place: Place) -> dict[str, Any]:
    sender = access.pd_email or work.from_email
    if not sender:
        raise InputError(
            f"No PagerDuty user has the e-mail {access.email or '(none in Slack)'}, and it creates incidents only in "
            "the name of a user. /ats link says who you are there; somebody else can declare it meanwhile."
        )
    severity = str(kept.wish.asked.get("severity") or "P0")
    return await work.pagerduty.create_incident(
        title=_title(kept),
        service_id=place.service_id,
        incident_key=kept.key,
        from_email=sender,
        urgency="low" if severity == "P2" else "high",
        details=str(kept.wish.asked.get("text") or ""),
        priority_id=await _priority(work, severity),
        policy_id=place.policy_id,
        user_ids=place.user_ids,
    )


async def _priority(work: Work, severity: str) -> str:
    known = await work.pagerduty.priorities()
    return next((str(p.get("id")) for p in known if p.get("name") == severity), "")


async def _there(work: Work, kept: Kept, raw: Mapping[str, Any], place: Place, by: Who) -> None:
    seen = pagerduty.snapshot(raw)
    async with work.store.transaction() as tx:
        await incidents.observed(tx, work.rules, seen)
        number = await declarations.created(tx, work.rules, kept, seen.pd_id, paged=place.paged, by=by)
    await tell(
        work, _ask(kept), render.plain_message(f"#{number} {seen.title}. PagerDuty pages {place.paged}.")
    )


# Where


def contact_of(work: Work, kind: str) -> Contact | None:
    """Whose schedule a kind pages: the security row, or the first of the ladder."""
    plan = work.rules.plan
    return plan.security if kind == "security" else next(iter(plan.ladder), None)


async def _place(work: Work, kept: Kept) -> Place:
    if kept.wish.kind == "page":
        return await _page_place(work, str(kept.wish.asked.get("role") or ""))
    contact = contact_of(work, kept.wish.kind)
    wanted = contact.schedule if contact else ""
    service = await _service(work, kept.wish.kind, wanted)
    policy = service.get("escalation_policy") or {}
    paged = wanted + await _unmanned(work, wanted)
    return Place(str(service["id"]), await _policy(work, wanted) or str(policy.get("id") or ""), (), paged)


async def _unmanned(work: Work, schedule: str) -> str:
    """What is to be added where nobody is on call; "" otherwise, or if PagerDuty does not say."""
    duty = await work.directory.on_call()
    if duty.problem or duty.of(schedule):
        return ""
    return ", where nobody is on call (the ladder asks the next at once)"


async def _page_place(work: Work, role: str) -> Place:
    """By the escalation policy of the role's schedule; without one, whoever is on call; of an empty one, the next."""
    contact = people.contact_named(work.rules.plan.contacts, role)
    if contact is None:
        roles = ", ".join(c.role for c in work.rules.plan.contacts)
        raise InputError(f"“{role[:60]}” is no role of the runbook's contact table. It has {roles}.")
    there = await _manned(work, contact)
    place = await _place_of(work, there)
    if there is not contact:
        passed = f"{contact.role} ({contact.schedule}), where nobody is on call"
        return replace(place, paged=f"{place.paged} instead of {passed}")
    return place


async def _manned(work: Work, wanted: Contact) -> Contact:
    """The row itself; of a schedule that nobody is on, the next one of the table that has somebody."""
    duty = await work.directory.on_call()
    if duty.problem:  # PagerDuty does not say: it knows best itself
        return wanted
    every = list(work.rules.plan.contacts)
    at = every.index(wanted)
    # The security team is asked in security matters only, unless it was meant.
    others = [c for c in (*every[at + 1 :], *every[:at]) if not is_security(c)]
    found = next((c for c in (wanted, *others) if duty.of(c.schedule)), None)
    if found is None:
        raise InputError(
            f"Nobody is on call for {wanted.role} ({wanted.schedule}), nor for any other row of the contact table. "
            "Call somebody by telephone, and put people on call in PagerDuty."
        )
    return found


async def _place_of(work: Work, contact: Contact) -> Place:
    service = await _service(work, "incident", contact.schedule)
    policy = await _policy(work, contact.schedule)
    if policy:
        return Place(str(service["id"]), policy, (), f"{contact.role} ({contact.schedule})")
    found = await people.on_call(work, contact)
    names = ", ".join(who.name for who in found)
    return Place(str(service["id"]), "", tuple(who.pd_id for who in found), f"{names} ({contact.role})")


async def _policy(work: Work, name: str) -> str:
    found = await work.pagerduty.escalation_policies(name) if name else []
    return next((str(p.get("id")) for p in found if p.get("name") == name), "")


async def _service(work: Work, kind: str, policy: str) -> dict[str, Any]:
    """The one that is set; else the one that goes by that escalation policy; else the trading one."""
    known = await work.pagerduty.services()
    named = work.services.get("security" if kind == "security" else "trading", "")
    if named:
        found = next((s for s in known if named in {s.get("id"), s.get("name")}), None)
        if found is None:
            raise InputError(
                f"PagerDuty has no service {named}, which the settings name. `ats-bot doctor` says more."
            )
        return found
    first = next(iter(work.rules.plan.ladder), None)
    for wanted in (policy, first.schedule if first else ""):
        for service in known:
            if (service.get("escalation_policy") or {}).get("summary") == wanted:
                return service
    raise InputError(
        f"PagerDuty has no service that goes by the escalation policy {policy}. Set PAGERDUTY_SERVICE and "
        "PAGERDUTY_SECURITY_SERVICE to the services' names."
    )


# When it does not work


def _ask(kept: Kept) -> Request:
    return Request("declare", 0, kept.wish.slack_id, kept.wish.channel, kept.wish.response_url)


async def _later(work: Work, kept: Kept, attempt: int, error: AtsError) -> None:
    delay = error.retry_after if isinstance(error, RateLimitedError) else min(30.0, 2.0 * 2**attempt)
    log.warning("declaration postponed", key=kept.key, why=str(error), delay=delay)
    async with work.store.transaction() as tx:
        await tx.defer("declare", at=tx.now + timedelta(seconds=delay), key=kept.key, attempt=attempt + 1)
    if attempt == 0:
        await tell(
            work, _ask(kept),
            render.error_message(
                "PagerDuty does not take it yet; nobody is paged so far.",
                f"{error} It is kept, and tried for ten minutes.",
                "If it cannot wait, call somebody now: /ats oncall.",
            ),
        )  # fmt: skip


async def _fail(work: Work, kept: Kept, by: Who, error: AtsError) -> None:
    log.error("declaration failed", key=kept.key, error=str(error))
    async with work.store.transaction() as tx:
        await declarations.failed(tx, kept, str(error), by=by)
    await tell(
        work, _ask(kept),
        render.error_message(
            "Nothing was declared, and nobody is paged.", str(error), "Use PagerDuty's app, or call: /ats oncall."
        ),
    )  # fmt: skip
