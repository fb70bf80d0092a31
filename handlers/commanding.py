"""Status updates, hand-overs and postmortems: buttons, modals, `/ats handover`, `/ats postmortem`."""

from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot import render
from bot.domain.policy import Action
from bot.errors import AtsError
from bot.operations import commanding, incidents, requests, storms
from bot.operations.commanding import Order
from bot.render import Message
from bot.render.commanding import handover_modal, update_modal
from handlers.actions import request_from
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.services import Services

_AT_ONCE: Final = {"update_snooze": "snooze", "postmortem_make": "postmortem", "postmortem_dismiss": "dismiss"}


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 11 else 0  # noqa: PLR2004


def _unknown(number: int) -> Message:
    return render.error_message(f"There is no incident #{number}.", "", "See /ats incidents for the open ones.")


def _order(what: str, asker: Asker, number: int, **more: str) -> Order:
    return Order(
        what, number, asker.slack_id, channel=asker.channel, response_url=asker.response_url,
        key=asker.response_url, **more,
    )  # fmt: skip


async def _keep(services: Services, order: Order, said: str) -> Message:
    async with services.transaction() as tx:
        kept = await commanding.keep(tx, order)
    return render.plain_message(said) if kept else _unknown(order.number)


async def _handover(services: Services, asker: Asker, command: Command) -> Message:
    to, _, note = command.text.partition(" ")
    order = _order("handover", asker, command.number, to=to, text=note.strip())
    return await _keep(services, order, f"Handing #{command.number} over to {to} …")


async def _postmortem(services: Services, asker: Asker, command: Command) -> Message:
    word, _, why = command.text.partition(" ")
    if word.casefold() in {"dismiss", "none", "no"}:
        order = _order("dismiss", asker, command.number, text=why.strip())
        return await _keep(services, order, f"#{command.number} needs no postmortem: noted.")
    order = _order("postmortem", asker, command.number)
    return await _keep(services, order, f"Drafting the postmortem of #{command.number} in its thread …")


ANSWERS: dict[str, Answer] = {"handover": _handover, "postmortem": _postmortem}


def register(app: AsyncApp, services: Services) -> None:
    """Register the buttons and modals that render.commanding makes."""
    _register_presses(app, services)
    _register_openings(app, services)
    _register_submissions(app, services)


def _register_presses(app: AsyncApp, services: Services) -> None:
    async def on_press(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        order = Order(
            _AT_ONCE[str(action.get("action_id"))],
            _number(str(action.get("value") or "")),
            str((body.get("user") or {}).get("id", "")),
            channel=str((body.get("channel") or {}).get("id", "")),
            response_url=str(body.get("response_url") or ""),
            key=str(body.get("trigger_id") or ""),
        )
        try:
            async with services.transaction() as tx:
                await commanding.keep(tx, order)
        except AtsError as error:
            said = render.error_message("Your click was not kept.", str(error), "Press again in a moment.")
            await respond(**said.payload(), response_type="ephemeral", replace_original=False)
            raise
        await ack()

    async def on_storm(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        try:
            async with services.transaction() as tx:
                await storms.ask_acknowledge(
                    tx, _number(str(action.get("value") or "")),
                    slack_id=str((body.get("user") or {}).get("id", "")),
                    channel=str((body.get("channel") or {}).get("id", "")),
                    response_url=str(body.get("response_url") or ""),
                )  # fmt: skip
        except AtsError as error:
            said = render.error_message("Your click was not kept.", str(error), "Press again in a moment.")
            await respond(**said.payload(), response_type="ephemeral", replace_original=False)
            raise
        await ack()

    app.action("storm_ack")(on_storm)
    app.action("update_snooze")(on_press)
    app.action("postmortem_make")(on_press)
    app.action("postmortem_dismiss")(on_press)


def _register_openings(app: AsyncApp, services: Services) -> None:
    async def at_once(ack: AsyncAck) -> None:
        await ack()

    async def open_modal(body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        number = _number(str(action.get("value") or ""))
        async with services.transaction() as tx:
            incident = await incidents.by_number(tx, number)
            last = (await commanding.state_view(tx, incident)).last_word if incident else ""
        if incident is None:
            return
        update = action.get("action_id") == "update_open"
        view = update_modal(number, incident.title, last) if update else handover_modal(number, incident.title)
        await client.views_open(trigger_id=str(body.get("trigger_id", "")), view=view)

    app.action("update_open")(ack=at_once, lazy=[open_modal])
    app.action("handover_open")(ack=at_once, lazy=[open_modal])


def _value(view: dict[str, Any], block: str, action: str) -> dict[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    return (values.get(block) or {}).get(action) or {}


def _register_submissions(app: AsyncApp, services: Services) -> None:
    async def on_update(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        text = str(_value(view, "update", "text").get("value") or "").strip()
        number = _number(str(view.get("private_metadata") or ""))
        if not text:
            await ack(response_action="errors", errors={"update": "Write how it stands, or close with Cancel."})
            return
        request = request_from(body, UPDATE, number, text=text)
        try:
            async with services.transaction() as tx:
                await requests.submit(tx, request)
        except AtsError as error:
            await ack(response_action="errors", errors={"update": f"Not kept: {error} Try again."[:1900]})
            return
        await ack()

    async def on_handover(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        to = str(_value(view, "who", "user").get("selected_user") or "")
        if not to:
            await ack(response_action="errors", errors={"who": "Choose who takes over, or close with Cancel."})
            return
        order = Order(
            "handover", _number(str(view.get("private_metadata") or "")),
            str((body.get("user") or {}).get("id", "")), to=to,
            text=str(_value(view, "note", "text").get("value") or "").strip(),
        )  # fmt: skip
        try:
            async with services.transaction() as tx:
                await commanding.keep(tx, order)
        except AtsError as error:
            await ack(response_action="errors", errors={"who": f"Not kept: {error} Try again."[:1900]})
            return
        await ack()

    app.view("update_submit")(on_update)
    app.view("handover_submit")(on_handover)


UPDATE: Final = Action.STATUS_UPDATE  # what an answer of the commander becomes in PagerDuty
