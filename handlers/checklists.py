"""`/ats checklist`, the buttons of a checklist and their modals; a press is kept before it is acknowledged."""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot import render
from bot.domain import checklist as rules_of
from bot.errors import AtsError
from bot.operations import checklists
from bot.operations.checklists import Press
from bot.render import Message
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.services import Services

_FOR: Final = re.compile(r"^(.*?)(?:\s+for)?\s+#?(\d{1,9})$", re.IGNORECASE)
_PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,4})")
_AT_ONCE: Final = {"checklist_done": "done", "checklist_wait": "wait", "checklist_back": "back"}
_MODALS: Final = {
    "checklist_skip": render.checklist_skip_modal,
    "checklist_give_up": render.checklist_give_up_modal,
    "checklist_fill": render.checklist_fill_modal,
}
_ASKED: Final = {"checklist_skip_submit": "skip", "checklist_give_up_submit": "give_up"}


def read(text: str) -> tuple[str, int]:
    """The words and the number: “redis recovery for 12” → ("redis recovery", 12); 0 without a number."""
    found = _FOR.match(text.strip())
    return (found[1].strip(), int(found[2])) if found else (text.strip(), 0)


async def _checklist(services: Services, asker: Asker, command: Command) -> Message | None:
    words, number = read(command.text)
    entries = services.rules.plan.entries
    if not words:
        async with services.transaction() as tx:
            running = await checklists.running(tx, services.rules)
        return render.checklists_message(running, [e for e in entries if rules_of.guided(e)])
    entry = rules_of.choose(entries, words)
    if entry is None:
        return render.error_message(
            f"No single procedure of the runbook is called “{words[:60]}”.", "",
            "Type /ats checklist for the list, or more of its title.",
        )  # fmt: skip
    press = Press(
        "start", asker.slack_id, entry=entry.id, number=number, channel=asker.channel,
        response_url=asker.response_url, key=asker.response_url,
    )  # fmt: skip
    async with services.transaction() as tx:
        await checklists.keep(tx, press)
    where = f"the thread of #{number}" if number else services.rules.channel
    return render.plain_message(f"Starting the checklist “{entry.title}” in {where} …")


ANSWERS: dict[str, Answer] = {"checklist": _checklist}


def _place(text: str) -> tuple[int, int]:
    """Checklist and item of a value like 7:2; (0, 0) for anything else: no checklist has the number 0."""
    found = _PLACE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _press(body: dict[str, Any], what: str, place: str, **more: Any) -> Press:
    checklist, item = _place(place)
    return Press(
        what,
        str((body.get("user") or {}).get("id", "")),
        checklist=checklist,
        item=item,
        channel=str((body.get("channel") or {}).get("id", "")),
        response_url=str(body.get("response_url") or ""),
        **more,
    )


def register(app: AsyncApp, services: Services) -> None:
    """Register the buttons and modals that render.checklists makes."""
    _register_presses(app, services)
    _register_openings(app, services)
    _register_submissions(app, services)


def _register_presses(app: AsyncApp, services: Services) -> None:
    async def keep(ack: AsyncAck, respond: AsyncRespond, press: Press) -> None:
        try:
            async with services.transaction() as tx:
                await checklists.keep(tx, press)
        except AtsError as error:
            said = render.error_message("Your click was not kept.", str(error), "Press again in a moment.")
            await respond(**said.payload(), response_type="ephemeral", replace_original=False)
            raise
        await ack()

    async def on_press(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        what = _AT_ONCE[str(action.get("action_id"))]
        await keep(ack, respond, _press(body, what, str(action.get("value") or "")))

    async def on_start(
        ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        entry = str((action.get("selected_option") or {}).get("value") or "")
        await keep(ack, respond, _press(body, "start", "", entry=entry, key=str(body.get("trigger_id") or "")))

    app.action("checklist_done")(on_press)
    app.action("checklist_wait")(on_press)
    app.action("checklist_back")(on_press)
    app.action("checklist_start")(on_start)


def _register_openings(app: AsyncApp, services: Services) -> None:
    async def at_once(ack: AsyncAck) -> None:
        await ack()

    async def open_modal(body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        number, item = _place(str(action.get("value") or ""))
        async with services.transaction() as tx:
            state = await checklists.get(tx, number)
        if state is None or item >= len(state.items):
            return
        view = _MODALS[str(action.get("action_id"))](state, item)
        await client.views_open(trigger_id=str(body.get("trigger_id", "")), view=view)

    app.action("checklist_skip")(ack=at_once, lazy=[open_modal])
    app.action("checklist_give_up")(ack=at_once, lazy=[open_modal])
    app.action("checklist_fill")(ack=at_once, lazy=[open_modal])


def _register_submissions(app: AsyncApp, services: Services) -> None:
    async def keep(ack: AsyncAck, block: str, press: Press) -> None:
        try:
            async with services.transaction() as tx:
                await checklists.keep(tx, press)
        except AtsError as error:
            said = f"Not kept: {error} Try again in a moment."
            await ack(response_action="errors", errors={block: said[:1900]})
            return
        await ack()

    async def on_reason(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        why = _values(view).get("why", "")
        if not why:
            await ack(response_action="errors", errors={"why": "Say why, or close with “Not yet”."})
            return
        what = _ASKED[str(view.get("callback_id"))]
        await keep(ack, "why", _press(body, what, str(view.get("private_metadata") or ""), note=why))

    async def on_fill(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        values, place = _values(view), str(view.get("private_metadata") or "")
        number, item = _place(place)
        async with services.transaction() as tx:
            state = await checklists.get(tx, number)
        problems = rules_of.filled(state.items[item], values)[1] if state and item < len(state.items) else {}
        if problems:
            await ack(response_action="errors", errors=problems)
            return
        await keep(ack, next(iter(values), "why"), _press(body, "done", place, values=values))

    app.view("checklist_skip_submit")(on_reason)
    app.view("checklist_give_up_submit")(on_reason)
    app.view("checklist_fill_submit")(on_fill)


def _values(view: dict[str, Any]) -> dict[str, str]:
    """What was filled in, by block."""
    found = {}
    for block, inputs in ((view.get("state") or {}).get("values") or {}).items():
        given = inputs.get("text") or {}
        found[str(block)] = str(
            (given.get("selected_option") or {}).get("value") or given.get("value") or ""
        ).strip()
    return found
