"""/incidents and /incidents/{id}: list, create, read, change one or many."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pagerduty.actions import Actions
from sandbox.pagerduty.errors import ApiError, invalid_input
from sandbox.pagerduty.http import answer, body_of, choices, found, many, moment, page, part, sender, typed
from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.response_actions import ResponseActions
from sandbox.pagerduty.world import Agent, Incident, Json

INCLUDES = (
    "acknowledgers",
    "agents",
    "assignees",
    "conference_bridge",
    "custom_fields",
    "escalation_policies",
    "first_trigger_log_entries",
    "priorities",
    "services",
    "teams",
    "users",
)
DEFAULT_RANGE = timedelta(days=30)
MOST_AT_ONCE = 250

SORTS: dict[str, Callable[[Incident], Any]] = {
    "incident_number": lambda incident: incident.number,
    "created_at": lambda incident: incident.created_at,
    "resolved_at": lambda incident: incident.resolved_at or incident.created_at,
    "urgency": lambda incident: incident.urgency,
}


class IncidentRoutes:
    def __init__(self, actions: Actions, responses: ResponseActions, shapes: IncidentShapes) -> None:
        self._actions = actions
        self._responses = responses
        self._shapes = shapes
        self._world = actions.world

    def routes(self) -> list[Route]:
        return [
            Route("/incidents", self.index, methods=["GET"]),
            Route("/incidents", self.create, methods=["POST"]),
            Route("/incidents", self.change_many, methods=["PUT"]),
            Route("/incidents/{id}", self.read, methods=["GET"]),
            Route("/incidents/{id}", self.change, methods=["PUT"]),
        ]

    async def index(self, request: Request) -> Response:
        include = choices(request, "include", INCLUDES)
        incidents = [each for each in self._world.incidents.values() if self._wanted(request, each)]
        for name, descending in reversed(_sorting(request)):
            incidents.sort(key=SORTS[name], reverse=descending)
        return page(request, "incidents", incidents, lambda each: self._shapes.incident(each, include))

    def _wanted(self, request: Request, incident: Incident) -> bool:
        statuses = choices(request, "statuses", ("triggered", "acknowledged", "resolved"))
        urgencies = choices(request, "urgencies", ("high", "low"))
        services, users = many(request, "service_ids"), many(request, "user_ids")
        key = request.query_params.get("incident_key")
        return (
            (not statuses or incident.status in statuses)
            and (not urgencies or incident.urgency in urgencies)
            and (not services or incident.service_id in services)
            and (not users or any(stamp.user_id in users for stamp in incident.assignments))
            and (not key or incident.key == key)
            and not many(request, "team_ids")
            and self._in_range(request, incident)
        )

    def _in_range(self, request: Request, incident: Incident) -> bool:
        if request.query_params.get("date_range") == "all":
            return True
        now = self._actions.clock.now()
        until = moment(request, "until") or now
        since = moment(request, "since") or until - DEFAULT_RANGE
        return since <= incident.created_at <= until

    async def create(self, request: Request) -> Response:
        user = sender(request, self._world)
        wanted = typed(part(await body_of(request), "incident", dict), "incident")
        service = found(
            self._world.services, typed(part(wanted, "service", dict), "service_reference").get("id", "")
        )
        key = wanted.get("incident_key")
        same = [each for each in self._world.incidents.values() if each.key == key]
        if key and any(each.is_open and each.service_id == service.id for each in same):
            raise invalid_input("Open incident with matching dedup key already exists on this service")
        if wanted.get("assignments") and wanted.get("escalation_policy"):
            raise invalid_input("Assignments and an escalation policy cannot be given together")
        if wanted.get("body"):
            typed(part(wanted, "body", dict), "incident_body")
        incident = self._actions.trigger(
            part(wanted, "title", str),
            service,
            agent=Agent("user", user.id),
            urgency=_urgency(wanted.get("urgency", "high")),
            priority_id=self._priority_id(wanted.get("priority")),
            key=key,
            description=str((wanted.get("body") or {}).get("details", "")),
            policy_id=self._policy_id(wanted),
            assignees=self._assignees(wanted),
        )
        if wanted.get("conference_bridge"):
            incident.conference_bridge = wanted["conference_bridge"]
        return answer({"incident": self._shapes.incident(incident)}, 201)

    async def read(self, request: Request) -> Response:
        include = choices(request, "include", INCLUDES)
        incident = found(self._world.incidents, request.path_params["id"])
        return answer({"incident": self._shapes.incident(incident, include)})

    async def change(self, request: Request) -> Response:
        agent = Agent("user", sender(request, self._world).id)
        change = typed(part(await body_of(request), "incident", dict), "incident", "incident_reference")
        incident = found(self._world.incidents, request.path_params["id"])
        self._apply(incident, change, agent)
        return answer({"incident": self._shapes.incident(incident)})

    async def change_many(self, request: Request) -> Response:
        agent = Agent("user", sender(request, self._world).id)
        changes = part(await body_of(request), "incidents", list)
        if len(changes) > MOST_AT_ONCE:
            raise ApiError(413, 2001, "Request Entity Too Large", [f"At most {MOST_AT_ONCE} incidents"])
        pairs = [
            (found(self._world.incidents, typed(each, "incident", "incident_reference").get("id", "")), each)
            for each in changes
        ]
        for incident, change in pairs:
            self._apply(incident, change, agent)
        return page(request, "incidents", [incident for incident, _ in pairs], self._shapes.incident)

    def _apply(self, incident: Incident, change: Json, agent: Agent) -> None:
        priority_id = self._priority_id(change.get("priority"))
        policy_id, assignees = self._policy_id(change), self._assignees(change)
        self._apply_status(incident, change, agent)
        if "title" in change:
            self._retitle(incident, part(change, "title", str), agent)
        if "priority" in change:
            self._actions.set_priority(incident, priority_id, agent)
        if "urgency" in change:
            self._change_urgency(incident, _urgency(change["urgency"]), agent)
        if policy_id and policy_id != incident.policy_id:
            self._actions.delegate(incident, policy_id, agent)
        if "escalation_level" in change:
            self._actions.escalate(incident, int(change["escalation_level"]), agent)
        if assignees:
            self._actions.reassign(incident, assignees, agent)
        if change.get("conference_bridge"):
            self._responses.set_conference_bridge(incident, change["conference_bridge"], agent)

    def _apply_status(self, incident: Incident, change: Json, agent: Agent) -> None:
        status = change.get("status")
        if status == "acknowledged":
            self._actions.acknowledge(incident, agent)
        elif status == "resolved":
            self._actions.resolve(incident, agent, resolution=str(change.get("resolution") or ""))
        elif status == "triggered":
            if incident.is_open:
                raise ApiError(400, 1005, "Cannot Unacknowledge Incident")
            self._actions.reopen(incident, agent)
        elif status is not None:
            raise ApiError(400, 1003, "Invalid Status Provided", [f"Status cannot be {status}"])

    def _retitle(self, incident: Incident, title: str, agent: Agent) -> None:
        old, incident.title = incident.title, title
        self._actions.field_changed(incident, "title", old, title, agent)

    def _change_urgency(self, incident: Incident, urgency: Any, agent: Agent) -> None:
        if incident.urgency != urgency:
            incident.urgency = urgency
            self._actions.log(
                incident, "urgency_change", agent, f"Urgency changed to {urgency}", {"type": "api"}
            )

    def _priority_id(self, wanted: Any) -> str | None:
        """By reference, or by name."""
        if not wanted:
            return None
        names = {priority.name: priority.id for priority in self._world.priorities.values()}
        if isinstance(wanted, str):
            wanted = {"id": names.get(wanted, ""), "type": "priority_reference"}
        typed(wanted, "priority", "priority_reference")
        if wanted.get("id") not in self._world.priorities:
            raise invalid_input("Priority is invalid")
        return str(wanted["id"])

    def _policy_id(self, change: Json) -> str | None:
        policy = change.get("escalation_policy")
        if not policy:
            return None
        typed(policy, "escalation_policy", "escalation_policy_reference")
        if policy.get("id") not in self._world.policies:
            raise invalid_input("Escalation policy is invalid")
        return str(policy["id"])

    def _assignees(self, change: Json) -> list[str]:
        wanted = [each.get("assignee") or {} for each in change.get("assignments") or []]
        ids = [str(each.get("id")) for each in wanted]
        if any(user_id not in self._world.users for user_id in ids):
            raise ApiError(400, 1007, "Assigned To User Not Found")
        for each in wanted:
            typed(each, "user", "user_reference")
        return ids


def _urgency(value: Any) -> Any:
    if value not in ("high", "low"):
        raise invalid_input("Urgency must be high or low")
    return value


def _sorting(request: Request) -> list[tuple[str, bool]]:
    """`sort_by=field:direction`, up to two, separated by commas; by number without."""
    keys = []
    for each in (request.query_params.get("sort_by") or "incident_number:asc").split(","):
        name, _, direction = each.strip().partition(":")
        if name not in SORTS or direction not in ("", "asc", "desc"):
            raise invalid_input(f"Cannot sort by {each}")
        keys.append((name, direction == "desc"))
    return keys
