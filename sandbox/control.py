"""The world around the bot, as the demo's page shows and moves it: alerts, time, PagerDuty, faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.errors import AtsError, InputError, NotFoundError
from sandbox.clock import SandboxClock
from sandbox.page import worldview
from sandbox.page.faultswitches import FaultSwitches
from sandbox.pagerduty.errors import ApiError
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.platform import Platform
from sandbox.platform.troubles import heal
from sandbox.scenarios import SCENARIOS
from sandbox.slack.server import SlackServer

Json = dict[str, Any]
AdvanceBot = Callable[[timedelta], Awaitable[None]]
Readiness = Callable[[], Awaitable[Mapping[str, object]]]
Change = Callable[[Json], Awaitable[str]]

MOST_MINUTES = 24 * 60
MOST_BODY_BYTES = 10_000


class Control:
    """Raises alerts, moves the clock, acts in PagerDuty, breaks things; and tells what there is.

    Args:
        slack: the local Slack.
        pagerduty: the local PagerDuty.
        platform: the local trading platform.
        clock: the sandbox's clock; the three servers share it.
        advance_bot: moves the bot's own time (its clock and its pending timers), if a bot runs beside it.
        ready: the bot's readiness, shown as it is.
    """

    def __init__(
        self,
        *,
        slack: SlackServer,
        pagerduty: PagerDutyServer,
        platform: Platform,
        clock: SandboxClock,
        advance_bot: AdvanceBot | None = None,
        ready: Readiness | None = None,
    ) -> None:
        self.slack = slack
        self.pagerduty = pagerduty
        self.platform = platform
        self.clock = clock
        self.advance_bot = advance_bot
        self.ready = ready
        self.faults = FaultSwitches(slack=slack, pagerduty=pagerduty, platform=platform)
        self._moving = asyncio.Lock()

    @property
    def routes(self) -> list[Route]:
        """`/control/*`, JSON in and out."""
        changes: dict[str, Change] = {
            "alert": self._alert,
            "clock": self._clock,
            "pagerduty": self._pagerduty,
            "fault": self._fault,
            "heal": self._heal,
        }
        posts = [
            Route(f"/control/{name}", _endpoint(change), methods=["POST"]) for name, change in changes.items()
        ]
        return [Route("/control/state", self._state, methods=["GET"]), *posts]

    async def advance(self, by: timedelta) -> None:
        """Move time: the bot's first, so that nothing in the sandbox happens before the bot's timers know.

        Raises:
            ValueError: a negative duration.
        """
        if by < timedelta():
            raise ValueError("The clock only moves forward.")
        async with self._moving:
            if self.advance_bot is not None:
                await self.advance_bot(by)
            self.clock.advance(by)

    async def raise_alert(self, scenario_id: str) -> Json:
        """Break the platform as the alert says, and page for it; returns the PagerDuty incident."""
        scenario = SCENARIOS.get(scenario_id)
        if scenario is None:
            raise NotFoundError(f'There is no alert "{scenario_id}"; there are: {", ".join(SCENARIOS)}.')
        return await scenario.raise_(self.pagerduty, self.platform)

    async def _state(self, _: Request) -> JSONResponse:
        bot = None if self.ready is None else dict(await self.ready())
        state = {
            "ok": True,
            "now": self.clock.now().isoformat(),
            "offset_seconds": self.clock.offset.total_seconds(),
            "alerts": worldview.alerts(SCENARIOS.values()),
            "pagerduty": worldview.pagerduty(self.pagerduty.world, self.slack.workspace),
            "faults": self.faults.state(),
            "calls": worldview.calls(self.slack, self.pagerduty, self.platform),
            "bot": bot,
        }
        return JSONResponse(state)

    async def _alert(self, body: Json) -> str:
        incident = await self.raise_alert(_word(body, "id"))
        return f"Raised: {incident.get('title', body['id'])}"

    async def _clock(self, body: Json) -> str:
        minutes = body.get("minutes")
        if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MOST_MINUTES:
            raise InputError(f"The clock moves by 1 to {MOST_MINUTES} whole minutes at once.")
        await self.advance(timedelta(minutes=minutes))
        return ""

    async def _pagerduty(self, body: Json) -> str:
        incident_id, user, action = (_word(body, name) for name in ("incident", "user", "action"))
        if user not in self.pagerduty.world.users:
            raise NotFoundError("PagerDuty has no such user; choose one of those shown.")
        acts = {"acknowledge": self.pagerduty.acknowledge, "resolve": self.pagerduty.resolve}
        if action not in acts:
            raise InputError(f'PagerDuty knows "acknowledge" and "resolve" here, not "{action}".')
        incident = await acts[action](incident_id, user=user)
        return (
            f"#{incident['incident_number']} is now {incident['status']}, by {self._name(user)} in PagerDuty."
        )

    def _name(self, user_id: str) -> str:
        return self.pagerduty.world.users[user_id].name

    async def _fault(self, body: Json) -> str:
        on = body.get("on")
        if not isinstance(on, bool):
            raise InputError('A fault is switched with "on": true or false.')
        return self.faults.turn(_word(body, "name"), on)

    async def _heal(self, _: Json) -> str:
        self.faults.all_off()
        heal(self.platform.state)
        return "The trading platform is well again; its incidents are left to the people."


def _endpoint(change: Change) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        try:
            text = await change(await _body(request))
        except ApiError as error:
            reasons = error.errors or [error.message]
            return _refusal(409, "refused", f"PagerDuty refuses: {', '.join(reasons)}.")
        except NotFoundError as error:
            return _refusal(404, "not_found", str(error))
        except AtsError as error:
            return _refusal(400, "invalid", str(error))
        return JSONResponse({"ok": True, "text": text})

    return endpoint


def _refusal(status: int, code: str, text: str) -> JSONResponse:
    return JSONResponse({"ok": False, "error": code, "text": text}, status_code=status)


async def _body(request: Request) -> Json:
    # Only a page of this very origin can send this type without the browser asking first.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InputError("Send application/json.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BODY_BYTES:
            raise InputError("That is too long.")
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise InputError("That is not JSON.") from None
    if not isinstance(body, dict):
        raise InputError("Send a JSON object.")
    return body


def _word(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f'"{name}" is missing.')
    return value
