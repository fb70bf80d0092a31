"""`POST /pagerduty/webhooks`: signed by PagerDuty, stored before it is answered.

Our own trouble is a 5xx, so that PagerDuty sends again for up to 48 hours. A 4xx makes it drop the event for
good, and three in a row disable the subscription: only what can never be taken gets one.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.clock import utcnow
from bot.domain import pagerduty
from bot.domain.outside import keepable
from bot.errors import AtsError
from bot.operations.inbox import Delivery
from handlers.intake import Intake
from handlers.services import Services

log = structlog.get_logger(__name__)

LIMIT = 1_000_000  # bytes; PagerDuty's are a few kilobytes


def signed(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Whether any `v1=` signature fits any secret (two of each during a rotation); in constant time."""
    given = [part.strip()[3:] for part in header.split(",") if part.strip().startswith("v1=")]
    wanted = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    matches = [hmac.compare_digest(g.encode(), w.encode()) for g in given[:10] for w in wanted]
    return any(matches)


async def read_body(request: Request, limit: int = LIMIT) -> bytes | None:
    """The body, or None if it is larger than `limit`, whose rest is then not read."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def endpoint(
    services: Services, secrets: Sequence[str], count: Callable[[str], None]
) -> Callable[[Request], Any]:
    """The handler; `count` is told the outcome of every delivery."""
    intake = Intake(services)

    async def receive(request: Request) -> Response:
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return _answer("disconnected", 400, count)
        if body is None:
            return _answer("too_large", 413, count, close=True)
        if not signed(body, request.headers.get("x-pagerduty-signature", ""), secrets):
            log.error(
                "webhook with a wrong signature refused: forged, or PAGERDUTY_WEBHOOK_SECRET is not the "
                "subscription's secret; three in a row make PagerDuty disable the subscription",
                webhook_id=request.headers.get("x-webhook-id", ""),
            )
            return _answer("bad_signature", 401, count)
        return await _store(services, intake, request, body, count)

    return receive


async def _store(
    services: Services, intake: Intake, request: Request, body: bytes, count: Callable[[str], None]
) -> Response:
    try:
        parsed = keepable(json.loads(body))
        event = pagerduty.event(parsed, now=utcnow())
        delivery = _delivery(parsed, request.headers.get("x-webhook-id", ""))
    except (ValueError, RecursionError, AttributeError) as error:
        log.error("webhook that cannot be read", error=str(error))
        return _answer("unreadable", 400, count)
    try:
        outcome = await intake.take(delivery, event)
    except AtsError as error:
        log.error("webhook not stored; PagerDuty will send it again", error=str(error))
        return _answer("unavailable", 503, count)
    except Exception:
        log.exception("webhook not stored; PagerDuty will send it again")
        return _answer("error", 500, count)
    if outcome in {"applied", "kept"}:
        services.hurry(kept=outcome == "kept")  # a card is waited for; its job, or the sweep, is the net
    return _answer(outcome, 202, count)


def _delivery(parsed: dict[str, Any], webhook_id: str) -> Delivery:
    event = parsed["event"]
    return Delivery(
        "pagerduty", webhook_id or str(event["id"]), str(event["id"]), str(event["event_type"]), parsed
    )


def _answer(outcome: str, status: int, count: Callable[[str], None], *, close: bool = False) -> Response:
    count(outcome)
    headers = {"connection": "close"} if close else {}
    return JSONResponse({"result": outcome}, status_code=status, headers=headers)
