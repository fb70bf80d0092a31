"""REST JSON of the account's directory: references, users, schedules, policies, services, on-calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sandbox.pagerduty.world import (
    Agent,
    EscalationPolicy,
    Incident,
    Json,
    Priority,
    Schedule,
    Service,
    Subscription,
    User,
    World,
)

SHIFT_START = datetime(2025, 1, 6, 9, tzinfo=UTC)  # a Monday; shifts change every Monday at 9:00 UTC
SHIFT = timedelta(days=7)
WEB_PATH = "/web"  # below it are pages for people, outside the API
REDACTED = "-- redacted --"


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


class Shapes:
    """What each record looks like in an answer, with links below the public address."""

    def __init__(self, world: World, public_url: str) -> None:
        self.world = world
        self.url = public_url.rstrip("/")

    def base(self, kind: str, path: str, item_id: str, summary: str) -> Json:
        """The five fields that everything has."""
        return {
            "id": item_id,
            "type": kind,
            "summary": summary,
            "self": f"{self.url}/{path}/{item_id}",
            "html_url": self.web_url(path, item_id),
        }

    def web_url(self, path: str, item_id: str) -> str:
        """The page that a person sees of it."""
        return f"{self.url}{WEB_PATH}/{path}/{item_id}"

    # References

    def user_ref(self, user_id: str) -> Json:
        return self.base("user_reference", "users", user_id, self.world.users[user_id].name)

    def service_ref(self, service_id: str) -> Json:
        return self.base("service_reference", "services", service_id, self.world.services[service_id].name)

    def policy_ref(self, policy_id: str) -> Json:
        name = self.world.policies[policy_id].name
        return self.base("escalation_policy_reference", "escalation_policies", policy_id, name)

    def schedule_ref(self, schedule_id: str) -> Json:
        schedule = self.world.schedules[schedule_id]
        kind, path = ("schedule_v3", "v3/schedules") if schedule.upgraded else ("schedule", "schedules")
        return self.base(f"{kind}_reference", path, schedule_id, schedule.name)

    def incident_ref(self, incident: Incident) -> Json:
        summary = f"[#{incident.number}] {incident.title}"
        return self.base("incident_reference", "incidents", incident.id, summary)

    def agent_ref(self, agent: Agent) -> Json:
        return self.user_ref(agent.id) if agent.kind == "user" else self.service_ref(agent.id)

    # Whole records

    def user(self, user: User) -> Json:
        return self.base("user", "users", user.id, user.name) | {
            "name": user.name,
            "email": user.email,
            "time_zone": user.time_zone,
            "color": "green",
            "role": user.role,
            "avatar_url": f"{self.url}/avatars/{user.id}.png",
            "description": None,
            "invitation_sent": False,
            "job_title": user.job_title,
            "teams": [],
            "contact_methods": [],
            "notification_rules": [],
        }

    def priority(self, priority: Priority) -> Json:
        return self.base("priority", "priorities", priority.id, priority.name) | {
            "name": priority.name,
            "description": priority.description,
        }

    def service(self, service: Service) -> Json:
        integration = self.base(
            "events_api_v2_inbound_integration_reference",
            f"services/{service.id}/integrations",
            service.integration_id,
            "Events API V2",
        )
        return self.base("service", "services", service.id, service.name) | {
            "name": service.name,
            "description": service.description,
            "auto_resolve_timeout": service.auto_resolve_timeout,
            "acknowledgement_timeout": service.acknowledgement_timeout,
            "created_at": iso(service.created_at),
            "status": self._service_status(service.id),
            "escalation_policy": self.policy_ref(service.policy_id),
            "teams": [],
            "integrations": [integration],
            "incident_urgency_rule": {"type": "constant", "urgency": "high"},
            "support_hours": None,
            "scheduled_actions": [],
            "addons": [],
            "alert_creation": "create_alerts_and_incidents",
        }

    def _service_status(self, service_id: str) -> str:
        incidents = [each for each in self.world.incidents.values() if each.service_id == service_id]
        if any(each.status == "triggered" for each in incidents):
            return "critical"
        return "warning" if any(each.is_open for each in incidents) else "active"

    def policy(self, policy: EscalationPolicy) -> Json:
        services = [each for each in self.world.services.values() if each.policy_id == policy.id]
        return self.base("escalation_policy", "escalation_policies", policy.id, policy.name) | {
            "name": policy.name,
            "description": policy.description,
            "num_loops": policy.num_loops,
            "on_call_handoff_notifications": "if_has_services",
            "escalation_rules": [
                {
                    "id": rule.id,
                    "escalation_delay_in_minutes": rule.delay_minutes,
                    "targets": [
                        self.user_ref(target.id) if target.kind == "user" else self.schedule_ref(target.id)
                        for target in rule.targets
                    ],
                }
                for rule in policy.rules
            ],
            "services": [self.service_ref(each.id) for each in services],
            "teams": [],
        }

    def schedule(self, schedule: Schedule) -> Json:
        kind, path = ("schedule_v3", "v3/schedules") if schedule.upgraded else ("schedule", "schedules")
        return self.base(kind, path, schedule.id, schedule.name) | {
            "name": schedule.name,
            "time_zone": schedule.time_zone,
            "description": schedule.description,
            "escalation_policies": [self.policy_ref(each.id) for each in self._policies_of(schedule.id)],
            "users": [self.user_ref(user_id) for user_id in schedule.user_ids],
            "teams": [],
        }

    def rendered_schedule(self, schedule: Schedule, now: datetime) -> Json:
        """A schedule with its layer and its final shifts around now."""
        entries = []
        if schedule.on_call:
            start, end = shift_at(now)
            entries = [{"start": iso(start), "end": iso(end), "user": self.user_ref(schedule.on_call)}]
        coverage = 100.0 if entries else 0.0
        rendered = {"rendered_schedule_entries": entries, "rendered_coverage_percentage": coverage}
        layer = {
            "id": schedule.id,
            "name": "Layer 1",
            "start": iso(SHIFT_START),
            "end": None,
            "rotation_virtual_start": iso(SHIFT_START),
            "rotation_turn_length_seconds": int(SHIFT.total_seconds()),
            "users": [{"user": self.user_ref(user_id)} for user_id in schedule.user_ids],
            "restrictions": [],
        }
        return self.schedule(schedule) | {
            "schedule_layers": [layer | rendered],
            "overrides_subschedule": {
                "name": "Overrides",
                "rendered_schedule_entries": [],
                "rendered_coverage_percentage": None,
            },
            "final_schedule": {"name": "Final Schedule"} | rendered,
        }

    def _policies_of(self, schedule_id: str) -> list[EscalationPolicy]:
        return [
            policy
            for policy in self.world.policies.values()
            if any(target.id == schedule_id for rule in policy.rules for target in rule.targets)
        ]

    def oncalls(self, now: datetime) -> Iterator[Json]:
        """Every policy, level and target, as it is now."""
        start, end = shift_at(now)
        for policy in self.world.policies.values():
            for level, rule in enumerate(policy.rules, start=1):
                for target in rule.targets:
                    entry: Json = {"escalation_policy": self.policy_ref(policy.id), "escalation_level": level}
                    if target.kind == "user":
                        yield entry | {
                            "schedule": None,
                            "user": self.user_ref(target.id),
                            "start": None,
                            "end": None,
                        }
                    elif on_call := self.world.schedules[target.id].on_call_at(now):
                        yield entry | {
                            "schedule": self.schedule_ref(target.id),
                            "user": self.user_ref(on_call),
                            "start": iso(start),
                            "end": iso(end),
                        }

    def subscription(self, subscription: Subscription, now: datetime, *, reveal: bool = False) -> Json:
        """A webhook subscription; its secret is shown only in the answer to its creation."""
        return {
            "id": subscription.id,
            "type": "webhook_subscription",
            "active": subscription.active,
            "description": subscription.description,
            "events": subscription.events,
            "filter": subscription.filter,
            "delivery_method": {
                "id": subscription.delivery_id,
                "type": "http_delivery_method",
                "url": subscription.url,
                "secret": subscription.secrets[0] if reveal else None,
                "temporarily_disabled": subscription.is_disabled(now),
                "custom_headers": [
                    {"name": each["name"], "value": each["value"] if reveal else REDACTED}
                    for each in subscription.custom_headers
                ],
            },
        }


def shift_at(now: datetime) -> tuple[datetime, datetime]:
    """Start and end of the weekly shift that contains a moment."""
    start = SHIFT_START + ((now - SHIFT_START) // SHIFT) * SHIFT
    return start, start + SHIFT
