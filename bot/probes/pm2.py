"""PM2: its applications' states and restart counters. Their environment (`pm2_env`) is never kept or shown."""

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "PM2"
_NORMAL = "all applications online"
_KEEP = 8 * 1024 * 1024  # bytes: jlist holds every application's environment, twice
_LIST = re.compile(r"^\s*\[(?!PM2)", re.MULTILINE)  # "[PM2] Spawning …" is a banner
_ERRORED = frozenset({"errored"})
_NAMED = 5  # applications named in a line; the rest are counted
_HINT = "`pm2 describe NAME` and `pm2 logs NAME --nostream` say why; restart one by name, never all."
_HINT_EMPTY = (
    "The daemon belongs to a user and a PM2_HOME: is the bot that user? Do not restart from an empty list."
)


@dataclass(frozen=True, slots=True)
class App:
    """One application, without its environment."""

    name: str
    status: str  # online, stopping, stopped, launching, errored, one-launch-status, waiting restart
    restarts: int = 0
    unstable: int = 0
    exit_code: int | None = None


async def measure(target: Target, deadline: float, _options: Options) -> tuple[App, ...]:
    answer = await target.run(["pm2", "jlist", "--silent"], deadline=deadline, keep=_KEEP)
    if answer.exit:
        last = (answer.stderr or answer.stdout).strip().splitlines()[-1:]
        raise ServerError(f"`pm2 jlist` ended with {answer.exit}: {target.redact(' '.join(last)[:200])}")
    return parse(answer.stdout)


def parse(text: str) -> tuple[App, ...]:
    """The applications in the output of `pm2 jlist`, whatever banner precedes them; raises ServerError."""
    begins = _LIST.search(text)
    if begins:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            return tuple(_app(entry) for entry in json.loads(text[begins.start() :]))
    raise ServerError("`pm2 jlist` did not print its list. Run it by hand as the bot's user.")


def _app(entry: dict[str, Any]) -> App:
    env = entry.get("pm2_env") or {}
    return App(
        name=str(entry.get("name", "?")),
        status=str(env.get("status", "unknown")),
        restarts=int(env.get("restart_time") or 0),
        unstable=int(env.get("unstable_restarts") or 0),
        exit_code=env.get("exit_code") if isinstance(env.get("exit_code"), int) else None,
    )


def read(apps: tuple[App, ...], _context: Context) -> tuple[Reading, ...]:
    """One line: what is not online first, then how many are."""
    if not apps:
        return (Reading(SYSTEM, Status.WARNING, "no applications", _NORMAL, _HINT_EMPTY),)
    down = [a for a in apps if a.status != "online"]
    shaky = [a for a in apps if a.status == "online" and a.unstable]
    online = len(apps) - len(down)
    total = sum(a.restarts for a in apps)
    parts = [_ill(a) for a in down] + [f"{a.name} is unstable ({_restarts(a)})" for a in shaky]
    parts = [*parts[:_NAMED], *([f"{len(parts) - _NAMED} more"] if len(parts) > _NAMED else [])]
    parts.append(f"{online} of {len(apps)} online, {total} restart{'s' * (total != 1)} in all")
    status = _status(down, shaky)
    return (Reading(SYSTEM, status, "; ".join(parts), _NORMAL, "" if status is Status.OK else _HINT),)


def _status(down: Sequence[App], shaky: Sequence[App]) -> Status:
    if any(a.status in _ERRORED for a in down):
        return Status.CRITICAL
    return Status.WARNING if down or shaky else Status.OK


def _ill(app: App) -> str:
    code = f", exit code {app.exit_code}" if app.exit_code else ""
    return f"{app.name} {app.status} ({_restarts(app)}{code})"


def _restarts(app: App) -> str:
    return f"{app.restarts} restart{'s' * (app.restarts != 1)}"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`pm2 jlist`",
    normal=_NORMAL,
    warning="not online",
    critical="errored",
    source="PM2",
    styles=("pm2",),
    hint="Install PM2 for the bot's user, or put its directory on the target's path, if the platform runs on it.",
)
