"""The trading API: its health endpoint, how long that takes, and whether it trades."""

from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.judging import Finding, line, worst
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Trading API"
METRIC = "API Response Time (p95)"
DEFAULT = (0.5, 2.0)  # seconds
_WELL = frozenset({"ok", "healthy", "up", "pass", "ready", "running", "true", "connected", "enabled"})
_HINT = "Look at the API's log; the runbook's entry on the trading API has the first steps."
_STOPPED = "If nobody stopped it on purpose, find out who did: `/api/trading/state` says when."


def address(target: Target, path: str) -> str:
    """A path of the API, as the runbook would write it."""
    return target.settings.api_url.rstrip("/") + path


async def measure(target: Target, deadline: float, _options: Options) -> HttpAnswer:
    return await target.glance(address(target, "/api/health"), deadline=deadline)


def read(answer: HttpAnswer, context: Context) -> tuple[Reading, ...]:
    """One line: what the API says of itself, and its response time against the baseline."""
    verdict = judged.duration(METRIC, answer.took, context.baseline, DEFAULT)
    milliseconds = answer.took * 1000
    said = _said(answer)
    slow = "It answers, slowly." if verdict.status is not Status.OK else ""
    first = Finding(
        worst((verdict.status, said[0].status)),
        f"{said[0].says} in {milliseconds:.0f} ms",
        said[0].hint or slow,
    )
    return (line(SYSTEM, [first, *said[1:]], verdict.bounds, number=round(milliseconds, 1), unit="ms"),)


def _said(answer: HttpAnswer) -> list[Finding]:
    """What the body says, and whether that is a complaint."""
    try:
        body = answer.json()
    except ServerError as error:
        return [Finding(Status.WARNING, f"answers {error}", _HINT)]
    if not isinstance(body, dict) or "status" not in body:
        return [Finding(Status.OK, f"answers {answer.status}")]
    word = str(body["status"])[:40]
    services = body.get("services")
    broken = _broken(services) if isinstance(services, dict) else []
    ill = word.casefold() not in _WELL or bool(broken)
    says = ": ".join(filter(None, [word, ", ".join(broken)]))
    return [Finding(Status.WARNING if ill else Status.OK, says, _HINT if ill else ""), *_trading(body)]


def _trading(body: dict[str, Any]) -> list[Finding]:
    word = str(body.get("trading", ""))[:40]
    if not word or word.casefold() in _WELL:
        return []
    return [Finding(Status.WARNING, f"trading is {word}", _STOPPED)]


def _broken(services: dict[object, object]) -> list[str]:
    states = {str(k): str(v.get("status", v) if isinstance(v, dict) else v) for k, v in services.items()}
    return [f"{name} {state}"[:60] for name, state in states.items() if state.casefold() not in _WELL]


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /api/health` of the trading API, and how long that takes",
    normal="answers 200, < 500 ms",
    warning="it complains of itself or of a service, trading is disabled, or 500 ms and more",
    critical="no answer, an error, or > 2 s",
    source=judged.SOURCE,
    hint=_HINT,
)
