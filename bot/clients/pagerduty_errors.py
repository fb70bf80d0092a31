"""What an answer of PagerDuty means to us: pure mapping from a status and a body to `bot.errors`."""

from collections.abc import Mapping
from typing import Any

from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)

ALREADY_RESOLVED = "1001"
ALREADY_ACKNOWLEDGED = "1002"
REQUESTER_NOT_FOUND = "1008"
NOT_FOUND = "2100"
NOT_IN_PLAN = "402"  # whatever code of its own PagerDuty gives with that status
NO_FROM = "no_from"
UNSENDABLE = "unsendable"
MAX_DETAIL = 300  # characters of PagerDuty's own words that are repeated


def error_for(status: int, headers: Mapping[str, str], body: Any, *, asked: str) -> AtsError:
    """The error that an answer outside 2xx means.

    Args:
        status: HTTP status, 300 or more.
        headers: of the answer, looked up by lower-case name without regard to case.
        body: the decoded JSON, or None where it was none.
        asked: method and path, e.g. "PUT /incidents/P1".
    """
    detail = detail_of(body)
    if status == 429:  # noqa: PLR2004 - HTTP statuses are known by number
        return _rate_limited(headers)
    if status >= 500:  # noqa: PLR2004
        return ServerError(
            f"PagerDuty failed by itself (HTTP {status} to {asked}). "
            "Nothing is wrong on this side: try again in a moment."
        )
    if status == 401:  # noqa: PLR2004
        return UnauthorizedError(
            "PagerDuty does not accept the API token: it is missing, mistyped or revoked. "
            "Set PAGERDUTY_API_TOKEN to a valid REST API key and run `ats-bot doctor`."
        )
    if status == 403:  # noqa: PLR2004
        return UnauthorizedError(
            f"PagerDuty knows the API token but does not allow it this ({asked}: {detail or 'forbidden'}). "
            "Use a REST API key with full access, not a read-only one."
        )
    if status < 400:  # noqa: PLR2004
        return RejectedError(
            f"PagerDuty's address sends us elsewhere (HTTP {status} to {asked}). Check PAGERDUTY_API_URL.",
            code=str(status),
        )
    return _rejected(status, body, detail, asked)


def detail_of(body: Any) -> str:
    """PagerDuty's own words: `error.message` and `error.errors`, shortened; empty if there are none."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):  # GET /users/me answers with a bare string
        return error[:MAX_DETAIL]
    if not isinstance(error, dict):
        return ""
    words = [error.get("message"), *_listed(error.get("errors"))]
    unique = dict.fromkeys(str(word).strip().rstrip(".") for word in words if word)
    return "; ".join(unique)[:MAX_DETAIL]


def unreachable(why: str, *, wrote: bool) -> UnreachableError:
    """No answer came; `wrote` says that the request may have had its effect nevertheless."""
    unknown = (
        " Whether it took effect there is not known: look at the incident before doing it again."
        if wrote
        else ""
    )
    return UnreachableError(f"PagerDuty could not be reached: {why}.{unknown or ' Try again in a moment.'}")


def not_understood(asked: str) -> ServerError:
    """A 2xx whose body is not what the API describes."""
    return ServerError(
        f"The answer to {asked} is not what PagerDuty's API describes. "
        "Check that PAGERDUTY_API_URL is PagerDuty's address and no proxy answers in its place."
    )


def unsendable(asked: str) -> RejectedError:
    """What was to be sent is no valid request: a bad address, or characters that no header can carry."""
    return RejectedError(
        f"{asked} cannot be sent to PagerDuty as it stands. "
        "Check that PAGERDUTY_API_URL begins with https:// and that names and e-mails have no stray characters.",
        code=UNSENDABLE,
    )


def no_sender() -> RejectedError:
    """Nobody to act as: no usable e-mail of the person, and no last resort configured."""
    return RejectedError(
        "PagerDuty has to know who acts, and there is no usable e-mail address for you. "
        "Give your Slack profile the e-mail of your PagerDuty user, or have PAGERDUTY_FROM_EMAIL set.",
        code=NO_FROM,
    )


def _rate_limited(headers: Mapping[str, str]) -> RateLimitedError:
    wait = _seconds(headers.get("ratelimit-reset")) or _seconds(headers.get("retry-after")) or 1.0
    return RateLimitedError(
        f"PagerDuty asks for fewer requests and wants us to wait {wait:g} s. Try again after that.",
        retry_after=wait,
    )


def _rejected(status: int, body: Any, detail: str, asked: str) -> RejectedError:
    code = code_of(body) or str(status)
    if code == REQUESTER_NOT_FOUND:
        return RejectedError(
            "PagerDuty has no user with the e-mail address you act with. "
            "Your Slack profile and your PagerDuty user need the same address.",
            code=code,
        )
    if status == 402:  # noqa: PLR2004
        return RejectedError(
            f"The PagerDuty account's plan does not include this ({asked}: {detail or 'payment required'}).",
            code=NOT_IN_PLAN,
        )
    return RejectedError(
        f"PagerDuty refused {asked} (HTTP {status}): {detail or 'it gave no reason'}.", code=code
    )


def code_of(body: Any) -> str:
    """PagerDuty's numeric error code as text, or empty."""
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return "" if code is None else str(code)


def _seconds(value: str | None) -> float:
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
