"""Whether every part is well: for /readyz and for the heartbeat."""

from bot.errors import AtsError
from bot.operations import readiness
from bot.web.state import Figures, Source


async def parts_of(figures: Figures, source: Source) -> dict[str, str]:
    """Each part by name: "ok", or what is wrong in words."""
    parts = {"slack": figures.slack_problem or ("ok" if source.sockets_open() else "no connection")}
    if figures.channel_problem:
        parts["channel"] = figures.channel_problem
    if figures.worker_alive is not None:
        parts["worker"] = "ok" if figures.worker_alive() else "no sweep or look at reminders for a while"
    try:
        async with source.transaction() as tx:
            late = await readiness.oldest_overdue(tx)
            waiting = await readiness.latest_reminder(tx)
            trouble = await readiness.channel_trouble(tx)
    except AtsError as error:
        parts["database"] = str(error)
        return parts
    parts |= {"channel": trouble} if trouble else {}
    parts["database"] = "ok"
    parts["queue"] = "ok" if late < readiness.LATE else f"a job is {late:.0f} s late"
    parts["reminders"] = "ok" if waiting < readiness.LATE else f"a reminder is {waiting:.0f} s late"
    return parts
