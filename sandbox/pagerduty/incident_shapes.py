"""REST JSON of an incident and what belongs to it: alerts, notes, log entries, responder requests."""

from collections.abc import Collection
from datetime import timedelta

from sandbox.pagerduty.shapes import Shapes, iso, iso_or_none
from sandbox.pagerduty.world import Alert, Incident, Json, LogEntry, Note, Responder, StatusUpdate

RESOLVE_REASON = "merge_resolve_reason"


class IncidentShapes:
    """Incidents in answers; `include` names what is to be whole instead of a reference."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.world = shapes.world

    def incident(self, incident: Incident, include: Collection[str] = ()) -> Json:
        base = self.shapes.base("incident", "incidents", incident.id, f"[#{incident.number}] {incident.title}")
        counts = [alert.status for alert in incident.alerts]
        shape = base | {
            "incident_number": incident.number,
            "title": incident.title,
            "description": incident.description or incident.title,
            "created_at": iso(incident.created_at),
            "updated_at": iso(incident.updated_at),
            "status": incident.status,
            "incident_key": incident.key,
            "assigned_via": incident.assigned_via,
            "last_status_change_at": iso(incident.status_changed_at),
            "resolved_at": iso_or_none(incident.resolved_at),
            "alert_counts": {
                "all": len(counts),
                "triggered": counts.count("triggered"),
                "resolved": counts.count("resolved"),
            },
            "is_mergeable": incident.is_open,
            "incident_type": {"name": "incident_default"},
            "teams": [],
            "pending_actions": self._pending(incident),
            "urgency": incident.urgency,
            "resolve_reason": self.resolve_reason(incident),
            "incidents_responders": [self.responder(incident, each) for each in incident.responders],
            "responder_requests": [],
            "subscriber_requests": [],
            "alert_grouping": None,
        }
        if incident.conference_bridge:
            shape["conference_bridge"] = incident.conference_bridge
        return shape | self._related(incident, include)

    def _related(self, incident: Incident, include: Collection[str]) -> Json:
        world, shapes = self.world, self.shapes
        whole_users = "users" in include
        assignee = self._user_shape(whole=whole_users or "assignees" in include)
        acknowledger = self._user_shape(whole=whole_users or "acknowledgers" in include)
        service = world.services[incident.service_id]
        policy = world.policies[incident.policy_id]
        priority = world.priorities.get(incident.priority_id or "")
        first = self.log_entry(incident, incident.log[0])
        return {
            "service": shapes.service(service) if "services" in include else shapes.service_ref(service.id),
            "escalation_policy": shapes.policy(policy)
            if "escalation_policies" in include
            else shapes.policy_ref(policy.id),
            "assignments": [
                {"at": iso(each.at), "assignee": assignee(each.user_id)} for each in incident.assignments
            ],
            "acknowledgements": [
                {"at": iso(each.at), "acknowledger": acknowledger(each.user_id)}
                for each in incident.acknowledgements
            ],
            # The API sends the whole priority, included or not.
            "priority": shapes.priority(priority) if priority else None,
            "last_status_change_by": shapes.agent_ref(incident.status_changed_by),
            "first_trigger_log_entry": first
            if "first_trigger_log_entries" in include
            else {key: first[key] for key in ("id", "summary", "self", "html_url")}
            | {"type": "trigger_log_entry_reference"},
        }

    def _user_shape(self, *, whole: bool) -> "_UserShape":
        return _UserShape(self.shapes, whole=whole)

    def _pending(self, incident: Incident) -> list[Json]:
        if incident.status != "acknowledged":
            return []
        until = incident.snoozed_until
        timeout = self.world.services[incident.service_id].acknowledgement_timeout
        if until is None and timeout and incident.acknowledgements:
            until = incident.acknowledgements[-1].at + timedelta(seconds=timeout)
        return [] if until is None else [{"type": "unacknowledge", "at": iso(until)}]

    def resolve_reason(self, incident: Incident) -> Json | None:
        """Why it was resolved, if by being merged into another."""
        if incident.merged_into is None:
            return None
        target = self.world.incidents[incident.merged_into]
        return {"type": RESOLVE_REASON, "incident": self.shapes.incident_ref(target)}

    def alert(self, incident: Incident, alert: Alert) -> Json:
        path = f"incidents/{incident.id}/alerts"
        service = self.world.services[incident.service_id]
        first = self.log_entry(incident, incident.log[0])
        return self.shapes.base("alert", path, alert.id, alert.summary) | {
            "created_at": iso(alert.created_at),
            "status": alert.status,
            "alert_key": alert.key,
            "service": self.shapes.service_ref(service.id),
            "body": {
                "type": "alert_body",
                "contexts": alert.contexts,
                "details": alert.details if alert.details is not None else {},
            },
            "incident": self.shapes.incident_ref(incident),
            "suppressed": False,
            "severity": alert.severity,
            "integration": self.shapes.base(
                "events_api_v2_inbound_integration_reference",
                f"services/{service.id}/integrations",
                service.integration_id,
                "Events API V2",
            ),
            "first_trigger_log_entry": {key: first[key] for key in ("id", "summary", "self", "html_url")}
            | {"type": "trigger_log_entry_reference"},
        }

    def note(self, note: Note) -> Json:
        return {
            "id": note.id,
            "user": self.shapes.user_ref(note.user_id),
            "channel": {"summary": "The PagerDuty website or APIs"},
            "content": note.content,
            "created_at": iso(note.created_at),
        }

    def log_entry(self, incident: Incident, entry: LogEntry, include: Collection[str] = ()) -> Json:
        link = f"{self.shapes.url}/log_entries/{entry.id}"
        summary = {key: entry.channel[key] for key in ("type", "summary") if key in entry.channel}
        service = self.world.services[incident.service_id]
        shape = {
            "id": entry.id,
            "type": entry.type,
            "summary": entry.summary,
            "self": link,
            "html_url": self.shapes.web_url("incidents", incident.id),
            "created_at": iso(entry.created_at),
            "agent": self.shapes.agent_ref(entry.agent) if entry.agent else self.shapes.service_ref(service.id),
            "channel": entry.channel if "channels" in include else summary,
            "service": self.shapes.service_ref(service.id),
            "incident": self.shapes.incident_ref(incident),
            "teams": [],
            "contexts": [],
        }
        if "incidents" in include:
            shape["incident"] = self.incident(incident)
        if "services" in include:
            shape["service"] = self.shapes.service(service)
        assignees = entry.more.get("assignees")
        people = (
            {"assignees": [self.shapes.user_ref(each) for each in assignees]} if assignees is not None else {}
        )
        return shape | entry.more | people

    def status_update(self, update: StatusUpdate) -> Json:
        return {
            "id": update.id,
            "message": update.message,
            "subject": update.subject,
            "html_message": update.html_message,
            "sender": self.shapes.user_ref(update.user_id),
            "created_at": iso(update.created_at),
        }

    def responder(self, incident: Incident, responder: Responder) -> Json:
        return {
            "state": responder.state,
            "user": self.shapes.user_ref(responder.user_id),
            "incident": self.shapes.incident_ref(incident),
            "updated_at": iso(responder.requested_at),
            "message": responder.message,
            "requester": self.shapes.user_ref(responder.requester_id),
            "requested_at": iso(responder.requested_at),
        }


class _UserShape:
    def __init__(self, shapes: Shapes, *, whole: bool) -> None:
        self._shapes = shapes
        self._whole = whole

    def __call__(self, user_id: str) -> Json:
        if self._whole:
            return self._shapes.user(self._shapes.world.users[user_id])
        return self._shapes.user_ref(user_id)
