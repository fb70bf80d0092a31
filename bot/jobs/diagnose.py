"""A diagnosis as a job: shown as it grows, told once in the timeline; and single steps that somebody asks for."""

from collections.abc import Sequence
from typing import Any, Final

import structlog

from bot import render
from bot.domain.people import Who
from bot.domain.policy import Action, decide
from bot.domain.questions import reads
from bot.jobs.answering import tell
from bot.jobs.answers import Addressee, Answers, link
from bot.jobs.asking import question_of
from bot.jobs.inquiry import Inquiry, read_step
from bot.jobs.pacing import paced
from bot.jobs.work import Work
from bot.operations import diagnosis as operation
from bot.operations import outbox, sheets
from bot.operations.looks import Asked
from bot.operations.sheets import Place, Upload
from bot.render import DiagnosisView, StepView
from bot.store.session import Tx
from bot.store.tables import Look

log = structlog.get_logger(__name__)

FIRST: Final = 1.2  # seconds until what has answered is shown


async def diagnosis(work: Work, look_id: int) -> None:
    """One diagnosis: everybody who asked sees it grow in the same messages."""
    answers = Answers(work, look_id)
    look, _ = await answers.addressees()
    if look is None or look.done_at is not None:
        return
    inquiry = Inquiry(work, await question_of(work, look))

    async def publish() -> None:
        for addressee in (await answers.addressees())[1]:
            await _show(work, addressee, inquiry, look_id)

    await paced(inquiry.run(), publish, first=FIRST)
    await _finish(work, answers, inquiry, look_id)


async def _show(work: Work, addressee: Addressee, inquiry: Inquiry, look_id: int) -> None:
    """The summary, and what was read in its thread (an incident's: both in the incident's thread)."""
    if addressee.place is None:
        return
    view = inquiry.view(by=addressee.asked.by.name, look=look_id, number=addressee.asked.number)
    async with work.store.transaction() as tx:
        message = render.diagnosis_message(view, now=tx.now)
        number = await sheets.write(tx, addressee.ref, addressee.place, message)
        thread = thread_of(addressee, number)
        for i, page in enumerate(render.details_pages(view)):
            await sheets.write(tx, f"{addressee.ref}-d{i}", thread, page)


def thread_of(addressee: Addressee, number: int) -> Place:
    """Where the details go: below the incident's card, else below the summary."""
    place = addressee.place or Place("")
    return place if place.incident_id else Place(place.channel, None, number)


async def _finish(work: Work, answers: Answers, inquiry: Inquiry, look_id: int) -> None:
    links: dict[str, str] = {}

    async def answer() -> int:
        _, addressees = await answers.addressees()
        for addressee in [a for a in addressees if a.ref not in links]:
            links[addressee.ref] = await _complete(work, answers, addressee, inquiry, look_id)
        return len(addressees)

    async def record(tx: Tx, _look: Look, asked: Sequence[Asked]) -> None:
        for i, one in enumerate(asked):
            view = inquiry.view(by=one.by.name)
            await operation.diagnosed(
                tx, one, text=told(view), data=read_data(view, links.get(f"look-{look_id}-{i}", ""))
            )

    await answers.finish(answer, record)


async def _complete(work: Work, answers: Answers, addressee: Addressee, inquiry: Inquiry, look_id: int) -> str:
    """Everything for one addressee; the address of what was read."""
    view = inquiry.view(by=addressee.asked.by.name, look=look_id, number=addressee.asked.number)
    if addressee.place is None:
        async with work.store.transaction() as tx:
            message = render.diagnosis_message(view, now=tx.now)
        await answers.respond(addressee, message)
        return ""
    await _show(work, addressee, inquiry, look_id)
    await _attach(work, addressee, view)
    details = bool([s for s in view.steps if s.state != "waiting"])
    return await link(work, f"{addressee.ref}-d0" if details else addressee.ref)


async def _attach(work: Work, addressee: Addressee, view: DiagnosisView) -> None:
    files = long_outputs(view.steps)
    async with work.store.transaction() as tx:
        summary = await outbox.shown(tx, sheets.SHEET, addressee.ref)
        if files and summary is not None:
            thread = thread_of(addressee, summary.id or 0)
            await sheets.attach(tx, f"{addressee.ref}-f", thread, files, comment="The long outputs, whole")


def long_outputs(steps: Sequence[StepView]) -> list[Upload]:
    """The outputs that do not fit into a message, each as a text file."""
    files = []
    for step in steps:
        for i, part in enumerate(step.parts):
            if part.long:
                name = f"{step.id.replace('.', '-')}{f'-{i + 1}' if len(step.parts) > 1 else ''}.txt"
                files.append(Upload(name, step.title, f"$ {part.command}\n\n{part.whole}\n".encode()))
    return files[:10]


def told(view: DiagnosisView) -> str:
    """The timeline's line: what stands out, and what was read."""
    steps = ", ".join(f"{s.id} ({s.state})" for s in view.steps)
    systems = ", ".join(dict.fromkeys(r.system for r in view.readings if not r.absent))
    return f"{render.diagnosis_summary(view)}. Read: {'; '.join(filter(None, (steps, systems)))}"


def read_data(view: DiagnosisView, address: str) -> dict[str, Any]:
    """What was read, for whoever wants to know exactly."""
    commands = [
        {
            "step": s.id,
            "outcome": s.state,
            "where": s.where,
            "took": round(s.took, 2),
            "commands": [p.command for p in s.parts],
        }
        for s in view.steps
    ]
    return {"read": commands, "link": address}


async def step(
    work: Work, step_id: str, parameters: dict[str, str], asked: dict[str, Any], look_id: int
) -> None:
    """A step that somebody chose a value for: its output in the thread, once."""
    who, found = Asked.from_json(asked), work.rules.plan.step(step_id)
    ref = operation.step_ref(look_id, step_id, parameters, who)
    async with work.store.transaction() as tx:
        if await outbox.shown(tx, sheets.SHEET, ref) is not None or found is None or not reads(found):
            return
    access = await work.directory.access(who.by.slack_id, channel_id=who.channel)
    if not decide(Action.READ, access).allowed:
        refusal = render.refusal_message("Reading this", decide(Action.READ, access).needed, reason="")
        await tell(work, operation.Teller(who.by.slack_id, who.channel, who.response_url), refusal)
        return
    by = Who(who.by.slack_id, access.name or who.by.name)
    view = await read_step(work, found, parameters)
    await _post_step(work, ref, view, Asked(who.channel, "", who.number, who.incident_id, by), look_id)


async def _post_step(work: Work, ref: str, view: StepView, asked: Asked, look_id: int) -> None:
    async with work.store.transaction() as tx:
        place = await operation.thread_for(tx, work.rules, look_id, asked)
        await sheets.write(tx, ref, place, render.step_message(view, asked.by.name))
        files = long_outputs([view])
        await sheets.attach(tx, f"{ref}-f", place, files, comment=f"{view.title}, whole")
    address = await link(work, ref)
    async with work.store.transaction() as tx:
        done = f"Read: {view.title} ({', '.join(p.command for p in view.parts) or view.id}): {view.state}"
        only = DiagnosisView(name=view.title, took=view.took, steps=(view,))
        await operation.diagnosed(tx, asked, text=done, data=read_data(only, address))
