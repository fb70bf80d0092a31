"""Incidents at every height of the ladder, each with one rung that falls due at a known moment."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bot.app import runbook_path
from bot.compile_child import compile_here
from bot.config import Settings
from bot.domain.escalation import Rung, ladder
from bot.store.tables import Incident as Row
from sandbox.pagerduty.world import Incident
from tests.chaos.stage import Stage, words
from tests.rig import CHRIS, DANA, SAM

ASKED: Final = (DANA, SAM, CHRIS)  # who is on call for each rung of the shipped runbook


@dataclass(frozen=True)
class Climber:
    """An incident that nobody takes; the rungs below `level` were asked before."""

    incident: Incident
    level: int
    rung: Rung
    due: datetime

    @property
    def whom(self) -> str:
        return ASKED[self.level]


def rungs() -> tuple[Rung, ...]:
    """The shipped runbook's ladder."""
    return ladder(compile_here(runbook_path(Settings())).contacts)


async def climb(stage: Stage, count: int, *, lead: timedelta, within: timedelta) -> list[Climber]:
    """Begin so many, one after the other due within a time from now; PagerDuty knows each, and sends nothing."""
    stage.pagerduty.webhooks.pause()
    steps, start = rungs(), stage.sandbox.clock.now() + lead
    found = []
    for number in range(count):
        shape = await stage.pagerduty.trigger(f"PM2 High Restart Rate (climber-{number:05})")
        level = number % len(steps)
        due = start + within * number / count
        found.append(Climber(stage.pagerduty.incident(shape["id"]), level, steps[level], due))
    async with stage.store.transaction() as tx:
        tx.session.add_all([_row(each, steps) for each in found])
    return found


def _row(climber: Climber, steps: Sequence[Rung]) -> Row:
    begun, incident = climber.due - climber.rung.wait, climber.incident
    return Row(
        pd_id=incident.id, number=incident.number, title=incident.title, severity="P0", urgency="high",
        service="AI Trading System", service_id=incident.service_id, status_at=begun, triggered_at=begun,
        anchor_at=begun, seen_at=incident.updated_at, created_at=begun - timedelta(hours=1), due_at=climber.due,
        level=climber.level, fired=[rung.key for rung in steps[: climber.level]], enriched_at=begun,
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What came of it: broken promises in words, and how late each reminder was written down, and in Slack."""

    wrong: list[str]
    written: list[float]  # seconds
    in_slack: list[float]


def judge(stage: Stage, climbers: Sequence[Climber]) -> Verdict:
    """Each rung that was due once in the timeline, once in Slack in person and in the channel, once at PagerDuty."""
    entries = _entries(stage)
    direct, channel = _direct(stage), _channel(stage)
    wrong, written, in_slack = [], [], []
    for each in climbers:
        wrong += [
            f"#{each.incident.number} {each.rung.role}: {what}" for what in _of(each, entries, direct, channel)
        ]
        written += [
            (at - each.due).total_seconds() for at in entries.get((each.incident.id, each.rung.key), [])
        ]
        in_slack += [at - each.due.timestamp() for at in direct.get((each.incident.title, each.whom), [])]
    strays = Counter(key for _, key in entries)
    if sum(len(at) for at in entries.values()) != len(climbers):
        wrong.append(f"{strays} reminders in the timeline for {len(climbers)} that were due")
    return Verdict(wrong, written, in_slack)


def _of(
    each: Climber,
    entries: Mapping[tuple[str, str], list[datetime]],
    direct: Mapping[tuple[str, str], list[float]],
    channel: Counter[str],
) -> Iterator[str]:
    fired = entries.get((each.incident.id, each.rung.key), [])
    if len(fired) != 1:
        yield f"written down {len(fired)} times"
    if any(at < each.due for at in fired):
        yield f"early: due {each.due}, fired {fired}"
    if (said := len(direct.get((each.incident.title, each.whom), []))) != 1:
        yield f"told {said} times in person"
    if channel[each.incident.title] != 1:
        yield f"said {channel[each.incident.title]} times in the channel"
    asked = len(each.incident.responders)
    if asked != (each.level > 0):  # the first one is assigned to the incident: PagerDuty calls them anyway
        yield f"asked for {asked} times at PagerDuty"


def _entries(stage: Stage) -> dict[tuple[str, str], list[datetime]]:
    found: dict[tuple[str, str], list[datetime]] = {}
    query = (
        "select i.pd_id, t.data ->> 'schedule', t.recorded_at from timeline t join incident i on i.id = t.incident_id"
        " where t.kind = 'reminder'"
    )
    for pd_id, key, at in stage.rows(query):
        found.setdefault((pd_id, key), []).append(at)
    return found


def _direct(stage: Stage) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for user in ASKED:
        for message in stage.direct(user):
            found.setdefault((_title(message), user), []).append(float(message["ts"]))
    return found


def _channel(stage: Stage) -> Counter[str]:
    """The reminders in the threads, by the incident's title."""
    said = (m for m in stage.everywhere() if "🔔 *" in words(m.get("blocks")))
    return Counter(_title(message) for message in said)


def _title(message: Mapping[str, Any]) -> str:
    text = words([message.get("text"), message.get("blocks")])
    start = text.find("PM2 High Restart Rate (climber-")
    return text[start : text.find(")", start) + 1] if start >= 0 else ""
