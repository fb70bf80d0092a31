"""`/ats health`, `/ats diag`, and the buttons of their messages."""

from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import render
from bot.domain.looks import systems
from bot.domain.people import Who
from bot.domain.questions import question
from bot.operations import diagnosis, watches
from bot.operations.looks import Asked
from bot.render import Message
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.look_words import HealthWords, health_words
from handlers.services import Services

log = structlog.get_logger(__name__)


async def who(services: Services, slack_id: str) -> Who:
    """The person, with a name where Slack says one."""
    return Who(slack_id, (await services.access(slack_id)).name)


async def _asked(services: Services, asker: Asker) -> Asked:
    return Asked(asker.channel, asker.response_url, by=await who(services, asker.slack_id))


async def _health(services: Services, asker: Asker, command: Command) -> Message | None:
    words = health_words(command.text)
    if words.problem:
        return render.error_message(words.problem, "", "Type /ats health [system] [--watch 10m].")
    chosen = systems(words.system, services.systems())
    if not chosen.names:
        return unknown_system(services, words.system, chosen.nearest, "health")
    if words.watch:
        return await _watch(services, asker, words)
    asked = await _asked(services, asker)
    only = chosen.names if words.system else None
    async with services.transaction() as tx:
        await diagnosis.ask_health(tx, asked, systems=only, name=chosen.said)
    return None


def unknown_system(services: Services, typed: str, nearest: str, command: str) -> Message:
    """There is no such system: the nearest one, and all there are."""
    known = ", ".join(services.systems())
    if nearest:
        return render.error_message(
            f"There is no system “{typed[:60]}”. Did you mean “{nearest}”?",
            f"There are: {known}.",
            f"Type /ats {command} {nearest}",
        )
    return render.error_message(
        f"There is no system “{typed[:60]}”.", f"There are: {known}.", f"Type /ats {command}"
    )


async def _watch(services: Services, asker: Asker, words: HealthWords) -> Message | None:
    by = await who(services, asker.slack_id)
    most, lasting = services.rules.looks.watches, words.watch
    channel = await services.where(asker.channel)
    if lasting is None or channel is None:
        return render.error_message(
            "I am not in this channel, so I cannot keep a report current here.", "",
            f"Type it in {services.rules.channel}, or invite me here.",
        )  # fmt: skip
    async with services.transaction() as tx:
        begun = await watches.begin(tx, channel, words.system, by=by, lasting=lasting, most=most)
        now = tx.now
    if begun.watch_id:
        return None
    return render.error_message(
        f"{len(begun.others)} reports are kept current already, and that is the most.",
        "; ".join(f"in {w.channel} for another {render.duration(w.until - now)}" for w in begun.others),
        "Press Stop on one of them, or wait.",
    )


async def _diag(services: Services, asker: Asker, command: Command) -> Message | None:
    word = command.text.strip().lstrip("#")
    if word.isascii() and word.isdigit() and len(word) < 11:  # noqa: PLR2004
        return await _incident(services, asker, int(word))
    if not word:
        return _unnamed(services)
    about = question(services.rules.plan, services.systems(), word)
    if not about.entry_id and not about.systems:
        return _unknown(services, word, about.nearest)
    asked = await _asked(services, asker)
    async with services.transaction() as tx:
        await diagnosis.ask(tx, asked, about)
    return None


def _unnamed(services: Services) -> Message:
    alerts = ", ".join(e.title for e in services.rules.plan.entries if e.kind == "alert")
    return render.error_message(
        "Name an alert, a system or the number of an incident.",
        f"Alerts: {alerts}. Systems: {', '.join(services.systems())}.",
        "Type for example /ats diag redis",
    )


def _unknown(services: Services, typed: str, nearest: str) -> Message:
    if not nearest:
        return _unnamed(services)
    return render.error_message(
        f"Neither an alert nor a system is called “{typed[:60]}”. Did you mean “{nearest}”?",
        f"Systems: {', '.join(services.systems())}.",
        f"Type /ats diag {nearest}",
    )


async def _incident(services: Services, asker: Asker, number: int) -> Message:
    asked = await _asked(services, asker)
    async with services.transaction() as tx:
        known = await diagnosis.ask_diagnosis(tx, asked, number=number)
    if not known:
        return render.error_message(f"There is no incident #{number}.", "", "See /ats incidents.")
    return render.plain_message(f"Looking into #{number}; what is found comes in its thread.")


ANSWERS: dict[str, Answer] = {"health": _health, "diag": _diag}


def _value(action: dict[str, Any]) -> str:
    return str((action.get("selected_option") or {}).get("value") or action.get("value") or "")


def number(value: str) -> int:
    """A number in a button's value; 0 for anything else."""
    digits = value.rsplit(":", 1)[-1]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 else 0  # noqa: PLR2004


def asked_by(body: dict[str, Any]) -> Asked:
    """Who pressed, and where."""
    user, channel = body.get("user") or {}, body.get("channel") or {}
    by = Who(str(user.get("id", "")), str(user.get("name") or user.get("username") or ""))
    return Asked(str(channel.get("id", "")), str(body.get("response_url") or ""), by=by)


def register(app: AsyncApp, services: Services) -> None:
    """Register the buttons of reports and diagnoses; what is asked is kept before it is acknowledged."""

    async def on_stop(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        by = asked_by(body).by
        async with services.transaction() as tx:
            await watches.stop(tx, number(_value(action)), by=by)
        await ack()

    async def on_diagnose(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        async with services.transaction() as tx:
            await diagnosis.ask_diagnosis(tx, asked_by(body), number=number(_value(action)))
        await ack()

    async def on_step(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        step_id, _, rest = _value(action).partition("|")
        parameter, _, value = rest.partition("|")
        look_id = number(str(action.get("block_id", "")).removeprefix("choose-").partition("-")[0])
        async with services.transaction() as tx:
            await diagnosis.ask_step(
                tx, asked_by(body), look_id=look_id, step_id=step_id, parameters={parameter: value}
            )
        await ack()

    app.action("step_choose")(on_step)
    app.action("health_watch_stop")(on_stop)
    app.action("incident_diagnose")(on_diagnose)
