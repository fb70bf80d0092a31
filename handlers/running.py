"""`/ats run`, `/ats actions`, `/ats audit`; the buttons and modals around a run.

Presses are kept before they are acknowledged, and nothing that comes from Slack is believed: values only name
what is looked up and checked again.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog
from rapidfuzz import fuzz, process
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot import render
from bot.errors import AtsError, InputError
from bot.operations import audit, incidents, runs
from bot.operations.runs import Ask, RunPress
from bot.render import Message
from handlers.afterwards import Afterwards
from handlers.asking import Answer, Asker
from handlers.grammar import Command
from handlers.services import Services
from handlers.together import Together
from runbook.model import Risk, Step

log = structlog.get_logger(__name__)

LONGEST: Final = 4000  # characters of a command; Slack itself sends no more
_WORD: Final = re.compile(r'([A-Za-z_][\w.-]{0,60})=(?:"([^"]*)"|“([^”]*)”|(\S*))(?=\s|$)|(\S+)')
_PRESS: Final = re.compile(r"(\d{1,15}):([0-9a-f]{16})")
_TS: Final = re.compile(r"\d{6,12}\.\d{1,8}")
_OPEN: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,79})\|(\d{1,9})\|(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `/ats run`."""

    step_id: str
    parameters: dict[str, str] = field(default_factory=dict)
    number: int = 0
    dry: bool = False


def read(text: str) -> Wanted:
    """“rate-gate.reset #12 name=value --dry-run”; raises InputError. Only a step's id and values can be said."""
    if len(text) > LONGEST:
        raise InputError(f"That is longer than {LONGEST} characters; nothing was run.")
    step_id, _, rest = text.strip().partition(" ")
    parameters: dict[str, str] = {}
    number, dry = 0, False
    for word in _WORD.finditer(rest):
        name, bare = word[1], word[5]
        if name:
            if name in parameters:
                raise InputError(f"{name} is given twice; nothing was run.")
            parameters[name] = next((v for v in (word[2], word[3], word[4]) if v is not None), "")
        elif bare in {"--dry-run", "—dry-run", "–dry-run"}:  # phones make a dash of two hyphens
            dry = True
        elif re.fullmatch(r"#\d{1,9}", bare):
            number = int(bare[1:])
        elif bare != "for":
            raise InputError(
                f"“{bare[:60]}” is not understood; nothing was run. Write /ats run <step> name=value #incident."
            )
    return Wanted(step_id, runs.printable(parameters), number, dry)


def _step(services: Services, step_id: str) -> Step:
    plan = services.rules.plan
    found = plan.step(step_id)
    if found is not None:
        return found
    ids = [s.id for e in plan.entries for s in e.steps if s.unlocked or s.risk is Risk.READ]
    near = process.extractOne(step_id[:100], ids, scorer=fuzz.WRatio, score_cutoff=60)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise InputError(
        f"The runbook has no step “{step_id[:80]}”; nothing was run. Only steps of the runbook can be run.{meant}"
    )


async def _run(services: Services, asker: Asker, command: Command) -> Message | None:
    if not command.text:
        return render.error_message("Which step?", "", "Type /ats actions for the list.")
    wanted = read(command.text)
    step = _step(services, wanted.step_id)
    number = wanted.number or await _only_incident(services, step)
    if wanted.dry:
        seen = await services.preview(asker.slack_id, step.id, wanted.parameters, number=number)
        return render.dry_run_message(seen) if seen.resolved else _needs(step)
    if step.risk is Risk.READ and _complete(step, wanted):
        return await _submit(services, asker, step, wanted.parameters, wanted.number)
    if not asker.trigger_id:
        return render.error_message(
            "Nothing was run.", "A mention opens no window.", f"Type /ats run {step.id}"
        )
    view_id = await services.open_modal(asker.trigger_id, render.loading_modal(step.title))
    await _show(services, asker.slack_id, view_id, partial(
        services.preview, asker.slack_id, step.id, wanted.parameters, number=number
    ))  # fmt: skip
    return None


def _complete(step: Step, wanted: Wanted) -> bool:
    return all(wanted.parameters.get(name) for name in step.params)


async def keep_at_once(services: Services, asker: Asker, text: str) -> Message | None:
    """What protects is one click, typed too: kept before it is acknowledged. None for what is not at one click."""
    wanted = read(text)
    step = services.rules.plan.step(wanted.step_id)
    if step is None or step.risk is not Risk.PROTECTIVE or wanted.dry or not _complete(step, wanted):
        return None
    return await _submit(services, asker, step, wanted.parameters, wanted.number)


def _needs(step: Step) -> Message:
    told = ", ".join(f"{name}=… ({kind or 'a name'})" for name, kind in step.params.items())
    return render.error_message(
        f"{step.id} needs {told}.", "", f"Type /ats run {step.id} and choose from the menu."
    )


async def _only_incident(services: Services, step: Step) -> int:
    """The open incident whose entry has this step, if there is exactly one."""
    async with services.transaction() as tx:
        return await _fitting(tx, services, step)


async def _fitting(tx: Any, services: Services, step: Step) -> int:
    entries = {e.id for e in services.rules.plan.entries if any(s.id == step.id for s in e.steps)}
    fitting = [i.number for i in await incidents.unresolved(tx) if i.entry_id in entries]
    return fitting[0] if len(fitting) == 1 else 0


async def _keep(services: Services, ask: Ask, step: Step | None = None) -> None:
    """Keep the wish, and go on with it at once if this process may; else the job does.

    `step`: it is for the one open incident that has this step, if the wish names none.
    """
    here = services.works
    async with services.transaction() as tx:
        if step is not None and not ask.number:
            ask = replace(ask, number=await _fitting(tx, services, step))
        run_id = await runs.submit(tx, services.rules, ask, here=here)
    if run_id is not None and here:
        services.go_on_with(run_id)


async def _submit(
    services: Services, asker: Asker, step: Step, parameters: Mapping[str, str], number: int
) -> Message | None:
    ask = Ask(
        step.id, asker.slack_id, f"typed:{asker.trigger_id or asker.response_url}", number, parameters,
        channel=asker.channel, response_url=asker.response_url,
    )  # fmt: skip
    await _keep(services, ask, step if step.risk is Risk.PROTECTIVE else None)
    return render.plain_message(f"{step.title} …") if step.risk is not Risk.READ or number else None


async def _show(
    services: Services, slack_id: str, view_id: str, look: Callable[[], Awaitable[render.PreviewView]], *,
    thread_ts: str = "",
) -> None:  # fmt: skip
    """Put into the window what was found; whatever goes wrong is said in it."""
    try:
        seen = replace(await look(), thread_ts=thread_ts)
    except AtsError as error:
        await services.update_modal(view_id, render.trouble_modal(str(error)))
        return
    except Exception:  # an edge: the window would stay at “reading” for ever
        log.exception("step not shown", person=slack_id)
        trouble = "An error in ats-bot itself; it is in its log. Nothing was run."
        await services.update_modal(view_id, render.trouble_modal(trouble))
        return
    await services.update_modal(
        view_id, render.confirm_modal(seen) if seen.resolved else render.parameters_modal(seen)
    )


async def _actions(services: Services, asker: Asker, _command: Command) -> Message:
    return render.actions_message(await services.action_rows(asker.slack_id))


async def _audit(services: Services, _asker: Asker, command: Command) -> Message:
    async with services.transaction() as tx:
        rows = await audit.search(tx, command.text)
    return render.audit_message(command.text, rows)


ANSWERS: dict[str, Answer] = {"run": _run, "actions": _actions, "audit": _audit}


def register(app: AsyncApp, services: Services) -> None:
    """Register the buttons and modals around runs."""
    together = Together(partial(_keep_presses, services))
    _register_presses(app, services, together)
    _register_windows(app, services)
    _register_submits(app, services, together)


async def _keep_presses(services: Services, presses: Sequence[RunPress]) -> None:
    here = services.works
    async with services.transaction() as tx:
        job_id = await runs.keep_presses(tx, presses, here=here)
    if here:
        services.carry_out(presses, job_id)


def _user(body: Mapping[str, Any]) -> str:
    return str((body.get("user") or {}).get("id", ""))


def _thread(body: Mapping[str, Any]) -> str:
    """The thread that the pressed message is a reply in, "" if it is none: an answer elsewhere would not be seen."""
    message = body.get("message") or {}
    thread = str(message.get("thread_ts") or "")
    return thread if thread != str(message.get("ts") or "") else ""


def _opened(value: str) -> tuple[str, int, int]:
    """(step, incident, run that it takes back) of a button's value; no step has the empty id."""
    found = _OPEN.fullmatch(value)
    return (found[1], int(found[2]), int(found[3])) if found else ("", 0, 0)


def _pressed(body: Mapping[str, Any], what: str, value: str, reason: str = "") -> RunPress:
    found = _PRESS.fullmatch(value)
    message = body.get("message") or {}
    return RunPress(
        what=what, run_id=int(found[1]) if found else 0, digest=found[2] if found else "", slack_id=_user(body),
        channel=str((body.get("channel") or {}).get("id", "")), response_url=str(body.get("response_url") or ""),
        message_ts=str(message.get("ts") or ""), reason=reason[:500], thread_ts=_thread(body),
    )  # fmt: skip


def _register_presses(app: AsyncApp, services: Services, together: Together[RunPress]) -> None:
    async def keep(
        ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any], action: dict[str, Any], what: str
    ) -> None:
        try:
            await together.add(_pressed(body, what, str(action.get("value") or "")))
        except AtsError as error:
            log.error("press not kept", what=what, error=str(error))
            told = render.error_message("Your press was not kept.", f"{error} Nothing was run.", "Press again.")
            await respond(**told.payload(), response_type="ephemeral", replace_original=False)
            raise
        await ack()

    async def approve(
        ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any], action: dict[str, Any]
    ) -> None:
        await keep(ack, respond, body, action, "approve")

    async def cancel(
        ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any], action: dict[str, Any]
    ) -> None:
        await keep(ack, respond, body, action, "cancel")

    async def now(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any], action: dict[str, Any]) -> None:
        """One click: what protects is done at once, by whoever may."""
        step_id, number, _ = _opened(str(action.get("value") or ""))
        try:
            await _one_click(services, body, step_id, number)
        except AtsError as error:
            told = render.error_message("Nothing was run.", str(error), f"Type /ats run {step_id or '…'}")
            await respond(**told.payload(), response_type="ephemeral", replace_original=False)
            if not isinstance(error, InputError):
                raise
        await ack()

    app.action("run_approve")(approve)
    app.action("run_cancel")(cancel)
    app.action(re.compile(r"^run_now_"))(now)


async def _one_click(services: Services, body: dict[str, Any], step_id: str, number: int) -> None:
    step = _step(services, step_id)
    if step.risk is not Risk.PROTECTIVE:
        raise InputError(f"{step.id} is not done at one click; nothing was run.")
    ask = Ask(
        step.id, _user(body), f"click:{body.get('trigger_id')}", number,
        channel=str((body.get("channel") or {}).get("id", "")), response_url=str(body.get("response_url") or ""),
        thread_ts=_thread(body),
    )  # fmt: skip
    await _keep(services, ask)


def _register_windows(app: AsyncApp, services: Services) -> None:
    async def at_once(ack: AsyncAck) -> None:
        await ack()

    async def open_run(body: dict[str, Any], action: dict[str, Any]) -> None:
        step_id, number, undo_of = _opened(str(action.get("value") or ""))
        step = services.rules.plan.step(step_id)
        title = step.title if step else "This step"
        view_id = await services.open_modal(
            str(body.get("trigger_id", "")), render.loading_modal(title), above="view" in body
        )
        look = partial(services.preview, _user(body), step_id, {}, number=number, undo_of=undo_of)
        await _show(services, _user(body), view_id, look, thread_ts=_thread(body))

    async def open_deny(body: dict[str, Any], action: dict[str, Any]) -> None:
        press = _pressed(body, "deny", str(action.get("value") or ""))
        async with services.transaction() as tx:
            run = await runs.get(tx, press.run_id)
        if run is not None:
            view = render.deny_modal(press.run_id, press.digest, run.title)
            await services.open_modal(str(body.get("trigger_id", "")), view)

    app.action("run_open")(ack=at_once, lazy=[open_run])
    app.action(re.compile(r"^run_open_"))(ack=at_once, lazy=[open_run])
    app.action("run_deny")(ack=at_once, lazy=[open_deny])


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a submitted modal says it had shown."""

    step_id: str
    number: int
    undo_of: int
    digest: str
    parameters: dict[str, str]
    thread_ts: str = ""


def _shown(view: Mapping[str, Any]) -> _Shown:
    """Read `private_metadata`; raises InputError for anything that no modal of ours sends."""
    try:
        told = json.loads(str(view.get("private_metadata") or ""))
        parameters = {str(name): str(value) for name, value in dict(told["p"]).items()}
        shown = _Shown(
            str(told["s"]), int(told["n"]), int(told["u"]), str(told["d"]), parameters, str(told.get("t") or "")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("This window is not one of the bot's; nothing was run.") from None
    if (
        (shown.thread_ts and not _TS.fullmatch(shown.thread_ts))
        or shown.undo_of < 0
        or not 0 <= shown.number < 2**31
    ):
        raise InputError("This window is not one of the bot's; nothing was run.")
    return shown


def _entered(view: Mapping[str, Any], block: str) -> str:
    values = ((view.get("state") or {}).get("values") or {}).get(block) or {}
    for given in values.values():
        chosen = given.get("selected_option") or {}
        return str(chosen.get("value") or given.get("value") or "").strip()
    return ""


def _register_submits(app: AsyncApp, services: Services, together: Together[RunPress]) -> None:
    afterwards = Afterwards(at_once=8)

    async def on_submit(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        try:
            await _confirmed(services, body, view)
        except AtsError as error:
            await ack(response_action="update", view=render.trouble_modal(str(error)))
        else:
            await ack(response_action="clear")

    async def on_params(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        try:
            shown = _shown(view)
            step = _step(services, shown.step_id)
            given = runs.printable({name: _entered(view, f"param_{name}") for name in step.params})
        except AtsError as error:
            await ack(response_action="update", view=render.trouble_modal(str(error)))
            return
        await ack(response_action="update", view=render.loading_modal(step.title))
        look = partial(
            services.preview, _user(body), step.id, given, number=shown.number, undo_of=shown.undo_of
        )
        show = partial(_show, services, _user(body), str(view.get("id")), look, thread_ts=shown.thread_ts)
        afterwards.start(show)

    async def on_deny(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        reason = _entered(view, "reason")
        if not reason:
            await ack(response_action="errors", errors={"reason": "Say why; whoever asked has to know."})
            return
        press = _pressed(body, "deny", str(view.get("private_metadata") or ""), reason)
        try:
            await together.add(press)
        except AtsError as error:
            await ack(response_action="errors", errors={"reason": f"Not kept: {error} Try again."[:1900]})
        else:
            await ack()

    app.view("run_submit")(on_submit)
    app.view("run_params")(on_params)
    app.view("run_deny_submit")(on_deny)


async def _confirmed(services: Services, body: dict[str, Any], view: dict[str, Any]) -> None:
    shown = _shown(view)
    glass = _entered(view, "glass")
    ask = Ask(
        shown.step_id, _user(body), f"view:{view.get('id')}", shown.number, shown.parameters, seen=shown.digest,
        glass=glass, undo_of=shown.undo_of or None, thread_ts=shown.thread_ts,
    )  # fmt: skip
    if not ask.seen:
        raise InputError("This window had not shown what would run; nothing was run. Open it again.")
    await _keep(services, ask)
