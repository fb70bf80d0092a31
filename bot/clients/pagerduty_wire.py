"""One HTTP exchange with PagerDuty: the only module that imports pdpyras.

pdpyras is synchronous, sleeps through a 429 for as long as it takes, and keeps statistics of every URL it
ever called. Here it runs in a small thread pool, makes one attempt at a time, and never outlives the
caller's deadline.
"""

import asyncio
import contextvars
import ipaddress
import logging
import threading
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from bot.clients.pagerduty_errors import error_for, not_understood, unreachable, unsendable
from bot.domain.outside import keepable
from bot.errors import AtsError, RateLimitedError, TemporaryError

with warnings.catch_warnings():
    # pdpyras announces on import that it is no longer developed; docs/adr/0004 says why it is used.
    warnings.filterwarnings("ignore", message='The package "pdpyras" is deprecated', category=UserWarning)
    import pdpyras

THREADS = 8
RETRY_WAITS = (0.2, 0.6)  # seconds before the second and the third attempt of a GET
MARGIN = 0.1  # seconds by which the socket gives up before the caller does
HTTP_OK = range(200, 300)

# time.monotonic() at which the current call has to be over.
_expires: contextvars.ContextVar[float] = contextvars.ContextVar("pagerduty_expires", default=float("inf"))


def remaining() -> float:
    """Seconds left to the current call."""
    return _expires.get() - time.monotonic()


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Bound everything inside to so many seconds; one inside another never lengthens it.

    Raises:
        TimeoutError: when they are over.
    """
    seconds = min(seconds, remaining())
    token = _expires.set(time.monotonic() + seconds)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        _expires.reset(token)


def is_loopback(url: str) -> bool:
    """Whether an address names this machine: localhost, *.localhost, 127.0.0.0/8 or ::1."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _Session(pdpyras.APISession):  # type: ignore[misc]  # pdpyras has no types
    """pdpyras with one attempt per request and the caller's deadline on the socket."""

    max_network_attempts = 0
    max_http_attempts = -1  # together with `retry` below: a 429 is returned at once instead of slept upon

    def __init__(self, token: str, api_url: str) -> None:
        super().__init__(token)
        self.url = api_url
        self.retry = {429: 1}
        # What pdpyras would log is said by our own errors; it would also show the end of the token.
        self.log = _silent_log()
        # The API's description demands it on every request, GET included.
        self.headers["Content-Type"] = "application/json"
        # A proxy of the environment must not come between us and a local server …
        self.trust_env = not is_loopback(api_url)
        # … nor a .netrc entry between our token and PagerDuty: requests lets it win unless `auth` is set.
        self.auth = _as_it_is
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=THREADS))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["timeout"] = max(remaining() - MARGIN, 0.01)
        options["allow_redirects"] = False  # requests would turn a redirected PUT into a GET
        options["stream"] = True
        response: requests.Response = super().send(request, **options)
        _read_in_time(response)
        return response

    def postprocess(self, response: requests.Response, suffix: str | None = None) -> None:
        """Nothing: pdpyras would keep a counter for every URL for ever."""


class Wire:
    """JSON in, JSON out, errors of `bot.errors`; bounded in threads and in time."""

    def __init__(self, *, token: str, api_url: str) -> None:
        self._token = token.strip()
        # pdpyras refuses an empty token, and no header carries a strange one; PagerDuty's own 401 says it better.
        usable = self._token.isascii() and self._token.isprintable() and self._token
        self._session = _Session(self._token if usable else "missing", api_url.strip().rstrip("/"))
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pagerduty")

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET, tried again up to twice while the failure is temporary and the deadline allows."""
        for wait in RETRY_WAITS:
            try:
                return await self._once("GET", path, params=dict(params or {}))
            except TemporaryError as error:
                pause = error.retry_after if isinstance(error, RateLimitedError) else wait
                if pause >= remaining():
                    raise
            await asyncio.sleep(pause)
        return await self._once("GET", path, params=dict(params or {}))

    async def send(self, method: str, path: str, body: object, *, from_email: str = "") -> dict[str, Any]:
        """PUT or POST, exactly one attempt: whether to repeat it is the caller's decision."""
        headers = {"From": from_email} if from_email else {}
        return await self._once(method, path, json=body, headers=headers)

    async def close(self) -> None:
        """Drop what waits, let go of the connections; what is under way ends by its own deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _once(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        call = partial(contextvars.copy_context().run, self._exchange, method, path, options)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def _exchange(self, method: str, path: str, options: dict[str, Any]) -> dict[str, Any]:
        wrote = method != "GET"
        if remaining() <= 0:
            raise unreachable("too many requests were waiting", wrote=False)
        try:
            response = self._session.request(method, path, **options)
        except pdpyras.PDHTTPError as error:  # a 401; its text shows the end of the token
            response = error.response
        except UnicodeError:
            raise unsendable(f"{method} {path}") from None
        except pdpyras.PDClientError as error:
            cause = error.__cause__
            if isinstance(cause, ValueError):  # an address or a header that requests does not accept
                raise unsendable(f"{method} {path}") from None
            raise unreachable(_cause(cause), wrote=wrote and _may_have_arrived(cause)) from None
        return self._decoded(response, f"{method} {path}")

    def _decoded(self, response: requests.Response, asked: str) -> dict[str, Any]:
        body = _json(response)
        if response.status_code not in HTTP_OK:
            raise self._redacted(error_for(response.status_code, response.headers, body, asked=asked))
        if not isinstance(body, dict):
            raise not_understood(asked)
        return body

    def _redacted(self, error: AtsError) -> AtsError:
        # A server that repeats our header in its answer must not carry the token into a Slack message.
        if self._token and self._token in str(error):
            error.args = (str(error).replace(self._token, "[token]"),)
        return error


def _silent_log() -> logging.Logger:
    log = logging.getLogger("bot.clients.pagerduty.pdpyras")
    log.disabled = True
    return log


def _read_in_time(response: requests.Response) -> None:
    """Read the body; cut the connection at the deadline, for the socket's timeout begins anew with each byte."""

    def cut() -> None:
        with suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
            response.raw.shutdown()

    timer = threading.Timer(max(remaining() - MARGIN, 0.0), cut)
    timer.daemon = True
    timer.start()
    try:
        _ = response.content
    finally:
        timer.cancel()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _json(response: requests.Response) -> Any:
    try:
        return keepable(response.json())
    except ValueError:
        return None


def _may_have_arrived(error: BaseException | None) -> bool:
    """Whether the request can have reached PagerDuty although no answer came back."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return False
    # A name that is not found and a refused or timed-out connection; urllib3 tells them by text only.
    return not any(sign in str(error) for sign in ("NameResolution", "NewConnectionError", "ConnectTimeout"))


def _cause(error: BaseException | None) -> str:
    text = str(error)
    if isinstance(error, requests.exceptions.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the secure connection failed (certificate or TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy in between did not let us through"
    if "NameResolution" in text:
        return "its host name cannot be looked up"
    if "NewConnectionError" in text:
        return "the connection was refused"
    return "the connection broke off"
