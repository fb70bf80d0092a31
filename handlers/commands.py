"""`/ats …`: acknowledged at once, answered where it was typed."""

from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import render
from bot.domain import moments, policy
from bot.domain.people import Who
from bot.domain.policy import Action, Role
from bot.errors import AtsError
from bot.operations import incidents, requests, timeline
from bot.operations.requests import Request
from bot.operations.views import on_call_views, row_view, timeline_view
from bot.render import Message, RoleView, WhoamiView
from handlers import acting, checklists, commanding, declaring, looks, running
from handlers.afterwards import Afterwards
from handlers.asking import Answer, Asker
from handlers.grammar import Command, Mistake, help_rows, parse
from handlers.services import Services
from runbook import search

log = structlog.get_logger(__name__)

AT_ONCE = 16  # commands that are worked on at once; the rest wait, acknowledged already


def register(app: AsyncApp, services: Services) -> None:
    """Register `/ats`."""
    afterwards = Afterwards(at_once=AT_ONCE)

    async def on_command(ack: AsyncAck, command: dict[str, Any]) -> None:
        asker = Asker(
            str(command.get("user_id", "")),
            str(command.get("channel_id", "")),
            str(command.get("response_url", "")),
            str(command.get("trigger_id", "")),
        )
        text = str(command.get("text") or "")
        kept = await _keep(services, asker, text)
        await ack()
        afterwards.start(partial(_answer, services, asker, text, kept))

    app.command("/ats")(on_command)


async def _keep(services: Services, asker: Asker, text: str) -> Message | None:
    """What changes an incident is kept before it is acknowledged, like a click; the answer, if it was."""
    command = parse(text)
    if isinstance(command, Mistake):
        return None
    if command.name == "run" and command.text:
        return await _keep_run(services, asker, command)
    if command.name not in CHANGES:
        return None
    action, doing = CHANGES[command.name]
    request = Request(
        action=action,
        number=command.number,
        slack_id=asker.slack_id,
        channel=asker.channel,
        response_url=asker.response_url,
        text=command.text,
    )
    try:
        async with services.transaction() as tx:
            kept = await requests.submit(tx, request)
    except AtsError as error:
        return _failed(command.name, error)
    return render.plain_message(f"{doing} #{command.number} …") if kept else None


async def _keep_run(services: Services, asker: Asker, command: Command) -> Message | None:
    try:
        return await running.keep_at_once(services, asker, command.text)
    except AtsError as error:
        return _failed("run", error)


async def _answer(services: Services, asker: Asker, text: str, kept: Message | None) -> None:
    message = kept or await reply(services, asker, text)
    if message is not None:
        await services.respond(asker.response_url, message)


async def reply(services: Services, asker: Asker, text: str) -> Message | None:
    """The answer to a line; None when a job answers later. An edge: nothing it runs into goes unsaid."""
    command = parse(text)
    if isinstance(command, Mistake):
        return _mistaken(command)
    try:
        if command.name not in {"help", "whoami"}:
            refusal = await _refusal(services, asker)
            if refusal is not None:
                return refusal
        return await ANSWERS[command.name](services, asker, command)
    except AtsError as error:
        return _failed(command.name, error)
    except Exception:
        log.exception("command failed", command=command.name)
        return render.error_message(
            f"/ats {command.name} did not work: an error in ats-bot itself.",
            "It is in the bot's log with the time of now.",
            "Use PagerDuty and the runbook meanwhile, and show the log to whoever keeps the bot.",
        )


def _failed(name: str, error: AtsError) -> Message:
    """What would help: waiting, or asking for something else."""
    lookup = (
        "/ats actions lists the steps that you may run."
        if name == "run"
        else "/ats help shows what can be typed."
    )
    do = "Try again in a moment." if error.retryable else lookup
    return render.error_message(f"/ats {name} did not work.", str(error), do)


def _mistaken(mistake: Mistake) -> Message:
    if mistake.problem:
        return render.error_message(mistake.problem, "", f"Type /ats {mistake.nearest}")
    return render.suggestion_message(mistake.typed, mistake.nearest)


async def _refusal(services: Services, asker: Asker) -> Message | None:
    access = await services.access(asker.slack_id, channel_id=asker.channel)
    decision = policy.decide(Action.READ, access)
    if decision.allowed:
        return None
    reason = "; ".join(access.problems) or f"Join {services.rules.channel} to read along."
    return render.refusal_message("Reading what the bot knows", decision.needed, reason=reason)


async def _help(_services: Services, _asker: Asker, _command: Command) -> Message:
    return render.help_message(help_rows())


async def _incidents(services: Services, _asker: Asker, _command: Command) -> Message:
    async with services.transaction() as tx:
        rows = await incidents.unresolved(tx)
        now = tx.now
    return render.incidents_message([row_view(i) for i in rows], now=now)


def _unknown(number: int) -> Message:
    return render.error_message(f"There is no incident #{number}.", "", "See /ats incidents for the open ones.")


async def _incident(services: Services, _asker: Asker, command: Command) -> Message:
    from bot.operations.views import render_card

    async with services.transaction() as tx:
        incident = await incidents.by_number(tx, command.number)
        now = tx.now
    return render_card(services.rules, incident, "", now=now) if incident else _unknown(command.number)


async def _timeline(services: Services, _asker: Asker, command: Command) -> Message:
    async with services.transaction() as tx:
        incident = await incidents.by_number(tx, command.number)
        if incident is None or incident.id is None:
            return _unknown(command.number)
        rows = await timeline.rows(tx, incident.id)
        now = tx.now
    return render.timeline_message(
        incident.number, incident.title, [timeline_view(row) for row in rows], now=now
    )


async def _not_there(_services: Services, _asker: Asker, command: Command) -> Message:
    return _unknown(command.number)  # `_keep` has kept it otherwise


async def _runbook(services: Services, _asker: Asker, command: Command) -> Message:
    plan = services.rules.plan
    if not command.text:
        return render.entries_message(plan.entries, title=services.rules.name)
    hits = search(plan, command.text, limit=5)
    exact = plan.entry(command.text)
    if exact is not None or len(hits) == 1:
        return render.entry_message(exact or hits[0].entry)
    return render.search_message(command.text, hits)


async def _oncall(services: Services, _asker: Asker, command: Command) -> Message:
    if command.text:
        return await _oncall_at(services, command.text)
    rows, note = await services.rota()
    tree = await services.phone_tree()
    async with services.transaction() as tx:
        now = tx.now
    return render.oncall_message(on_call_views(rows), tree, now=now, note=note)


async def _oncall_at(services: Services, words: str) -> Message:
    async with services.transaction() as tx:
        now = tx.now
    at = moments.read(words, now)
    rows = await services.rota_at(at)
    tree = await services.phone_tree()
    return render.oncall_message(
        on_call_views(rows), tree, now=now, note=f"As planned for {at:%Y-%m-%d %H:%M} UTC."
    )


async def _whoami(services: Services, asker: Asker, _command: Command) -> Message:
    access = await services.access(asker.slack_id, channel_id=asker.channel)
    return render.whoami_message(whoami_view(access, services.rules.channel))


_HOLDERS = {
    Role.VIEWER: "everybody in the operations channel",
    Role.RESPONDER: "whoever is on call as primary or secondary, or is named in the settings",
    Role.APPROVER: "the secondary and management while on call, or whoever is named in the settings",
    Role.SECURITY: "whoever is on call for security incidents, or is named in the settings",
    Role.ADMIN: "whoever is named in the settings",
}


def whoami_view(access: policy.Access, channel: str) -> WhoamiView:
    """What the bot knows about a person, as it is shown."""
    why = dict(reason.split(": ", 1) for reason in access.reasons)
    missing = list(access.problems)
    if not access.pd_id and not access.problems:
        missing.append(
            f"No PagerDuty user has the e-mail {access.email or '(none in Slack)'}: you cannot acknowledge or "
            "resolve. Ask an administrator of PagerDuty to add you with that e-mail."
        )
    if Role.VIEWER not in access.roles:
        missing.append(f"You are not in {channel}. Join it to read along.")
    return WhoamiView(
        who=Who(access.slack_id, access.name),
        email=access.email,
        pagerduty_name=access.name if access.pd_id else "",
        roles=tuple(RoleView(role, role in access.roles, why.get(role) or _HOLDERS[role]) for role in Role),
        missing=tuple(missing),
    )


CHANGES: dict[str, tuple[Action, str]] = {
    "ack": (Action.ACKNOWLEDGE, "Acknowledging"),
    "resolve": (Action.RESOLVE, "Resolving"),
    "note": (Action.NOTE, "Adding your note to"),
    **acting.CHANGES,
}
ANSWERS: dict[str, Answer] = {
    "help": _help,
    "incidents": _incidents,
    "incident": _incident,
    "timeline": _timeline,
    "ack": _not_there,
    "resolve": _not_there,
    "note": _not_there,
    "runbook": _runbook,
    "oncall": _oncall,
    "whoami": _whoami,
    **acting.ANSWERS,
    **checklists.ANSWERS,
    **commanding.ANSWERS,
    **declaring.ANSWERS,
    **running.ANSWERS,
    **looks.ANSWERS,
}
