"""What a person sees who follows a link to PagerDuty: an incident, or the account's open incidents and on-calls.

Read-only, without a token, and untouched by faults: it stands for PagerDuty's web pages, not for its API.
"""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from sandbox.clock import SandboxClock
from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.shapes import WEB_PATH
from sandbox.pagerduty.world import Incident

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} – local PagerDuty</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top;
border-bottom:1px solid #ddd}}small{{color:#666}}pre{{white-space:pre-wrap}}</style></head>
<body><small>Local PagerDuty · sandbox, read only</small><h1>{title}</h1>{body}</body></html>"""


class WebRoutes:
    def __init__(self, shapes: IncidentShapes, clock: SandboxClock) -> None:
        self._shapes = shapes
        self._world = shapes.world
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route(f"{WEB_PATH}/incidents/{{id}}", self.incident),
            Route(f"{WEB_PATH}/{{rest:path}}", self.account),
        ]

    async def incident(self, request: Request) -> HTMLResponse:
        incident = self._world.incidents.get(request.path_params["id"])
        if incident is None:
            return _page("No such incident", "<p>It may be of an earlier start of the sandbox.</p>", 404)
        shape = self._shapes.incident(incident)
        people = ", ".join(each["assignee"]["summary"] for each in shape["assignments"]) or "nobody"
        facts = {
            "Status": shape["status"],
            "Urgency": shape["urgency"],
            "Priority": (shape["priority"] or {}).get("summary", "none"),
            "Service": shape["service"]["summary"],
            "Assigned to": people,
            "Escalation policy": shape["escalation_policy"]["summary"],
        }
        body = _table(facts.items()) + self._alerts(incident) + "<h2>Timeline</h2>"
        entries = [
            (entry.created_at.strftime("%H:%M:%S UTC"), _told(entry)) for entry in reversed(incident.log)
        ]
        return _page(f"#{incident.number} {incident.title}", body + _table(entries))

    def _alerts(self, incident: Incident) -> str:
        return "".join(
            f"<h2>Alert: {escape(alert.summary)}</h2><pre>{escape(str(alert.details or ''))}</pre>"
            for alert in incident.alerts
        )

    async def account(self, _request: Request) -> HTMLResponse:
        links = [
            f'<li><a href="{escape(self._shapes.shapes.web_url("incidents", each.id))}">#{each.number} '
            f"{escape(each.title)}</a> – {each.status}</li>"
            for each in reversed(self._world.incidents.values())
        ]
        rows = [
            (
                f"{each['escalation_policy']['summary']}, level {each['escalation_level']}",
                each["user"]["summary"],
            )
            for each in self._shapes.shapes.oncalls(self._clock.now())
        ]
        body = f"<h2>Incidents</h2><ul>{''.join(links) or '<li>none yet</li>'}</ul><h2>On call now</h2>"
        return _page("AI Trading System", body + _table(rows))


def _told(entry: Any) -> str:
    note = entry.more.get("note")
    return f"{entry.summary}: {note}" if note else str(entry.summary)


def _table(rows: Any) -> str:
    cells = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>" for name, value in rows
    )
    return f"<table>{cells}</table>"


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    headers = {"Content-Security-Policy": POLICY}
    return HTMLResponse(PAGE.format(title=escape(title), body=body), status, headers)
