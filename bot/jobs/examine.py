"""Look at the systems: `/ats health`, and Diagnose on a card."""

import structlog

from bot import probes, render
from bot.domain.health import HealthReport, Status
from bot.domain.people import Who
from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import diagnosis

log = structlog.get_logger(__name__)


async def examine(work: Work, slack_id: str, channel: str, response_url: str, number: int) -> None:
    """Probe everything side by side and post what was found: in the incident's thread, or where it was asked."""
    async with work.store.transaction() as tx:
        asked = probes.Context(work.rules.plan.baseline, tx.now, settings=work.probe_settings)
    report = await probes.examine(work.target, asked)
    async with work.store.transaction() as tx:
        message = render.health_message(report, now=tx.now)
        if number:
            by = Who(slack_id, (await _name(work, slack_id)))
            await diagnosis.diagnosed(tx, work.rules, number, message, by=by, summary=summary(report))
            return
    await _post(work, channel, response_url, message)


async def _name(work: Work, slack_id: str) -> str:
    try:
        return (await work.directory.user(slack_id)).name
    except AtsError:
        return ""


def summary(report: HealthReport) -> str:
    """One line for the timeline: what stands out."""
    odd = [f"{r.system} {r.status}: {r.value}" for r in report.readings if r.status is not Status.OK]
    return "Diagnosis: " + ("; ".join(odd[:8]) or f"all {len(report.readings)} readings are normal")


async def _post(work: Work, channel: str, response_url: str, message: render.Message) -> None:
    """In the operations channel through the outbox; elsewhere, where the bot may be no member, as an answer."""
    ours = await work.slack.channel_id(work.rules.channel)
    if channel != ours and response_url:
        try:
            await work.slack.respond(response_url, message.payload(), in_channel=True)
        except AtsError as error:
            log.warning("health answered in the operations channel instead", error=str(error))
        else:
            return
    async with work.store.transaction() as tx:
        await diagnosis.posted(tx, work.rules, message)
