"""What people do around an incident: status updates, calls for help, bridge, roles, fields, service."""

from typing import Literal

from sandbox.pagerduty.actions import API, Actions
from sandbox.pagerduty.errors import invalid_input
from sandbox.pagerduty.world import Agent, Incident, Json, Responder, Service, StatusUpdate


class ResponseActions:
    """Coordinated response; everything here is told by webhook."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._world = actions.world

    def publish_status(
        self, incident: Incident, message: str, user_id: str, *, subject: str = "", html_message: str = ""
    ) -> StatusUpdate:
        now = self._actions.clock.now()
        update = StatusUpdate(self._world.ids.new(), user_id, message, subject, html_message, now)
        incident.status_updates.append(update)
        agent = Agent("user", user_id)
        self._actions.log(incident, "annotate", agent, "Status update published", API, note=message)
        data = self._actions.envelopes.status_update(incident, update)
        self._actions.publish(incident, "incident.status_update_published", data, agent)
        return update

    def request_responders(
        self, incident: Incident, user_ids: list[str], message: str, requester_id: str
    ) -> list[Responder]:
        """Ask people for help; each is told, and each is a webhook."""
        self._actions.require_open(incident)
        now = self._actions.clock.now()
        agent = Agent("user", requester_id)
        added = [Responder(user_id, requester_id, message, now) for user_id in user_ids]
        for responder in added:
            incident.responders.append(responder)
            name = self._world.users[responder.user_id].name
            self._actions.log(
                incident, "annotate", agent, f"Requested {name} as a responder", API, note=message
            )
            data = self._actions.envelopes.responder(incident, responder)
            self._actions.publish(incident, "incident.responder.added", data, agent)
        return added

    def reply(self, incident: Incident, user_id: str, answer: Literal["joined", "declined"]) -> Responder:
        """A person who was asked joins or declines."""
        pending = [each for each in incident.responders if each.user_id == user_id]
        if not pending:
            raise invalid_input("The user was not requested as a responder")
        responder = pending[-1]
        responder.state = answer
        agent = Agent("user", user_id)
        self._actions.log(incident, "annotate", agent, f"Responder request {answer}", API)
        data = self._actions.envelopes.responder(incident, responder)
        self._actions.publish(incident, "incident.responder.replied", data, agent)
        return responder

    def set_conference_bridge(self, incident: Incident, bridge: Json, agent: Agent) -> None:
        incident.conference_bridge = bridge
        self._actions.log(incident, "annotate", agent, "Conference bridge changed", API)
        data = self._actions.envelopes.conference_bridge(incident)
        self._actions.publish(incident, "incident.conference_bridge.updated", data, agent)

    def move_to_service(self, incident: Incident, service: Service, agent: Agent) -> None:
        """To another service; its escalation policy stays."""
        old, incident.service_id = self._world.services[incident.service_id].name, service.id
        self._actions.field_changed(incident, "service", old, service.name, agent)
        self._actions.announce(incident, "incident.service_updated", agent)

    def set_custom_field(self, incident: Incident, name: str, value: str, agent: Agent) -> None:
        old = incident.custom_fields.get(name)
        incident.custom_fields[name] = value
        change = {"name": name, "namespace": "incidents", "old_value": old, "value": value}
        channel = {"type": "custom_field_value_change", "changeset": {"customer_fields": [change]}}
        self._actions.log(incident, "custom_field_value_change", agent, f"{name} changed to {value}", channel)
        data = self._actions.envelopes.custom_fields(incident, name)
        self._actions.publish(incident, "incident.custom_field_values.updated", data, agent)

    def assign_role(self, incident: Incident, role: str, user_id: str, agent: Agent) -> None:
        """Give somebody an incident role, e.g. "Incident Commander"."""
        incident.roles[role] = user_id
        name = self._world.users[user_id].name
        self._actions.log(incident, "annotate", agent, f"{role}: {name}", API)
        data = self._actions.envelopes.role(incident, role)
        self._actions.publish(incident, "incident.role.assigned", data, agent)

    def rename_service(self, service: Service, name: str, agent: Agent) -> None:
        service.name = name
        self._actions.publish_service("service.updated", service, agent)
