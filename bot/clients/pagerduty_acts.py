"""What people do to an incident in PagerDuty through the bot, each in somebody's name.

Which of these may be done twice: all but `status_update` and `add_responders` end in the same state when they
are repeated; for those two the caller looks first whether an earlier try arrived (bot.jobs.act).
"""

from collections.abc import Sequence
from typing import Any

from bot.clients.pagerduty_base import Account, Json, bounded_write, field_of, path_of
from bot.clients.pagerduty_errors import not_understood

LONGEST_SNOOZE = 604_800  # seconds: a week


def user_reference(user_id: str) -> Json:
    """A user, as PagerDuty wants one named."""
    return {"id": user_id, "type": "user_reference"}


class Acts(Account):
    """Changes to one incident; every method raises `bot.errors` and nothing else."""

    @bounded_write
    async def snooze(self, incident_id: str, seconds: int, *, from_email: str) -> Json:
        """Acknowledged for so long, then triggered again; 1 s to a week. The incident after it."""
        path = path_of("incidents", incident_id, "snooze")
        return await self._write("POST", path, {"duration": seconds}, from_email, "incident")

    @bounded_write
    async def acknowledge_all(self, incident_ids: Sequence[str], *, from_email: str) -> list[Json]:
        """Acknowledge at most 250 at once; the incidents after it."""
        changes = [{"id": i, "type": "incident_reference", "status": "acknowledged"} for i in incident_ids]
        answer = await self._wire.send("PUT", "/incidents", {"incidents": changes}, from_email=from_email)
        return [dict(each) for each in field_of(answer, "incidents", list, "PUT /incidents")]

    @bounded_write
    async def reassign(self, incident_id: str, user_ids: Sequence[str], *, from_email: str) -> Json:
        """To these people instead of those who have it; the incident after it."""
        people = [{"assignee": user_reference(each)} for each in user_ids]
        return await self._change(incident_id, {"assignments": people}, from_email)

    @bounded_write
    async def escalate(self, incident_id: str, level: int, *, from_email: str) -> Json:
        """To that level of its escalation policy; the incident after it."""
        return await self._change(incident_id, {"escalation_level": level}, from_email)

    @bounded_write
    async def set_priority(self, incident_id: str, priority_id: str, *, from_email: str) -> Json:
        """The account's priority with that id; the incident after it."""
        priority = {"id": priority_id, "type": "priority_reference"}
        return await self._change(incident_id, {"priority": priority}, from_email)

    @bounded_write
    async def reopen(self, incident_id: str, *, from_email: str) -> Json:
        """A resolved incident is triggered again, by its escalation policy; the incident after it."""
        return await self._change(incident_id, {"status": "triggered"}, from_email)

    @bounded_write
    async def merge(self, target_id: str, source_ids: Sequence[str], *, from_email: str) -> Json:
        """Move the sources' alerts into the target, which must be open, and resolve them; the target after it."""
        path = path_of("incidents", target_id, "merge")
        sources = [{"id": each, "type": "incident_reference"} for each in source_ids]
        await self._write("PUT", path, {"source_incidents": sources}, from_email, "incident")
        return await self._read(path_of("incidents", target_id), "incident")

    @bounded_write
    async def status_update(self, incident_id: str, message: str, *, from_email: str) -> Json:
        """Tell the incident's subscribers; the update."""
        path = path_of("incidents", incident_id, "status_updates")
        return await self._write("POST", path, {"message": message}, from_email, "status_update")

    @bounded_write
    async def add_responders(
        self, incident_id: str, user_ids: Sequence[str], message: str, *, requester_id: str
    ) -> Json:
        """Ask people for help; the request. It carries no From: the requester's PagerDuty id is in the body.

        Raises RejectedError with code "402" where the account's plan does not include it.
        """
        targets = [{"responder_request_target": {"id": each, "type": "user_reference"}} for each in user_ids]
        body = {"requester_id": requester_id, "message": message, "responder_request_targets": targets}
        path = path_of("incidents", incident_id, "responder_requests")
        answer = await self._wire.send("POST", path, body)
        return dict(field_of(answer, "responder_request", dict, f"POST {path}"))

    @bounded_write
    async def create_incident(
        self,
        *,
        title: str,
        service_id: str,
        incident_key: str,
        from_email: str,
        urgency: str = "high",
        details: str = "",
        priority_id: str = "",
        policy_id: str = "",
        user_ids: Sequence[str] = (),
    ) -> Json:
        """A new incident; the incident. Assigned to `user_ids`, else by `policy_id`, else by its service.

        PagerDuty refuses a second open one with the same key: that is how a lost answer does not make two.
        """
        wanted: dict[str, Any] = {
            "type": "incident",
            "title": title,
            "service": {"id": service_id, "type": "service_reference"},
            "urgency": urgency,
            "incident_key": incident_key,
        }
        if details:
            wanted["body"] = {"type": "incident_body", "details": details}
        if priority_id:
            wanted["priority"] = {"id": priority_id, "type": "priority_reference"}
        if user_ids:
            wanted["assignments"] = [{"assignee": user_reference(each)} for each in user_ids]
        elif policy_id:
            wanted["escalation_policy"] = {"id": policy_id, "type": "escalation_policy_reference"}
        return await self._write("POST", "/incidents", {"incident": wanted}, from_email, "incident")

    @bounded_write
    async def enable_subscription(self, subscription_id: str) -> Json:
        """Deliver webhooks again to a subscription that was disabled for a while; the subscription."""
        path = path_of("webhook_subscriptions", subscription_id, "enable")
        answer = await self._wire.send("POST", path, None)
        found = answer.get("webhook_subscription")
        if not isinstance(found, dict):
            raise not_understood(f"POST {path}")
        return dict(found)
