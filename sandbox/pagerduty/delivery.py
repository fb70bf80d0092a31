"""Webhook delivery by PagerDuty's rules: in order, at least once, tried again or dropped.

Per subscription and incident one event at a time. 2xx within 5 seconds is success; no answer, 5xx and 429 are
tried again for up to 48 hours; any other answer drops the event, and three drops in a row disable the
subscription for 24 hours, in which its events are dropped too. Hours are the sandbox clock's; only the waits
between attempts are real, and shorter than the real service's.
"""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import httpx

from bot import tls
from sandbox.clock import SandboxClock
from sandbox.pagerduty.events import sign
from sandbox.pagerduty.world import Json, Subscription, World

ANSWER_WITHIN = 5.0  # seconds
GIVE_UP_AFTER = timedelta(hours=48)
DISABLED_FOR = timedelta(hours=24)
DROPS_TO_DISABLE = 3
KEPT = 2000  # deliveries remembered
TOO_MANY = 429

State = Literal["queued", "delivered", "dropped", "given_up", "disabled"]


def demo_wait(attempt: int) -> float:
    """Seconds before the next attempt: 0.25, 0.5, 1 … at most 15. The real service takes minutes."""
    return float(min(0.25 * 2 ** min(attempt - 1, 10), 15.0))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST: when, and its status (None: no answer, and why)."""

    at: datetime
    status: int | None
    why: str = ""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one subscription; `webhook_id` is the same in every attempt."""

    webhook_id: str
    subscription_id: str
    url: str
    order_key: str
    event: Json
    body: bytes
    queued_at: datetime
    state: State = "queued"
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def event_type(self) -> str:
        return str(self.event["event"]["event_type"])


class Webhooks:
    """Queues events for the subscriptions that want them, and delivers them."""

    def __init__(self, world: World, clock: SandboxClock, waits: Callable[[int], float] = demo_wait) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self.waits = waits
        self._world = world
        self._clock = clock
        self._queues: dict[tuple[str, str], deque[Delivery]] = {}
        self._workers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._retry_now = asyncio.Event()
        self._client: httpx.AsyncClient | None = None

    def publish(self, body: Json, order_key: str) -> None:
        """Queue an event for every subscription that matches it."""
        for subscription in self._world.subscriptions.values():
            if self._wanted(subscription, body["event"]):
                self.queue(subscription, body, order_key)

    def queue(self, subscription: Subscription, body: Json, order_key: str) -> Delivery:
        """Queue an event for one subscription, wanted or not (a ping is always wanted)."""
        delivery = Delivery(
            webhook_id=str(uuid.uuid4()),
            subscription_id=subscription.id,
            url=subscription.url,
            order_key=order_key,
            event=body,
            body=json.dumps(body, separators=(",", ":")).encode(),
            queued_at=self._clock.now(),
        )
        self.deliveries.append(delivery)
        lane = (subscription.id, order_key)
        self._queues.setdefault(lane, deque()).append(delivery)
        if lane not in self._workers:
            self._workers[lane] = asyncio.get_running_loop().create_task(self._work(lane))
        return delivery

    def pause(self) -> None:
        """Hold back everything that is queued from now on."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def retry_now(self) -> None:
        """End the waits between attempts that are going on."""
        self._retry_now.set()
        self._retry_now = asyncio.Event()

    async def settle(self) -> None:
        """Return when every queued delivery was delivered or given up."""
        while self._workers:
            await asyncio.wait(list(self._workers.values()))

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """One POST as PagerDuty makes it; raises httpx.HTTPError without an answer."""
        if self._client is None:
            # A proxy of the environment would swallow a loopback address.
            self._client = httpx.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False, verify=tls.context())
        async with asyncio.timeout(ANSWER_WITHIN):
            return await self._client.post(url, content=body, headers=headers)

    def headers(self, subscription: Subscription, delivery: Delivery) -> dict[str, str]:
        """Signature, ids and custom headers of a delivery."""
        custom = {str(each["name"]): str(each["value"]) for each in subscription.custom_headers}
        return custom | {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": sign(delivery.body, *subscription.secrets),
            "X-Webhook-Id": delivery.webhook_id,
            "X-Webhook-Subscription": subscription.id,
        }

    async def close(self) -> None:
        """Stop; what is queued stays undelivered."""
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def _wanted(self, subscription: Subscription, event: Json) -> bool:
        if not subscription.active or event["event_type"] not in subscription.events:
            return False
        if subscription.filter.get("type") != "service_reference":
            return subscription.filter.get("type") == "account_reference"
        data = event["data"]
        incident = self._world.incidents.get(str((data.get("incident") or data)["id"]))
        service_id = incident.service_id if incident else data["id"]
        return bool(subscription.filter.get("id") == service_id)

    async def _work(self, lane: tuple[str, str]) -> None:
        queue = self._queues[lane]
        try:
            while queue:
                await self._flowing.wait()
                await self._deliver(queue[0])
                queue.popleft()
        finally:
            self._workers.pop(lane, None)
            self._queues.pop(lane, None)

    async def _deliver(self, delivery: Delivery) -> None:
        while delivery.state == "queued":
            subscription = self._world.subscriptions.get(delivery.subscription_id)
            if subscription is None or subscription.is_disabled(self._clock.now()):
                delivery.state = "disabled"
                return
            attempt = await self._attempt(subscription, delivery)
            delivery.attempts.append(attempt)
            self._judge(subscription, delivery, attempt)
            if delivery.state == "queued":
                await self._pause_before_retry(len(delivery.attempts))

    async def _attempt(self, subscription: Subscription, delivery: Delivery) -> Attempt:
        now = self._clock.now()
        try:
            response = await self.post(subscription.url, delivery.body, self.headers(subscription, delivery))
        except (httpx.HTTPError, TimeoutError, httpx.InvalidURL) as error:
            return Attempt(now, None, type(error).__name__)
        return Attempt(now, response.status_code)

    def _judge(self, subscription: Subscription, delivery: Delivery, attempt: Attempt) -> None:
        now = self._clock.now()
        delivery.state = verdict(attempt.status, now - delivery.queued_at)
        if delivery.state == "delivered":
            subscription.drops_in_a_row = 0
        elif delivery.state != "queued":
            subscription.drops_in_a_row += 1
            if subscription.drops_in_a_row >= DROPS_TO_DISABLE:
                subscription.disabled_until = now + DISABLED_FOR
                subscription.drops_in_a_row = 0

    async def _pause_before_retry(self, attempts: int) -> None:
        nudge = self._retry_now
        try:
            async with asyncio.timeout(self.waits(attempts)):
                await nudge.wait()
        except TimeoutError:
            return


def verdict(status: int | None, age: timedelta) -> State:
    """What an attempt's answer (None: no answer) means for an event of that age."""
    if status is not None and status // 100 == 2:  # noqa: PLR2004 - 2xx
        return "delivered"
    if status is not None and status // 100 != 5 and status != TOO_MANY:  # noqa: PLR2004 - 5xx
        return "dropped"
    return "given_up" if age >= GIVE_UP_AFTER else "queued"
