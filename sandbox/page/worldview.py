"""What the demo's page shows of the world, as JSON values. Reads only."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from sandbox.pagerduty.gate import ApiCall as PagerDutyCall
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.pagerduty.world import Incident, World
from sandbox.platform import Platform
from sandbox.platform.model import Call as PlatformCall
from sandbox.scenarios import Scenario
from sandbox.slack.core import ApiCall as SlackCall
from sandbox.slack.server import SlackServer
from sandbox.slack.workspace import Workspace

Json = dict[str, Any]
MOST_INCIDENTS = 30
MOST_CALLS = 40
OK_STATUS, GOOD_BELOW = 200, 400


def alerts(scenarios: Iterable[Scenario]) -> list[Json]:
    """The alerts that can be raised."""
    return [
        {"id": each.id, "title": _short(each.title), "severity": each.severity, "summary": each.summary}
        for each in scenarios
    ]


def pagerduty(world: World, workspace: Workspace) -> Json:
    """Incidents (newest first), who is on call, and the users with the Slack person each of them is."""
    newest = sorted(world.incidents.values(), key=lambda incident: incident.number, reverse=True)
    return {
        "incidents": [_incident(world, incident) for incident in newest[:MOST_INCIDENTS]],
        "on_call": [
            {
                "schedule": schedule.name,
                "user": world.users[schedule.on_call].name if schedule.on_call else "nobody",
            }
            for schedule in world.schedules.values()
        ],
        "users": [
            {"id": user.id, "name": user.name, "persona": _persona(workspace, user.email)}
            for user in world.users.values()
        ],
    }


def calls(slack: SlackServer, pagerduty: PagerDutyServer, platform: Platform) -> list[Json]:
    """The latest calls that the bot made anywhere, newest first."""
    latest = [
        *map(_slack_call, islice(reversed(slack.calls), MOST_CALLS)),
        *map(_pagerduty_call, islice(reversed(pagerduty.calls), MOST_CALLS)),
        *map(_platform_call, islice(reversed(platform.state.journal), MOST_CALLS)),
    ]
    return sorted(latest, key=lambda call: str(call["at"]), reverse=True)[:MOST_CALLS]


def _incident(world: World, incident: Incident) -> Json:
    # A resolved incident has no assignees any more; who was on it last is in its log.
    people = [stamp.user_id for stamp in incident.assignments] or _last_assignees(incident)
    return {
        "id": incident.id,
        "number": incident.number,
        "title": incident.title,
        "status": incident.status,
        "urgency": incident.urgency,
        "priority": _priority(world, incident),
        "service": world.services[incident.service_id].name,
        "assignees": [world.users[user_id].name for user_id in people],
        "created_at": incident.created_at.isoformat(),
    }


def _last_assignees(incident: Incident) -> list[str]:
    found = (entry.more["assignees"] for entry in reversed(incident.log) if "assignees" in entry.more)
    return list(next(found, []))


def _priority(world: World, incident: Incident) -> str | None:
    if incident.priority_id is not None:
        return world.priorities[incident.priority_id].name
    details = incident.alerts[0].details if incident.alerts else None
    severity = details.get("severity") if isinstance(details, dict) else None
    return severity if isinstance(severity, str) else None


def _persona(workspace: Workspace, email: str) -> str | None:
    wanted = email.casefold()
    return next((user.id for user in workspace.users.values() if user.email.casefold() == wanted), None)


def _short(title: str) -> str:
    """Without Alertmanager's "[FIRING:1]", which says nothing on a button."""
    return title.partition("] ")[2] or title


def _slack_call(call: SlackCall) -> Json:
    answer = call.response or {}
    good = call.status is None or (call.status < GOOD_BELOW and answer.get("ok", True) is not False)
    error = None if good else answer.get("error")
    return _call("Slack", call.method, call.at.isoformat(), call.status, error=error, good=good)


def _pagerduty_call(call: PagerDutyCall) -> Json:
    good = call.status is None or call.status < GOOD_BELOW
    return _call("PagerDuty", f"{call.method} {call.path}", call.at.isoformat(), call.status, good=good)


def _platform_call(call: PlatformCall) -> Json:
    good = call.exit_code == 0 or OK_STATUS <= call.exit_code < GOOD_BELOW  # a program's, or an HTTP status
    return _call(call.system, " ".join(call.what), call.at.isoformat(), call.exit_code, good=good)


def _call(server: str, method: str, at: str, status: int | None, *, good: bool, error: Any = None) -> Json:
    return {
        "id": f"{server}/{at}/{method}",
        "server": server,
        "method": method,
        "at": at,
        "status": status,
        "error": error,
        "ok": good,
    }
