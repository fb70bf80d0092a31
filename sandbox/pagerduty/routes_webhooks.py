"""/webhook_subscriptions: list, create, read, change, delete, enable, ping."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import SandboxClock
from sandbox.pagerduty.delivery import Webhooks
from sandbox.pagerduty.errors import invalid_input
from sandbox.pagerduty.events import ALL_EVENTS, Envelopes
from sandbox.pagerduty.http import answer, body_of, found, page, part, typed
from sandbox.pagerduty.shapes import Shapes
from sandbox.pagerduty.world import Json, Subscription, World

FILTERS = ("account_reference", "service_reference", "team_reference")


class WebhookRoutes:
    def __init__(self, webhooks: Webhooks, shapes: Shapes, envelopes: Envelopes, clock: SandboxClock) -> None:
        self._webhooks = webhooks
        self._shapes = shapes
        self._envelopes = envelopes
        self._clock = clock
        self._world = shapes.world

    def routes(self) -> list[Route]:
        one = "/webhook_subscriptions/{id}"
        return [
            Route("/webhook_subscriptions", self.index, methods=["GET"]),
            Route("/webhook_subscriptions", self.create, methods=["POST"]),
            Route(one, self.read, methods=["GET"]),
            Route(one, self.change, methods=["PUT"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/enable", self.enable, methods=["POST"]),
            Route(f"{one}/ping", self.ping, methods=["POST"]),
        ]

    def _subscription(self, request: Request) -> Subscription:
        return found(self._world.subscriptions, request.path_params["id"])

    def _answer(self, subscription: Subscription, *, reveal: bool = False) -> Response:
        shape = self._shapes.subscription(subscription, self._clock.now(), reveal=reveal)
        return answer({"webhook_subscription": shape})

    async def index(self, request: Request) -> Response:
        kind, item = request.query_params.get("filter_type"), request.query_params.get("filter_id")
        wanted = [
            each
            for each in self._world.subscriptions.values()
            if (not kind or each.filter.get("type") == f"{kind}_reference")
            and (not item or each.filter.get("id") == item)
        ]
        now = self._clock.now()
        return page(request, "webhook_subscriptions", wanted, lambda each: self._shapes.subscription(each, now))

    async def create(self, request: Request) -> Response:
        wanted = typed(part(await body_of(request), "webhook_subscription", dict), "webhook_subscription")
        method = typed(part(wanted, "delivery_method", dict), "http_delivery_method")
        subscription = add_subscription(
            self._world,
            part(method, "url", str),
            secret=secrets.token_hex(32),
            events=known_events(part(wanted, "events", list)),
            scope=typed(part(wanted, "filter", dict), *FILTERS),
        )
        subscription.description = str(wanted.get("description") or "")
        subscription.active = bool(wanted.get("active", True))
        subscription.custom_headers = list(method.get("custom_headers") or [])
        return self._answer(subscription, reveal=True)

    async def read(self, request: Request) -> Response:
        return self._answer(self._subscription(request))

    async def change(self, request: Request) -> Response:
        subscription = self._subscription(request)
        change = part(await body_of(request), "webhook_subscription", dict)
        if "events" in change:
            subscription.events = known_events(part(change, "events", list))
        if "filter" in change:
            subscription.filter = typed(part(change, "filter", dict), *FILTERS)
        subscription.active = bool(change.get("active", subscription.active))
        subscription.description = str(change.get("description", subscription.description))
        return self._answer(subscription)

    async def delete(self, request: Request) -> Response:
        del self._world.subscriptions[self._subscription(request).id]
        return Response(status_code=204)

    async def enable(self, request: Request) -> Response:
        subscription = self._subscription(request)
        subscription.disabled_until = None
        subscription.drops_in_a_row = 0
        return self._answer(subscription)

    async def ping(self, request: Request) -> Response:
        body = self._envelopes.wrap("pagey.ping", self._envelopes.ping(), self._clock.now())
        self._webhooks.queue(self._subscription(request), body, "ping")
        return Response(status_code=202)


def known_events(events: list[Any]) -> list[str]:
    unknown = [each for each in events if each not in ALL_EVENTS]
    if unknown:
        raise invalid_input(f"Unknown events: {', '.join(map(str, unknown))}")
    return [str(each) for each in events]


def add_subscription(
    world: World, url: str, *, secret: str, events: list[str] | None = None, scope: Json | None = None
) -> Subscription:
    """For all events of the whole account unless told otherwise."""
    subscription = Subscription(
        id=world.ids.new(),
        delivery_id=world.ids.new(),
        url=url,
        secrets=[secret],
        events=list(events or ALL_EVENTS),
        filter=scope or {"type": "account_reference"},
    )
    world.subscriptions[subscription.id] = subscription
    return subscription
