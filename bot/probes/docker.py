"""Docker services: `docker compose ps -a` in the target's working directory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AbsentError, ServerError, UnauthorizedError, UnreachableError
from bot.probes.judging import Bounds, Finding, line, named
from bot.probes.probe import Context, Options, Probe
from bot.targets import ExecAnswer, Target

SYSTEM = "Docker services"
_BOUNDS = Bounds("all services running and healthy", "one has failed, or is unhealthy", "Docker's own word")
_KEEP = 1024 * 1024  # bytes
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


def refusal(answer: ExecAnswer, said: str, program: str = "docker compose ps") -> Exception:
    """The error for what docker wrote instead of an answer."""
    lower = said.casefold()
    if "permission denied" in lower:
        return UnauthorizedError(
            "no permission: this user may not talk to the Docker daemon. Add it to the group docker."
        )
    if "cannot connect to the docker daemon" in lower or "failed to connect to the docker api" in lower:
        return UnreachableError("refused: the Docker daemon does not run. `systemctl status docker` says why.")
    if "no configuration file provided" in lower:
        return AbsentError("not configured: no compose file here. Set the target's working directory.")
    if (
        "not a docker command" in lower
        or "unknown shorthand flag" in lower
        or "unknown flag: --format" in lower
    ):
        return AbsentError("not installed: this docker has no `compose`. Install the Compose plugin.")
    last = said.splitlines()[-1] if said else "nothing on its error output"
    return ServerError(f"`{program}` ended with {answer.exit}: {last[:200]}")


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
    for row in text.splitlines():
        if row.strip():
            yield json.loads(row)


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
        return (line(SYSTEM, [Finding(Status.WARNING, "no services", hint)], _BOUNDS),)
    judged = [Finding(judge(s), _wording(s), _HINT) for s in services]
    ill = [f for f in judged if f.status is not Status.OK]
    more = [Finding(ill[-1].status, said) for said in named([f.says for f in ill])[5:]]
    well = Finding(Status.OK, f"{len(services) - len(ill)} of {len(services)} well")
    return (line(SYSTEM, [*ill[:5], *more, well], _BOUNDS, number=float(len(ill))),)


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
    asks="`docker compose ps -a` in the target's working directory",
    normal=_BOUNDS.normal,
    warning="a service starts, restarts, is paused or only created; no services at all",
    critical="a service ended with another code than 0, is dead or unhealthy",
    source=_BOUNDS.source,
    hint="Install Docker for the bot's user, or put it on the target's path, if the platform uses it.",
    programs=True,
    failing=Status.UNKNOWN,
    styles=("compose", "pm2"),
)
