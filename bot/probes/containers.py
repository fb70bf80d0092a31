"""Docker's containers: restarts since the looks before, kills for memory, health."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from bot.domain.health import Reading, Status
from bot.ending import end
from bot.errors import ServerError
from bot.probes.docker import refusal
from bot.probes.history import since
from bot.probes.judging import Bounds, Finding, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Docker containers"
_BOUNDS = Bounds("none restarting, killed for memory or unhealthy", "killed for memory, restarting, or unhealthy",
                 "Docker's own word")  # fmt: skip
# Named fields only: the whole inspection holds every container's environment.
_FIELDS = (
    "{{.Name}}", "{{.State.Status}}", "{{.State.ExitCode}}", "{{.State.OOMKilled}}", "{{.RestartCount}}",
    "{{if .State.Health}}{{.State.Health.Status}}{{end}}",
)  # fmt: skip
_FORMAT = "|".join(_FIELDS)
_ID = re.compile(r"[0-9a-f]{12,64}")
_MOST = 200  # containers looked at
_HOUR = timedelta(hours=1)
_HINT = (
    "`docker logs --tail 50 NAME` says why; one killed for memory needs a higher limit or a smaller appetite."
)


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    state: str
    exit_code: int
    oom_killed: bool
    restarts: int
    health: str  # empty without a health check


_known: WeakKeyDictionary[Target, tuple[str, ...]] = WeakKeyDictionary()  # ids of the look before


async def measure(target: Target, deadline: float, _options: Options) -> tuple[Container, ...]:
    """The list, and beside it those that the look before has found: a slow daemon is waited for once."""
    began = time.perf_counter()
    guess = _known.get(target, ())
    guessed = asyncio.create_task(_inspect(target, guess, deadline))
    try:
        ids = await _list(target, deadline)
        _known[target] = ids
        if ids == guess:
            return parse(await guessed)
        return parse(await _inspect(target, ids, deadline - (time.perf_counter() - began)))
    finally:
        await end([guessed])


async def _list(target: Target, deadline: float) -> tuple[str, ...]:
    listed = await target.run(["docker", "ps", "-aq", "--no-trunc"], deadline=deadline)
    if listed.exit:
        raise refusal(listed, target.redact(listed.stderr.strip()), "docker ps")
    ids = tuple(listed.stdout.split()[:_MOST])
    if not all(map(_ID.fullmatch, ids)):
        raise ServerError("`docker ps -aq` did not print ids. Run it by hand as the bot's user.")
    return ids


async def _inspect(target: Target, ids: tuple[str, ...], deadline: float) -> str:
    if not ids:
        return ""
    argv = ["docker", "inspect", "--type", "container", "--format", _FORMAT, *ids]
    looked = await target.run(argv, deadline=max(deadline, 0.1))
    if looked.exit and not looked.stdout.strip():  # one that went away meanwhile is an error, too
        raise refusal(looked, target.redact(looked.stderr.strip()), "docker inspect")
    return looked.stdout


def parse(text: str) -> tuple[Container, ...]:
    """A line for each container; raises ServerError when it is not that."""
    try:
        return tuple(_container(line_.split("|")) for line_ in text.splitlines() if line_.strip())
    except (ValueError, IndexError):
        raise ServerError("`docker inspect` did not print what was asked for. Run it by hand.") from None


def _container(fields: list[str]) -> Container:
    name, state, code, killed, restarts, health = fields
    return Container(
        name.lstrip("/"), state.casefold(), int(code), killed == "true", int(restarts), health.casefold()
    )


def read(containers: tuple[Container, ...], context: Context) -> tuple[Reading, ...]:
    """One line: those in trouble by name, then how many run."""
    ill = [found for c in containers for found in _judge(c, context)]
    more = [Finding(ill[-1].status, said) for said in named([f.says for f in ill])[5:]]
    running = sum(c.state == "running" for c in containers)
    count = Finding(
        Status.OK, f"{running} of {plural(len(containers), 'container')} running" if containers else "none"
    )
    return (
        line(SYSTEM, [*ill[:5], *more, count], _BOUNDS, number=float(sum(c.restarts for c in containers)),
             figures=tuple((_key(c), float(c.restarts)) for c in containers)),
    )  # fmt: skip


def _key(container: Container) -> str:
    return f"Container {container.name} restarts"


def _judge(container: Container, context: Context) -> list[Finding]:
    name, findings = container.name, []
    if container.oom_killed:
        findings.append(
            Finding(Status.CRITICAL, f"{name} was killed for memory ({container.exit_code})", _HINT)
        )
    elif container.state in {"restarting", "dead"}:
        findings.append(Finding(Status.CRITICAL, f"{name} {container.state} ({container.exit_code})", _HINT))
    if container.state == "running" and container.health == "unhealthy":
        findings.append(Finding(Status.CRITICAL, f"{name} is unhealthy", _HINT))
    change = since(context, _key(container), container.restarts, _HOUR)
    if change and change.rise:
        says = f"{name} restarted {plural(int(change.rise), 'time')} within {span(change.seconds)}"
        findings.append(
            Finding(
                Status.CRITICAL if change.rise > context.options["restarts"] else Status.WARNING, says, _HINT
            )
        )
    return findings


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`docker ps -a` and `docker inspect`: state, exit code, OOM kills, restarts, health (never the environment)",
    normal=_BOUNDS.normal,
    warning="restarted within the hour",
    critical="killed for memory, restarting, dead, unhealthy, or restarted > 3 times within the hour",
    source=_BOUNDS.source,
    hint="Install Docker for the bot's user, or put it on the target's path, if the platform uses it.",
    programs=True,
    failing=Status.UNKNOWN,
    styles=("compose", "pm2"),
    options={"restarts": 3},
)
