"""`pm2`, as far as the runbook and the health check use it."""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.platform import troubles
from sandbox.platform.api import API_TOKEN
from sandbox.platform.model import MEGABYTE, App
from sandbox.platform.shell import Result, age, option, split, usage
from sandbox.platform.state import PlatformState

_USAGE = (
    "jlist | status | logs [NAME] [--lines N] [--nostream] | describe NAME | "
    "restart|reload|stop NAME|ecosystem.config.cjs [--update-env]"
)
_KNOWN_FLAGS = frozenset(
    {"--silent", "-s", "--no-color", "--lines", "--nostream", "--update-env", "--raw", "--err", "--out"}
)
_CONFIGURATION = "ecosystem.config.cjs"
_DEFAULT_LINES = 15
_REACH = "[PM2][ERROR] connect ENOENT /home/trading/.pm2/rpc.sock\n"


def run(state: PlatformState, arguments: Sequence[str]) -> Result:  # noqa: PLR0911 (one for each subcommand)
    words, flags = split(arguments, valued=("--lines",))
    if state.faults.of("pm2").down:
        return Result(err=_REACH, code=1)
    if not words or not set(flags) <= _KNOWN_FLAGS:
        return usage("pm2", _USAGE, arguments)
    verb, names = words[0], words[1:]
    if verb == "jlist" and not names:
        return Result(json.dumps([_process(state, app) for app in _listed(state)]) + "\n")
    if verb in {"status", "ls", "list"} and not names:
        return Result(_table(state))
    if verb == "logs" and len(names) <= 1:
        return _logs(state, names, flags, option(arguments, "--lines"))
    if verb in {"describe", "show", "info"} and len(names) == 1:
        return _describe(state, names[0])
    if verb in {"restart", "reload", "stop"} and len(names) == 1:
        return _change(state, verb, names[0])
    return usage("pm2", _USAGE, arguments)


def _listed(state: PlatformState) -> list[App]:
    """Another user's daemon knows none of the platform's processes, and says so with exit status 0."""
    return [] if state.pm2_of_another_user else state.apps


def _chosen(state: PlatformState, name: str) -> list[App]:
    if name in {_CONFIGURATION, "all"}:
        return state.apps
    found = state.app(name)
    return [found] if found else []


def _missing(name: str) -> Result:
    return Result(err=f"[PM2][ERROR] Process or Namespace {name} not found\n", code=1)


def _process(state: PlatformState, app: App) -> dict[str, Any]:
    now = state.now
    running = app.status == "online"
    environment = _environment(app)
    return {
        "pid": app.pid if running else 0,
        "name": app.name,
        "pm_id": app.pm_id,
        "monit": {"memory": round(app.memory.at(now)) if running else 0, "cpu": app.cpu if running else 0},
        "pm2_env": {
            "status": app.status,
            "restart_time": int(app.restarts.at(now)),
            "unstable_restarts": app.unstable_restarts,
            "exit_code": app.exit_code,
            "pm_uptime": round(app.started.timestamp() * 1000),
            "created_at": round(state.began.timestamp() * 1000),
            "exec_mode": "fork_mode",
            "pm_exec_path": f"/srv/ats/{app.script}",
            "pm_err_log_path": f"/home/trading/.pm2/logs/{app.name}-error.log",
            "pm_out_log_path": f"/home/trading/.pm2/logs/{app.name}-out.log",
            "axm_monitor": {"Event Loop Latency p95": {"value": f"{app.loop_p95:.2f}", "unit": "ms"}},
            "env": environment,
            **environment,
        },
    }


def _environment(app: App) -> dict[str, str]:
    """Every process's environment, secrets included, twice: that is what the real `pm2 jlist` prints."""
    return {
        "NODE_ENV": "production",
        "name": app.name,
        "ATS_API_TOKEN": API_TOKEN,
        "ALPHAVANTAGE_API_KEY": "sandbox-alphavantage-key",
        "DATABASE_URL": "postgresql://trading:sandbox-database-password@127.0.0.1:5432/trading_db",
    }


def _table(state: PlatformState) -> str:
    now = state.now
    head = ("id", "name", "mode", "pid", "uptime", "↺", "status", "cpu", "mem")
    rows = [head]
    for app in _listed(state):
        running = app.status == "online"
        rows.append(
            (
                str(app.pm_id),
                app.name,
                "fork",
                str(app.pid) if running else "0",
                age((now - app.started).total_seconds()) if running else "0",
                str(int(app.restarts.at(now))),
                app.status,
                f"{app.cpu if running else 0:g}%",
                f"{app.memory.at(now) / MEGABYTE:.1f}mb" if running else "0b",
            )
        )
    return _boxed(rows)


def _boxed(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    bars = ["─" * width for width in widths]
    lines = ["│".join(f" {cell}".ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    body = [f"│{line}│" for line in lines]
    top, middle, bottom = (f"{a}{b.join(bars)}{c}" for a, b, c in ("┌┬┐", "├┼┤", "└┴┘"))
    return "\n".join([top, body[0], middle, *body[1:], bottom]) + "\n"


def _logs(state: PlatformState, names: Sequence[str], flags: Sequence[str], lines: str | None) -> Result:
    if lines is not None and not lines.isdigit():
        return usage("pm2", _USAGE, ["logs", "--lines", lines])
    apps = _chosen(state, names[0]) if names else state.apps
    if not apps:
        return _missing(names[0])
    count = int(lines) if lines else _DEFAULT_LINES
    shown = [f"[TAILING] Tailing last {count} lines for [{names[0] if names else 'all'}] processes\n"]
    for app in apps:
        for kind, kept in (("error", app.err), ("out", app.out)):
            shown.append(f"/home/trading/.pm2/logs/{app.name}-{kind}.log last {count} lines:\n")
            shown += [f"{app.pm_id}|{app.name} | {line}\n" for line in list(kept)[-count:]]
    return Result("".join(shown), follow="--nostream" not in flags)


def _describe(state: PlatformState, name: str) -> Result:
    app = state.app(name)
    if app is None:
        return Result(err=f"[PM2][WARN] {name} doesn't exist\n", code=1)
    now = state.now
    rows = [
        ("status", app.status),
        ("name", app.name),
        ("restarts", str(int(app.restarts.at(now)))),
        ("uptime", age((now - app.started).total_seconds())),
        ("script path", f"/srv/ats/{app.script}"),
        ("error log path", f"/home/trading/.pm2/logs/{app.name}-error.log"),
        ("out log path", f"/home/trading/.pm2/logs/{app.name}-out.log"),
        ("pid path", f"/home/trading/.pm2/pids/{app.name}-{app.pm_id}.pid"),
        ("exec mode", "fork_mode"),
        ("node.js version", "20.18.0"),
        ("unstable restarts", str(app.unstable_restarts)),
        ("created at", state.began.isoformat(timespec="seconds")),
    ]
    heading = f" Describing process with id {app.pm_id} - name {app.name} \n"
    return Result(heading + _boxed(rows))


def _change(state: PlatformState, verb: str, name: str) -> Result:
    apps = _chosen(state, name)
    if not apps:
        return _missing(name)
    lines = []
    for app in apps:
        if state.faults.of("pm2").deaf:
            pass
        elif verb == "stop":
            app.status, app.exit_code = "stopped", 0
            if app.system:
                state.faults.down(app.system)
                app.status = "stopped"
        else:
            troubles.restart_app(state, app)
        lines.append(f"[PM2] Applying action {verb}ProcessId on app [{app.name}](ids: [ {app.pm_id} ])\n")
        lines.append(f"[PM2] [{app.name}]({app.pm_id}) ✓\n")
    return Result("".join(lines) + _table(state))
