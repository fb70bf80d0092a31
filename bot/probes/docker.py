"""Docker services: `docker compose ps -a` in the target's working directory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import ConfigError, ServerError, UnauthorizedError, UnreachableError
from bot.probes.probe import Context, Options, Probe
from bot.targets import ExecAnswer, Target

SYSTEM = "Docker services"
_NORMAL = "all services running and healthy"
_KEEP = 1024 * 1024  # bytes
_NAMED = 5  # services named in a line; the rest are counted
_HINT = "`docker compose logs --tail 50 SERVICE` says why."


@dataclass(frozen=True, slots=True)
class Service:
    """One container of the project."""

    name: str
    state: str  # running, exited, restarting, paused, created, dead, removing
    exit_code: int = 0
    health: str = ""  # healthy, unhealthy, starting; empty without a health check


async def measure(target: Target, deadline: float, _options: Options) -> tuple[Service, ...]:
    argv = ["docker", "compose", "ps", "-a", "--format", "json"]
    answer = await target.run(argv, deadline=deadline, keep=_KEEP)
    if answer.exit:
        raise refusal(answer, target.redact(answer.stderr.strip() or answer.stdout.strip()))
    return parse(answer.stdout)


def refusal(answer: ExecAnswer, said: str) -> Exception:
    """The error for what docker wrote instead of an answer."""
    lower = said.casefold()
    if "permission denied" in lower:
        return UnauthorizedError(
            "no permission: this user may not talk to the Docker daemon. Add it to the group docker."
        )
    if "cannot connect to the docker daemon" in lower or "failed to connect to the docker api" in lower:
        return UnreachableError("refused: the Docker daemon does not run. `systemctl status docker` says why.")
    if "no configuration file provided" in lower:
        return ConfigError("not configured: no compose file here. Set the target's working directory.")
    if (
        "not a docker command" in lower
        or "unknown shorthand flag" in lower
        or "unknown flag: --format" in lower
    ):
        return ConfigError("not installed: this docker has no `compose`. Install the Compose plugin.")
    last = said.splitlines()[-1] if said else "nothing on its error output"
    return ServerError(f"`docker compose ps` ended with {answer.exit}: {last[:200]}")


def parse(text: str) -> tuple[Service, ...]:
    """One object a line (Compose since 2.21) or one array (before); raises ServerError for neither."""
    try:
        return tuple(_service(entry) for entry in _entries(text))
    except (ValueError, AttributeError, TypeError):
        raise ServerError("`docker compose ps` did not print JSON. Compose 2 is needed.") from None


def _entries(text: str) -> Iterator[dict[str, Any]]:
    if text.lstrip().startswith("["):
        yield from json.loads(text)
        return
    for line in text.splitlines():
        if line.strip():
            yield json.loads(line)


def _service(entry: dict[str, Any]) -> Service:
    return Service(
        name=str(entry.get("Service") or entry.get("Name") or "?"),
        state=str(entry.get("State", "")).casefold(),
        exit_code=int(entry.get("ExitCode") or 0),
        health=str(entry.get("Health") or "").casefold(),
    )


def read(services: tuple[Service, ...], _context: Context) -> tuple[Reading, ...]:
    """One line: what does not run or is not healthy first, then how many are well."""
    if not services:
        hint = "Is the target's working directory the one with the compose file?"
        return (Reading(SYSTEM, Status.WARNING, "no services", _NORMAL, hint),)
    judged = [(judge(s), s) for s in services]
    ill = [s for status, s in judged if status is not Status.OK]
    parts = [_wording(s) for s in ill[:_NAMED]]
    parts += [f"{len(ill) - _NAMED} more"] if len(ill) > _NAMED else []
    parts.append(f"{len(services) - len(ill)} of {len(services)} well")
    status = min((status for status, _ in judged), key=list(Status).index)
    return (Reading(SYSTEM, status, "; ".join(parts), _NORMAL, _HINT if ill else ""),)


def judge(service: Service) -> Status:
    """A container that ended with 0 has done its work (a migration); every other end is a failure."""
    match service.state, service.health:
        case "running", "unhealthy":
            return Status.CRITICAL
        case "running", "starting":
            return Status.WARNING
        case "running", _:
            return Status.OK
        case "exited", _:
            return Status.CRITICAL if service.exit_code else Status.OK
        case "dead", _:
            return Status.CRITICAL
        case _:
            return Status.WARNING


def _wording(service: Service) -> str:
    detail = service.health if service.state == "running" else service.state
    code = f" ({service.exit_code})" if service.exit_code else ""
    return f"{service.name} {detail or 'in no known state'}{code}"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`docker compose ps`",
    normal=_NORMAL,
    warning="starting",
    critical="exited",
    source="Docker",
    styles=("compose", "pm2"),
    hint="Install Docker for the bot's user, or put it on the target's path, if the platform uses it.",
    failing=Status.UNKNOWN,
)
