"""nginx: its configuration test; a missing permission is told apart from a bad configuration."""

import re
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "nginx"
_BOUNDS = Bounds("the configuration is good", "the configuration is bad", "`nginx -t`")
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


async def measure(target: Target, deadline: float, options: Options) -> Test:
    ran = await target.run(list(options["command"]), deadline=deadline / 2)
    said = target.redact(ran.stderr or ran.stdout)
    if not options["status_url"]:
        return Test(ran.exit, said)
    try:
        status = await target.http("GET", options["status_url"], deadline=deadline / 2)
    except AtsError as error:
        return Test(ran.exit, said, unheard=str(error))
    return Test(ran.exit, said, status.text)


def read(test: Test, _context: Context) -> tuple[Reading, ...]:
    """One line: the test, then connections."""
    findings = [_judge(test)]
    active = _ACTIVE.search(test.status)
    if active:
        findings.append(Finding(Status.OK, plural(int(active[1]), "active connection")))
    elif test.unheard:
        findings.append(
            Finding(Status.WARNING, f"its status page: {test.unheard}", "Does it run? See its unit.")
        )
    return (line(SYSTEM, findings, _BOUNDS, number=float(active[1]) if active else None),)


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
    asks="`nginx -t -q`, and its status page if [probes.nginx] names one",
    normal=_BOUNDS.normal,
    warning="the test fails for another reason, or the status page does not answer",
    critical="the configuration is bad (a missing permission is unknown, not critical)",
    source=_BOUNDS.source,
    hint="If the platform has an nginx, put it on the target's path (/usr/sbin).",
    programs=True,
    failing=Status.UNKNOWN,
    options={"command": ("nginx", "-t", "-q"), "status_url": ""},
)
