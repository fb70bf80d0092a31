"""Events API v2: /v2/enqueue, where monitoring systems trigger, acknowledge and resolve by dedup key."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pagerduty.actions import Actions
from sandbox.pagerduty.errors import ApiError
from sandbox.pagerduty.gate import EVENTS_PATH
from sandbox.pagerduty.world import Agent, Incident, Json, Service

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
MAX_SUMMARY = 1024
MAX_KEY = 255


class EventRoutes:
    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._world = actions.world

    def routes(self) -> list[Route]:
        return [Route(EVENTS_PATH, self.enqueue, methods=["POST"])]

    async def enqueue(self, request: Request) -> Response:
        try:
            event = json.loads(await request.body())
        except ValueError:
            return _invalid(["JSON parse error"])
        problems = event_problems(event)
        services = {service.routing_key: service for service in self._world.services.values()}
        if not problems and event["routing_key"] not in services:
            problems = ["'routing_key' is invalid"]
        if problems:
            return _invalid(problems)
        key = str(event.get("dedup_key") or self._world.ids.key())
        self._take(event, services[event["routing_key"]], key)
        return _json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _take(self, event: Json, service: Service, key: str) -> None:
        incident = self._open_with(service, key)
        if event["event_action"] == "trigger":
            self._trigger(event, service, key, incident)
        elif incident is not None:
            self._follow(event["event_action"], incident, service)
        # Acknowledging or resolving an unknown key is dropped without a word.

    def _open_with(self, service: Service, key: str) -> Incident | None:
        for incident in self._world.incidents.values():
            keys = [alert.key for alert in incident.alerts if alert.status == "triggered"]
            if incident.is_open and incident.service_id == service.id and key in keys:
                return incident
        return None

    def _trigger(self, event: Json, service: Service, key: str, incident: Incident | None) -> None:
        payload = event["payload"]
        if incident is not None:
            agent = Agent("service", service.id)
            self._actions.log(incident, "trigger", agent, "Triggered again", {"type": "api"})
            return
        low = payload["severity"] in ("warning", "info")
        new = self._actions.trigger(payload["summary"], service, key=key, urgency="low" if low else "high")
        links = [{"type": "link", **each} for each in event.get("links") or []]
        images = [{"type": "image", **each} for each in event.get("images") or []]
        self._actions.add_alert(
            new,
            summary=payload["summary"],
            severity=payload["severity"],
            details=payload.get("custom_details") or {},
            contexts=links + images,
            key=key,
        )

    def _follow(self, action: str, incident: Incident, service: Service) -> None:
        agent = Agent("service", service.id)
        try:
            if action == "acknowledge":
                self._actions.acknowledge(incident, agent)
            else:
                self._actions.resolve(incident, agent)
        except ApiError:
            return  # Events are asynchronous: a second acknowledgement has no effect and no error.


def event_problems(event: Any) -> list[str]:
    """What is wrong with an event, in the API's words; empty if nothing is."""
    if not isinstance(event, dict):
        return ["Event object format is unrecognized"]
    problems = [
        f"'{name}' is missing or blank" for name in ("routing_key", "event_action") if not event.get(name)
    ]
    if event.get("event_action") and event["event_action"] not in ACTIONS:
        problems.append("'event_action' is invalid: must be one of trigger, acknowledge, resolve")
    key = event.get("dedup_key")
    if key is not None and (not isinstance(key, str) or len(key) > MAX_KEY):
        problems.append("'dedup_key' must be a string of at most 255 characters")
    if event.get("event_action") == "trigger":
        return problems + _payload_problems(event.get("payload"))
    return problems if key else [*problems, "'dedup_key' is missing or blank"]


def _payload_problems(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    problems = [
        f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)
    ]
    if payload.get("severity") not in SEVERITIES:
        problems.append("'payload.severity' is invalid: must be one of critical, error, warning, info")
    if len(str(payload.get("summary", ""))) > MAX_SUMMARY:
        problems.append("'payload.summary' must be at most 1024 characters")
    return problems


def _invalid(problems: list[str]) -> Response:
    return _json({"status": "invalid event", "message": "Event object is invalid", "errors": problems}, 400)


def _json(body: Json, status: int) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")
