"""Buttons and menus.

A click that changes something is kept before it is acknowledged to Slack: if it cannot be kept, Slack itself
shows the person that nothing happened, and so do we.
"""

import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot import render
from bot.domain.policy import Action
from bot.errors import AtsError
from bot.operations import incidents, requests, timeline
from bot.operations.requests import Request
from bot.operations.views import timeline_view
from handlers.services import Services

log = structlog.get_logger(__name__)


def _number(value: str) -> int:
    digits = value.rsplit(":", 1)[-1]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 else 0  # noqa: PLR2004


def _value(action: dict[str, Any]) -> str:
    return str((action.get("selected_option") or {}).get("value") or action.get("value") or "")


def request_from(
    body: dict[str, Any], action: Action, number: int, *, text: str = "", entry_id: str = ""
) -> Request:
    """The request behind a click or a submitted modal."""
    return Request(
        action=action,
        number=number,
        slack_id=str((body.get("user") or {}).get("id", "")),
        channel=str((body.get("channel") or {}).get("id", "")),
        response_url=str(body.get("response_url") or ""),
        text=text,
        entry_id=entry_id,
        confirm=bool((body.get("container") or {}).get("is_ephemeral")),
    )


def register(app: AsyncApp, services: Services) -> None:
    """Register every action of the cards and replies."""
    _register_changes(app, services)
    _register_looks(app, services)

    async def nothing(ack: AsyncAck) -> None:
        await ack()  # a link opens by itself, but Slack tells us of the click

    app.action(re.compile("^open_url"))(nothing)


def _register_changes(app: AsyncApp, services: Services) -> None:
    async def keep(ack: AsyncAck, respond: AsyncRespond, request: Request) -> None:
        try:
            async with services.transaction() as tx:
                known = await requests.submit(tx, request)
        except AtsError as error:
            log.error("click not kept", action=request.action, error=str(error))
            await respond(**_not_kept(error).payload(), response_type="ephemeral", replace_original=False)
            raise
        await ack()
        if not known:
            gone = render.error_message(f"There is no incident #{request.number}.", "", "See /ats incidents.")
            await respond(**gone.payload(), response_type="ephemeral", replace_original=False)

    async def on_ack(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        await keep(ack, respond, request_from(body, Action.ACKNOWLEDGE, _number(_value(action))))

    async def on_resolve(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        await keep(ack, respond, request_from(body, Action.RESOLVE, _number(_value(action))))

    async def on_entry(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        entry_id, _, _ = _value(action).rpartition(":")
        request = request_from(body, Action.CHOOSE_ENTRY, _number(_value(action)), entry_id=entry_id)
        await keep(ack, respond, request)

    app.action("incident_ack")(on_ack)
    app.action("incident_resolve")(on_resolve)
    app.action("entry_choose")(on_entry)


def _not_kept(error: AtsError) -> render.Message:
    return render.error_message(
        "Your click was not kept.",
        f"{error} Nothing has changed in PagerDuty.",
        "Press again in a moment, or use PagerDuty's app now.",
    )


def _register_looks(app: AsyncApp, services: Services) -> None:
    async def at_once(ack: AsyncAck) -> None:
        await ack()

    async def open_runbook(body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        await _open(client, body, await _runbook_view(services, _number(_value(action))))

    async def open_more(body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        which, _, _ = _value(action).partition(":")
        if which == "actions":
            await _open_actions(services, body, _number(_value(action)))
            return
        view = await _more_view(services, which, _number(_value(action)))
        if view is not None:
            await _open(client, body, view)

    app.action("incident_runbook")(ack=at_once, lazy=[open_runbook])
    app.action("incident_more")(ack=at_once, lazy=[open_more])


async def _open_actions(services: Services, body: dict[str, Any], number: int) -> None:
    """What this person may run for the incident: opened at once, filled in when their roles are known."""
    title = f"What can be done about #{number}"
    view_id = await services.open_modal(
        str(body.get("trigger_id", "")), render.loading_modal(title, guard=False)
    )
    rows = await services.action_rows(str((body.get("user") or {}).get("id", "")), number=number)
    await services.update_modal(view_id, render.actions_modal(title, rows, number))


async def _open(client: AsyncWebClient, body: dict[str, Any], view: dict[str, Any] | None) -> None:
    if view is not None:  # a trigger lives 3 s: this cannot wait in a queue
        await client.views_open(trigger_id=str(body.get("trigger_id", "")), view=view)


async def _runbook_view(services: Services, number: int) -> dict[str, Any] | None:
    async with services.transaction() as tx:
        incident = await incidents.by_number(tx, number)
    if incident is None:
        return None
    entry = services.rules.plan.entry(incident.entry_id)
    if entry is None:
        return render.no_entry_modal(number)
    return render.runbook_modal(entry, number=number, reason=incident.entry_reason)


async def _more_view(services: Services, which: str, number: int) -> dict[str, Any] | None:
    async with services.transaction() as tx:
        incident = await incidents.by_number(tx, number)
        rows = await timeline.rows(tx, incident.id or 0) if incident and which == "timeline" else []
        now = tx.now
    if incident is None:
        return None
    match which:
        case "note":
            return render.note_modal(number, incident.title)
        case "more":
            return render.more_modal(number, incident.title, resolved=incident.status == "resolved")
        case "timeline":
            return render.timeline_modal(number, incident.title, [timeline_view(r) for r in rows], now=now)
        case "entry":
            return render.entry_modal(number, services.rules.plan.entries, current=incident.entry_id)
        case _:
            return None  # "Open in PagerDuty": the link opens by itself
