"""What hangs on an incident: alerts, notes, log entries, snooze, merge, status updates, responder requests."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pagerduty.actions import Actions
from sandbox.pagerduty.errors import ability_missing, invalid_input
from sandbox.pagerduty.http import answer, body_of, choices, found, moment, page, part, sender, typed
from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.response_actions import ResponseActions
from sandbox.pagerduty.shapes import iso
from sandbox.pagerduty.world import Agent, Incident, Json, LogEntry, Responder

LOG_INCLUDES = ("incidents", "services", "channels", "teams")
MOST_SNOOZE = 604_800  # seconds: a week
OVERVIEW = ("trigger", "acknowledge", "unacknowledge", "escalate", "resolve", "annotate", "assign")
RESPONDERS_ABILITY = "coordinated_responding"


class PartRoutes:
    def __init__(self, actions: Actions, responses: ResponseActions, shapes: IncidentShapes) -> None:
        self._actions = actions
        self._responses = responses
        self._shapes = shapes
        self._world = actions.world

    def routes(self) -> list[Route]:
        one = "/incidents/{id}"
        return [
            Route(f"{one}/alerts", self.alerts, methods=["GET"]),
            Route(f"{one}/alerts/{{alert_id}}", self.alert, methods=["GET"]),
            Route(f"{one}/notes", self.notes, methods=["GET"]),
            Route(f"{one}/notes", self.add_note, methods=["POST"]),
            Route(f"{one}/log_entries", self.log_entries, methods=["GET"]),
            Route(f"{one}/snooze", self.snooze, methods=["POST"]),
            Route(f"{one}/merge", self.merge, methods=["PUT"]),
            Route(f"{one}/status_updates", self.add_status_update, methods=["POST"]),
            Route(f"{one}/responder_requests", self.request_responders, methods=["POST"]),
            Route("/log_entries", self.all_log_entries, methods=["GET"]),
            Route("/log_entries/{id}", self.log_entry, methods=["GET"]),
        ]

    def _incident(self, request: Request) -> Incident:
        return found(self._world.incidents, request.path_params["id"])

    async def alerts(self, request: Request) -> Response:
        incident = self._incident(request)
        statuses = choices(request, "statuses", ("triggered", "resolved"))
        key = request.query_params.get("alert_key")
        alerts = [
            each
            for each in incident.alerts
            if (not statuses or each.status in statuses) and (not key or each.key == key)
        ]
        return page(request, "alerts", alerts, lambda each: self._shapes.alert(incident, each))

    async def alert(self, request: Request) -> Response:
        incident = self._incident(request)
        alert = found({each.id: each for each in incident.alerts}, request.path_params["alert_id"])
        return answer({"alert": self._shapes.alert(incident, alert)})

    async def notes(self, request: Request) -> Response:
        return answer({"notes": [self._shapes.note(each) for each in reversed(self._incident(request).notes)]})

    async def add_note(self, request: Request) -> Response:
        user = sender(request, self._world)
        content = part(part(await body_of(request), "note", dict), "content", str)
        note = self._actions.annotate(self._incident(request), content, user.id)
        return answer({"note": self._shapes.note(note)})

    async def log_entries(self, request: Request) -> Response:
        incident = self._incident(request)
        return self._log_page(request, [(incident, entry) for entry in incident.log])

    async def all_log_entries(self, request: Request) -> Response:
        pairs = [(each, entry) for each in self._world.incidents.values() for entry in each.log]
        return self._log_page(request, sorted(pairs, key=lambda pair: pair[1].created_at))

    def _log_page(self, request: Request, pairs: list[tuple[Incident, LogEntry]]) -> Response:
        """Newest first."""
        include = choices(request, "include", LOG_INCLUDES)
        since, until = moment(request, "since"), moment(request, "until")
        overview = request.query_params.get("is_overview") == "true"
        wanted = [
            (incident, entry)
            for incident, entry in reversed(pairs)
            if (since is None or entry.created_at >= since)
            and (until is None or entry.created_at <= until)
            and (not overview or entry.type.removesuffix("_log_entry") in OVERVIEW)
        ]
        return page(request, "log_entries", wanted, lambda pair: self._shapes.log_entry(*pair, include))

    async def log_entry(self, request: Request) -> Response:
        include = choices(request, "include", LOG_INCLUDES)
        pairs = {entry.id: (each, entry) for each in self._world.incidents.values() for entry in each.log}
        incident, entry = found(pairs, request.path_params["id"])
        return answer({"log_entry": self._shapes.log_entry(incident, entry, include)})

    async def snooze(self, request: Request) -> Response:
        user = sender(request, self._world)
        seconds = part(await body_of(request), "duration", int)
        if isinstance(seconds, bool) or not 1 <= seconds <= MOST_SNOOZE:
            raise invalid_input(f"Duration must be between 1 and {MOST_SNOOZE} seconds")
        incident = self._incident(request)
        self._actions.snooze(incident, seconds, Agent("user", user.id))
        return answer({"incident": self._shapes.incident(incident)}, 201)

    async def merge(self, request: Request) -> Response:
        user = sender(request, self._world)
        sources = part(await body_of(request), "source_incidents", list)
        incidents = [
            found(self._world.incidents, str(typed(each, "incident_reference", "incident").get("id")))
            for each in sources
        ]
        target = self._incident(request)
        self._actions.merge(target, incidents, Agent("user", user.id))
        return answer({"incident": self._shapes.shapes.incident_ref(target)})

    async def add_status_update(self, request: Request) -> Response:
        user = sender(request, self._world)
        body = await body_of(request)
        update = self._responses.publish_status(
            self._incident(request),
            part(body, "message", str),
            user.id,
            subject=str(body.get("subject") or ""),
            html_message=str(body.get("html_message") or ""),
        )
        return answer({"status_update": self._shapes.status_update(update)})

    async def request_responders(self, request: Request) -> Response:
        """Not by From: the requester is in the body."""
        if RESPONDERS_ABILITY not in self._world.abilities:
            raise ability_missing(RESPONDERS_ABILITY)
        incident, body = self._incident(request), await body_of(request)
        requester = part(body, "requester_id", str)
        if requester not in self._world.users:
            raise invalid_input("Requester is invalid")
        people = self._people(part(body, "responder_request_targets", list))
        message = part(body, "message", str)
        added = self._responses.request_responders(incident, people, message, requester)
        return answer({"responder_request": self._responder_request(incident, added)})

    def _people(self, targets: list[Any]) -> list[str]:
        """Users as they are; an escalation policy is whoever its first level reaches."""
        people: list[str] = []
        for each in targets:
            target = each.get("responder_request_target") or each
            kind = str(target.get("type")).removesuffix("_reference")
            if kind == "user" and target.get("id") in self._world.users:
                people.append(target["id"])
            elif kind == "escalation_policy" and target.get("id") in self._world.policies:
                people += self._world.on_call_at(target["id"], 1)
            else:
                raise invalid_input("Responder request target is invalid")
        return list(dict.fromkeys(people))

    def _responder_request(self, incident: Incident, added: list[Responder]) -> Json:
        first = added[0]
        return {
            "incident": self._shapes.shapes.incident_ref(incident),
            "requester": self._shapes.shapes.user_ref(first.requester_id),
            "requested_at": iso(first.requested_at),
            "message": first.message,
            "responder_request_targets": [
                {
                    "responder_request_target": {
                        "type": "user",
                        "id": each.user_id,
                        "summary": self._world.users[each.user_id].name,
                        "incidents_responders": [self._shapes.responder(incident, each)],
                    }
                }
                for each in added
            ],
        }
