"""What keeps other web sites out of the sandbox: host and origin checks, and a strict content policy.

The sandbox listens on the loopback address, but any page open in the same browser can still send requests
there: through a name of its own that resolves to 127.0.0.1 (DNS rebinding), or straight across origins. The
first has a foreign `Host`, the second a foreign `Origin`; both are refused before any route sees them.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Trusted Types make the browser itself refuse innerHTML and its like, should one slip in.
PAGE_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# A file that somebody uploaded, opened by itself, is shown without script and without this origin's rights.
DATA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
DATA_PATHS = ("/slack/", "/pagerduty/", "/platform/", "/control/")


class LoopbackGuard:
    """ASGI middleware: only a loopback `Host`, no changes from another `Origin`, headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = refusal_of(Headers(scope=scope), changes=_changes(scope))
        if refusal is None:
            await self.app(scope, receive, _with_headers(send, policy_of(scope["path"])))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            response = JSONResponse({"ok": False, "error": refusal}, status_code=403)
            await response(scope, receive, _with_headers(send, DATA_POLICY))


def refusal_of(headers: Headers, *, changes: bool) -> str | None:
    """Why a request is refused, as an error code; None when it may pass."""
    host = headers.get("host", "")
    if not is_loopback(host):
        return "foreign_host"
    origin = headers.get("origin")
    if changes and origin is not None and origin != f"http://{host}":
        return "foreign_origin"
    return None


def is_loopback(host: str) -> bool:
    """Whether a `Host` header names this machine by a name that no DNS server can give away."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        _ = urlsplit(f"//{host}").port
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def policy_of(path: str) -> str:
    """The content policy for an answer: the page may run its own scripts, everything else is only data."""
    return DATA_POLICY if path.startswith(DATA_PATHS) else PAGE_POLICY


def _changes(scope: Scope) -> bool:
    # A WebSocket begins with a GET, yet carries whatever its far side likes.
    return scope["type"] == "websocket" or scope["method"] not in READING_METHODS


def _with_headers(send: Send, policy: str) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", policy)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "no-referrer")
            headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        await send(message)

    return send_guarded
