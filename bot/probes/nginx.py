"""nginx: its configuration test, and the share of 5xx in its access log.

A missing permission is told apart from a bad configuration.
"""

import asyncio
import re
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers, gateway
from bot.probes.judging import USUAL, Bounds, Finding, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "nginx"
_BOUNDS = Bounds(
    "the configuration is good, ≤ 1 % of answers 5xx",
    "the configuration is bad, or > 5 %",
    f"`nginx -t`; {USUAL} for the share",
)
_KEEP = 1024 * 1024  # bytes of both logs
_DENIED = re.compile(
    r"\(13: Permission denied\)|a password is required|may not run sudo|a terminal is required"
)
_SERIOUS = re.compile(r"\[(?:emerg|crit)\]\s*(.*)")
_ACTIVE = re.compile(r"Active connections:\s*(\d+)")
_HINT_BAD = (
    "It goes on with the old configuration, and would not start with this one: mend it before anything reloads."
)
_HINT_DENIED = (
    "As an ordinary user `nginx -t` fails on a good configuration. Allow that one command, and set [probes.nginx] "
    'command = ["sudo", "-n", "nginx", "-t", "-q"].'
)


@dataclass(frozen=True, slots=True)
class Test:
    exit: int
    said: str
    status: str = ""  # of stub_status, when there is an address for it
    unheard: str = ""
    logs: gateway.Logs | None = None


async def measure(target: Target, deadline: float, options: Options) -> Test:
    ran, logs, (status, unheard) = await asyncio.gather(
        target.run(list(options["command"]), deadline=deadline),
        _logs(target, deadline, options),
        _status(target, deadline, options["status_url"]),
    )
    return Test(ran.exit, target.redact(ran.stderr or ran.stdout), status, unheard, logs)


async def _status(target: Target, deadline: float, url: str) -> tuple[str, str]:
    """The status page, and why it was not answered."""
    try:
        return (await target.http("GET", url, deadline=deadline)).text if url else "", ""
    except AtsError as error:
        return "", str(error)


async def _logs(target: Target, deadline: float, options: Options) -> gateway.Logs:
    access, errors = options["access_log"], options["error_log"]
    if not access:
        return gateway.Logs(untold="no access_log is set")
    argv = ["tail", "-n", gateway.LINES, "-v", access, *([errors] if errors else [])]
    try:
        answer = await target.run(argv, deadline=deadline, keep=_KEEP)
    except AtsError as error:
        return gateway.Logs(untold=str(error))
    return gateway.logs(target.redact(answer.stdout), target.redact(answer.stderr), access)


def read(test: Test, context: Context) -> tuple[Reading, ...]:
    """One line: the test, the share of 5xx, then connections."""
    option = context.options
    bounds = option["share_warning"], option["share_critical"]
    findings, share = [_judge(test)], None
    if test.logs is not None:
        found, share = gateway.judge(test.logs, context.now, option["minutes"], bounds)
        findings.append(found)
    active = _ACTIVE.search(test.status)
    if active:
        findings.append(Finding(Status.OK, plural(int(active[1]), "active connection")))
    elif test.unheard:
        findings.append(
            Finding(Status.WARNING, f"its status page: {test.unheard}", "Does it run? See its unit.")
        )
    return (line(SYSTEM, findings, _BOUNDS, number=None if share is None else round(share, 2), unit="%"),)


def _judge(test: Test) -> Finding:
    """Every serious complaint counts, unless it is only that we may not look."""
    serious = [said.strip() for said in _SERIOUS.findall(test.said)]
    bad = [said for said in serious if not _DENIED.search(said)]
    if test.exit == 0:
        return Finding(Status.OK, "the configuration is good")
    if bad:
        return Finding(Status.CRITICAL, f"the configuration is bad: {bad[0][:200]}", _HINT_BAD)
    if _DENIED.search(test.said):
        return Finding(Status.UNKNOWN, "no permission to test the configuration as this user", _HINT_DENIED)
    return Finding(
        Status.WARNING, f"the test ended with {test.exit}: {answers.last_line(test.said)}", _HINT_BAD
    )


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`nginx -t -q`; the last 2,000 lines of its access and error log; its status page if [probes.nginx] names one",
    normal=_BOUNDS.normal,
    warning="the test fails for another reason, the status page does not answer, or > 1 % of the answers "
    "of 5 min are 5xx",
    critical="the configuration is bad (a missing permission is unknown, not critical), or > 5 % are 5xx",
    source=_BOUNDS.source,
    hint="If the platform has an nginx, put it on the target's path (/usr/sbin).",
    programs=True,
    failing=Status.UNKNOWN,
    options={
        "command": ("nginx", "-t", "-q"),
        "status_url": "",
        "access_log": "/var/log/nginx/access.log",
        "error_log": "/var/log/nginx/error.log",
        "minutes": 5.0,
        "share_warning": 1.0,
        "share_critical": 5.0,
    },
)
