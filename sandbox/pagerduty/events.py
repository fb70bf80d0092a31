"""Webhook v3 bodies: one event each, in the shapes that PagerDuty documents.

The incident of a webhook is not the incident of the REST API: it has `number` and `assignees`, no alerts, and
its times have no milliseconds while `occurred_at` has. `role.assigned`, `conference_bridge.updated` and
`custom_field_values.updated` have no documented example; theirs follow the pattern of the others.
"""

import hashlib
import hmac
import uuid
from datetime import UTC, datetime

from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.shapes import iso
from sandbox.pagerduty.world import Agent, Incident, Json, Note, Responder, Service, StatusUpdate

NOTE_LIMIT = 2000  # characters of a note or status update in a webhook; the rest is trimmed

INCIDENT_EVENTS = (
    "incident.triggered",
    "incident.acknowledged",
    "incident.unacknowledged",
    "incident.escalated",
    "incident.delegated",
    "incident.reassigned",
    "incident.reopened",
    "incident.resolved",
    "incident.priority_updated",
    "incident.service_updated",
)
ALL_EVENTS = (
    *INCIDENT_EVENTS,
    "incident.annotated",
    "incident.status_update_published",
    "incident.responder.added",
    "incident.responder.replied",
    "incident.conference_bridge.updated",
    "incident.custom_field_values.updated",
    "incident.role.assigned",
    "service.created",
    "service.updated",
    "service.deleted",
)


def sign(body: bytes, *secrets: str) -> str:
    """The X-PagerDuty-Signature of a body: one `v1=` part for each secret."""
    return ",".join("v1=" + hmac.new(each.encode(), body, hashlib.sha256).hexdigest() for each in secrets)


class Envelopes:
    """Builds event bodies from what is in the account at this moment."""

    def __init__(self, shapes: IncidentShapes) -> None:
        self._shapes = shapes

    def wrap(
        self, event_type: str, data: Json, now: datetime, agent: Agent | None = None, client: str | None = None
    ) -> Json:
        """{"event": …}; the client is where a person acted, e.g. "PagerDuty" for its own web page."""
        return {
            "event": {
                "id": str(uuid.uuid4()),
                "event_type": event_type,
                "resource_type": event_type.partition(".")[0],
                "occurred_at": _milliseconds(now),
                "agent": self._shapes.shapes.agent_ref(agent) if agent else None,
                "client": {"name": client} if client else None,
                "data": data,
            }
        }

    def incident(self, incident: Incident) -> Json:
        """`data` of type `incident`."""
        shapes = self._shapes.shapes
        priority = shapes.world.priorities.get(incident.priority_id or "")
        base = shapes.base("incident", "incidents", incident.id, "")
        return {
            "id": incident.id,
            "type": "incident",
            "self": base["self"],
            "html_url": base["html_url"],
            "number": incident.number,
            "status": incident.status,
            "incident_key": incident.key,
            "created_at": iso(incident.created_at),
            "title": incident.title,
            "service": shapes.service_ref(incident.service_id),
            "assignees": [shapes.user_ref(each.user_id) for each in incident.assignments],
            "escalation_policy": shapes.policy_ref(incident.policy_id),
            "teams": [],
            "priority": shapes.base("priority_reference", "priorities", priority.id, priority.name)
            if priority
            else None,
            "urgency": incident.urgency,
            "conference_bridge": incident.conference_bridge,
            "resolve_reason": self._shapes.resolve_reason(incident),
            "incident_type": {"name": "incident_default"},
        }

    def note(self, incident: Incident, note: Note) -> Json:
        """`data` of `incident.annotated`: the note, not the incident."""
        return {
            "incident": self._reference(incident),
            "id": note.id,
            "content": note.content[:NOTE_LIMIT],
            "trimmed": len(note.content) > NOTE_LIMIT,
            "type": "incident_note",
        }

    def status_update(self, incident: Incident, update: StatusUpdate) -> Json:
        return {
            "incident": self._reference(incident),
            "id": update.id,
            "message": update.message[:NOTE_LIMIT],
            "trimmed": len(update.message) > NOTE_LIMIT,
            "type": "incident_status_update",
        }

    def responder(self, incident: Incident, responder: Responder) -> Json:
        return {
            "incident": self._reference(incident),
            "user": self._shapes.shapes.user_ref(responder.user_id),
            "escalation_policy": None,
            "message": responder.message,
            # Webhooks say "accepted" where REST says "joined".
            "state": "accepted" if responder.state == "joined" else responder.state,
            "type": "incident_responder",
        }

    def conference_bridge(self, incident: Incident) -> Json:
        bridge = incident.conference_bridge or {}
        return {
            "incident": self._reference(incident),
            "conference_numbers": [{"label": "", "number": bridge.get("conference_number", "")}],
            "conference_url": bridge.get("conference_url", ""),
            "type": "incident_conference_bridge",
        }

    def custom_fields(self, incident: Incident, changed: str) -> Json:
        fields = [{"name": name, "value": value} for name, value in incident.custom_fields.items()]
        return {
            "incident": self._reference(incident),
            "custom_fields": [each | {"type": "field_value", "data_type": "string"} for each in fields],
            "changed_custom_fields": [changed],
            "type": "incident_field_values",
        }

    def role(self, incident: Incident, role: str) -> Json:
        return {
            "incident": self._reference(incident),
            "role": {"name": role},
            "user": self._shapes.shapes.user_ref(incident.roles[role]),
            "type": "incident_role_assignment",
        }

    def service(self, service: Service) -> Json:
        base = self._shapes.shapes.base("service", "services", service.id, service.name)
        return base | {"alert_creation": "create_alerts_and_incidents", "teams": []}

    def ping(self) -> Json:
        return {"message": "Hello from your friend Pagey!", "type": "ping"}

    def _reference(self, incident: Incident) -> Json:
        # The summary of a reference in a webhook is the bare title.
        return self._shapes.shapes.incident_ref(incident) | {"summary": incident.title}


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
