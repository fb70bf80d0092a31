"""Submitted modals; kept before they are acknowledged, like clicks."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.policy import Action
from bot.errors import AtsError
from bot.operations import requests
from handlers.actions import request_from
from handlers.services import Services


def _number(view: dict[str, Any]) -> int:
    meta = str(view.get("private_metadata") or "")
    return int(meta) if meta.isascii() and meta.isdigit() and len(meta) < 11 else 0  # noqa: PLR2004


def _state(view: dict[str, Any], block: str, action: str) -> dict[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    return (values.get(block) or {}).get(action) or {}


def register(app: AsyncApp, services: Services) -> None:
    """Register the modals that render.modals makes."""

    async def keep(ack: AsyncAck, block: str, request: requests.Request) -> None:
        try:
            async with services.transaction() as tx:
                known = await requests.submit(tx, request)
        except AtsError as error:
            await ack(
                response_action="errors", errors={block: f"Not kept: {error} Try again in a moment."[:1900]}
            )
            return
        if known:
            await ack()
        else:
            await ack(response_action="errors", errors={block: "There is no such incident any more."})

    async def on_note(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        text = str(_state(view, "note", "text").get("value") or "").strip()
        if not text:
            await ack(response_action="errors", errors={"note": "Write something, or close with Cancel."})
            return
        await keep(ack, "note", request_from(body, Action.NOTE, _number(view), text=text))

    async def on_resolve(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        text = str(_state(view, "note", "text").get("value") or "").strip()
        await keep(ack, "note", request_from(body, Action.RESOLVE, _number(view), text=text))

    async def on_entry(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        chosen = _state(view, "entry", "choice").get("selected_option") or {}
        request = request_from(
            body, Action.CHOOSE_ENTRY, _number(view), entry_id=str(chosen.get("value") or "")
        )
        await keep(ack, "entry", request)

    app.view("note_submit")(on_note)
    app.view("resolve_submit")(on_resolve)
    app.view("entry_submit")(on_entry)
