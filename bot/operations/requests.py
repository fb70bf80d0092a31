"""What a person asks for, kept before it is acknowledged to Slack; carried out by the job `act`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from bot.domain import asked
from bot.domain.asked import Asked
from bot.domain.happenings import Happening
from bot.domain.pagerduty import Snapshot
from bot.domain.people import Who
from bot.domain.policy import Action
from bot.operations import echoes, incidents, journal, outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import pending_words
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident

KEPT = 50  # requests of one incident that are remembered as done


@dataclass(frozen=True, slots=True)
class Request:
    """A click, a command or a submitted modal that changes an incident."""

    action: str  # an Action
    number: int
    slack_id: str
    channel: str = ""  # where it was asked, to answer there
    response_url: str = ""
    text: str = ""  # note or resolution
    entry_id: str = ""
    attempt: int = 0
    asked_at: str = ""
    args: dict[str, Any] = field(default_factory=dict)  # what a modal chose; a command's text says the same
    confirm: bool = False  # asked on a message that does not change by itself: say that it is done

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def submit(tx: Tx, request: Request) -> bool:
    """Keep the request; False if there is no such incident (then nothing is kept)."""
    if await incidents.by_number(tx, request.number) is None:
        return False
    kept = request.as_json() | {"asked_at": request.asked_at or tx.now.isoformat()}
    await tx.defer("act", queue=EFFECT_QUEUE, request=kept)
    return True


async def intended(tx: Tx, request: Request, *, by: Who) -> None:
    """About to be asked of PagerDuty: whose name belongs to the webhook that may come before the answer."""
    incident = await incidents.by_number(tx, request.number, lock=True)
    if incident is not None:
        _keep_waiting(incident, request, by)


def _keep_waiting(incident: Incident, request: Request, by: Who, words: str = "") -> None:
    one = Asked(request.action, by, said=request.text, words=words)
    incident.pending = {**incident.pending, marker_of(request): one.as_json()}


async def planned(tx: Tx, request: Request, plan: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """What exactly is asked of PagerDuty, decided once: a second try asks for the same. Kept if given."""
    incident = await incidents.by_number(tx, request.number, lock=plan is not None)
    if incident is None:
        return None
    plans = dict(incident.extra.get("plans") or {})
    if plan is not None:
        kept = {**plans, marker_of(request): dict(plan)}
        incident.extra = {**incident.extra, "plans": dict(list(kept.items())[-KEPT:])}
    return dict(plan) if plan is not None else plans.get(marker_of(request))


async def carried_out(
    tx: Tx, rules: Rules, request: Request, told: Sequence[Happening], answer: Snapshot | None, *, by: Who
) -> None:
    """PagerDuty has done it: state, card, timeline and thread follow, once."""
    incident = await incidents.by_number(tx, request.number, lock=True)
    if incident is None:
        return
    marker = marker_of(request)
    if answer is not None:
        await incidents.confirmed(tx, rules, answer.pd_id, answer, by=by, said=request.text)
    incident.pending = asked.without(incident.pending, marker)
    if not first_time(incident, marker):
        return
    for each in told:
        at = journal.within_second(each.at, tx.now) if each.at else tx.now
        happened = replace(each, at=at)
        if not await echoes.met(tx, incident, happened):
            await journal.write_down(tx, incident, happened)
            await journal.tell(tx, rules, incident, happened)


async def refused(tx: Tx, request: Request, *, by: Who, reason: str) -> None:
    """The person lacks the role: written down, so that nobody wonders later."""
    incident = await incidents.by_number(tx, request.number, lock=True)
    if incident is not None:
        await timeline.append(
            tx,
            incident.id,
            "refused",
            f"Asked to {request.action}; refused: {reason}",
            actor=by,
            source="slack",
        )


async def postponed(tx: Tx, rules: Rules, request: Request, *, by: Who, why: str, delay: float) -> None:
    """PagerDuty did not take it: it is tried again after `delay` seconds, and the card says so."""
    from datetime import timedelta

    incident = await incidents.by_number(tx, request.number, lock=True)
    if incident is None:
        return
    again = request.as_json() | {"attempt": request.attempt + 1}
    await tx.defer("act", queue=EFFECT_QUEUE, at=tx.now + timedelta(seconds=delay), request=again)
    if request.attempt == 0:
        await timeline.append(
            tx, incident.id, "delayed", f"Asked to {request.action}; PagerDuty does not take it yet: {why}",
            actor=by, source="slack",
        )  # fmt: skip
        if request.action in {Action.ACKNOWLEDGE, Action.RESOLVE}:
            _keep_waiting(incident, request, by, pending_words(request.action, by))
            await outbox.show_card(tx, incident.id or 0, rules.channel)


async def failed(tx: Tx, rules: Rules, request: Request, *, by: Who, why: str) -> None:
    """It cannot be done: written down, and no longer shown as pending."""
    incident = await incidents.by_number(tx, request.number, lock=True)
    if incident is None:
        return
    await timeline.append(
        tx, incident.id, "failed", f"Asked to {request.action}; it failed: {why}", actor=by, source="slack"
    )
    left = asked.without(incident.pending, marker_of(request))
    if left != incident.pending:
        incident.pending = left
        await outbox.show_card(tx, incident.id or 0, rules.channel)


def first_time(incident: Incident, marker: str) -> bool:
    """Whether a request's outcome is new: a job that was cut off is done again."""
    done = list(incident.extra.get("acts") or [])
    if marker in done:
        return False
    incident.extra = {**incident.extra, "acts": [*done, marker][-KEPT:]}
    return True


def marker_of(request: Request) -> str:
    """The same for the same request, however often it is carried out."""
    return f"m-{uuid5(NAMESPACE_OID, json.dumps(request.as_json() | {'attempt': 0}, sort_keys=True)).hex}"
