"""`/ats health`: show what has answered, complete it in place; keep a report current; keep figures."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot import probes, render
from bot.domain.health import figures
from bot.domain.looks import systems
from bot.domain.people import Who
from bot.jobs.answers import Answers, link
from bot.jobs.examination import Examination
from bot.jobs.pacing import paced
from bot.jobs.work import Work
from bot.operations import diagnosis as operation
from bot.operations import history, looks, watches
from bot.operations.looks import Asked
from bot.render import WatchView
from bot.store.session import Tx
from bot.store.tables import Look


def known() -> Mapping[str, str]:
    """The probes by name, and each one's system as it is shown."""
    return {name: probe.system for name, probe in probes.PROBES.items()}


async def health(work: Work, look_id: int) -> None:
    """One report: everybody who asked sees it grow in one message."""
    answers = Answers(work, look_id)
    look, _ = await answers.addressees()
    if look is None or look.done_at is not None:
        return
    only, about = look.subject.get("systems"), str(look.subject.get("name") or "")
    examination = Examination(work, only, about)

    async def publish() -> None:
        await _publish(work, answers, examination)

    await paced(examination.run(), publish)


async def _publish(work: Work, answers: Answers, examination: Examination) -> None:
    view = examination.view()
    async with work.store.transaction() as tx:
        message = render.health_message(view, now=tx.now)
    links: dict[str, str] = {}

    async def answer() -> int:
        _, addressees = await answers.addressees()
        new = [a for a in addressees if a.ref not in links]
        for addressee in new:
            links[addressee.ref] = ""
            if addressee.place is not None:
                await answers.write(addressee, message)
            elif not examination.waiting:
                await answers.respond(addressee, message)
        for addressee in new if not examination.waiting else ():
            links[addressee.ref] = await link(work, addressee.ref) if addressee.place is not None else ""
        return len(addressees)

    async def record(tx: Tx, _look: Look, asked: Sequence[Asked]) -> None:
        """Into the timeline: who looked, how it was, and where that stands."""
        for one, address in zip(asked, links.values(), strict=False):
            data = {"read": [{"system": r.system, "status": r.status.value} for r in view.report.readings]}
            await operation.diagnosed(tx, one, text=message.text, data={**data, "link": address})

    if examination.waiting:
        await answer()
    else:
        await answers.finish(answer, record)
        await examination.keep()  # only now: people wait for the report


async def watch(work: Work, watch_id: int, turn: int) -> None:
    """One turn of a report that is kept current."""
    async with work.store.transaction() as tx:
        row = await watches.get(tx, watch_id)
        if row is None or row.ended or row.turn != turn:
            return
        channel, system, by, until = row.channel, row.system, Who.from_json(row.asked_by), row.until
    only, about = _asked(system)
    examination = Examination(work, only, about)
    view = WatchView(watch_id, until, by.name)

    async def publish() -> None:
        async with work.store.transaction() as tx:
            message = render.health_message(examination.view(view), now=tx.now)
            if (
                turn == 0 and examination.waiting
            ):  # later turns show a whole report, not one that shrinks and grows
                await watches.show(tx, watch_id, channel, message)
            elif not examination.waiting:
                await watches.looked(tx, watch_id, turn, message, every=work.rules.looks.watch_every)

    await paced(examination.run(), publish)
    await examination.keep()


def _asked(system: str) -> tuple[tuple[str, ...] | None, str]:
    chosen = systems(system, known())
    return (chosen.names, chosen.said) if system and chosen.names else (None, "")


async def sample(work: Work) -> None:
    """Keep figures for the trends, if it is time and no other replica does."""
    every = work.rules.looks.sample_every
    if not every:
        return
    async with work.store.transaction() as tx:
        if not await history.claim(tx, "sample", timedelta(seconds=every)):
            return
        recent, now = await history.recent(tx), tx.now
    context = probes.Context(work.rules.plan.baseline, now, recent, settings=work.probe_settings)
    report = await probes.examine(work.target, context)
    async with work.store.transaction() as tx:
        await history.keep(tx, figures(report.readings))


async def purge(work: Work) -> None:
    """Forget old figures and looks."""
    async with work.store.transaction() as tx:
        await history.purge(tx, days=work.rules.looks.keep_days)
        await looks.purge(tx, days=work.rules.looks.keep_days)
