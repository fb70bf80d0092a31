"""`/ats declare` and `/ats page`: kept before they are acknowledged, created in PagerDuty by a job."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import render
from bot.errors import AtsError
from bot.operations import declarations
from bot.operations.declarations import Wish
from bot.render import Message
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.services import Services

_KINDS = {"incident", "corruption", "security"}
_AT_ONCE = {"corruption", "security"}  # the runbook's emergency rules: a P2 would wake nobody
_SEVERITIES = {"P0", "P1", "P2"}


async def _declare(services: Services, asker: Asker, command: Command) -> Message | None:
    if not asker.trigger_id:
        return render.plain_message("Please type /ats declare: it opens a form, which a mention cannot.")
    view = render.declare_modal(services.rules.plan.entries, title=command.text, channel=asker.channel)
    await services.open_modal(asker.trigger_id, view)
    return None


async def _page(services: Services, asker: Asker, command: Command) -> Message:
    role, _, reason = command.text.strip().partition(" ")
    if not reason.strip() or not asker.trigger_id:
        roles = ", ".join(c.role for c in services.rules.plan.contacts)
        return render.error_message(
            "Say whom to page, and why.", f"The roles are {roles}.", "Type /ats page secondary the disk is full"
        )
    asked = {"role": role, "title": f"Page: {reason.strip()}"[:250], "severity": "P1", "text": reason.strip()}
    wish = Wish("page", asked, asker.slack_id, asker.channel, asker.response_url)
    async with services.transaction() as tx:
        await declarations.declare(tx, wish, press=asker.trigger_id)
    return render.plain_message(f"Paging {role} …")


ANSWERS: dict[str, Answer] = {"declare": _declare, "page": _page}


def _value(view: dict[str, Any], block: str) -> str:
    values = (view.get("state") or {}).get("values") or {}
    state = (values.get(block) or {}).get("value") or {}
    chosen = (state.get("selected_option") or {}).get("value")
    return str(chosen or state.get("value") or "").strip()


def register(app: AsyncApp, services: Services) -> None:
    """Register the form."""

    async def on_declare(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        kind, severity, title = (_value(view, block) for block in ("kind", "severity", "title"))
        if not title:
            await ack(response_action="errors", errors={"title": "Say in one line what is wrong."})
            return
        if kind in _AT_ONCE and severity == "P2":
            await ack(
                response_action="errors", errors={"severity": "This kind pages at once: choose P0 or P1."}
            )
            return
        asked = {"title": title, "text": _value(view, "text"), "entry_id": _value(view, "entry"),
                 "severity": severity if severity in _SEVERITIES else "P0"}  # fmt: skip
        who = str((body.get("user") or {}).get("id", ""))
        wish = Wish(kind if kind in _KINDS else "incident", asked, who, str(view.get("private_metadata") or ""))
        try:
            async with services.transaction() as tx:
                await declarations.declare(tx, wish, press=str(view.get("id")))
        except AtsError as error:
            await ack(
                response_action="errors", errors={"title": f"Not kept: {error} Use PagerDuty's app."[:1900]}
            )
            return
        await ack()

    app.view("declare_submit")(on_declare)
