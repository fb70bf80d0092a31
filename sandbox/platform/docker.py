"""`docker` and `docker compose`, as far as the runbook and the health check use them."""

import json
from collections.abc import Sequence
from typing import Any

from sandbox.platform import troubles
from sandbox.platform.model import Container
from sandbox.platform.shell import Result, age, option, split, table, usage
from sandbox.platform.state import PlatformState

_USAGE = (
    "ps [-a] [--format json|'{{json .}}'] | compose ps [-a] [--format json] | restart NAME | inspect NAME | "
    "version"
)
_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
_JSON = frozenset({"json", "{{json .}}"})


def run(state: PlatformState, arguments: Sequence[str]) -> Result:  # noqa: PLR0911 (one for each subcommand)
    if state.faults.of("docker").down:
        return Result(err=_DAEMON, code=1)
    words, flags = split(arguments, valued=("--format", "-f", "-t", "--time", "--type"))
    wants_json = any(a.removeprefix("--format=") in _JSON for a in arguments)
    if not set(flags) <= {"-a", "--all", "-q", "-aq", "--format", "-t", "--time", "--no-trunc", "--type"}:
        return usage("docker", _USAGE, arguments)
    everything = bool({"-a", "--all", "-aq"} & set(flags))
    match words:
        case ["compose", "ps"]:
            return _compose(state, everything, wants_json)
        case ["ps"] if {"-q", "-aq"} & set(flags):
            return Result("".join(f"{_id(c)}\n" for c in _listed(state, everything)))
        case ["ps"]:
            return _ps(state, everything, wants_json)
        case ["restart", *names] if names:
            return _restart(state, names)
        case ["inspect", *names] if names and "--format" in flags:
            return _fields(state, names, option(arguments, "--format") or "")
        case ["inspect", name]:
            return _inspect(state, name)
        case ["version"]:
            return Result("Client: Docker Engine - Community\n Version: 27.3.1\nServer:\n Version: 27.3.1\n")
        case _:
            return usage("docker", _USAGE, arguments)


def _listed(state: PlatformState, everything: bool) -> list[Container]:
    return [c for c in state.containers if everything or c.state == "running"]


def _compose(state: PlatformState, everything: bool, wants_json: bool) -> Result:
    containers = _listed(state, everything)
    if wants_json:
        return Result("".join(json.dumps(_compose_row(state, c)) + "\n" for c in containers))
    head = ("NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS")
    rows = [
        (c.name, c.image, '"docker-entrypoint.s…"', c.service, "9 days ago", _status(state, c), _ports(c))
        for c in containers
    ]
    return Result(table([head, *rows]))


def _compose_row(state: PlatformState, container: Container) -> dict[str, Any]:
    return {
        "ID": _id(container)[:12],
        "Name": container.name,
        "Names": container.name,
        "Image": container.image,
        "Project": "ats",
        "Service": container.service,
        "State": container.state,
        "Status": _status(state, container),
        "Health": _health(container),
        "ExitCode": container.exit_code,
        "Ports": _ports(container),
        "RunningFor": f"{_since(state, container)} ago",
    }


def _ps(state: PlatformState, everything: bool, wants_json: bool) -> Result:
    containers = _listed(state, everything)
    if wants_json:
        return Result("".join(json.dumps(_ps_row(state, c)) + "\n" for c in containers))
    head = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
    rows = [
        (_id(c)[:12], c.image, '"docker-entrypoint.s…"', "9 days ago", _status(state, c), _ports(c), c.name)
        for c in containers
    ]
    return Result(table([head, *rows]))


def _ps_row(state: PlatformState, container: Container) -> dict[str, Any]:
    return {
        "ID": _id(container)[:12],
        "Names": container.name,
        "Image": container.image,
        "State": container.state,
        "Status": _status(state, container),
        "Ports": _ports(container),
        "Labels": f"com.docker.compose.project=ats,com.docker.compose.service={container.service}",
        "RunningFor": f"{_since(state, container)} ago",
    }


def _restart(state: PlatformState, names: Sequence[str]) -> Result:
    out, err = "", ""
    for name in names:
        if (state.faults.of("docker").deaf and state.container(name)) or troubles.restart_container(
            state, name
        ):
            out += f"{name}\n"
        else:
            err += f"Error response from daemon: No such container: {name}\n"
    return Result(out, err, 1 if err else 0)


_FIELDS = (
    "{{.Name}}|{{.State.Status}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.RestartCount}}|"
    "{{if .State.Health}}{{.State.Health.Status}}{{end}}"
)


def _fields(state: PlatformState, names: Sequence[str], template: str) -> Result:
    """The one template that is asked for; Docker's whole template language is not ours."""
    if template != _FIELDS:
        return usage("docker", _USAGE, ["inspect", "--format", template, *names])
    out, err = "", ""
    for name in names:
        found = next((c for c in state.containers if name in {c.name, _id(c), _id(c)[:12]}), None)
        if found is None:
            err += f"Error: No such container: {name}\n"
            continue
        killed = str(found.oom_killed).lower()
        out += f"/{found.name}|{found.state}|{found.exit_code}|{killed}|{found.restarts}|{_health(found)}\n"
    return Result(out, err, 1 if err else 0)


def _inspect(state: PlatformState, name: str) -> Result:
    container = state.container(name)
    if container is None:
        return Result("[]\n", f"Error: No such object: {name}\n", 1)
    health = {"Health": {"Status": _health(container)}} if container.health else {}
    told = {
        "Id": _id(container),
        "Name": f"/{container.name}",
        "RestartCount": container.restarts,
        "State": {
            "Status": container.state,
            "Running": container.state == "running",
            "OOMKilled": container.oom_killed,
            "ExitCode": container.exit_code,
            "StartedAt": container.started.isoformat(),
            **health,
        },
    }
    return Result(json.dumps([told], indent=4) + "\n")


def _status(state: PlatformState, container: Container) -> str:
    if container.state != "running":
        return f"Exited ({container.exit_code}) {_since(state, container)} ago"
    health = f" ({container.health})" if container.health else ""
    return f"Up {_since(state, container)}{health}"


def _since(state: PlatformState, container: Container) -> str:
    short = age((state.now - container.started).total_seconds())
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[short[-1]]
    return f"{short[:-1]} {unit}"


def _health(container: Container) -> str:
    return container.health if container.state == "running" else ""


def _ports(container: Container) -> str:
    return container.ports if container.state == "running" else ""


def _id(container: Container) -> str:
    return container.name.encode().hex().ljust(64, "0")[:64]
