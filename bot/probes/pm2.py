"""PM2: its applications' states and restarts in a window. Their environment (`pm2_env`) is never kept or shown."""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import RejectedError, ServerError
from bot.probes import answers
from bot.probes.history import Change, since
from bot.probes.judging import Bounds, Finding, line, named, plural, size, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED

SYSTEM = "PM2"
_TRIGGER = "the runbook's alert: more than 3 restarts in 5 minutes"
_KEEP = 8 * 1024 * 1024  # bytes: jlist holds every application's environment, twice
_LIST = re.compile(r"^\s*\[(?!PM2)", re.MULTILINE)  # "[PM2] Spawning …" is a banner
_LOOP = "Event Loop Latency p95"
# Without its daemon `pm2 jlist` starts one: a look that changes something. A fixed text, nothing is filled in.
_NO_PROGRAM, _NO_DAEMON = 93, 94
_LOOK = f"""
command -v pm2 >/dev/null 2>&1 || exit {_NO_PROGRAM}
home="${{PM2_HOME:-$HOME/.pm2}}"
pid=$(cat "$home/pm2.pid" 2>/dev/null)
if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then echo "$home"; exit {_NO_DAEMON}; fi
exec pm2 jlist --silent
"""
_HINT = "`pm2 describe NAME` and `pm2 logs NAME --nostream` say why; restart one by name, never all."
_HINT_EMPTY = (
    "The daemon belongs to a user and a PM2_HOME: is the bot that user? Do not restart from an empty list: "
    "that starts a second copy of everything."
)


@dataclass(frozen=True, slots=True)
class App:
    """One application, without its environment."""

    name: str
    status: str  # online, stopping, stopped, launching, errored, one-launch-status, waiting restart
    restarts: int = 0
    unstable: int = 0
    exit_code: int | None = None
    loop_p95: float | None = None  # milliseconds
    memory: float = 0.0  # bytes


@dataclass(frozen=True, slots=True)
class NoDaemon:
    """Nobody runs in this PM2_HOME: PM2 is down, or it is another user's."""

    home: str


async def measure(target: Target, deadline: float, _options: Options) -> tuple[App, ...] | NoDaemon:
    answer = await target.run(["sh", "-c", _LOOK], deadline=deadline, keep=_KEEP)
    if answer.exit == _NO_PROGRAM:
        raise RejectedError("not installed: no program `pm2` on PATH", code=NOT_INSTALLED)
    if answer.exit == _NO_DAEMON:
        return NoDaemon(answers.last_line(answer.stdout))
    if answer.exit:
        last = answers.last_line(answer.stderr or answer.stdout)
        raise ServerError(f"`pm2 jlist` ended with {answer.exit}: {target.redact(last)}")
    return parse(answer.stdout)


def parse(text: str) -> tuple[App, ...]:
    """The applications in the output of `pm2 jlist`, whatever banner precedes them; raises ServerError."""
    begins = _LIST.search(text)
    if begins:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            listed, _ = json.JSONDecoder().raw_decode(text[begins.start() :].lstrip())
            return tuple(_app(entry) for entry in listed)
    raise ServerError("`pm2 jlist` did not print its list. Run it by hand as the bot's user.")


def _app(entry: dict[str, Any]) -> App:
    env = entry.get("pm2_env") or {}
    return App(
        name=str(entry.get("name", "?")),
        status=str(env.get("status", "unknown")),
        restarts=int(env.get("restart_time") or 0),
        unstable=int(env.get("unstable_restarts") or 0),
        exit_code=env.get("exit_code") if isinstance(env.get("exit_code"), int) else None,
        loop_p95=_loop(env.get("axm_monitor")),
        memory=answers.figure(entry.get("monit") or {}, "memory") or 0.0,
    )


def _loop(monitor: object) -> float | None:
    entry = monitor.get(_LOOP) if isinstance(monitor, dict) else None
    return answers.figure(entry, "value") if isinstance(entry, dict) else None


def read(apps: tuple[App, ...] | NoDaemon, context: Context) -> tuple[Reading, ...]:
    """One line: what restarts or is not online first, then how many are."""
    most: int = context.options["restarts"]
    window = timedelta(minutes=context.options["window_minutes"])
    span_said = span(window.total_seconds())
    bounds = Bounds(
        f"all online, ≤ {most:g} restarts in {span_said}",
        f"errored, or > {most:g} restarts in {span_said}",
        _TRIGGER,
    )
    if isinstance(apps, NoDaemon) or not apps:
        says = f"no PM2 daemon runs in {apps.home}" if isinstance(apps, NoDaemon) else "no applications"
        return (line(SYSTEM, [Finding(Status.WARNING, says, _HINT_EMPTY)], bounds),)
    counters = _counters(apps)
    changes = {name: since(context, key(name), count, window) for name, count in counters.items()}
    ill = [found for app in apps for found in _judge(app, changes.get(app.name), context)]
    worst_rise = max((c.rise for c in changes.values() if c), default=None)
    return (
        line(SYSTEM, [*_most(ill), Finding(Status.OK, _summary(apps, changes))], bounds, number=worst_rise,
             figures=tuple((key(name), float(count)) for name, count in counters.items())),
    )  # fmt: skip


def key(name: str) -> str:
    """Under which an application's restart counter is kept."""
    return f"PM2 {name} restarts"


def _counters(apps: Sequence[App]) -> dict[str, int]:
    """By name: the instances of a cluster count together."""
    counters: dict[str, int] = {}
    for app in apps:
        counters[app.name] = counters.get(app.name, 0) + app.restarts
    return counters


def _most(ill: list[Finding]) -> list[Finding]:
    order = list(Status)
    ranked = sorted(ill, key=lambda f: order.index(f.status))
    rest = named([f.says for f in ranked])[5:]
    return [*ranked[:5], *(Finding(ranked[-1].status, said) for said in rest)]


def _judge(app: App, change: Change | None, context: Context) -> list[Finding]:
    """Of one application: its state, its restarts in the window, its event loop."""
    most: int = context.options["restarts"]
    findings = []
    if app.status != "online":
        status = Status.CRITICAL if app.status == "errored" else Status.WARNING
        code = f", exit code {app.exit_code}" if app.exit_code else ""
        findings.append(
            Finding(status, f"{app.name} {app.status} ({plural(app.restarts, 'restart')}{code})", _HINT)
        )
    elif app.unstable:
        findings.append(
            Finding(Status.WARNING, f"{app.name} is unstable ({plural(app.restarts, 'restart')})", _HINT)
        )
    if change and change.rise > 1:
        says = f"{app.name} restarted {plural(int(change.rise), 'time')} within {span(change.seconds)}"
        findings.append(Finding(Status.CRITICAL if change.rise > most else Status.WARNING, says, _HINT))
    if app.loop_p95 is not None and app.loop_p95 > context.options["loop_ms"]:
        says = f"{app.name}'s event loop is late by {app.loop_p95:.0f} ms (p95)"
        findings.append(Finding(Status.WARNING, says, "It is busy: `pm2 describe NAME`, then a CPU profile."))
    return findings


def _summary(apps: Sequence[App], changes: Mapping[str, Change | None]) -> str:
    online, total = sum(a.status == "online" for a in apps), sum(a.restarts for a in apps)
    fell = [name for name, change in changes.items() if change and change.fell]
    anew = f" (counted anew: {', '.join(named(fell))})" if fell else ""
    largest = max(apps, key=lambda a: a.memory)
    memory = f", most memory: {largest.name} {size(largest.memory)}" if largest.memory else ""
    return f"{online} of {len(apps)} online, {plural(total, 'restart')} in all{anew}{memory}"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`pm2 jlist`, if its daemon runs: states, exit codes, restarts since the looks before, event loops, memory",
    normal="all online, ≤ 3 restarts in 5 min",
    warning="not online, unstable, 2 or 3 restarts in 5 min, an event loop late by > 100 ms; "
    "no applications or no daemon (the wrong user)",
    critical="errored, or > 3 restarts in 5 min",
    source=_TRIGGER,
    hint="Install PM2 for the bot's user, or put its directory on the target's path, if the platform runs on it.",
    styles=("pm2",),
    options={"restarts": 3, "window_minutes": 5.0, "loop_ms": 100.0},
    programs=True,
)
