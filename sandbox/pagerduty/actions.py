"""What can happen to an incident: state, log entry and webhook of each, by the account's rules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from sandbox.clock import SandboxClock
from sandbox.pagerduty.errors import already_acknowledged, already_resolved, invalid_input
from sandbox.pagerduty.events import Envelopes
from sandbox.pagerduty.world import Agent, Alert, Incident, Json, LogEntry, Note, Service, Stamp, World

WEB = {"type": "website"}
API = {"type": "api"}
TIMEOUT = {"type": "timeout"}
MAX_TITLE = 1024

Publish = Callable[[Json, str], None]  # a webhook body, and the incident (or service) whose order it keeps


class Actions:
    """Changes incidents. Raises ApiError where the account's rules forbid it, and then changes nothing."""

    def __init__(self, world: World, envelopes: Envelopes, clock: SandboxClock, publish: Publish) -> None:
        self.world = world
        self.envelopes = envelopes
        self.clock = clock
        self._publish = publish

    def trigger(
        self,
        title: str,
        service: Service,
        *,
        agent: Agent | None = None,
        urgency: Literal["high", "low"] = "high",
        priority_id: str | None = None,
        key: str | None = None,
        description: str = "",
        policy_id: str | None = None,
        assignees: list[str] | None = None,
        channel: Json | None = None,
    ) -> Incident:
        """A new incident without an alert, assigned by its policy (or to `assignees`)."""
        now = self.clock.now()
        who = agent or Agent("service", service.id)
        incident = Incident(
            id=self.world.ids.new("Q"),
            number=self.world.next_number,
            title=title[:MAX_TITLE],
            service_id=service.id,
            policy_id=policy_id or service.policy_id,
            key=key or self.world.ids.key(),
            created_at=now,
            updated_at=now,
            status_changed_at=now,
            status_changed_by=who,
            urgency=urgency,
            priority_id=priority_id,
            description=description,
        )
        self.world.next_number += 1
        self.world.incidents[incident.id] = incident
        self.log(incident, "trigger", who, "Triggered", channel or API, event_details={"description": title})
        if assignees:
            incident.assigned_via = "direct_assignment"
        self._assign(incident, assignees or self.world.on_call_at(incident.policy_id, 1), None)
        self.announce(incident, "incident.triggered", who)
        return incident

    def add_alert(
        self, incident: Incident, *, summary: str, severity: str, details: Any, contexts: list[Json], key: str
    ) -> Alert:
        """Attach an alert; webhooks do not mention it."""
        now = self.clock.now()
        alert = Alert(self.world.ids.new("Q"), key, summary, severity, details, contexts, now)
        incident.alerts.append(alert)
        return alert

    def acknowledge(self, incident: Incident, agent: Agent, channel: Json = API) -> None:
        """Acknowledge; a person who is not assigned becomes the assignee, as in the real service."""
        if incident.status == "resolved" and not self.world.acknowledging_reopens:
            raise already_resolved()
        mine = [stamp for stamp in incident.acknowledgements if stamp.user_id == agent.id]
        if incident.status == "acknowledged" and (mine or agent.kind != "user"):
            raise already_acknowledged()
        if incident.status == "resolved":
            self.reopen(incident, agent, channel)
        now = self.clock.now()
        if agent.kind == "user" and all(stamp.user_id != agent.id for stamp in incident.assignments):
            incident.assigned_via = "direct_assignment"
            self._assign(incident, [agent.id], agent)
        # An integration acknowledges in nobody's name.
        acknowledgers = [agent.id] if agent.kind == "user" else []
        incident.acknowledgements += [Stamp(user_id, now) for user_id in acknowledgers]
        timeout = self.world.services[incident.service_id].acknowledgement_timeout
        self._set_status(incident, "acknowledged", agent)
        self.log(incident, "acknowledge", agent, "Acknowledged", channel, acknowledgement_timeout=timeout)
        self.announce(incident, "incident.acknowledged", agent)

    def unacknowledge(self, incident: Incident, agent: Agent | None = None) -> None:
        """Back to triggered, by the acknowledgement's timeout unless an agent is given."""
        if incident.status != "acknowledged":
            raise invalid_input("Incident is not acknowledged")
        incident.acknowledgements.clear()
        incident.snoozed_until = None
        who = agent or Agent("service", incident.service_id)
        self._set_status(incident, "triggered", who)
        self.log(incident, "unacknowledge", agent, "Unacknowledged", API if agent else TIMEOUT)
        self.announce(incident, "incident.unacknowledged", agent)

    def resolve(self, incident: Incident, agent: Agent, *, resolution: str = "", channel: Json = API) -> None:
        if not incident.is_open:
            raise already_resolved()
        self._close(incident, agent)
        incident.resolution = resolution
        note = {"note": resolution} if resolution else {}
        self.log(incident, "resolve", agent, "Resolved", channel, **note)
        self.announce(incident, "incident.resolved", agent)

    def reopen(self, incident: Incident, agent: Agent, channel: Json = API) -> None:
        """A resolved incident is triggered again, assigned by its policy's first level."""
        if incident.is_open:
            raise invalid_input("Incident is not resolved")
        incident.resolved_at = None
        incident.merged_into = None
        incident.level = 1
        incident.assigned_via = "escalation_policy"
        for alert in incident.alerts:
            alert.status = "triggered"
        self._set_status(incident, "triggered", agent)
        self.log(incident, "trigger", agent, "Reopened", channel)
        self._assign(incident, self.world.on_call_at(incident.policy_id, 1), agent)
        self.announce(incident, "incident.reopened", agent)

    def escalate(self, incident: Incident, level: int | None = None, agent: Agent | None = None) -> None:
        """To the next level of its policy, or to a given one; by timeout unless an agent is given."""
        self.require_open(incident)
        wanted = incident.level + 1 if level is None else level
        if not 1 <= wanted <= len(self.world.policies[incident.policy_id].rules):
            raise invalid_input("Escalation level is out of the policy's range")
        incident.level = wanted
        incident.assigned_via = "escalation_policy"
        incident.acknowledgements.clear()
        if incident.status == "acknowledged":
            self._set_status(incident, "triggered", agent or Agent("service", incident.service_id))
        people = self.world.on_call_at(incident.policy_id, wanted)
        incident.assignments = [Stamp(user_id, self.clock.now()) for user_id in people]
        self.log(
            incident,
            "escalate",
            agent,
            f"Escalated to level {wanted}",
            API if agent else TIMEOUT,
            assignees=people,
        )
        self.announce(incident, "incident.escalated", agent)

    def reassign(self, incident: Incident, user_ids: list[str], agent: Agent) -> None:
        """To these people instead of those; it is triggered again for them."""
        self.require_open(incident)
        incident.assigned_via = "direct_assignment"
        self._retrigger(incident, agent)
        self._assign(incident, user_ids, agent)
        self.announce(incident, "incident.reassigned", agent)

    def delegate(self, incident: Incident, policy_id: str, agent: Agent) -> None:
        """To another escalation policy, from its first level."""
        self.require_open(incident)
        incident.policy_id = policy_id
        incident.level = 1
        incident.assigned_via = "escalation_policy"
        self._retrigger(incident, agent)
        people = self.world.on_call_at(policy_id, 1)
        incident.assignments = [Stamp(user_id, self.clock.now()) for user_id in people]
        self.log(incident, "delegate", agent, "Delegated", API, assignees=people)
        self.announce(incident, "incident.delegated", agent)

    def annotate(self, incident: Incident, content: str, user_id: str) -> Note:
        note = Note(self.world.ids.new(), user_id, content, self.clock.now())
        incident.notes.append(note)
        channel = {"type": "note", "summary": content}
        self.log(incident, "annotate", Agent("user", user_id), "Note added", channel, note=content)
        data = self.envelopes.note(incident, note)
        self.publish(incident, "incident.annotated", data, Agent("user", user_id))
        return note

    def set_priority(self, incident: Incident, priority_id: str | None, agent: Agent) -> None:
        if incident.priority_id == priority_id:
            return
        old, incident.priority_id = incident.priority_id, priority_id
        self.field_changed(
            incident, "priority", self._priority_name(old), self._priority_name(priority_id), agent
        )
        self.announce(incident, "incident.priority_updated", agent)

    def snooze(self, incident: Incident, seconds: int, agent: Agent) -> None:
        """Stay acknowledged for so long; a triggered incident is acknowledged by it."""
        self.require_open(incident)
        if incident.status == "triggered":
            self.acknowledge(incident, agent)
        incident.snoozed_until = self.clock.now() + timedelta(seconds=seconds)
        actions = [{"type": "unacknowledge", "at": incident.snoozed_until.strftime("%Y-%m-%dT%H:%M:%SZ")}]
        self.log(incident, "snooze", agent, "Snoozed", API, changed_actions=actions)

    def merge(self, target: Incident, sources: list[Incident], agent: Agent) -> None:
        """Move the sources' alerts to the target; the sources arrive as resolved, with a reason."""
        self.require_open(target)
        if target in sources:
            raise invalid_input("An incident cannot be merged into itself")
        for source in sources:
            target.alerts += source.alerts
            source.alerts = []
            was_open = source.is_open
            source.merged_into = target.id
            if was_open:
                self._close(source, agent)
                self.log(source, "resolve", agent, f"Merged into #{target.number}", API)
                self.announce(source, "incident.resolved", agent)
            self.log(target, "annotate", agent, f"Merged #{source.number} into this incident", API)

    # Shared with the other kinds of change

    def require_open(self, incident: Incident) -> None:
        if not incident.is_open:
            raise already_resolved()

    def log(
        self, incident: Incident, kind: str, agent: Agent | None, what: str, channel: Json, **more: Any
    ) -> LogEntry:
        by = f" by {self.agent_name(agent)}" if agent else ""
        entry = LogEntry(
            self.world.ids.new("R"),
            f"{kind}_log_entry",
            self.clock.now(),
            agent,
            f"{what}{by}",
            {"summary": incident.title} | channel,
            more,
        )
        incident.log.append(entry)
        incident.updated_at = entry.created_at
        return entry

    def field_changed(
        self, incident: Incident, name: str, old: str | None, new: str | None, agent: Agent
    ) -> None:
        change = {"name": name, "namespace": "incident", "old_value": old, "value": new}
        channel = {"type": "field_value_change", "changeset": {"application_fields": [change]}}
        self.log(incident, "field_value_change", agent, f"{name} changed to {new}", channel)

    def announce(self, incident: Incident, event_type: str, agent: Agent | None) -> None:
        """Send the incident as it is now."""
        self.publish(incident, event_type, self.envelopes.incident(incident), agent)

    def publish(self, incident: Incident, event_type: str, data: Json, agent: Agent | None) -> None:
        body = self.envelopes.wrap(event_type, data, self.clock.now(), agent)
        self._publish(body, incident.id)

    def publish_service(self, event_type: str, service: Service, agent: Agent | None) -> None:
        body = self.envelopes.wrap(event_type, self.envelopes.service(service), self.clock.now(), agent)
        self._publish(body, service.id)

    def agent_name(self, agent: Agent) -> str:
        people = self.world.users if agent.kind == "user" else self.world.services
        return people[agent.id].name

    def _priority_name(self, priority_id: str | None) -> str | None:
        return None if priority_id is None else self.world.priorities[priority_id].name

    def _set_status(
        self, incident: Incident, status: Literal["triggered", "acknowledged", "resolved"], by: Agent
    ) -> None:
        now: datetime = self.clock.now()
        incident.status = status
        incident.status_changed_at = now
        incident.status_changed_by = by

    def _close(self, incident: Incident, agent: Agent) -> None:
        self._set_status(incident, "resolved", agent)
        incident.resolved_at = incident.status_changed_at
        incident.snoozed_until = None
        incident.assignments.clear()
        incident.acknowledgements.clear()
        for alert in incident.alerts:
            alert.status = "resolved"

    def _retrigger(self, incident: Incident, agent: Agent) -> None:
        incident.acknowledgements.clear()
        incident.snoozed_until = None
        if incident.status == "acknowledged":
            self._set_status(incident, "triggered", agent)

    def _assign(self, incident: Incident, user_ids: list[str], agent: Agent | None) -> None:
        now = self.clock.now()
        incident.assignments = [Stamp(user_id, now) for user_id in user_ids]
        names = ", ".join(self.world.users[user_id].name for user_id in user_ids) or "nobody"
        self.log(incident, "assign", agent, f"Assigned to {names}", API, assignees=user_ids)
