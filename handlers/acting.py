"""What people do with an incident in PagerDuty: commands, and the modal behind “More…”."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import render
from bot.domain.policy import Action
from bot.errors import AtsError
from bot.operations import incidents, links, outbox, requests
from bot.operations.requests import Request
from bot.render import Message
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.services import Services

CHANGES: dict[str, tuple[Action, str]] = {
    "snooze": (Action.SNOOZE, "Snoozing"),
    "reassign": (Action.REASSIGN, "Reassigning"),
    "escalate": (Action.ESCALATE, "Escalating"),
    "responders": (Action.RESPONDERS, "Asking for help with"),
    "priority": (Action.PRIORITY, "Changing the priority of"),
    "update": (Action.STATUS_UPDATE, "Publishing a status update of"),
    "merge": (Action.MERGE, "Merging"),
    "reopen": (Action.REOPEN, "Reopening"),
}


async def _unknown(_services: Services, _asker: Asker, command: Command) -> Message:
    return render.error_message(
        f"There is no incident #{command.number}.", "", "See /ats incidents for the open ones."
    )


async def _link(services: Services, asker: Asker, command: Command) -> Message | None:
    if not command.text:
        return render.error_message(
            "Say which address you have in PagerDuty.",
            "",
            "Type /ats link you@company.example, or /ats link off.",
        )
    async with services.transaction() as tx:
        await links.asked(
            tx,
            slack_id=asker.slack_id,
            text=command.text,
            channel=asker.channel,
            response_url=asker.response_url,
        )
    return None


ANSWERS: dict[str, Answer] = {**dict.fromkeys(CHANGES, _unknown), "link": _link}


# What a reply in an incident's thread may begin with after the bot's mention: slash commands do not work there.
IN_THREAD: dict[str, Action] = {"note": Action.NOTE, "update": Action.STATUS_UPDATE}


async def of_thread(tx: Any, text: str, *, slack_id: str, channel: str, thread_ts: str) -> Request | None:
    """`@ats-bot note some words` in an incident's thread, as a request; None for anything else."""
    word, _, words = text.strip().partition(" ")
    action = IN_THREAD.get(word.lower())
    if action is None or not words.strip() or not thread_ts:
        return None
    number = await outbox.incident_of_thread(tx, channel, thread_ts)
    return Request(action, number, slack_id, channel, text=words.strip()) if number else None


def _meta(view: dict[str, Any]) -> tuple[str, int]:
    action, _, digits = str(view.get("private_metadata") or "").partition(":")
    ok = digits.isascii() and digits.isdigit() and len(digits) < 11  # noqa: PLR2004 - a 32-bit number
    return action, int(digits) if ok else 0


def _state(view: dict[str, Any], block: str) -> dict[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    return (values.get(block) or {}).get("value") or {}


def chosen(view: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """(args, text) of a submitted form."""
    option = str((_state(view, "choice").get("selected_option") or {}).get("value") or "")
    people = [str(each) for each in _state(view, "who").get("selected_users") or []]
    text = str(_state(view, "text").get("value") or "").strip()
    action, _ = _meta(view)
    args: dict[str, Any] = {"people": people} if people else {}
    match action:
        case Action.SNOOZE:
            args["seconds"] = int(option) if option.isdigit() else 0
        case Action.PRIORITY:
            args["priority"] = option
        case Action.MERGE:
            args["into"] = int(option) if option.isdigit() else 0
    return args, text


def register(app: AsyncApp, services: Services) -> None:
    """Register the choice, and the form of each."""

    async def on_more(ack: AsyncAck, view: dict[str, Any]) -> None:
        _, number = _meta(view)
        wanted = str((_state(view, "wanted").get("selected_option") or {}).get("value") or "")
        form = await form_of(services, wanted, number)
        if form is None:
            await ack(response_action="errors", errors={"wanted": "There is no such incident any more."})
        else:
            await ack(response_action="update", view=form)

    async def on_act(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        action, number = _meta(view)
        args, text = chosen(view)
        who = str((body.get("user") or {}).get("id", ""))
        request = Request(Action(action), number, who, text=text, args=args)
        where = str((view.get("blocks") or [{}])[-1].get("block_id") or "text")
        try:
            async with services.transaction() as tx:
                known = await requests.submit(tx, request)
        except AtsError as error:
            await ack(
                response_action="errors", errors={where: f"Not kept: {error} Try again in a moment."[:1900]}
            )
            return
        await ack() if known else await ack(
            response_action="errors", errors={where: "There is no such incident."}
        )

    app.view("more_submit")(on_more)
    app.view("act_submit")(on_act)


async def form_of(services: Services, wanted: str, number: int) -> dict[str, Any] | None:
    """The form for one of the choices; None if the incident is not there."""
    async with services.transaction() as tx:
        incident = await incidents.by_number(tx, number)
        others = await incidents.unresolved(tx, limit=100) if wanted == Action.MERGE else []
    if incident is None:
        return None
    if wanted == Action.RESOLVE:
        return render.resolve_modal(number, incident.title)
    if wanted == Action.CHOOSE_ENTRY:
        return render.entry_modal(number, services.rules.plan.entries, current=incident.entry_id)
    into = [(i.number, i.title) for i in others if i.number != number]
    known = await services.priorities() if wanted == Action.PRIORITY else render.Priorities()
    return render.act_modal(wanted, number, incident.title, others=into, priorities=known)
