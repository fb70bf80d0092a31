"""Grafana: its health, and whether it still accepts the password that everybody knows.

The password is tried once an hour at most, for each process: Grafana locks an account after a few wrong ones.
"""

import base64
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bot.domain.health import Reading, Status
from bot.errors import AtsError, UnauthorizedError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Grafana"
_BOUNDS = Bounds(
    "answers, its database ok, admin/admin refused", "admin/admin is accepted", "the runbook's note on Grafana"
)
_DEFAULT = "Basic " + base64.b64encode(b"admin:admin").decode()
_AGAIN = 3600.0  # seconds until the password is tried again
_HINT_OPEN = (
    "Security finding: anybody who reaches it is its administrator. Change the password and put it into the vault "
    "AI-Trading-Grafana."
)

# When admin/admin was tried last on a target, by the monotonic clock, and whether it was accepted.
_tried: WeakKeyDictionary[Target, tuple[float, bool | None]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Look:
    health: HttpAnswer
    open: bool | None  # whether admin/admin is accepted; None: not tried, or no clear answer


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    health = await target.glance(f"{base}/api/health", deadline=deadline)
    return Look(health, await _open(target, base, deadline) if options["try_default_password"] else None)


async def _open(target: Target, base: str, deadline: float) -> bool | None:
    """The last answer while it is young; it is noted before asking, so that two looks do not ask twice."""
    at, answer = _tried.get(target, (float("-inf"), None))
    if time.monotonic() - at < _AGAIN:
        return answer
    _tried[target] = (time.monotonic(), None)
    try:
        await target.http("GET", f"{base}/api/user", deadline=deadline, headers={"Authorization": _DEFAULT})
        answer = True
    except UnauthorizedError:
        answer = False
    except AtsError:
        answer = None
    _tried[target] = (time.monotonic(), answer)
    return answer


def read(look: Look, _context: Context) -> tuple[Reading, ...]:
    """One line: the open door first."""
    body = answers.table(look.health, "Grafana")
    word = str(body.get("database", "not told"))[:40]
    status = Status.OK if word == "ok" else Status.WARNING
    findings = [
        Finding(status, f"version {str(body.get('version', '?'))[:20]}, database {word}", "Look at its log.")
    ]
    if look.open:
        findings.append(Finding(Status.CRITICAL, "accepts the default password admin/admin", _HINT_OPEN))
    return (line(SYSTEM, findings, _BOUNDS),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /api/health` of Grafana; once an hour, whether admin/admin opens it",
    normal=_BOUNDS.normal,
    warning="no answer, or its database is not ok",
    critical="the default password admin/admin is accepted: a security finding",
    source=_BOUNDS.source,
    hint="Dashboards are away, alerts are not: look at its container and its log.",
    failing=Status.WARNING,
    options={"url": "http://localhost:3000", "try_default_password": True},
)
