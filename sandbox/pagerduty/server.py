"""A local PagerDuty with real state: REST API, Events API v2, signed webhooks; and the outside world."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from sandbox.clock import SandboxClock
from sandbox.pagerduty.actions import WEB, Actions
from sandbox.pagerduty.delivery import Delivery, Webhooks, demo_wait
from sandbox.pagerduty.errors import ApiError, not_found
from sandbox.pagerduty.events import Envelopes, sign
from sandbox.pagerduty.faults import Faults
from sandbox.pagerduty.gate import CALLS_KEPT, ApiCall, Gate, RateLimit
from sandbox.pagerduty.http import answer
from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.response_actions import ResponseActions
from sandbox.pagerduty.routes_directory import DirectoryRoutes
from sandbox.pagerduty.routes_events import EventRoutes
from sandbox.pagerduty.routes_incidents import IncidentRoutes
from sandbox.pagerduty.routes_parts import PartRoutes
from sandbox.pagerduty.routes_web import WebRoutes
from sandbox.pagerduty.routes_webhooks import WebhookRoutes, add_subscription
from sandbox.pagerduty.seed import TRADING_SERVICE, default_world
from sandbox.pagerduty.shapes import Shapes
from sandbox.pagerduty.world import Agent, Incident, Json, Subscription, World

DEFAULT_TOKEN = "sandbox-pd-token"


class PagerDutyServer:
    """One account behind one ASGI app.

    `app` has the REST API at its root and the Events API at /v2/enqueue; mount it under any prefix.
    `tokens` says what each API token is: "account", "read_only", or a user's id.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        public_url: str,
        api_token: str = DEFAULT_TOKEN,
        world: World | None = None,
        waits: Callable[[int], float] = demo_wait,
    ) -> None:
        """Nothing runs yet.

        Args:
            clock: where every timestamp comes from.
            public_url: the address under which `app` is reached, for links in answers.
            api_token: an account-level token.
            world: the account; a fresh `default_world()` without.
            waits: seconds before the next attempt at a webhook, by the number of attempts so far.
        """
        self.clock = clock
        self.world = default_world() if world is None else world
        self.tokens = {api_token: "account"}
        self.calls: deque[ApiCall] = deque(maxlen=CALLS_KEPT)
        self.faults = Faults()
        self.rate = RateLimit()
        self.webhooks = Webhooks(self.world, clock, waits)
        self._shapes = IncidentShapes(Shapes(self.world, public_url))
        self._envelopes = Envelopes(self._shapes)
        self.actions = Actions(self.world, self._envelopes, clock, self.webhooks.publish)
        self.responses = ResponseActions(self.actions)
        self.app = self._build()

    def _build(self) -> Starlette:
        shapes = self._shapes.shapes
        routes = [
            *IncidentRoutes(self.actions, self.responses, self._shapes).routes(),
            *PartRoutes(self.actions, self.responses, self._shapes).routes(),
            *DirectoryRoutes(shapes, self.clock, self.tokens).routes(),
            *WebhookRoutes(self.webhooks, shapes, self._envelopes, self.clock).routes(),
            *EventRoutes(self.actions).routes(),
            *WebRoutes(self._shapes, self.clock).routes(),
        ]
        gate = Middleware(
            Gate, clock=self.clock, calls=self.calls, faults=self.faults, tokens=self.tokens, rate=self.rate
        )
        handlers: dict[Any, Any] = {ApiError: _api_error, HTTPException: _http_error}
        return Starlette(routes=routes, middleware=[gate], exception_handlers=handlers)

    @property
    def deliveries(self) -> deque[Delivery]:
        """The last webhooks: event, attempts, state."""
        return self.webhooks.deliveries

    def subscribe(self, url: str, secret: str, *, events: list[str] | None = None) -> Subscription:
        """Send webhooks of the whole account to an address; all event types unless told otherwise."""
        return add_subscription(self.world, url, secret=secret, events=events)

    async def close(self) -> None:
        """Stop delivering, let hanging requests go."""
        self.faults.clear()
        await self.webhooks.close()

    async def settle(self) -> None:
        """Return when every queued webhook was delivered or given up."""
        await self.webhooks.settle()

    # The outside world acts

    async def trigger(
        self,
        title: str,
        *,
        service: str = TRADING_SERVICE,
        urgency: Literal["high", "low"] = "high",
        details: Json | str | None = None,
        priority: str | None = None,
        contexts: list[Json] | None = None,
        incident_key: str | None = None,
        severity: str = "critical",
    ) -> Json:
        """An alert arrives from monitoring; the incident, in REST shape."""
        found = self.world.service_named(service)
        priority_id = self.world.priority_named(priority).id if priority else None
        incident = self.actions.trigger(
            title, found, urgency=urgency, priority_id=priority_id, key=incident_key
        )
        self.actions.add_alert(
            incident,
            summary=title,
            severity=severity,
            details=details,
            contexts=contexts or [],
            key=incident.key,
        )
        return self.rest(incident.id)

    async def acknowledge(self, incident_id: str, *, user: str) -> Json:
        """As a person in PagerDuty's own app; `user` is an id or an e-mail, here and below."""
        self.actions.acknowledge(self.incident(incident_id), self.agent(user), WEB)
        return self.rest(incident_id)

    async def unacknowledge(self, incident_id: str, *, user: str | None = None) -> Json:
        """By the acknowledgement's timeout unless somebody is named."""
        self.actions.unacknowledge(self.incident(incident_id), self.agent(user) if user else None)
        return self.rest(incident_id)

    async def resolve(self, incident_id: str, *, user: str | None = None, resolution: str = "") -> Json:
        """By a person, or by its monitoring system if nobody is named."""
        incident = self.incident(incident_id)
        agent = self.agent(user) if user else Agent("service", incident.service_id)
        self.actions.resolve(incident, agent, resolution=resolution, channel=WEB)
        return self.rest(incident_id)

    async def reopen(self, incident_id: str, *, user: str) -> Json:
        self.actions.reopen(self.incident(incident_id), self.agent(user), WEB)
        return self.rest(incident_id)

    async def escalate(self, incident_id: str, *, user: str | None = None, level: int | None = None) -> Json:
        """To the next level (or that one), by timeout unless somebody is named."""
        self.actions.escalate(self.incident(incident_id), level, self.agent(user) if user else None)
        return self.rest(incident_id)

    async def reassign(self, incident_id: str, to: list[str], *, user: str) -> Json:
        people = [self.agent(each).id for each in to]
        self.actions.reassign(self.incident(incident_id), people, self.agent(user))
        return self.rest(incident_id)

    async def delegate(self, incident_id: str, policy: str, *, user: str) -> Json:
        """To another escalation policy, by name."""
        policy_id = self.world.policy_named(policy).id
        self.actions.delegate(self.incident(incident_id), policy_id, self.agent(user))
        return self.rest(incident_id)

    async def annotate(self, incident_id: str, content: str, *, user: str) -> Json:
        """A note; the note, in REST shape."""
        note = self.actions.annotate(self.incident(incident_id), content, self.agent(user).id)
        return self._shapes.note(note)

    async def set_priority(self, incident_id: str, priority: str | None, *, user: str) -> Json:
        priority_id = self.world.priority_named(priority).id if priority else None
        self.actions.set_priority(self.incident(incident_id), priority_id, self.agent(user))
        return self.rest(incident_id)

    async def snooze(self, incident_id: str, seconds: int, *, user: str) -> Json:
        self.actions.snooze(self.incident(incident_id), seconds, self.agent(user))
        return self.rest(incident_id)

    async def merge(self, target_id: str, source_ids: list[str], *, user: str) -> Json:
        """Merge the sources into the target; the target."""
        sources = [self.incident(each) for each in source_ids]
        self.actions.merge(self.incident(target_id), sources, self.agent(user))
        return self.rest(target_id)

    async def publish_status(self, incident_id: str, message: str, *, user: str) -> Json:
        update = self.responses.publish_status(self.incident(incident_id), message, self.agent(user).id)
        return self._shapes.status_update(update)

    async def request_responders(self, incident_id: str, users: list[str], message: str, *, user: str) -> Json:
        people = [self.agent(each).id for each in users]
        self.responses.request_responders(self.incident(incident_id), people, message, self.agent(user).id)
        return self.rest(incident_id)

    async def reply(self, incident_id: str, answer: Literal["joined", "declined"], *, user: str) -> Json:
        """Somebody who was asked for help answers."""
        self.responses.reply(self.incident(incident_id), self.agent(user).id, answer)
        return self.rest(incident_id)

    async def set_conference_bridge(self, incident_id: str, url: str, *, user: str, number: str = "") -> Json:
        bridge = {"conference_number": number, "conference_url": url}
        self.responses.set_conference_bridge(self.incident(incident_id), bridge, self.agent(user))
        return self.rest(incident_id)

    async def move_to_service(self, incident_id: str, service: str, *, user: str) -> Json:
        found = self.world.service_named(service)
        self.responses.move_to_service(self.incident(incident_id), found, self.agent(user))
        return self.rest(incident_id)

    async def set_custom_field(self, incident_id: str, name: str, value: str, *, user: str) -> Json:
        self.responses.set_custom_field(self.incident(incident_id), name, value, self.agent(user))
        return self.rest(incident_id)

    async def assign_role(self, incident_id: str, role: str, to: str, *, user: str) -> Json:
        incident = self.incident(incident_id)
        self.responses.assign_role(incident, role, self.agent(to).id, self.agent(user))
        return self.rest(incident_id)

    async def rename_service(self, service: str, name: str, *, user: str) -> None:
        self.responses.rename_service(self.world.service_named(service), name, self.agent(user))

    async def emit(self, event_type: str, data: Json, *, order_key: str = "other") -> None:
        """Send an event of any type, known or not, to every active subscription."""
        body = self._envelopes.wrap(event_type, data, self.clock.now())
        for subscription in self.world.subscriptions.values():
            if subscription.active:
                self.webhooks.queue(subscription, body, order_key)

    async def ping(self, subscription_id: str) -> None:
        """What POST /webhook_subscriptions/{id}/ping does: a pagey.ping."""
        body = self._envelopes.wrap("pagey.ping", self._envelopes.ping(), self.clock.now())
        self.webhooks.queue(self.world.subscriptions[subscription_id], body, "ping")

    def set_on_call(self, schedule_name: str, user: str | None, *, start: datetime | None = None) -> None:
        """Put somebody (id or e-mail), or nobody, on call by a schedule; now, or from a later moment on."""
        schedule = self.world.schedule_named(schedule_name)
        if start is not None:
            schedule.later.append((start, self.agent(user).id if user else None))
            return
        schedule.on_call = self.agent(user).id if user else None
        if schedule.on_call and schedule.on_call not in schedule.user_ids:
            schedule.user_ids.append(schedule.on_call)

    # Looking, and webhooks made by hand

    def incident(self, incident_id: str) -> Incident:
        """The record itself; by id, or by number as text."""
        for incident in self.world.incidents.values():
            if incident_id in (incident.id, str(incident.number)):
                return incident
        raise not_found()

    def rest(self, incident_id: str) -> Json:
        """An incident as GET /incidents/{id} shows it."""
        return self._shapes.incident(self.incident(incident_id))

    def agent(self, user: str) -> Agent:
        """A user by id or e-mail; raises KeyError."""
        found = self.world.users.get(user) or self.world.user_by_email(user)
        if found is None:
            raise KeyError(f"There is no user “{user}” in this PagerDuty.")
        return Agent("user", found.id)

    def envelope(self, incident_id: str, event_type: str, *, user: str | None = None) -> Json:
        """A webhook body about an incident as it is now, without sending it."""
        data = self._envelopes.incident(self.incident(incident_id))
        return self._envelopes.wrap(event_type, data, self.clock.now(), self.agent(user) if user else None)

    def sign(self, body: bytes, *secrets: str) -> str:
        """The X-PagerDuty-Signature of a body."""
        return sign(body, *secrets)

    async def redeliver(self, delivery: Delivery) -> httpx.Response:
        """Send a webhook once more with the same X-Webhook-Id, whatever became of it."""
        subscription = self.world.subscriptions[delivery.subscription_id]
        headers = self.webhooks.headers(subscription, delivery)
        return await self.webhooks.post(subscription.url, delivery.body, headers)


async def _api_error(_request: Request, error: ApiError) -> Response:
    return answer(error.body, error.status)


async def _http_error(_request: Request, error: HTTPException) -> Response:
    return answer({"error": {"message": error.detail, "code": 2100}}, error.status_code)
