"""The trading API: its health endpoint, and how long that takes."""

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Trading API"
METRIC = "API Response Time (p95)"
_DEFAULT = (0.5, 2.0)  # seconds
_WELL = frozenset({"ok", "healthy", "up", "pass", "ready", "running", "true", "connected", "enabled"})
_HINT = "Look at the API's log; the runbook's entry on the trading API has the first steps."


async def measure(target: Target, deadline: float, _options: Options) -> HttpAnswer:
    return await target.http("GET", f"{target.settings.api_url.rstrip('/')}/api/health", deadline=deadline)


def read(answer: HttpAnswer, context: Context) -> tuple[Reading, ...]:
    """One line: what the API says of itself, and its response time against the baseline."""
    verdict = judged.duration(METRIC, answer.took, context.baseline, _DEFAULT)
    said, ill = _said(answer)
    status = verdict.status if verdict.status is Status.CRITICAL or not ill else Status.WARNING
    slow = verdict.status is not Status.OK
    hint = _HINT if ill else "It answers, slowly." if slow else ""
    milliseconds = answer.took * 1000
    return (
        Reading(SYSTEM, status, f"{said} in {milliseconds:.0f} ms", verdict.normal, hint, number=round(milliseconds, 1),
                unit="ms", threshold=verdict.threshold, source=verdict.source),
    )  # fmt: skip


def _said(answer: HttpAnswer) -> tuple[str, bool]:
    """What the body says, and whether that is a complaint."""
    try:
        body = answer.json()
    except ServerError as error:
        return f"answers {error}", True
    if not isinstance(body, dict) or "status" not in body:
        return f"answers {answer.status}", False
    word = str(body["status"])[:40]
    services = body.get("services")
    broken = _broken(services) if isinstance(services, dict) else []
    return ": ".join(filter(None, [word, ", ".join(broken)])), word.casefold() not in _WELL or bool(broken)


def _broken(services: dict[object, object]) -> list[str]:
    states = {str(k): str(v.get("status", v) if isinstance(v, dict) else v) for k, v in services.items()}
    return [f"{name} {state}"[:60] for name, state in states.items() if state.casefold() not in _WELL]


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /api/health`, and how long that takes",
    normal="answers 200, < 500 ms",
    warning="it complains of itself or of a service, or 500 ms and more",
    critical="it does not answer, answers with an error, or takes > 2 s",
    source=judged.SOURCE,
    hint=_HINT,
)
